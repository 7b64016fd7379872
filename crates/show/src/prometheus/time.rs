//! Times as Go prints them.

/// Go's zero time: "never".
const NEVER: &str = "0001-01-01T00:00:00Z";

/// RFC 3339 with as many decimals as are needed; `0001-01-01T00:00:00Z` for `None`.
pub(super) fn rfc3339(time_ms: Option<i64>) -> String {
    let time = time_ms.and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    time.map_or_else(|| NEVER.to_owned(), |time| time.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_as_go_prints_them() {
        assert_eq!(rfc3339(None), "0001-01-01T00:00:00Z");
        assert_eq!(rfc3339(Some(1_435_781_451_781)), "2015-07-01T20:10:51.781Z");
        assert_eq!(rfc3339(Some(1_435_781_451_000)), "2015-07-01T20:10:51Z");
    }
}
