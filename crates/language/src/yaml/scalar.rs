//! Scalars with a meaning: secrets, durations and sizes.

use std::fmt;
use std::time::Duration;

use super::ConfigError;
use super::field::{Field, Out};
use super::node::{Node, Source};

/// A value that is never shown.
#[derive(Clone, PartialEq, Eq, Default, Hash)]
pub struct Secret(String);

impl Secret {
    /// Hides `value`.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value, for whoever has to send it.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether nothing is hidden.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "" } else { "<secret>" })
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl serde::Serialize for Secret {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Field for Secret {
    fn read(node: &Node, source: &Source) -> Result<Self, ConfigError> {
        String::read(node, source).map(Self)
    }
    fn write(&self) -> Option<Out> {
        (!self.0.is_empty()).then(|| Out::Text("<secret>".to_owned()))
    }
}

/// A duration in milliseconds, written as Prometheus writes them (`1h30m`, `15s`, `500ms`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Hash)]
pub struct DurationMs(pub u64);

const UNITS: [(&str, u64); 7] = [
    ("y", 365 * 86_400_000),
    ("w", 7 * 86_400_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

impl DurationMs {
    /// That many seconds.
    pub const fn seconds(seconds: u64) -> Self {
        Self(seconds * 1_000)
    }

    /// As the standard library's duration.
    pub const fn duration(self) -> Duration {
        Duration::from_millis(self.0)
    }

    /// Reads `1h30m`: numbers with units, each unit once, from large to small.
    pub fn parse(text: &str) -> Option<Self> {
        if text == "0" {
            return Some(Self(0));
        }
        let mut rest = text;
        let mut total: u64 = 0;
        let mut next_unit = 0;
        while !rest.is_empty() {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let (number, tail) = rest.split_at(digits);
            let letters = tail.bytes().take_while(u8::is_ascii_alphabetic).count();
            let (unit, tail) = tail.split_at(letters);
            let at = UNITS.iter().position(|(name, _)| *name == unit)?;
            if at < next_unit {
                return None;
            }
            next_unit = at + 1;
            total = total.checked_add(number.parse::<u64>().ok()?.checked_mul(UNITS[at].1)?)?;
            rest = tail;
        }
        // Prometheus keeps nanoseconds in 63 bits.
        (!text.is_empty() && total <= i64::MAX as u64 / 1_000_000).then_some(Self(total))
    }
}

impl fmt::Display for DurationMs {
    /// The shortest exact form; years, weeks and days only when nothing else is left, as
    /// Prometheus prints them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0s");
        }
        let mut rest = self.0;
        for (index, (unit, size)) in UNITS.into_iter().enumerate() {
            let exact_only = index < 3;
            if rest == 0 || (exact_only && !rest.is_multiple_of(size)) {
                continue;
            }
            if rest / size > 0 {
                write!(f, "{}{unit}", rest / size)?;
                rest %= size;
            }
        }
        Ok(())
    }
}

impl Field for DurationMs {
    fn read(node: &Node, source: &Source) -> Result<Self, ConfigError> {
        let text = String::read(node, source)?;
        Self::parse(&text).ok_or_else(|| {
            node.error(source, format!("not a valid duration string: {text:?}"))
                .advise("write a number and a unit, such as 15s, 1m30s or 500ms")
        })
    }
    fn write(&self) -> Option<Out> {
        (self.0 != 0).then(|| Out::Text(self.to_string()))
    }
}

/// A number of bytes, written with a unit of powers of 1024 (`512KB`, `10MiB`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Hash)]
pub struct ByteSize(pub u64);

const SIZE_UNITS: [&str; 7] = ["B", "KB", "MB", "GB", "TB", "PB", "EB"];

impl ByteSize {
    /// Reads `10MB`, `1GiB`, `500B` or `0`.
    pub fn parse(text: &str) -> Option<Self> {
        if text == "0" {
            return Some(Self(0));
        }
        let digits = text.bytes().take_while(|b| b.is_ascii_digit() || *b == b'.').count();
        let (number, unit) = text.split_at(digits);
        let unit = unit.replace("iB", "B").to_ascii_uppercase();
        let power = SIZE_UNITS.iter().position(|name| *name == unit)?;
        let bytes = number.parse::<f64>().ok()? * 1024_f64.powi(i32::try_from(power).ok()?);
        (bytes.is_finite() && bytes < i64::MAX as f64).then_some(Self(bytes as u64))
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        let mut power = 0;
        while rest >= 1024 && rest.is_multiple_of(1024) && power + 1 < SIZE_UNITS.len() {
            rest /= 1024;
            power += 1;
        }
        let unit = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"][power];
        write!(f, "{rest}{unit}")
    }
}

impl Field for ByteSize {
    fn read(node: &Node, source: &Source) -> Result<Self, ConfigError> {
        let text = String::read(node, source)?;
        Self::parse(&text).ok_or_else(|| {
            node.error(source, format!("units: invalid size {text:?}"))
                .advise("write a number and a unit, such as 10MB")
        })
    }
    fn write(&self) -> Option<Out> {
        (self.0 != 0).then(|| Out::Text(self.to_string()))
    }
}
