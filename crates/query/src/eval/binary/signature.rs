//! Which series of two vectors belong together.

use hashbrown::HashMap;
use vigie_language::promql::Matching;
use vigie_model::{Labels, METRIC_NAME};

use crate::eval::row::Row;

/// The labels of `labels` on which `matching` matches.
pub(super) fn match_labels(labels: &Labels, matching: &Matching) -> Labels {
    labels.filtered(|name| {
        let listed = matching.labels.iter().any(|n| n == name);
        if matching.on { listed } else { !listed && name != METRIC_NAME }
    })
}

/// The number of each row's match group: equal for rows that match. Returns how many there are.
pub(super) fn number(
    lhs: &[Row],
    rhs: &[Row],
    matching: &Matching,
) -> (Vec<usize>, Vec<usize>, usize) {
    let mut numbers: HashMap<Labels, usize, foldhash::fast::RandomState> = HashMap::default();
    let mut number_of = |row: &Row| {
        let next = numbers.len();
        *numbers.entry(match_labels(&row.labels, matching)).or_insert(next)
    };
    let left = lhs.iter().map(&mut number_of).collect();
    let right = rhs.iter().map(&mut number_of).collect();
    (left, right, numbers.len())
}
