//! Which proxy a request takes.
//!
//! Whether a host is asked directly is decided as Go's `httpproxy` does it, since `no_proxy` lists
//! were written for that: names with their subdomains, addresses and networks, each with or
//! without a port. Names of this machine never take a proxy when such a list is looked at.

mod bypass;
#[cfg(test)]
mod tests;

use std::fmt;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{ClientBuilder, Proxy, Url};

use self::bypass::Bypass;
use crate::config::ProxyConfig;
use crate::{HttpEnvironment, HttpError};

/// Makes `builder` take the proxies of `config`.
pub(super) fn apply(
    builder: ClientBuilder,
    config: &ProxyConfig,
    environment: &HttpEnvironment,
) -> Result<ClientBuilder, HttpError> {
    let headers = connect_headers(config)?;
    if !config.proxy_url.is_empty() {
        if config.no_proxy.is_empty() {
            let proxy = Proxy::all(&config.proxy_url).map_err(|error| setup(&error))?;
            return Ok(builder.proxy(proxy.headers(headers)));
        }
        let url = parse(&config.proxy_url)?;
        let choice =
            Choice { http: Some(url.clone()), https: Some(url), bypass: config.no_proxy.parse()? };
        return Ok(builder.proxy(choice.proxy(headers)));
    }
    if !config.proxy_from_environment {
        return Ok(builder);
    }
    let variable = |name: &str| {
        (environment.variable)(name)
            .or_else(|| (environment.variable)(&name.to_ascii_lowercase()))
            .filter(|value| !value.is_empty())
    };
    let url = |name: &str| variable(name).map(|text| parse(&text)).transpose();
    let choice = Choice {
        http: url("HTTP_PROXY")?,
        https: url("HTTPS_PROXY")?,
        bypass: variable("NO_PROXY").unwrap_or_default().parse()?,
    };
    Ok(builder.proxy(choice.proxy(headers)))
}

/// The proxies for either scheme, and who is asked without one.
struct Choice {
    http: Option<Url>,
    https: Option<Url>,
    bypass: Bypass,
}

impl Choice {
    fn proxy(self, headers: HeaderMap) -> Proxy {
        Proxy::custom(move |url| {
            let proxy = if url.scheme() == "https" { &self.https } else { &self.http };
            proxy.clone().filter(|_| !self.bypass.covers(url))
        })
        .headers(headers)
    }
}

fn setup(error: &dyn fmt::Display) -> HttpError {
    HttpError::Setup(format!("proxy: {error}"))
}

/// A proxy's address; without a scheme it is `http`.
fn parse(text: &str) -> Result<Url, HttpError> {
    let parsed =
        if text.contains("://") { Url::parse(text) } else { Url::parse(&format!("http://{text}")) };
    parsed.map_err(|error| setup(&format!("{text:?}: {error}")))
}

fn connect_headers(config: &ProxyConfig) -> Result<HeaderMap, HttpError> {
    let mut headers = HeaderMap::new();
    for (name, values) in &config.proxy_connect_header {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|error| setup(&error))?;
        for value in values {
            let value = HeaderValue::from_str(value.reveal()).map_err(|error| setup(&error))?;
            headers.append(name.clone(), value);
        }
    }
    Ok(headers)
}
