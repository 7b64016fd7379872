//! Protocols behind the front door that are not HTTP, and know users and TLS in their own way.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderValue, Request, StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::future::BoxFuture;
use rustls::ServerConfig;
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use vigie_catalog::Role;
use vigie_model::TenantId;

use super::connection::Part;
use super::refusal::RefusalStyle;
use super::{Identity, identity, permission};

/// A protocol that is not HTTP.
pub trait WireService: Send + Sync + fmt::Debug {
    /// Serves a connection until it ends, or the door closes.
    fn serve<'a>(&'a self, entry: Entry<'a>, stream: TcpStream) -> BoxFuture<'a, ()>;
}

/// Why somebody is not let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Denied {
    /// The name and password are wrong, or are needed and were not given.
    Password,
    /// Too many passwords were wrong.
    TooOften,
    /// They are known, and may not.
    Role(String),
}

/// What a connection has of the door.
pub struct Entry<'a> {
    part: &'a Part,
    peer: SocketAddr,
}

impl fmt::Debug for Entry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry").field("peer", &self.peer).finish_non_exhaustive()
    }
}

impl<'a> Entry<'a> {
    pub(super) const fn new(part: &'a Part, peer: SocketAddr) -> Self {
        Self { part, peer }
    }

    /// Whose connection it is.
    pub const fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// Cancelled when the door closes.
    pub fn closing(&self) -> &CancellationToken {
        &self.part.shutdown
    }

    /// How long somebody may take to say who they are.
    pub fn patience(&self) -> Duration {
        self.part.door.options.header_timeout
    }

    /// A number that nobody can guess.
    pub fn secret(&self) -> u64 {
        self.part.door.world.random.next_u64()
    }

    /// The certificate, where connections are to be encrypted, for a protocol of that name.
    pub fn tls(&self, protocol: &[u8]) -> Option<Arc<ServerConfig>> {
        let loaded = self.part.door.secrets.current();
        let mut config = ServerConfig::clone(loaded.tls.as_deref()?);
        config.alpn_protocols = vec![protocol.to_vec()];
        Some(Arc::new(config))
    }

    /// Counts a connection that is closed before anything was asked.
    pub fn count_refused(&self, reason: &'static str) {
        self.part.access.count_refused(reason);
    }

    /// Who asks, by name and password or by neither, and may read what `tenant` keeps.
    pub async fn reader(
        &self,
        credentials: Option<(&str, &str)>,
        tenant: TenantId,
    ) -> Result<Identity, Denied> {
        let (mut head, ()) = Request::new(()).into_parts();
        if let Some((user, password)) = credentials {
            let pair = STANDARD.encode(format!("{user}:{password}"));
            let value = HeaderValue::from_str(&format!("Basic {pair}"));
            let mut value = value.map_err(|_| Denied::Password)?;
            value.set_sensitive(true);
            head.headers.insert(header::AUTHORIZATION, value);
        }
        let name = self.part.access.name();
        let refused = |refusal: super::refusal::Refusal| match refusal.status {
            StatusCode::TOO_MANY_REQUESTS => Denied::TooOften,
            StatusCode::FORBIDDEN => Denied::Role(refusal.message),
            _ => Denied::Password,
        };
        let door = &self.part.door;
        let mut identity =
            identity::authorize(door, name, &head, self.peer).await.map_err(refused)?;
        permission::check(&identity, Role::Viewer, RefusalStyle::Text).map_err(refused)?;
        identity.tenant = tenant;
        Ok(identity)
    }
}
