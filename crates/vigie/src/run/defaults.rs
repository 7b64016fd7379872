//! What runs without any configuration: this host and Vigie itself.

use std::net::SocketAddr;

/// A `prometheus.yml` for the ports that are served. Short intervals: the first chart should not
/// keep anybody waiting, and two targets cost nothing.
pub(crate) fn prometheus_yml(api: Option<SocketAddr>, host: Option<SocketAddr>) -> String {
    let mut text =
        "global:\n  scrape_interval: 5s\n  scrape_timeout: 4s\nscrape_configs:\n".to_owned();
    for (job, address) in [("vigie", api), ("node", host)] {
        if let Some(address) = address {
            text.push_str(&format!(
                "  - job_name: {job}\n    static_configs:\n      - targets: ['localhost:{}']\n",
                address.port()
            ));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use vigie_receive::config::{Source, parse};

    use super::*;

    #[test]
    fn the_defaults_are_a_valid_configuration() {
        let address = "127.0.0.1:9090".parse().ok();
        let source = Source { file: None, folder: "/".into() };
        let loaded = parse(&prometheus_yml(address, address), &source, &|_| None).unwrap();
        assert_eq!(loaded.jobs.len(), 2);
        assert!(parse(&prometheus_yml(None, None), &source, &|_| None).unwrap().jobs.is_empty());
    }
}
