//! `dis_max`

use super::{QueryKind, Reader};
use crate::search::SearchError;
use crate::search::json::Options;

pub(super) fn parse(reader: Reader<'_>, options: Options<'_>) -> Result<QueryKind, SearchError> {
    let options = options.only(&["queries", "tie_breaker", "boost", "_name"])?;
    let missing = || {
        SearchError::parsing("[dis_max] requires 'queries' field with at least one clause")
            .at("dis_max")
    };
    let queries = reader.queries(options.get("queries").ok_or_else(missing)?)?;
    let tie_breaker = options.number("tie_breaker")?.unwrap_or(0.0) as f32;
    Ok(QueryKind::DisMax { queries, tie_breaker })
}
