//! What is counted of every request, by part, route and answer.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::HttpBody as _;
use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::Response;
use parking_lot::Mutex;

use crate::Telemetry;
use crate::telemetry::{Counter, DURATION_BOUNDS_SECONDS, Gauge, Histogram};

/// The numbers of one part.
#[derive(Debug)]
pub(super) struct PartAccess {
    telemetry: Arc<Telemetry>,
    name: &'static str,
    connections: Gauge,
    // Routes are few and fixed: `MatchedPath` is the pattern, never the path that was asked for.
    routes: Mutex<HashMap<(Option<MatchedPathText>, u16), RouteAccess>>,
}

type MatchedPathText = Arc<str>;

#[derive(Debug, Clone)]
struct RouteAccess {
    requests: Counter,
    bytes: Counter,
    durations: Histogram,
}

/// The pattern by which the router found the handler, for whoever counts outside of it.
#[derive(Debug, Clone)]
struct Route(Arc<str>);

/// Copies the matched pattern to the answer, since only a layer within the router sees it.
pub(super) async fn remember_route(request: Request, next: Next) -> Response {
    let matched = request.extensions().get::<MatchedPath>().map(|path| Arc::from(path.as_str()));
    let mut response = next.run(request).await;
    if let Some(matched) = matched {
        response.extensions_mut().insert(Route(matched));
    }
    response
}

/// Counts an open connection until it is dropped.
#[derive(Debug)]
pub(super) struct OpenConnection(Gauge);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.add(-1.0);
    }
}

impl PartAccess {
    pub(super) fn new(telemetry: &Arc<Telemetry>, name: &'static str) -> Self {
        let help = "Connections that are open.";
        let connections = telemetry.gauge("vigie_show_http_connections", help, &[("part", name)]);
        Self { telemetry: Arc::clone(telemetry), name, connections, routes: Mutex::default() }
    }

    pub(super) const fn name(&self) -> &'static str {
        self.name
    }

    pub(super) fn connection(&self) -> OpenConnection {
        self.connections.add(1.0);
        OpenConnection(self.connections.clone())
    }

    pub(super) fn count(&self, response: &Response, took: Duration) {
        let route = response.extensions().get::<Route>().map(|route| Arc::clone(&route.0));
        let code = response.status().as_u16();
        let access = {
            let mut routes = self.routes.lock();
            let key = (route, code);
            match routes.get(&key) {
                Some(access) => access.clone(),
                None => routes.entry(key.clone()).or_insert(self.route(&key)).clone(),
            }
        };
        access.requests.increment();
        access.durations.observe(took.as_secs_f64());
        access.bytes.add(response.body().size_hint().exact().unwrap_or(0));
    }

    pub(super) fn count_refused(&self, reason: &'static str) {
        let help = "Connections that were closed before a request was read.";
        let labels = [("part", self.name), ("reason", reason)];
        self.telemetry.counter("vigie_show_connections_refused_total", help, &labels).increment();
    }

    pub(super) fn count_panic(&self) {
        let help = "Requests that ended in a panic.";
        self.telemetry.counter("vigie_show_panics_total", help, &[("part", self.name)]).increment();
    }

    fn route(&self, (route, code): &(Option<MatchedPathText>, u16)) -> RouteAccess {
        let handler = route.as_deref().unwrap_or("other");
        let code = code.to_string();
        let by_route = [("part", self.name), ("handler", handler)];
        let by_code = [("part", self.name), ("handler", handler), ("code", code.as_str())];
        let telemetry = &self.telemetry;
        RouteAccess {
            requests: telemetry.counter(
                "vigie_show_http_requests_total",
                "Requests answered.",
                &by_code,
            ),
            bytes: telemetry.counter(
                "vigie_show_http_response_bytes_total",
                "Bytes of answers whose size was known when they were sent.",
                &by_route,
            ),
            durations: telemetry.histogram(
                "vigie_show_http_request_duration_seconds",
                "Time from a request's head to the head of its answer.",
                DURATION_BOUNDS_SECONDS,
                &by_route,
            ),
        }
    }
}
