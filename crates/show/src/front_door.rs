//! One entry for every listener: whatever port a request comes in by, it passes here first.
//!
//! In this order: connection limit, TLS, header timeout, host and origin, who asks
//! ([`authorize`](identity::authorize) is the only place that decides it), whether they may
//! ([`needed`](permission::needed)), tenant, request id, body limits; then the part's router, whose panics end that request only; then counting.
//! Nothing here knows what a part serves.

mod access;
mod authentication;
mod body;
mod connection;
mod identity;
mod origin;
mod permission;
mod refusal;
mod text;
mod tls;
mod web_config;
mod wire;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use vigie_world::World;

use crate::users::Users;
use crate::{ShowError, Telemetry};

pub use body::{BodyError, RequestBody};
pub use identity::{Caller, Identity, TENANT_HEADER};
pub use text::TextService;
pub use wire::{Denied, Entry, WireService};

/// Limits and rules of the front door.
#[derive(Debug, Clone)]
pub struct FrontDoorOptions {
    /// Connections that one listener serves at once; more wait.
    pub connections_max: usize,
    /// A connection that has not sent a whole request head within this is closed.
    pub header_timeout: Duration,
    /// A request body that has not arrived within this is refused.
    pub body_timeout: Duration,
    /// Largest request body as sent.
    pub body_bytes_max: usize,
    /// Largest request body once decompressed.
    pub decoded_bytes_max: usize,
    /// Memory that the bodies of all requests take together; past it the answer is 503.
    pub bodies_bytes_max: usize,
    /// How long requests may take to end after the shutdown began.
    pub shutdown_grace: Duration,
    /// Origins of other hosts whose pages may ask (`--web.cors.origin`), an anchored regular
    /// expression. `None`: only pages of this server may change anything.
    pub cors_origin: Option<String>,
    /// Host names under which a loopback listener may be asked, besides `localhost`, single
    /// words and addresses. Anything else there is a sign of DNS rebinding.
    pub hosts: Vec<String>,
    /// TLS and users: Prometheus' `web-config.yml` (`--web.config.file`).
    pub web_config: Option<PathBuf>,
    /// Whether whoever asks at any port has to sign in, and not only on the page's.
    pub sign_in_everywhere: bool,
}

/// Who has to sign in at a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SignIn {
    /// Nobody: the port is as open as the replaced tool's.
    Nobody,
    /// Everybody, but for the addresses that the part's router leaves open.
    ByRouter,
    /// Everybody.
    Everybody,
}

impl Default for FrontDoorOptions {
    fn default() -> Self {
        Self {
            connections_max: 512,
            header_timeout: Duration::from_secs(30),
            body_timeout: Duration::from_mins(1),
            body_bytes_max: 64 << 20,
            decoded_bytes_max: 256 << 20,
            bodies_bytes_max: 512 << 20,
            shutdown_grace: Duration::from_secs(10),
            cors_origin: None,
            hosts: Vec::new(),
            web_config: None,
            sign_in_everywhere: false,
        }
    }
}

/// What is behind the door at a listener.
pub(super) enum Behind {
    Http(Router),
    HttpOrText(Router, Arc<dyn TextService>),
    Wire(Arc<dyn WireService>),
}

/// The entry of all listeners of a process.
#[derive(Debug)]
pub struct FrontDoor {
    options: FrontDoorOptions,
    world: World,
    telemetry: Arc<Telemetry>,
    origins: origin::OriginRules,
    secrets: web_config::WebConfigFile,
    authenticator: authentication::Authenticator,
    bodies: body::BodyBudget,
    users: Option<Arc<Users>>,
}

impl FrontDoor {
    /// Reads the files that `options` name, so that a wrong one is an error now and not later.
    /// Without `users` only those of the web configuration are known.
    pub fn new(
        options: FrontDoorOptions,
        world: World,
        telemetry: Arc<Telemetry>,
        users: Option<Arc<Users>>,
    ) -> Result<Arc<Self>, ShowError> {
        let origins = origin::OriginRules::new(options.cors_origin.as_deref(), &options.hosts)?;
        let secrets = web_config::WebConfigFile::open(options.web_config.clone(), world.clone())?;
        let authenticator = authentication::Authenticator::new(&world.random);
        let bodies = body::BodyBudget::new(options.bodies_bytes_max);
        Ok(Arc::new(Self {
            options,
            world,
            telemetry,
            origins,
            secrets,
            authenticator,
            bodies,
            users,
        }))
    }

    /// Serves `router` on `listener` until `shutdown` is cancelled and the requests under way
    /// have ended. `part` names the part in telemetry and logs.
    pub async fn serve(
        self: Arc<Self>,
        listener: TcpListener,
        router: Router,
        part: &'static str,
        shutdown: CancellationToken,
    ) {
        connection::serve(self, listener, Behind::Http(router), part, shutdown).await;
    }

    /// As [`serve`](Self::serve), with a protocol of plain lines on the same port: who begins with
    /// a byte that it takes speaks it, everybody else speaks HTTP. Such protocols know neither
    /// users nor TLS: where either is configured, their connections are refused.
    pub async fn serve_with_text(
        self: Arc<Self>,
        listener: TcpListener,
        (router, text): (Router, Arc<dyn TextService>),
        part: &'static str,
        shutdown: CancellationToken,
    ) {
        connection::serve(self, listener, Behind::HttpOrText(router, text), part, shutdown).await;
    }

    /// Serves a protocol that is not HTTP, which asks the door by its [`Entry`] for TLS and who
    /// somebody is.
    pub async fn serve_wire(
        self: Arc<Self>,
        listener: TcpListener,
        service: Arc<dyn WireService>,
        part: &'static str,
        shutdown: CancellationToken,
    ) {
        connection::serve(self, listener, Behind::Wire(service), part, shutdown).await;
    }

    /// Whether listeners speak TLS.
    pub fn uses_tls(&self) -> bool {
        self.secrets.current().tls.is_some()
    }

    /// Who has to sign in at the port of `part`.
    fn sign_in(&self, part: &str) -> SignIn {
        match (&self.users, part) {
            (None, _) => SignIn::Nobody,
            (Some(_), "page") => SignIn::ByRouter,
            (Some(_), _) if self.options.sign_in_everywhere => SignIn::Everybody,
            (Some(_), _) => SignIn::Nobody,
        }
    }
}

/// What `router` serves on the page's port, for those who have signed in and may: the rest of
/// that port, the page itself and the form, is open to everybody.
pub fn behind_sign_in(router: Router) -> Router {
    // Not `route_layer`: what is nested may answer by a fallback, which that would leave open.
    router.layer(axum::middleware::from_fn(permission::check_on_page))
}
