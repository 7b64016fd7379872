//! `term`

use serde_json::Value;

use super::{QueryKind, ignores_case, one_field};
use crate::search::SearchError;
use crate::search::json::Options;

pub(super) fn parse(options: Options<'_>) -> Result<QueryKind, SearchError> {
    let (field, value) = one_field(options)?;
    let field = field.to_owned();
    let Value::Object(map) = value else {
        return match value {
            Value::Null => Err(SearchError::argument("value cannot be null").at(&field)),
            value => Ok(QueryKind::Term { field, value: value.clone(), ignores_case: false }),
        };
    };
    let inner = Options::new("term", map);
    let inner = inner.only(&["value", "term", "case_insensitive", "boost", "_name"])?;
    let value = inner.get("value").or(inner.get("term"));
    let value = value.ok_or_else(|| SearchError::argument("value cannot be null").at(&field))?;
    if value.is_object() || value.is_array() {
        let reason = "[term] query does not support an array or an object as [value]";
        return Err(SearchError::parsing(reason).at(&field));
    }
    Ok(QueryKind::Term { field, value: value.clone(), ignores_case: ignores_case(Some(inner))? })
}
