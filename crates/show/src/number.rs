//! Times as Prometheus' HTTP API prints them; floats are `vigie_formats::float`'s.

/// Appends milliseconds as seconds with three decimals where there are any: `1435781451.781`.
pub(crate) fn push_timestamp(out: &mut Vec<u8>, timestamp_ms: i64) {
    if timestamp_ms < 0 {
        out.push(b'-');
    }
    let magnitude = timestamp_ms.unsigned_abs();
    out.extend_from_slice(itoa::Buffer::new().format(magnitude / 1000).as_bytes());
    let fraction = (magnitude % 1000) as u16;
    if fraction != 0 {
        let digit = |n: u16| b'0' + (n % 10) as u8;
        out.extend_from_slice(&[
            b'.',
            digit(fraction / 100),
            digit(fraction / 10),
            digit(fraction),
        ]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_are_as_prometheus_prints_them() {
        for (value, expected) in [
            (0, "0"),
            (1_435_781_451_781, "1435781451.781"),
            (1_435_781_451_500, "1435781451.500"),
            (1_000, "1"),
            (7, "0.007"),
            (-1_050, "-1.050"),
            (i64::MIN, "-9223372036854775.808"),
        ] {
            let mut text = Vec::new();
            push_timestamp(&mut text, value);
            assert_eq!(String::from_utf8(text).unwrap(), expected);
        }
    }
}
