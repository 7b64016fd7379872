//! The input `http` of Logstash's pipelines: what is posted to any path becomes events, and is
//! answered when they are kept.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, FromRequest as _, State};
use axum::http::request::Parts;
use axum::http::{Request, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use vigie_model::event::{EventBatch, EventOrigin, EventSink, RefusalKind};
use vigie_process::{HttpInputOptions, HttpRequestFacts};
use vigie_world::World;

use crate::front_door::RequestBody;
use crate::logstash::InputCount;

/// An input that is open.
pub struct HttpInput {
    options: HttpInputOptions,
    id: String,
    sink: Arc<dyn EventSink>,
    world: World,
    events: AtomicU64,
}

impl std::fmt::Debug for HttpInput {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpInput").field("id", &self.id).finish_non_exhaustive()
    }
}

impl InputCount for HttpInput {
    fn events(&self) -> u64 {
        self.events.load(Ordering::Relaxed)
    }
}

impl HttpInput {
    /// An input that leads to `sink`.
    pub fn new(
        options: HttpInputOptions,
        id: String,
        sink: Arc<dyn EventSink>,
        world: World,
    ) -> Arc<Self> {
        Arc::new(Self { options, id, sink, world, events: AtomicU64::new(0) })
    }

    /// Any path, any method.
    pub fn router(self: Arc<Self>) -> Router {
        Router::new().fallback(take).with_state(self)
    }

    /// Whether whoever sends may.
    fn lets_in(&self, head: &Parts) -> bool {
        let Some((user, password)) = &self.options.user else { return true };
        let said = head.headers.get(header::AUTHORIZATION);
        let said = said.and_then(|value| value.to_str().ok()?.strip_prefix("Basic "));
        let said = said.and_then(|text| STANDARD.decode(text.trim()).ok()).unwrap_or_default();
        let wanted = format!("{user}:{password}");
        // As long as what was said takes, whatever of it is right.
        let differs = said.iter().enumerate().fold(0_u8, |differs, (at, byte)| {
            differs | (byte ^ wanted.as_bytes().get(at).copied().unwrap_or_default())
        });
        differs == 0 && said.len() == wanted.len()
    }
}

async fn take(
    State(input): State<Arc<HttpInput>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request<Body>,
) -> Response {
    let (head, body) = request.into_parts();
    if !input.lets_in(&head) {
        let challenge = [(header::WWW_AUTHENTICATE, "Basic realm=\"logstash\"")];
        return (StatusCode::UNAUTHORIZED, challenge).into_response();
    }
    let request = Request::from_parts(head.clone(), body);
    let body = match RequestBody::from_request(request, &()).await {
        Ok(body) if body.is_snappy => return StatusCode::UNSUPPORTED_MEDIA_TYPE.into_response(),
        Ok(body) => body,
        Err(error) => return error.into_response(),
    };
    let headers: Vec<(&str, &str)> = (head.headers.iter())
        .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
        .collect();
    let facts = HttpRequestFacts {
        method: head.method.as_str(),
        path: head.uri.path_and_query().map_or("/", |path| path.as_str()),
        version: &format!("{:?}", head.version),
        headers: &headers,
        sender: peer.ip(),
    };
    let now_ns = input.world.clock.now_ms().saturating_mul(1_000_000);
    let events = input.options.events(&body.bytes, &facts, now_ns);
    let count = events.len() as u64;
    let origin = EventOrigin {
        kind: "http".into(),
        input: input.id.as_str().into(),
        peer: Some(peer),
        ..EventOrigin::default()
    };
    match input.sink.deliver(EventBatch { origin, events }).await {
        Ok(()) => {
            input.events.fetch_add(count, Ordering::Relaxed);
            let code = StatusCode::from_u16(input.options.response_code);
            (code.unwrap_or(StatusCode::OK), "ok").into_response()
        }
        Err(refusal) if refusal.kind == RefusalKind::Invalid => {
            (StatusCode::BAD_REQUEST, refusal.message).into_response()
        }
        // What clients of Logstash expect of one that is busy; they come again.
        Err(refusal) => (StatusCode::TOO_MANY_REQUESTS, refusal.message).into_response(),
    }
}
