//! The identity of an alert as Alertmanager prints it.

use std::fmt;
use std::str::FromStr;

use vigie_model::Labels;

/// FNV-1a, 64 bits, over the sorted labels: name, 0xFF, value, 0xFF.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(pub u64);

impl Fingerprint {
    /// The fingerprint of `labels`.
    pub fn of(labels: &Labels) -> Self {
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        let mut add = |byte: u8| hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        for (name, value) in labels {
            name.bytes().for_each(&mut add);
            add(0xff);
            value.bytes().for_each(&mut add);
            add(0xff);
        }
        Self(hash)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Fingerprint {
    type Err = std::num::ParseIntError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        u64::from_str_radix(text, 16).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fingerprint_is_alertmanagers() {
        // Seen in Alertmanager 0.25's answer.
        let labels = Labels::from_pairs([("sev", "c"), ("alertname", "A")]);
        assert_eq!(Fingerprint::of(&labels).to_string(), "a9b476968e141dfa");
        assert_eq!("a9b476968e141dfa".parse(), Ok(Fingerprint::of(&labels)));
    }
}
