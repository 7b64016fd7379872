//! `range`

use serde_json::Value;

use super::{QueryKind, one_field};
use crate::search::SearchError;
use crate::search::json::Options;

/// Between two ends. `None` is open.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RangeQuery {
    /// Where.
    pub field: String,
    /// The lower end and whether it is in.
    pub lower: Option<(Value, bool)>,
    /// The upper end and whether it is in.
    pub upper: Option<(Value, bool)>,
    /// How dates are written.
    pub format: Option<String>,
    /// Where dates without an offset are at home.
    pub time_zone: Option<String>,
}

pub(super) fn parse(options: Options<'_>) -> Result<QueryKind, SearchError> {
    let (field, value) = one_field(options)?;
    let Value::Object(map) = value else {
        let reason = format!("[range] query does not support [{field}]");
        return Err(SearchError::parsing(reason).at(field));
    };
    let mut range = RangeQuery { field: field.to_owned(), ..RangeQuery::default() };
    let inner = Options::new("range", map);
    let includes_lower = inner.flag("include_lower")?.unwrap_or(true);
    let includes_upper = inner.flag("include_upper")?.unwrap_or(true);
    for (key, value) in map {
        let end = (!value.is_null()).then(|| value.clone());
        if end.as_ref().is_some_and(|end| end.is_array() || end.is_object()) && key != "_name" {
            let reason = format!("[range] query does not support an array or an object in [{key}]");
            return Err(SearchError::parsing(reason).at(key));
        }
        match key.as_str() {
            "gte" => range.lower = end.map(|end| (end, true)),
            "gt" => range.lower = end.map(|end| (end, false)),
            "lte" => range.upper = end.map(|end| (end, true)),
            "lt" => range.upper = end.map(|end| (end, false)),
            "from" => range.lower = end.map(|end| (end, includes_lower)),
            "to" => range.upper = end.map(|end| (end, includes_upper)),
            "format" => range.format = inner.text("format")?,
            "time_zone" => range.time_zone = inner.text("time_zone")?,
            "include_lower" | "include_upper" | "relation" | "boost" | "_name" => {}
            _ => {
                let reason = format!("[range] query does not support [{key}]");
                return Err(SearchError::parsing(reason).at(key));
            }
        }
    }
    Ok(QueryKind::Range(range))
}
