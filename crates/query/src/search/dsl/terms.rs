//! `terms`

use serde_json::Value;

use super::QueryKind;
use crate::search::SearchError;
use crate::search::json::Options;

/// `index.max_terms_count`
const TERMS_MAX: usize = 65_536;

pub(super) fn parse(options: Options<'_>) -> Result<QueryKind, SearchError> {
    let mut fields =
        options.map().iter().filter(|(key, _)| !matches!(key.as_str(), "boost" | "_name"));
    let Some((field, value)) = fields.next() else {
        let reason = "[terms] query requires a field name, followed by array of terms or a term \
                      lookup specification";
        return Err(SearchError::parsing(reason).at("terms"));
    };
    if fields.next().is_some() {
        let reason = "[terms] query does not support multiple fields";
        return Err(SearchError::parsing(reason).at("terms"));
    }
    match value {
        Value::Array(values) if values.len() > TERMS_MAX => Err(SearchError::argument(format!(
            "The number of terms [{}] used in the Terms Query request has exceeded the allowed \
             maximum of [{TERMS_MAX}]. This maximum can be set by changing the \
             [index.max_terms_count] index level setting.",
            values.len()
        ))),
        Value::Array(values)
            if values.iter().any(|v| v.is_null() || v.is_array() || v.is_object()) =>
        {
            Err(SearchError::parsing("No value specified for terms query").at(field))
        }
        Value::Array(values) => {
            Ok(QueryKind::Terms { field: field.clone(), values: values.clone() })
        }
        Value::Object(_) => {
            Err(SearchError::not_served("a terms lookup in another document").at(field))
        }
        _ => {
            Err(SearchError::parsing(format!("[terms] query does not support [{field}]")).at(field))
        }
    }
}
