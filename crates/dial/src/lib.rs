//! How Vigie talks to HTTP servers: Prometheus' `http_config`, and the client made from it.
//!
//! Scraping, discovery, remote write and notifications all dial through this one client, so that
//! TLS, proxies, OAuth 2.0, secrets in files, limits and timeouts mean the same everywhere.

mod assertion;
mod authorize;
mod body;
mod client;
mod cloud;
mod config;
mod error;
mod guard;
mod proxy;
pub mod sign;
mod tls;

pub use body::{BODY_BYTES_MAX, gunzip};
pub use client::{HttpAnswer, HttpClient, HttpEnvironment, RequestLimits, VariableLookup};
pub use cloud::CloudCredentials;
pub use config::{
    Authorization, AzureAdConfig, BasicAuth, HttpConfig, HttpHeader, OAuth2, ProxyConfig,
    SigV4Config, TlsConfig,
};
pub use error::{HttpError, HttpErrorKind};
pub use guard::is_refused_address;
pub use reqwest::Method;
pub use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
pub use tls::tls_client_config;
