//! Connections: accept, TLS, HTTP/1 and HTTP/2, one service call a request.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{HeaderValue, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures::FutureExt as _;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{NotForContentType, Predicate, SizeAbove};

use super::access::PartAccess;
use super::body::BodyLimits;
use super::refusal::RefusalStyle;
use super::{
    Behind, Entry, FrontDoor, SignIn, TextService, WireService, access, identity, permission, text,
};

/// Answers below this are sent as they are: compressing costs more than it saves on a wire.
const COMPRESS_BYTES_MIN: u64 = 1024;
const REQUEST_ID: header::HeaderName = header::HeaderName::from_static("x-request-id");

/// A part behind the door.
pub(super) struct Part {
    pub(super) door: Arc<FrontDoor>,
    router: Router,
    pub(super) access: PartAccess,
    on_loopback: bool,
    text: Option<Arc<dyn TextService>>,
    wire: Option<Arc<dyn WireService>>,
    pub(super) shutdown: CancellationToken,
}

pub(super) async fn serve(
    door: Arc<FrontDoor>,
    listener: TcpListener,
    behind: Behind,
    name: &'static str,
    shutdown: CancellationToken,
) {
    let on_loopback = listener.local_addr().is_ok_and(|address| address.ip().is_loopback());
    let access = PartAccess::new(&door.telemetry, name);
    let (router, text, wire) = match behind {
        Behind::Http(router) => (router, None, None),
        Behind::HttpOrText(router, text) => (router, Some(text), None),
        Behind::Wire(wire) => (Router::new(), None, Some(wire)),
    };
    let router = with_layers(router);
    let connections = Arc::new(Semaphore::new(door.options.connections_max));
    let grace = door.options.shutdown_grace;
    let part = Arc::new(Part {
        door,
        router,
        access,
        on_loopback,
        text,
        wire,
        shutdown: shutdown.clone(),
    });
    let graceful = GracefulShutdown::new();
    let accepting = accept(&part, &listener, &connections, &graceful);
    tokio::select! {
        () = accepting => {}
        () = shutdown.cancelled() => {}
    }
    drop(listener);
    if tokio::time::timeout(grace, graceful.shutdown()).await.is_err() {
        tracing::warn!(part = name, "requests were still running at the end of the grace period");
    }
}

fn with_layers(router: Router) -> Router {
    let worth = SizeAbove::new(COMPRESS_BYTES_MIN)
        .and(NotForContentType::GRPC)
        .and(NotForContentType::IMAGES)
        .and(NotForContentType::SSE);
    router
        .layer(axum::middleware::from_fn(access::remember_route))
        .layer(CompressionLayer::new().quality(CompressionLevel::Fastest).compress_when(worth))
}

async fn accept(
    part: &Arc<Part>,
    listener: &TcpListener,
    connections: &Arc<Semaphore>,
    graceful: &GracefulShutdown,
) {
    loop {
        let Ok(permit) = Arc::clone(connections).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, peer)) => {
                let watcher = graceful.watcher();
                tokio::spawn(run(Arc::clone(part), stream, peer, watcher, permit));
            }
            Err(error) => {
                // Out of file descriptors, or the peer has gone already; neither ends the part.
                tracing::warn!(part = part.access.name(), %error, "connection was not accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

async fn run(
    part: Arc<Part>,
    stream: TcpStream,
    peer: SocketAddr,
    watcher: Watcher,
    _permit: OwnedSemaphorePermit,
) {
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let open = part.access.connection();
    if let Some(wire) = &part.wire {
        wire.serve(Entry::new(&part, peer), stream).await;
        // The end waits for those who are served.
        drop(watcher);
        return drop(open);
    }
    let loaded = part.door.secrets.current();
    if let Some(text) = &part.text
        && let Some(first) = text::first_byte(&stream, part.door.options.header_timeout).await
        && text.takes(first)
    {
        let is_open = part.door.sign_in(part.access.name()) == SignIn::Nobody;
        if loaded.tls.is_some() || !loaded.users.is_empty() || !is_open {
            return part.access.count_refused("text_without_user");
        }
        text.serve(stream, peer, &part.shutdown).await;
        return drop(open);
    }
    let Some(tls) = &loaded.tls else {
        speak(&part, stream, peer, watcher, loaded.http2).await;
        return drop(open);
    };
    let handshake = tokio_rustls::TlsAcceptor::from(Arc::clone(tls)).accept(stream);
    match tokio::time::timeout(part.door.options.header_timeout, handshake).await {
        Ok(Ok(stream)) => speak(&part, stream, peer, watcher, loaded.http2).await,
        Ok(Err(error)) => {
            part.access.count_refused("tls");
            tracing::debug!(part = part.access.name(), %peer, %error, "no TLS handshake");
        }
        Err(_late) => part.access.count_refused("tls_timeout"),
    }
}

async fn speak<S>(part: &Arc<Part>, stream: S, peer: SocketAddr, watcher: Watcher, http2: bool)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let header_timeout = part.door.options.header_timeout;
    let builder = builder(header_timeout, http2);
    let asked = Arc::new(AtomicBool::new(false));
    let service = {
        let (part, asked) = (Arc::clone(part), Arc::clone(&asked));
        service_fn(move |request| {
            asked.store(true, Ordering::Relaxed);
            let part = Arc::clone(&part);
            async move { Ok::<_, Infallible>(answer(&part, request, peer).await) }
        })
    };
    let io = TokioIo::new(stream);
    let connection = builder.serve_connection_with_upgrades(io, service).into_owned();
    let mut connection = std::pin::pin!(watcher.watch(connection));
    // The protocol is told apart by the first bytes, for which hyper has no timeout of its own.
    let first = tokio::time::timeout(header_timeout, &mut connection).await;
    let ended = match first {
        Ok(ended) => ended,
        Err(_) if asked.load(Ordering::Relaxed) => connection.await,
        Err(_) => return part.access.count_refused("header_timeout"),
    };
    if let Err(error) = ended {
        tracing::debug!(part = part.access.name(), %peer, error, "connection ended early");
    }
}

fn builder(header_timeout: Duration, http2: bool) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(header_timeout);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(250)
        .max_header_list_size(64 << 10)
        .keep_alive_interval(Duration::from_secs(30))
        .keep_alive_timeout(Duration::from_secs(20));
    if http2 { builder } else { builder.http1_only() }
}

/// The way of one request: door, router, and what is noted of it.
async fn answer(part: &Part, request: Request<Incoming>, peer: SocketAddr) -> Response {
    let clock = &part.door.world.clock;
    let started = clock.monotonic();
    let request_id = request_id(part, &request);
    let asked_from = request.headers().get(header::ORIGIN).cloned();
    let mut response = match enter(part, request, peer, &request_id).await {
        Ok(request) => called(part, request).await,
        Err(refusal) => *refusal,
    };
    let headers = response.headers_mut();
    headers.insert(REQUEST_ID, request_id);
    part.door.origins.mark(asked_from.as_ref(), headers);
    for (name, value) in &part.door.secrets.current().headers {
        headers.insert(name.clone(), value.clone());
    }
    part.access.count(&response, clock.monotonic().saturating_sub(started));
    response
}

/// Lets a request in, or refuses it.
async fn enter(
    part: &Part,
    request: Request<Incoming>,
    peer: SocketAddr,
    request_id: &HeaderValue,
) -> Result<Request<Body>, Box<Response>> {
    let door = &part.door;
    let (mut head, body) = request.into_parts();
    if let Some(answer) = door.origins.preflight(&head) {
        return Err(Box::new(answer));
    }
    door.origins.check(&head, part.on_loopback)?;
    let name = part.access.name();
    let identity = identity::authorize(door, name, &head, peer).await?;
    if door.sign_in(name) != SignIn::ByRouter {
        let role = permission::needed(name, &head.method, head.uri.path());
        permission::check(&identity, role, RefusalStyle::of(name, &head))?;
    }
    tracing::trace!(
        part = part.access.name(), method = %head.method, uri = %head.uri, %peer, ?request_id,
        tenant = %identity.tenant, "request"
    );
    head.extensions.insert(identity);
    head.extensions.insert(ConnectInfo(peer));
    head.extensions.insert(BodyLimits::of(door));
    Ok(Request::from_parts(head, Body::new(body)))
}

async fn called(part: &Part, request: Request<Body>) -> Response {
    let call = AssertUnwindSafe(part.router.clone().oneshot(request)).catch_unwind();
    match call.await {
        Ok(Ok(response)) => response,
        Ok(Err(never)) => match never {},
        Err(_panic) => {
            // The panic hook has written where it happened.
            tracing::error!(part = part.access.name(), "a handler panicked");
            part.access.count_panic();
            (StatusCode::INTERNAL_SERVER_ERROR, "internal error\n").into_response()
        }
    }
}

/// The caller's id where it is a harmless one, else a new one.
fn request_id(part: &Part, request: &Request<Incoming>) -> HeaderValue {
    let given = request.headers().get(REQUEST_ID);
    let harmless = |id: &&HeaderValue| {
        let bytes = id.as_bytes();
        (1..=64).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic)
    };
    if let Some(id) = given.filter(harmless) {
        return id.clone();
    }
    let id = format!("{:016x}", part.door.world.random.next_u64());
    HeaderValue::from_str(&id).unwrap_or_else(|_| HeaderValue::from_static("0"))
}
