//! Graphite's plaintext: `path.of.metric;tag=value 1.5 1556813561`.

use super::{LineError, LineRow, TAGS_MAX, seconds_or_milliseconds};
use crate::float::parse_float;

/// Reads a line; `None` for an empty one. A timestamp that is missing or -1 is none.
pub fn parse(line: &str) -> Result<Option<LineRow>, LineError> {
    let line = line.trim_matches([' ', '\t', '\r']);
    if line.is_empty() {
        return Ok(None);
    }
    let invalid = |what| LineError::new(what, line);
    let mut words = line.rsplitn(3, [' ', '\t']).filter(|word| !word.is_empty());
    let last = words.next().unwrap_or_default();
    let (path, value, timestamp) = match (words.next(), words.next()) {
        (Some(value), Some(path)) => (path, value, last),
        (Some(path), None) => (path, last, ""),
        _ => return Err(invalid("no value")),
    };
    let (path, tags) = read_path(path.trim_end_matches([' ', '\t']), line)?;
    let value = parse_float(value.as_bytes()).ok_or_else(|| invalid("the value is no number"))?;
    let timestamp_ms = match timestamp {
        "" | "-1" => None,
        text => {
            let seconds = parse_float(text.as_bytes()).and_then(seconds_or_milliseconds);
            Some(seconds.ok_or_else(|| invalid("the timestamp is no number"))?)
        }
    };
    Ok(Some(LineRow { name: path, tags, value, timestamp_ms: timestamp_ms.filter(|ms| *ms != 0) }))
}

/// A path and the tags that follow it, each after a semicolon.
pub(super) fn read_path(
    path: &str,
    line: &str,
) -> Result<(String, Vec<(String, String)>), LineError> {
    let mut parts = path.split(';');
    let name = parts.next().unwrap_or_default();
    if name.is_empty() {
        return Err(LineError::new("no metric", line));
    }
    let mut tags = Vec::new();
    for part in parts {
        let Some((name, value)) = part.split_once('=') else { continue };
        if tags.len() == TAGS_MAX {
            return Err(LineError::new("too many tags", line));
        }
        if !name.is_empty() && !value.is_empty() {
            tags.push((name.to_owned(), value.to_owned()));
        }
    }
    Ok((name.to_owned(), tags))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_with_and_without_tags_and_times() {
        let row = |line: &str| parse(line).unwrap().unwrap();
        let full = row("foo.bar;tag=a;empty=;x=y 1.5 1560277406\r");
        assert_eq!(full.labels().to_string(), r#"foo.bar{tag="a", x="y"}"#);
        assert_eq!((full.value, full.timestamp_ms), (1.5, Some(1_560_277_406_000)));
        assert_eq!(row("foo.bar\t123").timestamp_ms, None);
        assert_eq!(row("foo 1 -1").timestamp_ms, None);
        assert_eq!(row("foo 1 1560277406123").timestamp_ms, Some(1_560_277_406_123));
        assert_eq!(row("a b  7 8").name, "a b");
        assert_eq!(parse("  ").unwrap(), None);
        for wrong in ["foo", ";a=b 1 2", "foo bar 1", "foo 1 bar"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
