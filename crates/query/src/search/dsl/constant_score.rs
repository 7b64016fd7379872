//! `constant_score`

use super::{QueryKind, Reader};
use crate::search::SearchError;
use crate::search::json::Options;

pub(super) fn parse(reader: Reader<'_>, options: Options<'_>) -> Result<QueryKind, SearchError> {
    let options = options.only(&["filter", "boost", "_name"])?;
    let missing = || {
        SearchError::parsing("[constant_score] requires a 'filter' element").at("constant_score")
    };
    let query = reader.query(options.get("filter").ok_or_else(missing)?)?;
    Ok(QueryKind::ConstantScore(Box::new(query)))
}
