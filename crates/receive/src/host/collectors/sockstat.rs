//! `sockstat`: sockets in use, by protocol.

use super::{CollectError, Context, Families};
use crate::host::reader;

pub(super) fn collect(context: &Context<'_>, out: &mut Families) -> Result<(), CollectError> {
    let mut found = false;
    for (file, counted) in [("net/sockstat", "IPv4"), ("net/sockstat6", "IPv6")] {
        if let Ok(text) = reader::read(&context.options.proc(file)) {
            found = true;
            parse(&text, counted, rustix::param::page_size() as f64, out);
        }
    }
    if found { Ok(()) } else { Err(CollectError::NoData) }
}

/// `TCP: inuse 4 orphan 0 tw 4 alloc 5 mem 1`: a gauge for each pair. Memory is in pages.
fn parse(text: &str, version: &str, page_bytes: f64, out: &mut Families) {
    for line in text.lines() {
        let Some((protocol, pairs)) = line.split_once(':') else { continue };
        let mut fields = pairs.split_whitespace();
        while let (Some(name), Some(value)) = (fields.next(), fields.next()) {
            let Ok(value) = value.parse::<f64>() else { continue };
            let mut add = |name: &str, value| {
                let help = if protocol == "sockets" {
                    format!("Number of {version} sockets in use.")
                } else {
                    format!("Number of {protocol} sockets in state {name}.")
                };
                out.gauge(format!("node_sockstat_{protocol}_{name}"), help, &[], value);
            };
            add(name, value);
            if name == "mem" {
                add("mem_bytes", value * page_bytes);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_become_bytes() {
        let mut out = Families::new();
        let text = "sockets: used 229\nTCP: inuse 4 orphan 0 mem 2\n";
        parse(text, "IPv4", 4096.0, &mut out);
        let value = |name: &str| out.get(name).unwrap().samples[0].value;
        assert_eq!(value("node_sockstat_TCP_mem"), 2.0);
        assert_eq!(value("node_sockstat_TCP_mem_bytes"), 8192.0);
        assert_eq!(value("node_sockstat_sockets_used"), 229.0);
    }
}
