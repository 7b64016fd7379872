//! `cidr`: whether addresses lie in networks; the common options say what follows.

use std::net::IpAddr;

use vigie_language::logstash::{ConfigError, Sprintf};
use vigie_model::event::Event;

use super::{Filter, Scope, Verdict};
use crate::options::Options;
use crate::text;

#[derive(Debug)]
struct Cidr {
    addresses: Vec<Sprintf>,
    networks: Vec<Sprintf>,
}

pub(super) fn build(options: &Options<'_>) -> Result<Box<dyn Filter>, ConfigError> {
    let templates = |name: &str| -> Result<Vec<Sprintf>, ConfigError> {
        options.list(name)?.unwrap_or_default().iter().map(|text| options.template(text)).collect()
    };
    if options.text("network_path")?.is_some() {
        return Err(options.error("network_path: list the networks in `network`"));
    }
    options.ignore(&["refresh_interval", "separator"]);
    Ok(Box::new(Cidr { addresses: templates("address")?, networks: templates("network")? }))
}

impl Filter for Cidr {
    fn apply(&self, event: &mut Event, scope: &mut Scope<'_>) -> Verdict {
        let render = |template: &Sprintf| text::render(template, event, scope.now_ns);
        let addresses: Vec<IpAddr> =
            self.addresses.iter().filter_map(|one| render(one).trim().parse().ok()).collect();
        let networks: Vec<_> =
            self.networks.iter().filter_map(|one| network(&render(one))).collect();
        let is_found = addresses
            .iter()
            .any(|address| networks.iter().any(|network| contains(*network, *address)));
        if is_found { Verdict::Matched } else { Verdict::Passed }
    }
}

/// `10.0.0.0/8`, or one address.
fn network(text: &str) -> Option<(IpAddr, u32)> {
    let text = text.trim();
    let (address, bits) = match text.split_once('/') {
        Some((address, bits)) => (address.parse().ok()?, Some(bits.parse::<u32>().ok()?)),
        None => (text.parse::<IpAddr>().ok()?, None),
    };
    let most = if address.is_ipv4() { 32 } else { 128 };
    Some((address, bits.unwrap_or(most).min(most)))
}

fn contains((network, bits): (IpAddr, u32), address: IpAddr) -> bool {
    let (network, address, most) = match (network, address) {
        (IpAddr::V4(network), IpAddr::V4(address)) => {
            (u128::from(u32::from(network)), u128::from(u32::from(address)), 32)
        }
        (IpAddr::V6(network), IpAddr::V6(address)) => (network.into(), address.into(), 128),
        _ => return false,
    };
    let shift = most - bits;
    network.checked_shr(shift).unwrap_or(0) == address.checked_shr(shift).unwrap_or(0)
}
