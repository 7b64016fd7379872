//! `date`: a text as a moment.

use jiff::tz::TimeZone;
use serde_json::{Map, Value};
use vigie_language::search::{DateFormat, format_strict_date_time, time_zone};

use super::fields::text_of;

/// The moment as text. A text without a year is in the year of `now_ms`, or in the one before
/// when it would be in the future.
pub(super) fn read(
    options: &Map<String, Value>,
    value: &Value,
    now_ms: i64,
) -> Result<String, String> {
    let text = text_of(value);
    let formats = options
        .get("formats")
        .and_then(Value::as_array)
        .ok_or("[formats] required property is missing")?;
    let zone = match options.get("timezone").map(text_of) {
        Some(name) => time_zone(&name).ok_or_else(|| format!("unknown timezone [{name}]"))?,
        None => TimeZone::UTC,
    };
    for format in formats.iter().map(text_of) {
        if let Some(ms) = one(&format, &text, &zone, now_ms) {
            let written = options.get("output_format").map(text_of);
            return Ok(match written.and_then(|format| DateFormat::parse(&format).ok()) {
                Some(format) => format.write(ms, &zone),
                None => format_strict_date_time(ms),
            });
        }
    }
    Err(format!("unable to parse date [{text:.100}]"))
}

fn one(format: &str, text: &str, zone: &TimeZone, now_ms: i64) -> Option<i64> {
    match format {
        "ISO8601" => {
            let spaced = text.replacen(' ', "T", 1);
            return DateFormat::default().read(&spaced, false, zone);
        }
        "UNIX" => return text.parse::<f64>().ok().map(|seconds| (seconds * 1_000.0) as i64),
        "UNIX_MS" => return text.parse().ok(),
        _ => {}
    }
    let read = |format: &str, text: &str| DateFormat::parse(format).ok()?.read(text, false, zone);
    if format.contains(['y', 'u']) {
        return read(format, text);
    }
    let year =
        jiff::Timestamp::from_millisecond(now_ms).ok()?.to_zoned_datetime(zone.clone()).year();
    let with_year = |year: i16| read(&format!("yyyy {format}"), &format!("{year:04} {text}"));
    let this = with_year(year)?;
    // A month of grace: clocks of senders differ.
    if this > now_ms + 31 * 86_400_000 { with_year(year - 1) } else { Some(this) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn moments_are_read() {
        let now = 1_763_720_430_400;
        let read = |formats: Value, text: &str| {
            read(json!({"formats": formats}).as_object().unwrap(), &json!(text), now)
        };
        assert_eq!(
            read(json!(["dd/MMM/yyyy:HH:mm:ss Z"]), "21/Nov/2025:10:00:00 +0100").unwrap(),
            "2025-11-21T09:00:00.000Z"
        );
        assert_eq!(
            read(json!(["ISO8601"]), "2025-11-21 10:00:00").unwrap(),
            "2025-11-21T10:00:00.000Z"
        );
        assert_eq!(read(json!(["UNIX"]), "1763720430").unwrap(), "2025-11-21T10:20:30.000Z");
        assert_eq!(
            read(json!(["MMM d HH:mm:ss"]), "Dec 31 10:00:00").unwrap(),
            "2024-12-31T10:00:00.000Z"
        );
        assert!(read(json!(["yyyy"]), "soon").is_err());
    }
}
