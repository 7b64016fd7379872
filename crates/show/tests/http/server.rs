//! A server under test: the in-process store behind the front door on a port of its own.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::future::BoxFuture;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use vigie_model::{Acknowledge, Labels, MetricBatch, MetricSink as _, TenantId};
use vigie_query::{Engine, EngineOptions};
use vigie_receive::scrape::{
    DiscoveryStatus, DroppedTarget, PoolStatus, TargetHealth, TargetMetadata, TargetStatus,
    TargetsStatus,
};
use vigie_show::postgres::PostgresService;
use vigie_show::prometheus::{
    BuildInformation, Operator, PrometheusOptions, PrometheusState, RelabelStep, ReloadOutcome,
    TargetSource,
};
use vigie_show::sql::SqlState;
use vigie_show::{FrontDoor, FrontDoorOptions, Telemetry};
use vigie_sql::{SqlEngine, SqlLimits};
use vigie_store::{Store, StoreOptions};
use vigie_world::World;

/// Time of the newest sample that servers under test hold.
pub(crate) const NOW_MS: i64 = 1_700_000_000_000;

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) operator: Arc<TestOperator>,
    pub(crate) store: Arc<Store>,
    shutdown: CancellationToken,
    _folder: tempfile::TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

#[derive(Debug, Default)]
pub(crate) struct TestOperator {
    pub(crate) is_quitting: AtomicBool,
    pub(crate) fails_to_reload: AtomicBool,
}

impl Operator for TestOperator {
    fn is_ready(&self) -> bool {
        true
    }
    fn is_stopping(&self) -> bool {
        self.is_quitting.load(Ordering::Relaxed)
    }
    fn reload(&self) -> BoxFuture<'_, Result<(), String>> {
        let fails = self.fails_to_reload.load(Ordering::Relaxed);
        Box::pin(async move { if fails { Err("line 3: no".to_owned()) } else { Ok(()) } })
    }
    fn quit(&self) {
        self.is_quitting.store(true, Ordering::Relaxed);
    }
    fn configuration(&self) -> Arc<str> {
        Arc::from("global: {}\n")
    }
    fn external_labels(&self) -> Labels {
        Labels::from_pairs([("region", "eu")])
    }
    fn last_reload(&self) -> ReloadOutcome {
        ReloadOutcome { is_success: true, at_ms: NOW_MS }
    }
}

#[derive(Debug)]
struct TestTargets;

impl TargetSource for TestTargets {
    fn targets(&self) -> TargetsStatus {
        let pool: Arc<str> = Arc::from("node");
        let target = TargetStatus {
            scrape_pool: Arc::clone(&pool),
            discovered_labels: Labels::from_pairs([("__address__", "localhost:9100")]),
            labels: Labels::from_pairs([("instance", "localhost:9100"), ("job", "node")]),
            scrape_url: "http://localhost:9100/metrics".to_owned(),
            global_url: "http://machine:9100/metrics".to_owned(),
            last_error: "connection refused".to_owned(),
            last_scrape_ms: NOW_MS,
            last_scrape_duration_seconds: 0.25,
            health: TargetHealth::Down,
            scrape_interval_ms: 15_000,
            scrape_timeout_ms: 10_000,
        };
        let discovered_labels = Labels::from_pairs([("__address__", "other:1")]);
        let dropped = DroppedTarget { scrape_pool: Arc::clone(&pool), discovered_labels };
        TargetsStatus {
            active: vec![target],
            dropped: vec![dropped],
            dropped_counts: vec![(pool, 1)],
        }
    }
    fn pools(&self) -> Vec<PoolStatus> {
        Vec::new()
    }
    fn discoveries(&self) -> Vec<DiscoveryStatus> {
        Vec::new()
    }
    fn metadata(&self, _metric: Option<&str>) -> Vec<TargetMetadata> {
        Vec::new()
    }
    fn scrape_pool_config(&self, pool: &str) -> Result<String, String> {
        Err(format!("unknown scrape pool: {pool}"))
    }
    fn relabel_steps(&self, _pool: &str, _labels: &Labels) -> Result<Vec<RelabelStep>, String> {
        Ok(Vec::new())
    }
}

/// SQL over an empty store behind a door with these options, as PostgreSQL speaks it.
pub(crate) async fn start_postgres(door: FrontDoorOptions) -> Server {
    let folder = tempfile::tempdir().unwrap();
    let world = World::real();
    let store = Store::open(StoreOptions::new(folder.path()), world.clone()).await.unwrap();
    let sql = SqlState {
        engine: Arc::new(SqlEngine::new(SqlLimits::default()).unwrap()),
        store: Arc::clone(&store),
        promql: Arc::new(Engine::new(EngineOptions::default())),
        world: world.clone(),
    };
    let service = Arc::new(PostgresService::new(Arc::new(sql)));
    let door = FrontDoor::new(door, world, Telemetry::new(), None).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let shutdown = CancellationToken::new();
    tokio::spawn(door.serve_wire(listener, service, "postgres", shutdown.clone()));
    let operator = Arc::new(TestOperator::default());
    Server { address, operator, store, shutdown, _folder: folder }
}

/// A server with these options.
pub(crate) async fn start(door: FrontDoorOptions, options: PrometheusOptions) -> Server {
    let folder = tempfile::tempdir().unwrap();
    let world = World::real();
    let store = Store::open(StoreOptions::new(folder.path()), world.clone()).await.unwrap();
    let operator = Arc::new(TestOperator::default());
    let telemetry = Telemetry::new();
    let state = PrometheusState {
        store: Arc::clone(&store),
        sink: Arc::clone(&store) as _,
        engine: Arc::new(Engine::new(EngineOptions::default())),
        targets: Arc::new(TestTargets),
        rules: Arc::new(vigie_show::prometheus::NoRules),
        operator: Arc::clone(&operator) as _,
        telemetry: Arc::clone(&telemetry),
        world: world.clone(),
        options,
        build: BuildInformation::default(),
        flags: BTreeMap::from([("web.enable-lifecycle".to_owned(), "true".to_owned())]),
    };
    let router = vigie_show::prometheus::router(Arc::new(state)).merge(crash_router());
    let router = router.merge(vigie_show::page::router());
    let door = FrontDoor::new(door, world, telemetry, None).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let shutdown = CancellationToken::new();
    tokio::spawn(door.serve(listener, router, "prometheus", shutdown.clone()));
    Server { address, operator, store, shutdown, _folder: folder }
}

/// A route whose handler panics.
fn crash_router() -> axum::Router {
    async fn crash() -> &'static str {
        panic!("as the test wants");
    }
    axum::Router::new().route("/crash", axum::routing::get(crash))
}

/// A server with everything on, which holds two series of `tenant`'s.
pub(crate) async fn start_filled() -> Server {
    let options = PrometheusOptions {
        enable_admin_api: true,
        enable_lifecycle: true,
        ..PrometheusOptions::default()
    };
    let server = start(FrontDoorOptions::default(), options).await;
    let mut batch = MetricBatch::new();
    for (job, value) in [("a", 1.0), ("b", 2.5)] {
        let labels = Labels::from_pairs([("__name__", "up"), ("job", job), ("http.status", "200")]);
        batch.push_series(&labels).sample(NOW_MS - 15_000, value).sample(NOW_MS, value);
    }
    let tenant = TenantId::default_tenant();
    server.store.write(&tenant, batch, Acknowledge::Durable).await.unwrap();
    server
}

impl Server {
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// A client that does not follow redirects.
    pub(crate) fn client() -> reqwest::Client {
        let provider = rustls::crypto::ring::default_provider();
        // Another test may have installed it already.
        let _first = provider.install_default();
        reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap()
    }
}
