//! `fuzzy`

use vigie_language::search::Fuzziness;

use super::{QueryKind, field_text, fuzziness};
use crate::search::SearchError;
use crate::search::json::Options;

pub(super) fn parse(options: Options<'_>) -> Result<QueryKind, SearchError> {
    const KNOWN: [&str; 5] =
        ["fuzziness", "prefix_length", "max_expansions", "transpositions", "rewrite"];
    let (field, text, inner) = field_text(options, &["value", "term"], &KNOWN)?;
    let (mut allowed, mut prefix_length, mut transpositions) = (Fuzziness::AUTO, 0, true);
    if let Some(inner) = inner {
        allowed = fuzziness(inner)?.unwrap_or(allowed);
        prefix_length = inner.count("prefix_length")?.unwrap_or(0);
        transpositions = inner.flag("transpositions")?.unwrap_or(true);
    }
    Ok(QueryKind::Fuzzy { field, text, fuzziness: allowed, prefix_length, transpositions })
}
