//! `netstat`: counters of the network protocols.

use super::{CollectError, Context, Families};
use crate::host::family::Kind;
use crate::host::reader;

pub(super) fn collect(context: &Context<'_>, out: &mut Families) -> Result<(), CollectError> {
    let options = context.options;
    let netstat = reader::read(&options.proc("net/netstat"))?;
    let snmp = reader::read(&options.proc("net/snmp"))?;
    // Not there when IPv6 is switched off.
    let snmp6 = reader::read(&options.proc("net/snmp6")).unwrap_or_default();
    let pairs = parse_pairs(&netstat).into_iter().chain(parse_pairs(&snmp));
    for (protocol, name, value) in pairs.chain(parse_snmp6(&snmp6)) {
        let field = format!("{protocol}_{name}");
        if options.netstat_fields.ignores(&field) {
            continue;
        }
        let help = format!("Statistic {protocol}{name}.");
        out.add(Kind::Untyped, format!("node_netstat_{field}"), help, &[], value);
    }
    Ok(())
}

/// Two lines for each protocol, titles and values: `Tcp: A B` and `Tcp: 1 2`.
fn parse_pairs(text: &str) -> Vec<(&str, &str, f64)> {
    let mut found = Vec::new();
    let mut lines = text.lines();
    while let (Some(titles), Some(values)) = (lines.next(), lines.next()) {
        let Some((protocol, titles)) = titles.split_once(':') else { continue };
        let values = values.split_whitespace().skip(1);
        for (title, value) in titles.split_whitespace().zip(values) {
            if let Ok(value) = value.parse() {
                found.push((protocol, title, value));
            }
        }
    }
    found
}

/// `Ip6InReceives 8`: the protocol is all up to and with the 6.
fn parse_snmp6(text: &str) -> Vec<(&str, &str, f64)> {
    text.lines()
        .filter_map(|line| {
            let mut fields = line.split_whitespace();
            let name = fields.next()?;
            let value = fields.next()?.parse().ok()?;
            let (protocol, name) = name.split_at(name.find('6')? + 1);
            Some((protocol, name, value))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_and_values_are_paired() {
        let text = "Tcp: RtoMin MaxConn CurrEstab\nTcp: 200 -1 4\nUdp: InErrors\nUdp: 3\n";
        let expected = [
            ("Tcp", "RtoMin", 200.0),
            ("Tcp", "MaxConn", -1.0),
            ("Tcp", "CurrEstab", 4.0),
            ("Udp", "InErrors", 3.0),
        ];
        assert_eq!(parse_pairs(text), expected);
    }

    #[test]
    fn the_version_belongs_to_the_protocol() {
        assert_eq!(parse_snmp6("Icmp6InMsgs    \t7\n"), [("Icmp6", "InMsgs", 7.0)]);
    }
}
