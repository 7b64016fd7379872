//! Times and durations as Go prints them.

use std::fmt::Write as _;
use std::time::Duration;

/// Go's zero time: "never".
const NEVER: &str = "0001-01-01T00:00:00Z";

/// RFC 3339 with as many decimals as are needed; `0001-01-01T00:00:00Z` for `None`.
pub(super) fn rfc3339(time_ms: Option<i64>) -> String {
    let time = time_ms.and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    time.map_or_else(|| NEVER.to_owned(), |time| time.to_string())
}

/// `1m30s`, `500ms`: as Prometheus prints durations of its configuration.
pub(super) fn duration_text(duration: Duration) -> String {
    const UNITS: [(&str, u128); 6] = [
        ("w", 7 * 86_400_000),
        ("d", 86_400_000),
        ("h", 3_600_000),
        ("m", 60_000),
        ("s", 1_000),
        ("ms", 1),
    ];
    let mut rest = duration.as_millis();
    if rest == 0 {
        return "0s".to_owned();
    }
    let mut text = String::new();
    for (unit, milliseconds) in UNITS {
        // Weeks only when nothing is left over: `1w`, but `8d`.
        let fits =
            if unit == "w" { rest.is_multiple_of(milliseconds) } else { rest >= milliseconds };
        if fits && rest > 0 {
            // Writing to a string cannot fail.
            let _written = write!(text, "{}{unit}", rest / milliseconds);
            rest %= milliseconds;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_durations_are_as_go_prints_them() {
        assert_eq!(rfc3339(None), "0001-01-01T00:00:00Z");
        assert_eq!(rfc3339(Some(1_435_781_451_781)), "2015-07-01T20:10:51.781Z");
        assert_eq!(rfc3339(Some(1_435_781_451_000)), "2015-07-01T20:10:51Z");
        for (ms, expected) in
            [(0, "0s"), (90_000, "1m30s"), (500, "500ms"), (604_800_000, "1w"), (691_200_000, "8d")]
        {
            assert_eq!(duration_text(Duration::from_millis(ms)), expected);
        }
    }
}
