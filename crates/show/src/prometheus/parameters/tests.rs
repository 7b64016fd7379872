//! Tests of parameters, in and out.

use super::*;

#[test]
fn times_are_read_as_prometheus_reads_them() {
    for (text, expected) in [
        ("0", 0),
        ("1435781451.781", 1_435_781_451_781),
        ("1435781451.7814", 1_435_781_451_781),
        ("-1.5", -1_500),
        ("1e9", 1_000_000_000_000),
        ("2015-07-01T20:10:51.781Z", 1_435_781_451_781),
        ("2015-07-01T22:10:51.781+02:00", 1_435_781_451_781),
        ("-292273086-05-16T16:47:06Z", i64::MIN),
        ("292277025-08-18T07:12:54.999999999Z", i64::MAX),
        ("1e300", i64::MAX),
    ] {
        assert_eq!(parse_time_ms(text), Ok(expected), "{text}");
    }
    for text in ["", "foo", "2015-07-01", "30s"] {
        assert_eq!(parse_time_ms(text), Err(format!("cannot parse {text:?} to a valid timestamp")));
    }
}

#[test]
fn durations_are_read_as_prometheus_reads_them() {
    let second = 1_000_000_000;
    for (text, expected) in [
        ("15", 15 * second),
        ("0.25", second / 4),
        ("-3", -3 * second),
        ("1m30s", 90 * second),
        ("1y2w3d4h5m6s7ms", (((365 + 14 + 3) * 24 + 4) * 3600 + 306) * second + 7_000_000),
    ] {
        assert_eq!(parse_duration_ns(text), Ok(expected), "{text}");
    }
    for text in ["", "m", "1x", "1s1m", "1m1m", "5m ", "99999999999999999y", "é"] {
        assert!(parse_duration_ns(text).is_err(), "{text}");
    }
    let huge = parse_duration_ns("1e20").unwrap_err();
    assert_eq!(huge, "cannot parse \"1e20\" to a valid duration. It overflows int64");
}

#[test]
fn limits_are_read_as_prometheus_reads_them() {
    let limit = |text| Parameters::of(&[("limit", text)]).limit().map_err(|e| e.message);
    assert_eq!(limit(""), Ok(0));
    assert_eq!(limit("7"), Ok(7));
    let expected = "invalid parameter \"limit\": limit must be non-negative";
    assert_eq!(limit("-1").unwrap_err(), expected);
    let expected = "invalid parameter \"limit\": strconv.Atoi: parsing \"x\": invalid syntax";
    assert_eq!(limit("x").unwrap_err(), expected);
}

#[test]
fn escaped_label_names_are_unescaped() {
    for (escaped, expected) in [
        ("job", "job"),
        ("U__http_2e_status", "http.status"),
        ("U__a__b", "a_b"),
        ("U___1f600_", "😀"),
        ("U__broken_2e", "U__broken_2e"),
        ("U___d800_", "U___d800_"),
    ] {
        assert_eq!(unescape_label_name(escaped), expected);
    }
}
