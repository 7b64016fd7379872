//! Parameters of searches, as both generations write them.

use serde_json::Value;
use vigie_query::traces::{TagMatch, TraceSearch};

use super::TRACES_MAX;

/// Traces that are given when no limit is asked for, as Jaeger does.
const LIMIT_DEFAULT: usize = 100;

/// Pairs of a query string, in order.
pub(super) type Pairs = Vec<(String, String)>;

/// The first value of a parameter under any of these names; an empty one counts as missing.
pub(super) fn get<'a>(pairs: &'a Pairs, names: &[&str]) -> Option<&'a str> {
    let found =
        pairs.iter().find(|(name, value)| names.contains(&name.as_str()) && !value.is_empty());
    found.map(|(_, value)| value.as_str())
}

/// Reads a search of the first generation. `start` and `end` are microseconds since the epoch,
/// durations Go's (`1.5ms`).
pub(super) fn search_v1(pairs: &Pairs, now_ns: i64) -> Result<TraceSearch, String> {
    let service = get(pairs, &["service"]).ok_or("parameter 'service' is required")?;
    let time = |name: &str| {
        get(pairs, &[name])
            .map(|text| {
                text.parse::<i64>()
                    .map(|microseconds| microseconds.saturating_mul(1_000))
                    .map_err(|_| format!("unable to parse param '{name}': {text:?} is no integer"))
            })
            .transpose()
    };
    let end_ns = time("end")?.unwrap_or(now_ns);
    let lookback_ns = match get(pairs, &["lookback"]) {
        // The page sends `custom` when it gives both ends.
        Some("custom") | None => None,
        Some(text) => Some(duration(text).ok_or_else(|| bad("lookback", text))?),
    };
    let default_ns = lookback_ns.unwrap_or(2 * 86_400_000_000_000) as i64;
    let start_ns = time("start")?.unwrap_or_else(|| end_ns.saturating_sub(default_ns));
    let duration_min_ns = optional_duration(pairs, &["minDuration"])?;
    let duration_max_ns = optional_duration(pairs, &["maxDuration"])?;
    if let (Some(min), Some(max)) = (duration_min_ns, duration_max_ns)
        && max < min
    {
        return Err("'maxDuration' should be greater than 'minDuration'".to_owned());
    }
    Ok(TraceSearch {
        service: Some(service.to_owned()),
        operation: get(pairs, &["operation"]).filter(|name| *name != "all").map(str::to_owned),
        tags: tags(pairs)?,
        start_ns,
        end_ns,
        duration_min_ns,
        duration_max_ns,
        limit: limit(get(pairs, &["limit"]))?,
    })
}

fn bad(name: &str, text: &str) -> String {
    format!("unable to parse param '{name}': time: invalid duration {text:?}")
}

fn optional_duration(pairs: &Pairs, names: &[&str]) -> Result<Option<u64>, String> {
    get(pairs, names)
        .map(|text| duration(text).ok_or_else(|| bad(names.first().unwrap_or(&""), text)))
        .transpose()
}

fn limit(text: Option<&str>) -> Result<usize, String> {
    let Some(text) = text else { return Ok(LIMIT_DEFAULT) };
    let limit: usize =
        text.parse().map_err(|_| format!("unable to parse param 'limit': {text:?}"))?;
    Ok(limit.min(TRACES_MAX))
}

/// `tag=key:value` and `tags={"key":"value"}`, both as often as given.
fn tags(pairs: &Pairs) -> Result<Vec<TagMatch>, String> {
    let mut tags = Vec::new();
    for (name, value) in pairs {
        match name.as_str() {
            "tag" => {
                let (key, value) = value.split_once(':').ok_or_else(|| {
                    format!("malformed 'tag' parameter, expecting key:value, received: {value}")
                })?;
                tags.push(TagMatch { key: key.to_owned(), value: value.to_owned() });
            }
            "tags" if !value.is_empty() => {
                let malformed = |error: &dyn std::fmt::Display| {
                    format!("malformed 'tags' parameter, cannot unmarshal JSON: {error}")
                };
                let fields: serde_json::Map<String, Value> =
                    serde_json::from_str(value).map_err(|error| malformed(&error))?;
                for (key, value) in fields {
                    let value = match value {
                        Value::String(text) => text,
                        other => other.to_string(),
                    };
                    tags.push(TagMatch { key, value });
                }
            }
            _ => {}
        }
    }
    Ok(tags)
}

/// Reads a search of the second generation: `query.service_name`, RFC 3339 times.
pub(super) fn search_v3(pairs: &Pairs, now_ns: i64) -> Result<TraceSearch, String> {
    let time = |names: &[&str; 2]| {
        let Some(text) = get(pairs, names) else { return Ok(None) };
        text.parse::<jiff::Timestamp>()
            .map(|time| Some(i64::try_from(time.as_nanosecond()).unwrap_or(i64::MAX)))
            .map_err(|error| format!("malformed parameter {}: {error}", names[0]))
    };
    let mut tags = Vec::new();
    if let Some(text) = get(pairs, &["query.attributes"]) {
        let fields: serde_json::Map<String, Value> = serde_json::from_str(text)
            .map_err(|error| format!("malformed parameter query.attributes: {error}"))?;
        tags.extend(fields.into_iter().map(|(key, value)| TagMatch {
            key,
            value: match value {
                Value::String(text) => text,
                other => other.to_string(),
            },
        }));
    }
    let end_ns = time(&["query.start_time_max", "query.startTimeMax"])?.unwrap_or(now_ns);
    let start_ns = time(&["query.start_time_min", "query.startTimeMin"])?.unwrap_or(0);
    let text = get(
        pairs,
        &["query.search_depth", "query.searchDepth", "query.num_traces", "query.numTraces"],
    );
    Ok(TraceSearch {
        service: get(pairs, &["query.service_name", "query.serviceName"]).map(str::to_owned),
        operation: get(pairs, &["query.operation_name", "query.operationName"]).map(str::to_owned),
        tags,
        start_ns,
        end_ns,
        duration_min_ns: optional_duration(pairs, &["query.duration_min", "query.durationMin"])?,
        duration_max_ns: optional_duration(pairs, &["query.duration_max", "query.durationMax"])?,
        limit: limit(text)?,
    })
}

/// A duration of Go, `1h2m3.5s`, in nanoseconds.
fn duration(text: &str) -> Option<u64> {
    if text == "0" {
        return Some(0);
    }
    let (mut rest, mut total) = (text, 0.0_f64);
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(|b| b.is_ascii_digit() || *b == b'.').count();
        let (number, tail) = rest.split_at(digits);
        let letters = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(letters);
        let size = match unit {
            "ns" => 1.0,
            "us" | "µs" | "μs" => 1e3,
            "ms" => 1e6,
            "s" => 1e9,
            "m" => 60e9,
            "h" => 3600e9,
            // The page's look-back knows days and weeks.
            "d" => 86_400e9,
            "w" => 604_800e9,
            _ => return None,
        };
        total += number.parse::<f64>().ok()? * size;
        rest = tail;
    }
    (!text.is_empty() && total < 9.2e18).then_some(total.round() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_gos() {
        for (text, expected) in [
            ("1.5ms", Some(1_500_000)),
            ("2h3m", Some(7_380_000_000_000)),
            ("100µs", Some(100_000)),
            ("2d", Some(172_800_000_000_000)),
            ("", None),
            ("5", None),
            ("5x", None),
        ] {
            assert_eq!(duration(text), expected, "{text}");
        }
    }

    #[test]
    fn a_search_is_read() {
        let pairs = |text: &str| serde_urlencoded::from_str::<Pairs>(text).unwrap();
        let search = search_v1(
            &pairs("service=web&tag=a:b:c&tags=%7B%22d%22%3A5%7D&start=1&end=2&minDuration=1ms&limit=3"),
            0,
        )
        .unwrap();
        assert_eq!(search.service.as_deref(), Some("web"));
        let tags: Vec<_> =
            search.tags.iter().map(|tag| (tag.key.as_str(), tag.value.as_str())).collect();
        assert_eq!(tags, [("a", "b:c"), ("d", "5")]);
        assert_eq!((search.start_ns, search.end_ns, search.limit), (1_000, 2_000, 3));
        for (text, expected) in [
            ("", "parameter 'service' is required"),
            ("service=a&tag=x", "malformed 'tag'"),
            ("service=a&tags=x", "malformed 'tags'"),
            ("service=a&start=x", "unable to parse param 'start'"),
            ("service=a&minDuration=2s&maxDuration=1s", "'maxDuration' should be greater"),
        ] {
            let error = search_v1(&pairs(text), 0).unwrap_err();
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
