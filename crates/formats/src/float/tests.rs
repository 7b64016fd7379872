//! Tests of float, in and out.

use super::*;

fn text(format: impl Fn(f64, &mut Vec<u8>), value: f64) -> String {
    to_string(format, value)
}

#[test]
fn floats_are_written_as_go_writes_them() {
    // value, 'g', OpenMetrics, API, 'f'
    let cases: [(f64, &str, &str, &str, &str); 17] = [
        (0.0, "0", "0.0", "0", "0"),
        (-0.0, "-0", "-0.0", "-0", "-0"),
        (1.0, "1", "1.0", "1", "1"),
        (-17.0, "-17", "-17.0", "-17", "-17"),
        (0.1, "0.1", "0.1", "0.1", "0.1"),
        (100_000.0, "100000", "100000.0", "100000", "100000"),
        (999_999.5, "999999.5", "999999.5", "999999.5", "999999.5"),
        (1e6, "1e+06", "1e+06", "1000000", "1000000"),
        (123_456_789.0, "1.23456789e+08", "1.23456789e+08", "123456789", "123456789"),
        (0.0001, "0.0001", "0.0001", "0.0001", "0.0001"),
        (0.000_01, "1e-05", "1e-05", "0.00001", "0.00001"),
        (1e-6, "1e-06", "1e-06", "0.000001", "0.000001"),
        (1.5e-7, "1.5e-07", "1.5e-07", "1.5e-07", "0.00000015"),
        (1e20, "1e+20", "1e+20", "100000000000000000000", "100000000000000000000"),
        (1e21, "1e+21", "1e+21", "1e+21", "1000000000000000000000"),
        (f64::NAN, "NaN", "NaN", "NaN", "NaN"),
        (f64::NEG_INFINITY, "-Inf", "-Inf", "-Inf", "-Inf"),
    ];
    for (value, g, openmetrics, api, f) in cases {
        assert_eq!(text(format_float, value), g);
        assert_eq!(text(format_float_openmetrics, value), openmetrics);
        assert_eq!(text(format_float_api, value), api);
        assert_eq!(text(format_float_positional, value), f);
    }
    assert_eq!(text(format_float, f64::INFINITY), "+Inf");
    assert_eq!(text(format_float, f64::MAX), "1.7976931348623157e+308");
    assert_eq!(text(format_float_go_v, 123_456_789.0), "123456789");
    assert_eq!(text(format_float_go_v, 1e21), "1e+21");
}

#[test]
fn floats_are_read_as_go_reads_them() {
    let cases: [(&str, Option<f64>); 30] = [
        ("0", Some(0.0)),
        ("-1", Some(-1.0)),
        ("+1", Some(1.0)),
        ("1.", Some(1.0)),
        (".5", Some(0.5)),
        ("1e3", Some(1000.0)),
        ("1E-3", Some(0.001)),
        ("123456789012345678", Some(123_456_789_012_345_680.0)),
        ("inf", Some(f64::INFINITY)),
        ("+Inf", Some(f64::INFINITY)),
        ("-INFINITY", Some(f64::NEG_INFINITY)),
        ("0x1p-2", Some(0.25)),
        ("-0X1.8P1", Some(-3.0)),
        ("0x1.fffffffffffff8p0", Some(2.0)),
        ("0x1.00000000000008p0", Some(1.0)),
        ("0x0.0000000000001p-1022", Some(5e-324)),
        ("0x1p-1075", Some(0.0)),
        ("0x1.8p-1075", Some(5e-324)),
        ("0x1p1024", None),
        ("0x1", None),
        ("0xp1", None),
        ("1e999", None),
        ("", None),
        ("-", None),
        (".", None),
        ("+nan", None),
        ("1_000", None),
        ("1 ", None),
        ("infin", None),
        ("e5", None),
    ];
    for (text, expected) in cases {
        assert_eq!(parse_float(text.as_bytes()), expected, "{text:?}");
    }
    assert!(parse_float(b"nAn").unwrap().is_nan());
    assert!(parse_float(b"-0").unwrap().is_sign_negative());
}

proptest::proptest! {
    #[test]
    fn what_is_written_reads_back(bits: u64) {
        let value = f64::from_bits(bits);
        for format in
            [format_float, format_float_api, format_float_positional, format_float_openmetrics]
        {
            let written = text(format, value);
            let read = parse_float(written.as_bytes()).unwrap();
            proptest::prop_assert!(read == value || (read.is_nan() && value.is_nan()), "{}", written);
        }
    }

    #[test]
    fn short_decimals_are_read_as_the_standard_library_does(text in "-?[0-9]{1,9}(\\.[0-9]{0,8})?") {
        proptest::prop_assert_eq!(parse_float(text.as_bytes()).unwrap(), text.parse::<f64>().unwrap());
    }
}
