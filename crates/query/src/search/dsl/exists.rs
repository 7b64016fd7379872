//! `exists`

use super::QueryKind;
use crate::search::SearchError;
use crate::search::json::Options;

pub(super) fn parse(options: Options<'_>) -> Result<QueryKind, SearchError> {
    let options = options.only(&["field", "boost", "_name"])?;
    let field = options.text("field")?.filter(|field| !field.is_empty());
    let missing = || SearchError::parsing("[exists] must be provided with a [field]").at("exists");
    Ok(QueryKind::Exists { field: field.ok_or_else(missing)? })
}
