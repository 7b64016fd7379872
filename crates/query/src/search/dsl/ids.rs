//! `ids`

use super::QueryKind;
use crate::search::SearchError;
use crate::search::json::{Options, strings};

pub(super) fn parse(options: Options<'_>) -> Result<QueryKind, SearchError> {
    let options = options.only(&["values", "type", "boost", "_name"])?;
    let missing = || SearchError::parsing("[ids] requires providing the values").at("ids");
    Ok(QueryKind::Ids(strings(options.get("values").ok_or_else(missing)?)))
}
