//! Parts of the Docker Engine API: what is read of containers and networks.
//!
//! Whatever the daemon may leave out or send as `null` is optional.

use std::collections::BTreeMap;

use serde::Deserialize;

/// A container, as `GET /containers/json` lists it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct Container {
    pub(super) id: String,
    pub(super) names: Option<Vec<String>>,
    pub(super) image: Option<String>,
    #[serde(rename = "ImageID")]
    pub(super) image_id: Option<String>,
    pub(super) ports: Option<Vec<Port>>,
    pub(super) labels: Option<BTreeMap<String, String>>,
    pub(super) host_config: Option<HostConfig>,
    pub(super) network_settings: Option<NetworkSettings>,
}

/// A port of a container.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct Port {
    #[serde(rename = "IP")]
    pub(super) ip: Option<String>,
    #[serde(rename = "PrivatePort")]
    pub(super) private: u16,
    #[serde(rename = "PublicPort")]
    pub(super) public: Option<u16>,
    #[serde(rename = "Type")]
    pub(super) protocol: String,
}

/// How a container sits on its host.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct HostConfig {
    pub(super) network_mode: Option<String>,
}

/// The networks of a container.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct NetworkSettings {
    pub(super) networks: Option<BTreeMap<String, Option<Endpoint>>>,
}

/// A container in a network.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Endpoint {
    #[serde(rename = "NetworkID")]
    pub(super) network_id: Option<String>,
    #[serde(rename = "IPAddress")]
    pub(super) ipv4: Option<String>,
    #[serde(rename = "GlobalIPv6Address")]
    pub(super) ipv6: Option<String>,
}

/// A network, as `GET /networks` lists it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct Network {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) scope: String,
    pub(super) internal: bool,
    pub(super) ingress: bool,
    pub(super) labels: Option<BTreeMap<String, String>>,
}

/// Why the daemon refused.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Refusal {
    pub(super) message: String,
}

impl Container {
    /// `bridge`, `host`, `container:ID` or a network's name.
    pub(super) fn network_mode(&self) -> &str {
        let mode = self.host_config.as_ref().and_then(|config| config.network_mode.as_deref());
        mode.unwrap_or_default()
    }

    /// The networks it is in, by name.
    pub(super) fn networks(&self) -> impl Iterator<Item = &Endpoint> {
        let networks = self.network_settings.as_ref().and_then(|one| one.networks.as_ref());
        networks.into_iter().flat_map(BTreeMap::values).flatten()
    }

    /// Whether it has networks of its own, even if nothing is known of them.
    pub(super) fn has_networks(&self) -> bool {
        let networks = self.network_settings.as_ref().and_then(|one| one.networks.as_ref());
        networks.is_some_and(|networks| !networks.is_empty())
    }
}

impl Endpoint {
    /// Its IPv4 address, or else the IPv6 one; may be empty.
    pub(super) fn address(&self) -> &str {
        let known = |address: &'_ &str| !address.is_empty();
        let ipv4 = self.ipv4.as_deref().filter(known);
        ipv4.or(self.ipv6.as_deref()).unwrap_or_default()
    }
}
