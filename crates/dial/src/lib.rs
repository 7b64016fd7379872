//! How Vigie talks to HTTP servers: Prometheus' `http_config`, and the client made from it.
//!
//! Scraping, discovery, remote write and notifications all dial through this one client, so that
//! TLS, proxies, OAuth 2.0, secrets in files, limits and timeouts mean the same everywhere.

mod authorize;
mod body;
mod client;
mod config;
mod error;
mod guard;
mod proxy;
mod tls;

pub use body::{BODY_BYTES_MAX, gunzip};
pub use client::{HttpAnswer, HttpClient, HttpEnvironment, RequestLimits, VariableLookup};
pub use config::{
    Authorization, BasicAuth, HttpConfig, HttpHeader, OAuth2, ProxyConfig, TlsConfig,
};
pub use error::{HttpError, HttpErrorKind};
pub use guard::is_refused_address;
pub use reqwest::Method;
pub use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
pub use tls::tls_client_config;
