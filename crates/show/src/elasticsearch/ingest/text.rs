//! Processors of texts: `lowercase`, `uppercase`, `trim`, `gsub`, `split`, `join`, `convert`,
//! `json`, `kv`, `dissect`, ...

use serde_json::{Map, Value};

use super::fields::text_of;

/// A text made of a text; `Err` says why not.
pub(super) fn change(
    kind: &str,
    options: &Map<String, Value>,
    value: &Value,
) -> Result<Value, String> {
    let text = text_of(value);
    let option = |key: &str| options.get(key).map(text_of);
    let need =
        |key: &str| option(key).ok_or_else(|| format!("[{key}] required property is missing"));
    Ok(match kind {
        "lowercase" => text.to_lowercase().into(),
        "uppercase" => text.to_uppercase().into(),
        "trim" => text.trim().into(),
        "html_strip" => regex("<[^>]*>")?.replace_all(&text, "").into_owned().into(),
        "urldecode" => percent_encoding::percent_decode_str(&text.replace('+', " "))
            .decode_utf8_lossy()
            .into_owned()
            .into(),
        "bytes" => bytes(&text)
            .ok_or_else(|| format!("failed to parse [{text}] as a number of bytes"))?
            .into(),
        "gsub" => {
            let pattern = regex(&need("pattern")?)?;
            // `$1` is the same; what follows must not become part of the name.
            let replacement =
                regex(r"\$(\d+)")?.replace_all(&need("replacement")?, "$${$1}").into_owned();
            pattern.replace_all(&text, replacement.as_str()).into_owned().into()
        }
        "split" => {
            let parts: Vec<Value> =
                regex(&need("separator")?)?.split(&text).map(Value::from).collect();
            let mut parts = parts;
            while parts.last().is_some_and(|part| part == "")
                && options.get("preserve_trailing") != Some(&Value::Bool(true))
            {
                parts.pop();
            }
            parts.into()
        }
        "join" => {
            let items = value.as_array().ok_or("the field is no list")?;
            items.iter().map(text_of).collect::<Vec<_>>().join(&need("separator")?).into()
        }
        "convert" => match value {
            Value::Array(items) => items
                .iter()
                .map(|item| convert(&need("type")?, item))
                .collect::<Result<Vec<_>, _>>()?
                .into(),
            other => convert(&need("type")?, other)?,
        },
        "json" => serde_json::from_str(&text)
            .map_err(|error| format!("cannot parse [{text:.100}] as JSON: {error}"))?,
        _ => return Err(format!("No processor type exists with name [{kind}]")),
    })
}

pub(super) fn regex(pattern: &str) -> Result<regex::Regex, String> {
    let built = regex::RegexBuilder::new(pattern).size_limit(1 << 20).build();
    built.map_err(|error| format!("the expression [{pattern:.100}] cannot be used: {error}"))
}

fn convert(kind: &str, value: &Value) -> Result<Value, String> {
    let text = text_of(value);
    let fail = || format!("unable to convert [{text:.100}] to {kind}");
    Ok(match kind {
        "integer" | "long" => {
            let whole = text.trim().parse::<i64>().ok();
            whole.or_else(|| value.as_f64().map(|n| n as i64)).ok_or_else(fail)?.into()
        }
        "float" | "double" => {
            text.trim().parse::<f64>().ok().filter(|n| n.is_finite()).ok_or_else(fail)?.into()
        }
        "boolean" => match text.to_ascii_lowercase().as_str() {
            "true" => true.into(),
            "false" => false.into(),
            _ => return Err(fail()),
        },
        "string" => text.into(),
        "ip" => text.parse::<std::net::IpAddr>().map_err(|_| fail())?.to_string().into(),
        "auto" => serde_json::from_str::<Value>(&text)
            .ok()
            .filter(|v| v.is_number() || v.is_boolean())
            .unwrap_or_else(|| value.clone()),
        _ => return Err(format!("type [{kind}] not supported, cannot convert field.")),
    })
}

fn bytes(text: &str) -> Option<i64> {
    let lower = text.trim().to_ascii_lowercase();
    let digits = lower.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor = match lower.get(digits.len()..)? {
        "" | "b" => 1.0,
        "kb" | "k" => 1024.0,
        "mb" | "m" => 1024.0 * 1024.0,
        "gb" | "g" => 1024.0 * 1024.0 * 1024.0,
        "tb" | "t" => 1024.0_f64.powi(4),
        _ => return None,
    };
    Some((digits.trim().parse::<f64>().ok()? * factor) as i64)
}

/// `kv`: `a=1 b=2`.
pub(super) fn pairs(
    options: &Map<String, Value>,
    text: &str,
) -> Result<Vec<(String, Value)>, String> {
    let option =
        |key: &str, default: &str| options.get(key).map_or_else(|| default.to_owned(), text_of);
    let (field, value) = (regex(&option("field_split", " "))?, regex(&option("value_split", "="))?);
    let prefix = option("prefix", "");
    let names = |key: &str| {
        options
            .get(key)
            .and_then(Value::as_array)
            .map(|items| items.iter().map(text_of).collect::<Vec<_>>())
    };
    let (include, exclude) = (names("include_keys"), names("exclude_keys").unwrap_or_default());
    let trim_value: Vec<char> = option("trim_value", "").chars().collect();
    let trim_key: Vec<char> = option("trim_key", "").chars().collect();
    let mut found = Vec::new();
    for part in field.split(text).filter(|part| !part.is_empty()) {
        let mut halves = value.splitn(part, 2);
        let (Some(name), Some(value)) = (halves.next(), halves.next()) else {
            return Err(format!(
                "field [{part:.100}] does not contain value_split [{}]",
                value.as_str()
            ));
        };
        let name = name.trim_matches(trim_key.as_slice());
        let mut value = value.trim_matches(trim_value.as_slice());
        if options.get("strip_brackets") == Some(&Value::Bool(true)) {
            value = value.trim_matches(['"', '\'', '(', ')', '<', '>', '[', ']']);
        }
        if include.as_ref().is_none_or(|names| names.iter().any(|n| n == name))
            && !exclude.iter().any(|n| n == name)
        {
            found.push((format!("{prefix}{name}"), Value::from(value)));
        }
    }
    Ok(found)
}

/// `dissect`: `%{a} [%{b}] %{?skipped} %{+a}`; all of the text must fit.
pub(super) fn dissect(
    pattern: &str,
    separator: &str,
    text: &str,
) -> Result<Vec<(String, String)>, String> {
    let fail = || {
        format!(
            "Unable to find match for dissect pattern: {pattern:.200} against source: {text:.200}"
        )
    };
    let mut found: Vec<(String, String)> = Vec::new();
    let (mut pattern_rest, mut rest) = (pattern, text);
    let Some((before, after)) = pattern_rest.split_once("%{") else {
        return Err(format!("Unable to parse pattern: {pattern:.200}"));
    };
    rest = rest.strip_prefix(before).ok_or_else(fail)?;
    pattern_rest = after;
    loop {
        let (key, after) = pattern_rest
            .split_once('}')
            .ok_or_else(|| format!("Unable to parse pattern: {pattern:.200}"))?;
        let (delimiter, next) = match after.split_once("%{") {
            Some((delimiter, next)) => (delimiter, Some(next)),
            None => (after, None),
        };
        let (value, remaining) = match (delimiter, next) {
            ("", _) => (rest, ""),
            (delimiter, _) => rest.split_once(delimiter).ok_or_else(fail)?,
        };
        rest = remaining;
        let padded = key.ends_with("->");
        let name = key.trim_end_matches("->");
        if padded && !delimiter.is_empty() {
            while let Some(stripped) = rest.strip_prefix(delimiter) {
                rest = stripped;
            }
        }
        if let Some(name) = name.strip_prefix('+') {
            let name = name.split('/').next().unwrap_or(name);
            match found.iter_mut().find(|(known, _)| known == name) {
                Some((_, known)) => *known = format!("{known}{separator}{value}"),
                None => found.push((name.to_owned(), value.to_owned())),
            }
        } else if !name.is_empty() && !name.starts_with('?') {
            found.push((name.to_owned(), value.to_owned()));
        }
        match next {
            Some(next) => pattern_rest = next,
            None if rest.is_empty() => return Ok(found),
            None => return Err(fail()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn texts_are_changed() {
        let change = |kind: &str, options: Value, value: Value| {
            change(kind, options.as_object().unwrap(), &value)
        };
        assert_eq!(change("lowercase", json!({}), json!("ABC")).unwrap(), "abc");
        assert_eq!(
            change("gsub", json!({"pattern": "(\\d)", "replacement": "<$1>"}), json!("a1"))
                .unwrap(),
            "a<1>"
        );
        assert_eq!(
            change("split", json!({"separator": ","}), json!("a,b,,")).unwrap(),
            json!(["a", "b"])
        );
        assert_eq!(change("convert", json!({"type": "integer"}), json!("42")).unwrap(), 42);
        assert!(change("convert", json!({"type": "integer"}), json!("x")).is_err());
        assert_eq!(change("bytes", json!({}), json!("1kb")).unwrap(), 1024);
    }

    #[test]
    fn dissect_takes_all_or_nothing() {
        let found =
            dissect("%{ip} - [%{time}] \"%{?verb} %{path}\"", "", "1.2.3.4 - [now] \"GET /x\"")
                .unwrap();
        assert_eq!(
            found,
            [("ip", "1.2.3.4"), ("time", "now"), ("path", "/x")]
                .map(|(a, b)| (a.to_owned(), b.to_owned()))
        );
        assert!(dissect("%{a},%{b}", "", "x").is_err());
        assert_eq!(
            dissect("%{a->} %{+a}", "-", "x   y").unwrap(),
            [("a".to_owned(), "x-y".to_owned())]
        );
    }
}
