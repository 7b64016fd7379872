//! DNS discovery against a small server that speaks the wire format of RFC 1035.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig, ResolverOpts};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use tokio::net::UdpSocket;
use tokio::sync::Notify;

use super::*;
use crate::config::{self, Source};
use crate::discovery::tests::targets_of;

/// A name as labels with their lengths.
fn wire_name(name: &str) -> Vec<u8> {
    let mut wire = Vec::new();
    for label in name.split('.').filter(|label| !label.is_empty()) {
        wire.push(u8::try_from(label.len()).unwrap());
        wire.extend_from_slice(label.as_bytes());
    }
    wire.push(0);
    wire
}

/// Types and contents of the records that the server knows of a name.
fn records(name: &str, kind: u16) -> Option<Vec<(u16, Vec<u8>)>> {
    let data = |kind, data: &[&[u8]]| -> Vec<(u16, Vec<u8>)> {
        data.iter().map(|d| (kind, d.to_vec())).collect()
    };
    let with_number = |numbers: &[u16], target: &str| {
        let mut data: Vec<u8> = numbers.iter().flat_map(|n| n.to_be_bytes()).collect();
        data.extend(wire_name(target));
        data
    };
    match (name, kind) {
        ("web.test.", 1) => Some(data(1, &[&[10, 0, 0, 2], &[10, 0, 0, 1]])),
        ("alias.test.", 1) => Some(vec![(5, wire_name("web.test")), (1, vec![10, 0, 0, 3])]),
        ("web.test.", 28) => {
            Some(vec![(28, "fd00::5".parse::<std::net::Ipv6Addr>().unwrap().octets().to_vec())])
        }
        ("_http._tcp.test.", 33) => Some(vec![
            (33, with_number(&[10, 60, 8080], "b.test")),
            (33, with_number(&[10, 40, 8081], "a.test")),
        ]),
        ("mail.test.", 15) => Some(vec![(15, with_number(&[5], "mx.test"))]),
        ("zone.test.", 2) => Some(vec![(2, wire_name("ns.test"))]),
        _ => None,
    }
}

/// Answers a query: its records, or that the name does not exist.
fn answer(query: &[u8]) -> Option<Vec<u8>> {
    let mut at = 12;
    let mut name = String::new();
    while let Some(&length) = query.get(at).filter(|length| **length != 0) {
        let label = query.get(at + 1..at + 1 + usize::from(length))?;
        name.push_str(&String::from_utf8_lossy(label).to_ascii_lowercase());
        name.push('.');
        at += 1 + usize::from(length);
    }
    let question = query.get(12..at + 5)?;
    let kind = u16::from_be_bytes([*query.get(at + 1)?, *query.get(at + 2)?]);
    if name == "broken.test." {
        // SERVFAIL
        return Some([query.get(..2)?, &[0x81, 0x82, 0, 1, 0, 0, 0, 0, 0, 0], question].concat());
    }
    let found = records(&name, kind);
    let code = if found.is_some() { 0x80 } else { 0x83 };
    let found = found.unwrap_or_default();
    let count = u16::try_from(found.len()).ok()?.to_be_bytes();
    let mut out = [query.get(..2)?, &[0x81, code, 0, 1], &count, &[0, 0, 0, 0], question].concat();
    for (kind, data) in found {
        // The name: a pointer to the question's.
        let owner =
            if kind == 1 && name == "alias.test." { wire_name("web.test") } else { vec![0xc0, 12] };
        out.extend(owner);
        out.extend(kind.to_be_bytes());
        out.extend([0, 1, 0, 0, 0, 60]);
        out.extend(u16::try_from(data.len()).ok()?.to_be_bytes());
        out.extend(data);
    }
    Some(out)
}

async fn serve() -> SocketAddr {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut query = [0; 1500];
        while let Ok((length, from)) = socket.recv_from(&mut query).await {
            if let Some(answer) = answer(&query[..length]) {
                socket.send_to(&answer, from).await.unwrap();
            }
        }
    });
    address
}

fn resolver(server: SocketAddr) -> TokioResolver {
    let mut connection = ConnectionConfig::udp();
    connection.port = server.port();
    let name_server = NameServerConfig::new(server.ip(), true, vec![connection]);
    let config = ResolverConfig::from_name_servers(vec![name_server]);
    let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
    let mut options = ResolverOpts::default();
    options.attempts = 0;
    *builder.options_mut() = options;
    builder.build().unwrap()
}

async fn discover(server: SocketAddr, yaml: &str) -> (Vec<String>, Result<(), String>) {
    let text = format!("scrape_configs:\n- job_name: a\n  dns_sd_configs: [{yaml}]\n");
    let loaded = config::parse(&text, &Source::default(), &|_| None).unwrap();
    let config = loaded.jobs[0].discovery.dns[0].clone();
    let world = World::real();
    let discovery = DnsDiscovery::new(config, &world);
    let state = DiscoveryState::new(&world, Arc::new(Notify::new()));
    let outcome = discovery.refresh_by(&resolver(server), &state).await;
    (targets_of(&state), outcome)
}

#[tokio::test]
async fn every_kind_of_record_gives_its_targets() {
    let server = serve().await;
    let cases = [
        (
            "{names: [web.test], type: A, port: 80}",
            vec![
                "__address__=10.0.0.1:80 __meta_dns_name=web.test",
                "__address__=10.0.0.2:80 __meta_dns_name=web.test",
            ],
        ),
        (
            "{names: [alias.test], type: A, port: 80}",
            vec!["__address__=10.0.0.3:80 __meta_dns_name=alias.test"],
        ),
        (
            "{names: [web.test], type: AAAA, port: 80}",
            vec!["__address__=[fd00::5]:80 __meta_dns_name=web.test"],
        ),
        (
            "{names: [_http._tcp.test]}",
            vec![
                "__address__=a.test:8081 __meta_dns_name=_http._tcp.test __meta_dns_srv_record_port=8081 __meta_dns_srv_record_target=a.test.",
                "__address__=b.test:8080 __meta_dns_name=_http._tcp.test __meta_dns_srv_record_port=8080 __meta_dns_srv_record_target=b.test.",
            ],
        ),
        (
            "{names: [mail.test], type: MX, port: 25}",
            vec![
                "__address__=mx.test:25 __meta_dns_mx_record_target=mx.test. __meta_dns_name=mail.test",
            ],
        ),
        (
            "{names: [zone.test], type: NS, port: 53}",
            vec![
                "__address__=ns.test:53 __meta_dns_name=zone.test __meta_dns_ns_record_target=ns.test.",
            ],
        ),
        ("{names: [gone.test], type: A, port: 80}", vec![]),
    ];
    for (yaml, expected) in cases {
        let (targets, outcome) = discover(server, yaml).await;
        assert_eq!(outcome, Ok(()), "{yaml}");
        assert_eq!(targets, expected, "{yaml}");
    }
}

#[tokio::test]
async fn a_server_that_fails_is_an_error_and_what_others_say_stays() {
    let server = serve().await;
    let yaml = "{names: [broken.test, web.test], type: AAAA, port: 80}";
    let (targets, outcome) = discover(server, yaml).await;
    assert_eq!(targets.len(), 1);
    assert!(outcome.unwrap_err().starts_with("could not resolve \"broken.test\""));
}
