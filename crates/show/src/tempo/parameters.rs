//! Parameters, as Tempo's API writes them.

use vigie_language::traceql::{self, Query, Static};

/// Pairs of a query string, in order.
pub(super) type Pairs = Vec<(String, String)>;

/// The first value of a parameter; an empty one counts as missing.
pub(super) fn get<'a>(pairs: &'a Pairs, name: &str) -> Option<&'a str> {
    let found = pairs.iter().find(|(key, value)| key == name && !value.is_empty());
    found.map(|(_, value)| value.as_str())
}

/// A whole number.
pub(super) fn number(pairs: &Pairs, name: &str) -> Result<Option<usize>, String> {
    get(pairs, name)
        .map(|text| text.parse().map_err(|_| format!("invalid {name}: {text:?} is no number")))
        .transpose()
}

/// A time: seconds or nanoseconds since the epoch, or RFC 3339. In nanoseconds.
pub(super) fn time_ns(pairs: &Pairs, name: &str) -> Result<Option<i64>, String> {
    let Some(text) = get(pairs, name) else { return Ok(None) };
    let invalid = || format!("invalid {name}: {text:?} is no time");
    if let Ok(number) = text.parse::<f64>() {
        if !number.is_finite() || number.abs() > 9.2e18 {
            return Err(invalid());
        }
        // No date in seconds has so many digits.
        let is_seconds = number.abs() < 1e12;
        return Ok(Some(if is_seconds {
            (number * 1e9) as i64
        } else {
            text.parse().unwrap_or(number as i64)
        }));
    }
    let time: jiff::Timestamp = text.parse().map_err(|_| invalid())?;
    Ok(Some(i64::try_from(time.as_nanosecond()).unwrap_or(i64::MAX)))
}

/// The range of spans' starts; without parameters, all that is kept.
pub(super) fn time_range(pairs: &Pairs) -> Result<(i64, i64), String> {
    let start = time_ns(pairs, "start")?.unwrap_or(0);
    let end = time_ns(pairs, "end")?.unwrap_or(i64::MAX);
    if end < start {
        return Err("http parameter start must be before end".to_owned());
    }
    Ok((start, end))
}

/// A duration of Go or Prometheus, or seconds, in nanoseconds.
pub(super) fn duration_ns(text: &str) -> Option<i64> {
    if let Ok(seconds) = text.parse::<f64>() {
        return (seconds.is_finite() && seconds.abs() < 9.2e9).then_some((seconds * 1e9) as i64);
    }
    match traceql::parse(&format!("{{ duration = {text} }}")) {
        Ok(query) => {
            let printed = query.to_string();
            let nanoseconds = printed.strip_prefix("{ duration = ")?.strip_suffix("ns }")?;
            nanoseconds.parse().ok()
        }
        Err(_) => None,
    }
}

/// The query that `tags=`, `minDuration=` and `maxDuration=` stand for: values are found in values,
/// whatever their case.
pub(super) fn query_of_tags(pairs: &Pairs) -> Result<Query, String> {
    let mut conditions = Vec::new();
    for (key, value) in logfmt(get(pairs, "tags").unwrap_or_default())? {
        let pattern = Static::Text(format!("(?i).*{}.*", regex::escape(&value)));
        let condition = match key.as_str() {
            "name" | "rootName" | "rootServiceName" => format!("{key} =~ {pattern}"),
            "root.name" => format!("rootName =~ {pattern}"),
            "root.service.name" => format!("rootServiceName =~ {pattern}"),
            "status.code" | "status" | "error" => {
                let status = match value.as_str() {
                    "error" | "true" => "error",
                    "ok" => "ok",
                    _ => "unset",
                };
                format!("status = {status}")
            }
            key => {
                let field = Static::Text(key.to_owned());
                let exact = match value.parse::<f64>() {
                    Ok(_) => format!(" || .{field} = {value}"),
                    Err(_) if value == "true" || value == "false" => {
                        format!(" || .{field} = {value}")
                    }
                    Err(_) => String::new(),
                };
                format!("(.{field} =~ {pattern}{exact})")
            }
        };
        conditions.push(condition);
    }
    for (name, operator) in [("minDuration", ">="), ("maxDuration", "<=")] {
        if let Some(text) = get(pairs, name) {
            let nanoseconds =
                duration_ns(text).ok_or_else(|| format!("invalid {name}: {text:?}"))?;
            conditions.push(format!("trace:duration {operator} {nanoseconds}ns"));
        }
    }
    traceql::parse(&format!("{{ {} }}", conditions.join(" && "))).map_err(|error| error.to_string())
}

/// Pairs `key=value key="a value"`.
fn logfmt(text: &str) -> Result<Vec<(String, String)>, String> {
    let mut pairs = Vec::new();
    let mut characters = text.chars().peekable();
    loop {
        while characters.next_if(|c| c.is_whitespace()).is_some() {}
        if characters.peek().is_none() {
            return Ok(pairs);
        }
        let (mut key, mut value) = (String::new(), String::new());
        while let Some(c) = characters.next_if(|c| *c != '=' && !c.is_whitespace()) {
            key.push(c);
        }
        if characters.next_if_eq(&'=').is_none() || key.is_empty() {
            return Err("invalid tags: logfmt syntax error".to_owned());
        }
        if characters.next_if_eq(&'"').is_some() {
            loop {
                match characters.next() {
                    Some('"') => break,
                    Some('\\') => value.extend(characters.next()),
                    Some(c) => value.push(c),
                    None => return Err("invalid tags: unterminated quoted value".to_owned()),
                }
            }
        } else {
            while let Some(c) = characters.next_if(|c| !c.is_whitespace()) {
                value.push(c);
            }
        }
        pairs.push((key, value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &str) -> Pairs {
        serde_urlencoded::from_str(text).unwrap()
    }

    #[test]
    fn tags_become_a_query() {
        for (text, expected) in [
            ("tags=", "{ true }"),
            (
                "tags=service.name%3Dcart&minDuration=600ms",
                "{ (.service.name =~ \"(?i).*cart.*\") && (traceDuration >= 600000000ns) }",
            ),
            (
                "tags=status.code%3Derror%20name%3Da.b",
                "{ (status = error) && (name =~ \"(?i).*a\\\\.b.*\") }",
            ),
            ("tags=x%3D%22a%20b%22", "{ .x =~ \"(?i).*a b.*\" }"),
            ("tags=x%3D5", "{ (.x =~ \"(?i).*5.*\") || (.x = 5) }"),
        ] {
            assert_eq!(query_of_tags(&pairs(text)).unwrap().to_string(), expected, "{text}");
        }
        for text in ["tags=x", "tags=x%3D%22a", "minDuration=x"] {
            assert!(query_of_tags(&pairs(text)).is_err(), "{text}");
        }
    }

    #[test]
    fn times_have_three_forms() {
        for (text, expected) in [
            ("start=1700000000", 1_700_000_000_000_000_000),
            ("start=1700000000000000001", 1_700_000_000_000_000_001),
            ("start=2023-11-14T22:13:20Z", 1_700_000_000_000_000_000),
            ("start=1700000000.5", 1_700_000_000_500_000_000),
        ] {
            assert_eq!(time_ns(&pairs(text), "start"), Ok(Some(expected)), "{text}");
        }
        assert!(time_ns(&pairs("start=x"), "start").is_err());
        assert_eq!(duration_ns("1m30s"), Some(90_000_000_000));
        assert_eq!(duration_ns("15"), Some(15_000_000_000));
        assert_eq!(duration_ns("} && {"), None);
    }
}
