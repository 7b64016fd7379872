//! Numbers as they were written: a whole mantissa and a decimal scale.

use std::cmp::Ordering;

/// `mantissa / 10^scale`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decimal {
    /// The digits.
    pub mantissa: i64,
    /// How many of them are after the point.
    pub scale: u8,
}

/// Powers of ten that a float holds exactly.
const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
];
/// More digits than these might not fit a mantissa.
const DIGITS_MAX: usize = 18;

impl Decimal {
    /// Reads `text` when [`write`](Self::write) would give the same text back.
    #[inline]
    pub fn parse(text: &str) -> Option<Self> {
        let (negative, digits) = match text.as_bytes() {
            [b'-', digits @ ..] => (true, digits),
            digits => (false, digits),
        };
        let (mut mantissa, mut point) = (0_i64, None);
        for (at, byte) in digits.iter().enumerate() {
            match byte {
                b'0'..=b'9' => mantissa = mantissa.wrapping_mul(10) + i64::from(byte - b'0'),
                b'.' if point.is_none() && at > 0 => point = Some(at),
                _ => return None,
            }
        }
        let scale = point.map_or(0, |at| digits.len() - at - 1);
        let count = digits.len() - usize::from(point.is_some());
        let leading_zero = digits.first() == Some(&b'0') && point.unwrap_or(digits.len()) > 1;
        let bad = count == 0
            || count > DIGITS_MAX
            || leading_zero
            || (point.is_some() && scale == 0)
            || (negative && mantissa == 0);
        let mantissa = if negative { -mantissa } else { mantissa };
        (!bad).then_some(Self { mantissa, scale: scale as u8 })
    }

    /// Appends the number as it was written.
    pub fn write(self, out: &mut Vec<u8>) {
        if self.mantissa < 0 {
            out.push(b'-');
        }
        let (mut rest, mut buffer, mut at) = (self.mantissa.unsigned_abs(), [0_u8; 48], 48);
        let scale = usize::from(self.scale);
        let mut written = 0;
        while rest > 0 || written <= scale {
            if written == scale && scale > 0 {
                at -= 1;
                buffer[at] = b'.';
            }
            at -= 1;
            buffer[at] = b'0' + (rest % 10) as u8;
            rest /= 10;
            written += 1;
        }
        out.extend_from_slice(&buffer[at..]);
    }

    /// The nearest float.
    #[inline]
    pub fn to_f64(self) -> f64 {
        match POWERS.get(usize::from(self.scale)) {
            Some(power) => self.mantissa as f64 / power,
            None => self.mantissa as f64 / 10_f64.powi(i32::from(self.scale)),
        }
    }

    /// Compares with `other`, exactly.
    pub fn compare(self, other: Self) -> Ordering {
        if self.scale == other.scale {
            return self.mantissa.cmp(&other.mantissa);
        }
        // Mantissas have at most 18 digits and scales at most 18, so both products fit.
        let widen = |of: Self, by: u8| i128::from(of.mantissa) * 10_i128.pow(u32::from(by.min(19)));
        widen(self, other.scale).cmp(&widen(other, self.scale))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back_as_they_were_written_or_are_refused() {
        for text in [
            "0",
            "1",
            "-1",
            "0.5",
            "-0.05",
            "12.50",
            "123456789012345678",
            "1.000",
            "0.00000000000000001",
        ] {
            let mut out = Vec::new();
            Decimal::parse(text).unwrap_or_else(|| panic!("{text}")).write(&mut out);
            assert_eq!(String::from_utf8(out).unwrap(), text);
        }
        for text in [
            "",
            "-",
            "-0",
            "-0.0",
            "01",
            "1e5",
            "1.",
            ".5",
            "1234567890123456789",
            "00.1",
            "1.2.3",
            "+1",
            "NaN",
        ] {
            assert_eq!(Decimal::parse(text), None, "{text}");
        }
    }

    #[test]
    fn comparison_is_exact() {
        let parse = |text| Decimal::parse(text).unwrap();
        assert_eq!(parse("0.1").compare(parse("0.10")), Ordering::Equal);
        assert_eq!(
            parse("900719925474099301").compare(parse("900719925474099302")),
            Ordering::Less
        );
        assert_eq!(parse("-1.5").compare(parse("-1.49")), Ordering::Less);
        assert_eq!(
            parse("123456789012345678").compare(parse("0.00000000000000001")),
            Ordering::Greater
        );
    }
}
