//! Which pages in somebody's browser may ask.
//!
//! A page of another site can make a browser send requests here. Two rules keep it from changing
//! anything: a request that changes state and comes from another origin is refused unless the
//! CORS expression allows that origin, and a loopback listener answers only under names that
//! nobody can point at it from outside (DNS rebinding).

use std::net::IpAddr;

use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use regex::Regex;

use crate::ShowError;

#[derive(Debug)]
pub(super) struct OriginRules {
    cors: Option<Regex>,
    hosts: Vec<String>,
}

impl OriginRules {
    pub(super) fn new(cors: Option<&str>, hosts: &[String]) -> Result<Self, ShowError> {
        let compile = |text: &str| {
            Regex::new(&format!("^(?s:{text})$")).map_err(|error| ShowError::Option {
                option: "web.cors.origin",
                detail: error.to_string(),
            })
        };
        let hosts = hosts.iter().map(|host| host.to_ascii_lowercase()).collect();
        Ok(Self { cors: cors.map(compile).transpose()?, hosts })
    }

    /// The answer to a browser's question whether it may ask, when it may.
    pub(super) fn preflight(&self, head: &Parts) -> Option<Response> {
        let asks = head.method == Method::OPTIONS
            && head.headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
        let allowed = self.allows(head.headers.get(header::ORIGIN)?);
        (asks && allowed).then(|| StatusCode::NO_CONTENT.into_response())
    }

    /// Refuses what a page of another site has sent.
    pub(super) fn check(&self, head: &Parts, on_loopback: bool) -> Result<(), Box<Response>> {
        let refuse =
            |message: &'static str| Err(Box::new((StatusCode::FORBIDDEN, message).into_response()));
        let host = asked_host(head);
        if on_loopback && host.is_some_and(|host| !self.is_own_name(host)) {
            return refuse("this host name is not one of this server's; allow it in the options\n");
        }
        if matches!(head.method, Method::GET | Method::HEAD | Method::OPTIONS) {
            return Ok(());
        }
        let foreign = match head.headers.get(header::ORIGIN) {
            Some(origin) => !same_host(origin, host) && !self.allows(origin),
            None => head.headers.get("sec-fetch-site").is_some_and(|site| site == "cross-site"),
        };
        if foreign {
            refuse("requests from pages of other origins are not allowed\n")
        } else {
            Ok(())
        }
    }

    /// Tells the browser that the page may read the answer, when it may.
    pub(super) fn mark(&self, origin: Option<&HeaderValue>, headers: &mut HeaderMap) {
        let Some(origin) = origin.filter(|_| self.cors.is_some()) else { return };
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
        if self.allows(origin) {
            let text = HeaderValue::from_static;
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            let allowed = "Accept, Authorization, Content-Type, Origin, X-Scope-OrgID";
            headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, text(allowed));
            headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, text("GET, POST, OPTIONS"));
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, text("Date"));
        }
    }

    fn allows(&self, origin: &HeaderValue) -> bool {
        let Some(cors) = &self.cors else { return false };
        origin.to_str().is_ok_and(|origin| cors.is_match(origin))
    }

    /// Whether a name cannot be some public domain that was pointed at the loopback address.
    fn is_own_name(&self, host: &str) -> bool {
        let name = without_port(host).trim_end_matches('.').to_ascii_lowercase();
        let literal = name.trim_start_matches('[').trim_end_matches(']');
        !name.contains('.') && !name.contains(':')
            || literal.parse::<IpAddr>().is_ok()
            || name.ends_with(".localhost")
            || self.hosts.contains(&name)
    }
}

/// The host that was asked for: HTTP/2 has it in the address, HTTP/1 in a header.
fn asked_host(head: &Parts) -> Option<&str> {
    let authority = head.uri.authority().map(axum::http::uri::Authority::as_str);
    authority.or_else(|| head.headers.get(header::HOST)?.to_str().ok())
}

fn same_host(origin: &HeaderValue, host: Option<&str>) -> bool {
    let Ok(origin) = origin.to_str() else { return false };
    let Some((_, origin_host)) = origin.split_once("://") else { return false };
    host.is_some_and(|host| host.eq_ignore_ascii_case(origin_host))
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(method: Method, headers: &[(&str, &str)]) -> Parts {
        let mut builder = axum::http::Request::builder().method(method).uri("/x");
        for (name, value) in headers {
            builder = builder.header(*name, *value);
        }
        builder.body(()).unwrap().into_parts().0
    }

    #[test]
    fn pages_of_other_sites_change_nothing() {
        let rules = OriginRules::new(None, &["vigie.example.com".to_owned()]).unwrap();
        let check =
            |method, headers: &[(&str, &str)]| rules.check(&head(method, headers), true).is_ok();
        assert!(check(Method::POST, &[("host", "localhost:9090")]));
        assert!(check(
            Method::POST,
            &[("host", "localhost:9090"), ("origin", "http://localhost:9090")]
        ));
        assert!(!check(Method::POST, &[("host", "localhost:9090"), ("origin", "http://evil.com")]));
        assert!(!check(Method::POST, &[("host", "localhost"), ("origin", "null")]));
        assert!(!check(Method::PUT, &[("host", "localhost"), ("sec-fetch-site", "cross-site")]));
        assert!(check(Method::GET, &[("host", "localhost"), ("origin", "http://evil.com")]));
    }

    #[test]
    fn a_loopback_listener_answers_to_its_own_names_only() {
        let rules = OriginRules::new(None, &["vigie.example.com".to_owned()]).unwrap();
        let ok = |host: &str| rules.check(&head(Method::GET, &[("host", host)]), true).is_ok();
        for own in ["localhost", "127.0.0.1:9090", "[::1]:9090", "prometheus:9090", "a.localhost"] {
            assert!(ok(own), "{own}");
        }
        assert!(ok("vigie.example.com:9090"));
        assert!(!ok("evil.com"));
        assert!(!ok("evil.com.:9090"));
        let outside = head(Method::GET, &[("host", "evil.com")]);
        assert!(rules.check(&outside, false).is_ok());
    }

    #[test]
    fn origins_that_the_expression_allows_may_ask() {
        let rules = OriginRules::new(Some(r"https://.*\.example\.com"), &[]).unwrap();
        let post = |origin| head(Method::POST, &[("host", "localhost"), ("origin", origin)]);
        assert!(rules.check(&post("https://a.example.com"), true).is_ok());
        assert!(rules.check(&post("https://a.example.com.evil.com"), true).is_err());
        let mut headers = HeaderMap::new();
        rules.mark(Some(&HeaderValue::from_static("https://a.example.com")), &mut headers);
        assert_eq!(headers["access-control-allow-origin"], "https://a.example.com");
        assert!(OriginRules::new(Some("("), &[]).is_err());
    }
}
