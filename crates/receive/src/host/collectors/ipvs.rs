//! `ipvs`: the kernel's load balancer.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::{CollectError, Context, Families};
use crate::host::reader;

/// All labels of a backend, in the original's order.
pub(in crate::host) const BACKEND_LABELS: [&str; 6] =
    ["local_address", "local_port", "remote_address", "remote_port", "proto", "local_mark"];

const TOTALS: [(&str, &str); 5] = [
    ("connections_total", "The total number of connections made."),
    ("incoming_packets_total", "The total number of incoming packets."),
    ("outgoing_packets_total", "The total number of outgoing packets."),
    ("incoming_bytes_total", "The total amount of incoming data."),
    ("outgoing_bytes_total", "The total amount of outgoing data."),
];

pub(super) fn collect(context: &Context<'_>, out: &mut Families) -> Result<(), CollectError> {
    let text = reader::read_or_no_data(&context.options.proc("net/ip_vs_stats"))?;
    // Two lines of titles, then the totals in hexadecimal.
    let fields: Vec<&str> = text.lines().nth(2).unwrap_or_default().split_whitespace().collect();
    if fields.len() != TOTALS.len() {
        return Err(CollectError::parse("ip_vs_stats", &text));
    }
    for ((name, help), field) in TOTALS.iter().zip(fields) {
        let value = u64::from_str_radix(field, 16)
            .map_err(|_| CollectError::parse("ip_vs_stats", field))?;
        out.counter(format!("node_ipvs_{name}"), *help, &[], value as f64);
    }
    let text = reader::read_or_no_data(&context.options.proc("net/ip_vs"))?;
    let chosen = &context.options.ipvs_labels;
    let mut sums: BTreeMap<Vec<String>, [f64; 3]> = BTreeMap::new();
    for backend in parse(&text) {
        let values = BACKEND_LABELS.iter().zip(backend.labels);
        let kept = values.filter(|(name, _)| chosen.iter().any(|c| c == *name)).map(|(_, v)| v);
        let sum = sums.entry(kept.collect()).or_default();
        for (sum, value) in sum.iter_mut().zip(backend.counts) {
            *sum += value;
        }
    }
    for (values, counts) in &sums {
        let names = BACKEND_LABELS.into_iter().filter(|name| chosen.iter().any(|c| c == name));
        let labels: Vec<(&'static str, &str)> =
            names.zip(values.iter().map(String::as_str)).collect();
        for ((name, help), value) in BACKEND.iter().zip(counts) {
            out.gauge(*name, *help, &labels, *value);
        }
    }
    Ok(())
}

const BACKEND: [(&str, &str); 3] = [
    ("node_ipvs_backend_weight", "The current backend weight by local and remote address."),
    (
        "node_ipvs_backend_connections_active",
        "The current active connections by local and remote address.",
    ),
    (
        "node_ipvs_backend_connections_inactive",
        "The current inactive connections by local and remote address.",
    ),
];

/// A real server behind a virtual one.
#[derive(Debug, PartialEq)]
struct Backend {
    labels: [String; 6],
    /// Weight, active and inactive connections.
    counts: [f64; 3],
}

/// A line of a virtual server (`TCP  C0A80016:0CEA wlc`, or `FWM  10001000 wlc`) is followed by
/// those of its backends (`-> C0A85216:0CEA Tunnel 100 248 2`).
fn parse(text: &str) -> Vec<Backend> {
    let mut all = Vec::new();
    let (mut protocol, mut mark) = (String::new(), String::new());
    let mut local = (String::new(), "0".to_owned());
    for line in text.lines() {
        let fields: Vec<&str> = line.split_whitespace().collect();
        match fields.as_slice() {
            [kind @ ("TCP" | "UDP"), address, ..] => {
                (*kind).clone_into(&mut protocol);
                mark.clear();
                local = address_and_port(address).unwrap_or_default();
            }
            ["FWM", number, ..] => {
                "FWM".clone_into(&mut protocol);
                (*number).clone_into(&mut mark);
                local = (String::new(), "0".to_owned());
            }
            ["->", address, _, weight, active, inactive, ..] => {
                let number = |text: &str| text.parse::<f64>().ok();
                let (Some(remote), Some(weight), Some(active), Some(inactive)) =
                    (address_and_port(address), number(weight), number(active), number(inactive))
                else {
                    continue;
                };
                let (address, port) = local.clone();
                let labels = [address, port, remote.0, remote.1, protocol.clone(), mark.clone()];
                all.push(Backend { labels, counts: [weight, active, inactive] });
            }
            _ => {}
        }
    }
    all
}

/// `C0A80016:0CEA` or `[2620:0000:...:0001]:0050`.
fn address_and_port(text: &str) -> Option<(String, String)> {
    let (address, port) = text.rsplit_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let address = match address.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')) {
        Some(inner) => inner.parse::<Ipv6Addr>().ok()?.to_string(),
        None => Ipv4Addr::from_bits(u32::from_str_radix(address, 16).ok()?).to_string(),
    };
    Some((address, port.to_string()))
}
