//! `nested`

use super::{QueryKind, Reader};
use crate::search::SearchError;
use crate::search::json::Options;

pub(super) fn parse(reader: Reader<'_>, options: Options<'_>) -> Result<QueryKind, SearchError> {
    let options = options.only(&[
        "path",
        "query",
        "score_mode",
        "ignore_unmapped",
        "inner_hits",
        "boost",
        "_name",
    ])?;
    if options.get("inner_hits").is_some() {
        return Err(SearchError::not_served("[inner_hits]").at("inner_hits"));
    }
    let query = reader.query(options.need("query")?)?;
    Ok(QueryKind::Nested {
        path: options.need_text("path")?,
        query: Box::new(query),
        ignores_unmapped: options.flag("ignore_unmapped")?.unwrap_or(false),
    })
}
