//! `ip("...")`: an address, a range of addresses or a network.

use std::net::IpAddr;

/// Addresses that are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AddressRange {
    first: u128,
    last: u128,
    is_v4: bool,
}

fn number(address: IpAddr) -> (u128, bool) {
    match address.to_canonical() {
        IpAddr::V4(v4) => (u128::from(v4.to_bits()), true),
        IpAddr::V6(v6) => (v6.to_bits(), false),
    }
}

impl AddressRange {
    /// Reads `10.0.0.1`, `10.0.0.0/8`, `10.0.0.1-10.0.0.9` and the same of IPv6.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Some((address, bits)) = text.split_once('/') {
            let (value, is_v4) = number(address.parse().ok()?);
            let width = if is_v4 { 32 } else { 128 };
            let bits: u32 = bits.parse().ok().filter(|bits| *bits <= width)?;
            let hosts = u128::MAX.checked_shr(128 - (width - bits)).unwrap_or(0);
            return Some(Self { first: value & !hosts, last: value | hosts, is_v4 });
        }
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let (first, is_v4) = number(first.trim().parse().ok()?);
        let (last, last_is_v4) = number(last.trim().parse().ok()?);
        (is_v4 == last_is_v4 && first <= last).then_some(Self { first, last, is_v4 })
    }

    /// Whether `text` is one of the addresses.
    pub(crate) fn has(&self, text: &str) -> bool {
        text.parse().is_ok_and(|address| {
            let (value, is_v4) = number(address);
            is_v4 == self.is_v4 && (self.first..=self.last).contains(&value)
        })
    }

    /// Whether one of the addresses stands somewhere in `line`.
    pub(crate) fn is_in(&self, line: &str) -> bool {
        let is_v4 = self.is_v4;
        let is_part = |c: char| {
            if is_v4 {
                c.is_ascii_digit() || c == '.'
            } else {
                c.is_ascii_hexdigit() || ":.".contains(c)
            }
        };
        line.split(|c| !is_part(c))
            .filter(|part| part.len() > 1)
            .any(|part| self.has(part) || self.has(part.trim_matches(['.'])))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_found_in_lines() {
        for (range, line, found) in [
            ("10.0.0.0/8", "from 10.1.2.3:8080.", true),
            ("10.0.0.0/8", "from 11.1.2.3", false),
            ("192.168.4.5-192.168.4.20", "[192.168.4.20]", true),
            ("192.168.4.5-192.168.4.20", "192.168.4.21", false),
            ("192.168.4.5", "x=192.168.4.5,", true),
            ("2001:db8::/32", "client 2001:db8::1 said", true),
            ("::1", "at ::1", true),
            ("::1", "at ::2", false),
            ("0.0.0.0/0", "1.2.3.4", true),
            ("0.0.0.0/0", "1.2.3", false),
        ] {
            assert_eq!(AddressRange::parse(range).unwrap().is_in(line), found, "{range} {line}");
        }
        for text in ["", "10.0.0", "10.0.0.0/33", "10.0.0.9-10.0.0.1", "::1-10.0.0.1", "::/129"] {
            assert_eq!(AddressRange::parse(text), None, "{text}");
        }
    }
}
