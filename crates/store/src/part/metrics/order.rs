//! The order of series in a part: by metric name, then by all labels. What a dashboard asks for
//! together (one metric of all targets) is together on disk.

use vigie_model::{Labels, METRIC_NAME};

/// Appends bytes that compare as the labels are ordered. Labels that hold a zero byte may share
/// a key or be out of place, which costs locality but no correctness: whoever compares keys
/// breaks ties by the packed labels.
pub(super) fn put_sort_key(labels: &Labels, out: &mut Vec<u8>) {
    out.extend_from_slice(labels.metric_name().unwrap_or_default().as_bytes());
    out.push(0);
    for (name, value) in labels.iter().filter(|(name, _)| *name != METRIC_NAME) {
        out.extend_from_slice(name.as_bytes());
        out.push(0);
        out.extend_from_slice(value.as_bytes());
        out.push(0);
    }
}

/// A series' place in the order: unique to its labels.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SortKey {
    bytes: Vec<u8>,
    packed: Labels,
}

impl SortKey {
    /// The place of `labels`.
    pub(super) fn of(labels: &Labels) -> Self {
        let mut bytes = Vec::with_capacity(labels.as_packed().len() + 8);
        put_sort_key(labels, &mut bytes);
        Self { bytes, packed: labels.clone() }
    }

    /// The labels.
    pub(super) fn labels(&self) -> &Labels {
        &self.packed
    }
}
