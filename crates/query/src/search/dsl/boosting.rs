//! `boosting`

use super::{QueryKind, Reader};
use crate::search::SearchError;
use crate::search::json::Options;

pub(super) fn parse(reader: Reader<'_>, options: Options<'_>) -> Result<QueryKind, SearchError> {
    let options = options.only(&["positive", "negative", "negative_boost", "boost", "_name"])?;
    let missing = |what: &str| {
        SearchError::parsing(format!("[boosting] query requires '{what}' to be set")).at("boosting")
    };
    let part = |key: &str| options.get(key).ok_or_else(|| missing(key));
    let factor = options.number("negative_boost")?.ok_or_else(|| missing("negative_boost"))?;
    Ok(QueryKind::Boosting {
        positive: Box::new(reader.query(part("positive")?)?),
        negative: Box::new(reader.query(part("negative")?)?),
        negative_boost: factor as f32,
    })
}
