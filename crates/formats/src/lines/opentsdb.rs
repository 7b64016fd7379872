//! OpenTSDB: `put metric 1556813561 1.5 tag=value` over telnet, and the JSON of `/api/put`.

use serde::Deserialize;

use super::{LineError, LineRow, TAGS_MAX, seconds_or_milliseconds};
use crate::float::parse_float;

/// Reads a line; `None` for an empty one.
pub fn parse(line: &str) -> Result<Option<LineRow>, LineError> {
    let line = line.trim_matches([' ', '\r']);
    if line.is_empty() {
        return Ok(None);
    }
    let invalid = |what| LineError::new(what, line);
    let mut words = line.split(' ').filter(|word| !word.is_empty());
    if words.next() != Some("put") {
        return Err(invalid("unknown command"));
    }
    let name = words.next().ok_or_else(|| invalid("no metric"))?;
    let timestamp = words.next().ok_or_else(|| invalid("no timestamp"))?;
    let value = words.next().ok_or_else(|| invalid("no value"))?;
    let timestamp = parse_float(timestamp.as_bytes()).and_then(seconds_or_milliseconds);
    let timestamp = timestamp.ok_or_else(|| invalid("the timestamp is no number"))?;
    let value = parse_float(value.as_bytes()).ok_or_else(|| invalid("the value is no number"))?;
    let mut tags = Vec::new();
    for word in words {
        let (name, value) = word.split_once('=').ok_or_else(|| invalid("a tag without a value"))?;
        if tags.len() == TAGS_MAX {
            return Err(invalid("too many tags"));
        }
        if !name.is_empty() && !value.is_empty() {
            tags.push((name.to_owned(), value.to_owned()));
        }
    }
    let timestamp_ms = Some(timestamp).filter(|ms| *ms != 0);
    Ok(Some(LineRow { name: name.to_owned(), tags, value, timestamp_ms }))
}

/// A data point of `/api/put`.
#[derive(Debug, Deserialize)]
struct Point {
    metric: String,
    #[serde(default)]
    timestamp: Option<Number>,
    value: Number,
    #[serde(default)]
    tags: std::collections::BTreeMap<String, TagValue>,
}

/// Clients send numbers also as text.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Number {
    Float(f64),
    Text(String),
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum TagValue {
    Text(String),
    Number(serde_json::Number),
    Bool(bool),
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Body {
    Many(Vec<Point>),
    One(Point),
}

impl Number {
    fn value(&self) -> Option<f64> {
        match self {
            Self::Float(value) => Some(*value),
            Self::Text(text) => parse_float(text.trim().as_bytes()),
        }
    }
}

/// Reads a body: a point or a list of them. What is wrong with single points is told beside the
/// good ones; a body that is no JSON of that shape is an error.
pub fn parse_json(body: &[u8]) -> Result<(Vec<LineRow>, Vec<String>), String> {
    let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
    let points = if first == Some(&b'[') {
        serde_json::from_slice::<Vec<Point>>(body).map(Body::Many)
    } else {
        serde_json::from_slice::<Point>(body).map(Body::One)
    };
    let points = match points.map_err(|error| error.to_string())? {
        Body::Many(points) => points,
        Body::One(point) => vec![point],
    };
    let (mut rows, mut wrong) = (Vec::with_capacity(points.len()), Vec::new());
    for point in points {
        match row_of(point) {
            Ok(row) => rows.push(row),
            Err(error) => wrong.push(error),
        }
    }
    Ok((rows, wrong))
}

fn row_of(point: Point) -> Result<LineRow, String> {
    let name = point.metric;
    if name.is_empty() {
        return Err("a point without a metric".to_owned());
    }
    let value = point.value.value().ok_or_else(|| format!("{name}: the value is no number"))?;
    let timestamp_ms = match point.timestamp {
        None => None,
        Some(number) => {
            let number = number.value().and_then(seconds_or_milliseconds);
            Some(number.ok_or_else(|| format!("{name}: the timestamp is no number"))?)
        }
    };
    if point.tags.len() > TAGS_MAX {
        return Err(format!("{name}: too many tags"));
    }
    let tags = point.tags.into_iter().map(|(name, value)| {
        let value = match value {
            TagValue::Text(text) => text,
            TagValue::Number(number) => number.to_string(),
            TagValue::Bool(value) => value.to_string(),
        };
        (name, value)
    });
    let tags = tags.filter(|(name, value)| !name.is_empty() && !value.is_empty()).collect();
    Ok(LineRow { name, tags, value, timestamp_ms: timestamp_ms.filter(|ms| *ms != 0) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn puts_are_read() {
        let row = parse("put foo.bar  1560277406 -42.5 host=a dc=eu").unwrap().unwrap();
        assert_eq!(row.labels().to_string(), r#"foo.bar{dc="eu", host="a"}"#);
        assert_eq!((row.value, row.timestamp_ms), (-42.5, Some(1_560_277_406_000)));
        let row = parse("put foo 1560277406123 1").unwrap().unwrap();
        assert_eq!(row.timestamp_ms, Some(1_560_277_406_123));
        for wrong in ["get x", "put", "put a", "put a 1", "put a b 1", "put a 1 b", "put a 1 1 x"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn bodies_of_put() {
        let body =
            br#" [{"metric":"a","timestamp":1560277406,"value":"1.5","tags":{"n":1,"b":true}},
            {"metric":"","value":1}, {"metric":"c","value":"x"}]"#;
        let (rows, wrong) = parse_json(body).unwrap();
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0].labels().to_string(), r#"a{b="true", n="1"}"#);
        assert_eq!(wrong.len(), 2);
        let one = parse_json(br#"{"metric":"a","timestamp":1560277406123,"value":2}"#).unwrap();
        assert_eq!(one.0[0].timestamp_ms, Some(1_560_277_406_123));
        assert!(parse_json(b"[1]").is_err());
        assert!(parse_json(b"").is_err());
    }
}
