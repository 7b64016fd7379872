//! A `no_proxy` list.

use std::net::IpAddr;
use std::str::FromStr;

use reqwest::Url;

use crate::HttpError;

/// Hosts that are asked without a proxy.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Bypass {
    entries: Vec<(Host, Option<u16>)>,
}

#[derive(Debug, PartialEq, Eq)]
enum Host {
    Any,
    /// A network: address and length of the prefix.
    Network(IpAddr, u8),
    /// A name and its subdomains; with a leading dot, only those.
    Domain(String),
}

impl FromStr for Bypass {
    type Err = HttpError;

    /// Reads a list that is separated by commas. What cannot be read is left out, as Go does.
    fn from_str(text: &str) -> Result<Self, HttpError> {
        let entries = text.split(',').filter_map(|entry| read(&entry.trim().to_ascii_lowercase()));
        Ok(Self { entries: entries.collect() })
    }
}

fn read(entry: &str) -> Option<(Host, Option<u16>)> {
    if entry.is_empty() {
        return None;
    }
    if entry == "*" {
        return Some((Host::Any, None));
    }
    if let Some((address, length)) = entry.split_once('/') {
        let (address, length) = (address.parse::<IpAddr>().ok()?, length.parse().ok()?);
        let longest = if address.is_ipv4() { 32 } else { 128 };
        return (length <= longest).then_some((Host::Network(address, length), None));
    }
    let (host, port) = split_port(entry);
    if let Ok(address) = host.trim_matches(['[', ']']).parse::<IpAddr>() {
        let length = if address.is_ipv4() { 32 } else { 128 };
        return Some((Host::Network(address, length), port));
    }
    let domain = host.strip_prefix('*').filter(|rest| rest.starts_with('.')).unwrap_or(host);
    Some((Host::Domain(domain.to_owned()), port))
}

fn split_port(entry: &str) -> (&str, Option<u16>) {
    match entry.rsplit_once(':') {
        // An IPv6 address without brackets has more than one colon and no port.
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => match port.parse() {
            Ok(port) => (host, Some(port)),
            Err(_) => (entry, None),
        },
        _ => (entry, None),
    }
}

impl Bypass {
    /// Whether `url` is asked directly.
    pub(super) fn covers(&self, url: &Url) -> bool {
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        let address = host.parse::<IpAddr>().ok();
        if host == "localhost" || address.is_some_and(|address| address.is_loopback()) {
            return true;
        }
        let port = url.port_or_known_default();
        self.entries.iter().any(|(entry, entry_port)| {
            entry_port.is_none_or(|wanted| port == Some(wanted)) && entry.covers(&host, address)
        })
    }
}

impl Host {
    fn covers(&self, host: &str, address: Option<IpAddr>) -> bool {
        match self {
            Self::Any => true,
            Self::Network(network, length) => {
                address.is_some_and(|address| in_network(address, *network, *length))
            }
            Self::Domain(domain) => match domain.strip_prefix('.') {
                Some(_) => host.ends_with(domain.as_str()),
                None => {
                    host == domain
                        || host.strip_suffix(domain.as_str()).is_some_and(|s| s.ends_with('.'))
                }
            },
        }
    }
}

fn in_network(address: IpAddr, network: IpAddr, length: u8) -> bool {
    let (bits, network, width) = match (address, network) {
        (IpAddr::V4(a), IpAddr::V4(n)) => (u128::from(a.to_bits()), u128::from(n.to_bits()), 32),
        (IpAddr::V6(a), IpAddr::V6(n)) => (a.to_bits(), n.to_bits(), 128),
        _ => return false,
    };
    let host_bits = u32::from(width - length.min(width));
    bits.checked_shr(host_bits).unwrap_or(0) == network.checked_shr(host_bits).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_mean_what_they_mean_to_go() {
        let list =
            "example.com, .sub.org, *.star.net, 10.1.2.3:81, 192.168.0.0/16, fd00::/8, bad/x";
        let bypass: Bypass = list.parse().unwrap();
        let cases = [
            ("http://example.com/", true),
            ("http://a.example.com/", true),
            ("http://notexample.com/", false),
            ("http://sub.org/", false),
            ("http://a.sub.org/", true),
            ("http://a.star.net/", true),
            ("http://10.1.2.3:81/", true),
            ("http://10.1.2.3/", false),
            ("http://192.168.7.7:9100/", true),
            ("http://192.169.0.1/", false),
            ("http://[fd12::1]/", true),
            ("http://localhost:1/", true),
            ("http://127.8.8.8/", true),
            ("http://other.test/", false),
        ];
        for (url, expected) in cases {
            assert_eq!(bypass.covers(&Url::parse(url).unwrap()), expected, "{url}");
        }
        let all: Bypass = "*".parse().unwrap();
        assert!(all.covers(&Url::parse("http://x.test/").unwrap()));
    }
}
