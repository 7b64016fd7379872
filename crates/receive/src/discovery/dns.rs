//! Targets from DNS: SRV, A, AAAA, MX and NS records.

#[cfg(test)]
mod tests;

use async_trait::async_trait;
use hickory_resolver::TokioResolver;
use hickory_resolver::proto::rr::{RData, RecordType};
use vigie_model::{Labels, LabelsBuilder};
use vigie_world::World;

use super::{Discoverer, DiscoveryState, TargetGroup};
use crate::config::DnsSdConfig;

/// Targets from DNS.
#[derive(Debug)]
pub(super) struct DnsDiscovery {
    config: DnsSdConfig,
    world: World,
}

impl DnsDiscovery {
    /// Targets of `config`.
    pub(super) fn new(config: DnsSdConfig, world: &World) -> Self {
        Self { config, world: world.clone() }
    }

    async fn refresh(&self, state: &DiscoveryState) -> Result<(), String> {
        // Made anew each time: the system's resolver file may have changed.
        let resolver = TokioResolver::builder_tokio()
            .and_then(hickory_resolver::ResolverBuilder::build)
            .map_err(|error| error.to_string())?;
        self.refresh_by(&resolver, state).await
    }

    async fn refresh_by(
        &self,
        resolver: &TokioResolver,
        state: &DiscoveryState,
    ) -> Result<(), String> {
        let mut failed = None;
        for name in &self.config.names {
            match self.look_up(resolver, name).await {
                Ok(group) if group.targets.is_empty() => {
                    let source = group.source;
                    state.remove(|known| known == source);
                }
                Ok(group) => state.update([group]),
                Err(error) => failed = Some(format!("could not resolve {name:?}: {error}")),
            }
        }
        failed.map_or(Ok(()), Err)
    }

    async fn look_up(&self, resolver: &TokioResolver, name: &str) -> Result<TargetGroup, String> {
        let kind = match self.config.kind.as_str() {
            "A" => RecordType::A,
            "AAAA" => RecordType::AAAA,
            "MX" => RecordType::MX,
            "NS" => RecordType::NS,
            _ => RecordType::SRV,
        };
        let mut group = TargetGroup { source: name.to_owned(), ..TargetGroup::default() };
        let answer = match resolver.lookup(name, kind).await {
            Ok(answer) => answer,
            // The name is known not to exist: its targets are gone. Anything else may pass.
            Err(error) if error.is_nx_domain() || error.is_no_records_found() => return Ok(group),
            Err(error) => return Err(error.to_string()),
        };
        group.targets = answer
            .answers()
            .iter()
            .filter_map(|record| target(name, &record.data, self.config.port))
            .collect();
        group.targets.sort_unstable();
        Ok(group)
    }
}

/// The target of one record; `None` for records of another kind, such as the CNAMEs on the way.
fn target(name: &str, data: &RData, port: u16) -> Option<Labels> {
    let mut labels = LabelsBuilder::new();
    labels.set("__meta_dns_name", name);
    let address = match data {
        RData::A(address) => format!("{}:{port}", address.0),
        RData::AAAA(address) => format!("[{}]:{port}", address.0),
        RData::SRV(record) => {
            let target = record.target.to_string();
            labels.set("__meta_dns_srv_record_target", &target);
            labels.set("__meta_dns_srv_record_port", &record.port.to_string());
            format!("{}:{}", target.trim_end_matches('.'), record.port)
        }
        RData::MX(record) => {
            let target = record.exchange.to_string();
            labels.set("__meta_dns_mx_record_target", &target);
            format!("{}:{port}", target.trim_end_matches('.'))
        }
        RData::NS(record) => {
            let target = record.0.to_string();
            labels.set("__meta_dns_ns_record_target", &target);
            format!("{}:{port}", target.trim_end_matches('.'))
        }
        _ => return None,
    };
    labels.set("__address__", &address);
    Some(labels.build())
}

#[async_trait]
impl Discoverer for DnsDiscovery {
    async fn run(self: Box<Self>, state: DiscoveryState) {
        loop {
            if let Err(error) = self.refresh(&state).await {
                state.fail(error);
            }
            self.world.clock.sleep(self.config.refresh_interval.duration()).await;
        }
    }
}
