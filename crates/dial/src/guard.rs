//! Addresses that nobody who follows another's word may ask: link-local ones, behind which clouds
//! give credentials to whoever asks from the machine itself.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use reqwest::ClientBuilder;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::{Attempt, Policy};
use url::{Host, Url};

/// Redirects that are followed.
const REDIRECTS_MAX: usize = 10;

/// Metadata services of clouds that are not link-local: Alibaba, Azure, Oracle, and Amazon by v6.
const METADATA_V4: [Ipv4Addr; 3] = [
    Ipv4Addr::new(100, 100, 100, 200),
    Ipv4Addr::new(168, 63, 129, 16),
    Ipv4Addr::new(192, 0, 0, 192),
];
const METADATA_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);

/// Whether an address is link-local or a cloud's metadata service.
pub fn is_refused_address(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_link_local() || METADATA_V4.contains(&v4),
        IpAddr::V6(v6) => {
            let mapped = v6.to_ipv4_mapped().map(IpAddr::V4);
            v6.is_unicast_link_local()
                || v6 == METADATA_V6
                || mapped.is_some_and(is_refused_address)
        }
    }
}

/// Whether a URL names such an address itself; names are checked when they are resolved.
pub(crate) fn is_refused_url(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(v4)) => is_refused_address(IpAddr::V4(v4)),
        Some(Host::Ipv6(v6)) => is_refused_address(IpAddr::V6(v6)),
        _ => false,
    }
}

/// Names resolve to allowed addresses only; redirects stay on their host.
pub(crate) fn apply(builder: ClientBuilder, follows: bool) -> ClientBuilder {
    let policy = if follows { Policy::custom(redirect) } else { Policy::none() };
    builder.dns_resolver(Arc::new(GuardedResolver)).redirect(policy)
}

fn redirect(attempt: Attempt<'_>) -> reqwest::redirect::Action {
    let from = attempt.previous().last().and_then(Url::host_str).map(str::to_owned);
    if attempt.previous().len() > REDIRECTS_MAX {
        attempt.error("too many redirects")
    } else if is_refused_url(attempt.url()) {
        attempt.error("redirect to a link-local address refused")
    } else if from.as_deref() != attempt.url().host_str() {
        // What is sent may hold keys, which are for the first host.
        attempt.error("redirect to another host refused")
    } else {
        attempt.follow()
    }
}

#[derive(Debug)]
struct GuardedResolver;

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            // The connection is made to what was checked: the name is not asked again.
            let allowed: Vec<_> = found.filter(|found| !is_refused_address(found.ip())).collect();
            if allowed.is_empty() {
                return Err("the name has no address, or a link-local one".into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn link_local_and_metadata_addresses_are_refused() {
        for (text, refused) in [
            ("http://169.254.169.254/latest", true),
            ("http://[fe80::1]/", true),
            ("http://[::ffff:169.254.169.254]/", true),
            ("http://[fd00:ec2::254]/", true),
            ("http://0xa9fea9fe/", true),
            ("http://2852039166/", true),
            ("http://100.100.100.200/", true),
            ("http://127.0.0.1/", false),
            ("http://10.0.0.1/", false),
            ("http://example.com/", false),
        ] {
            assert_eq!(is_refused_url(&Url::parse(text).unwrap()), refused, "{text}");
        }
    }
}
