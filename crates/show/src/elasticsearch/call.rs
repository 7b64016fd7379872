//! A request, taken apart.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};
use bytes::Bytes;
use percent_encoding::percent_decode_str;
use serde_json::Value;
use vigie_model::TenantId;

use super::error::ApiError;

/// A request.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) method: Method,
    /// The path's parts, decoded.
    pub(super) path: Vec<String>,
    pub(super) parameters: BTreeMap<String, String>,
    pub(super) body: Bytes,
    pub(super) tenant: TenantId,
    /// What the asker wants, when it is one of Elasticsearch's own media types.
    pub(super) media_type: Option<&'static str>,
    stop: Arc<AtomicBool>,
}

/// Parameters of one address.
const PARAMETERS_MAX: usize = 200;

impl Call {
    pub(super) fn new(head: &Parts, tenant: TenantId) -> Self {
        let decode = |part: &str| percent_decode_str(part).decode_utf8_lossy().into_owned();
        let path = head.uri.path().split('/').filter(|part| !part.is_empty()).map(decode).collect();
        let query = head.uri.query().unwrap_or_default();
        let pairs = url::form_urlencoded::parse(query.as_bytes()).take(PARAMETERS_MAX);
        let parameters =
            pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
        Self {
            method: head.method.clone(),
            path,
            parameters,
            body: Bytes::new(),
            tenant,
            media_type: media_type(&head.headers),
            stop: Arc::default(),
        }
    }

    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(String::as_str)
    }

    /// A parameter that is true when it is there, unless it says `false`.
    pub(super) fn flag(&self, name: &str) -> bool {
        self.parameter(name).is_some_and(|value| value != "false")
    }

    pub(super) fn number(&self, name: &str) -> Result<Option<usize>, ApiError> {
        let Some(text) = self.parameter(name) else { return Ok(None) };
        text.parse().map(Some).map_err(|_| {
            let reason = format!("Failed to parse int parameter [{name}] with value [{text}]");
            ApiError::new("illegal_argument_exception", reason, 400)
        })
    }

    /// The body as JSON; an empty one is `{}`, and `source` in the address stands for one.
    pub(super) fn json(&self) -> Result<Value, ApiError> {
        let source = self.parameter("source").map(str::as_bytes);
        let text = if self.body.is_empty() { source.unwrap_or_default() } else { &self.body };
        if text.iter().all(u8::is_ascii_whitespace) {
            return Ok(Value::Object(serde_json::Map::new()));
        }
        serde_json::from_slice(text).map_err(|error| ApiError::json(&error))
    }

    pub(super) fn is_write(&self) -> bool {
        let last = self.path.iter().rfind(|part| part.starts_with('_')).map_or("", String::as_str);
        let writes =
            ["_bulk", "_doc", "_create", "_update", "_delete_by_query", "_update_by_query"];
        writes.contains(&last) && self.method != Method::GET
    }

    /// Set when nobody waits for the answer.
    pub(super) fn stop(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.stop)
    }

    pub(super) fn stop_guard(&self) -> StopGuard {
        StopGuard(Arc::clone(&self.stop))
    }
}

/// Says that nobody waits any more when it is dropped.
#[derive(Debug)]
pub(super) struct StopGuard(Arc<AtomicBool>);

impl Drop for StopGuard {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn media_type(headers: &HeaderMap) -> Option<&'static str> {
    let accept = headers.get(header::ACCEPT)?.to_str().ok()?;
    let compact: String = accept.chars().filter(|c| !c.is_whitespace()).collect();
    if !compact.contains("application/vnd.elasticsearch+") {
        return None;
    }
    // Both are spoken: what differs between them concerns nothing that is served.
    Some(if compact.contains("compatible-with=9") {
        "application/vnd.elasticsearch+json;compatible-with=9"
    } else {
        "application/vnd.elasticsearch+json;compatible-with=8"
    })
}

impl Call {
    /// The same with other parameters, for a part of a request that has its own.
    pub(super) fn with_parameters(&self, parameters: BTreeMap<String, String>) -> Self {
        Self {
            method: self.method.clone(),
            path: self.path.clone(),
            parameters,
            body: Bytes::new(),
            tenant: self.tenant.clone(),
            media_type: self.media_type,
            stop: Arc::clone(&self.stop),
        }
    }
}
