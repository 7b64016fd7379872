//! `wildcard`

use super::{QueryKind, field_text, ignores_case};
use crate::search::SearchError;
use crate::search::json::Options;

pub(super) fn parse(options: Options<'_>) -> Result<QueryKind, SearchError> {
    let (field, text, inner) =
        field_text(options, &["value", "wildcard"], &["rewrite", "case_insensitive"])?;
    Ok(QueryKind::Wildcard { field, text, ignores_case: ignores_case(inner)? })
}
