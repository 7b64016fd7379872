//! The stages of a running process, opened in the order in which data travels.

mod aggregation;
mod auto_reload;
mod beats;
mod defaults;
mod doors;
mod elasticsearch;
mod filebeat;
mod incidents;
mod listeners;
mod local;
mod log_doors;
mod logstash;
mod loki;
mod operator;
mod options;
mod page_routes;
mod people;
pub(crate) mod respond;
pub(crate) mod rules;
mod signals;
mod span_telemetry;
mod sql;
mod targets;
mod traces;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use anyhow::{Context, Result};
use axum::Router;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use vigie_alert::ManagerOptions;
use vigie_dial::HttpEnvironment;
use vigie_model::{AlertSink, TenantId};
use vigie_query::Engine;
use vigie_receive::config::LoadedConfig;
use vigie_receive::host::Host;
use vigie_receive::lines::LineMetrics;
use vigie_receive::remote_read::RemoteReaders;
use vigie_receive::remote_write::RemoteWriters;
use vigie_receive::scrape::ScrapeManager;
use vigie_show::alertmanager::AlertmanagerState;
use vigie_show::prometheus::{BuildInformation, Operator, PrometheusState};
use vigie_show::traces::TracesState;
use vigie_show::{FrontDoor, Telemetry, alertmanager, behind_sign_in, grafana, page, prometheus};
use vigie_store::{Store, StoreOptions};
use vigie_world::World;

use self::aggregation::Incoming;
pub(crate) use self::aggregation::rules_of;
use self::doors::Doors;
use self::incidents::Incidents;
use self::listeners::Listeners;
use self::log_doors::LogDoors;
use self::operator::{Origin, Process, Stages};
use self::options::{api_options, door_options, engine_options, flags};
use self::page_routes::PageDoors;
use self::people::People;
use self::respond::Reacting;
use self::rules::{Rules, RulesParts};
use crate::config::environment;
use crate::plan::Plan;

/// Runs until it is told to end.
pub(crate) async fn run(plan: Plan, world: World) -> Result<()> {
    let stop = CancellationToken::new();
    let telemetry = Telemetry::new();
    let people = plan.people.as_ref().map(|part| People::open(part, &world)).transpose()?;
    let known = people.as_ref().zip(plan.people.as_ref());
    let known = known.and_then(|(people, part)| people.at_the_door(part));
    let options = door_options(&plan);
    let door = FrontDoor::new(options, world.clone(), Arc::clone(&telemetry), known)?;
    let mut listeners = Listeners::new(door, stop.clone());
    let host = local::host(&plan.host_flags, &world)?;
    let ports = Ports::take(&plan, &listeners).await?;
    let host_address = ports.host.as_ref().and_then(|listener| listener.local_addr().ok());
    if let Some(listener) = ports.host {
        listeners.serve("host", listener, local::host_router(Arc::clone(&host)));
    }
    let page_port = ports.page.as_ref().and_then(|listener| listener.local_addr().ok());
    let doors = PageDoors { page: page_port.map(|address| address.port()) };
    let reacting =
        react(&plan, ports.alerts, (&world, &telemetry), &mut listeners, (doors, &stop))?;
    let Some(options) = &plan.store else {
        tracing::info!("ready");
        let reacting = reacting.map(|(reacting, _)| reacting);
        signals::until_stopped(&stop, async || reload(reacting.as_ref()).await).await;
        listeners.ended().await;
        if let Some(reacting) = reacting {
            reacting.responder.stop().await;
        }
        return Ok(());
    };
    if let Some(listener) = ports.logs_page {
        listeners.serve("logs_page", listener, doors.wrap("/explore/logs", Router::new()));
    }
    let page_doors = doors;
    let doors = Doors::take(&plan.doors, &listeners).await?;
    let metrics = MetricsPart {
        options,
        api: ports.api,
        page: ports.page,
        elasticsearch: ports.elasticsearch,
        loki: ports.loki,
        host_address,
        reacting,
        doors,
        page_doors,
        people,
    };
    metrics.run(&plan, &world, host, &telemetry, &mut listeners, &stop).await
}

/// Reloads where nothing else is to be reloaded.
async fn reload(reacting: Option<&Arc<Reacting>>) {
    if let Some(reacting) = reacting {
        // The outcome is logged where it is known.
        reacting.reload_now().await.ok();
    }
}

/// Starts to react to alerts, and serves Alertmanager's API.
fn react(
    plan: &Plan,
    ports: Vec<TcpListener>,
    (world, telemetry): (&World, &Arc<Telemetry>),
    listeners: &mut Listeners,
    (doors, stop): (PageDoors, &CancellationToken),
) -> Result<Option<(Arc<Reacting>, Arc<AlertmanagerState>)>> {
    let Some(part) = &plan.respond else { return Ok(None) };
    let address = ports.first().and_then(|listener| listener.local_addr().ok());
    let address =
        address.map_or_else(|| "localhost:9093".to_owned(), |address| address.to_string());
    let http = HttpEnvironment { variable: Arc::new(environment), ..HttpEnvironment::default() };
    let reacting = Reacting::start(part.clone(), world, http.clone(), &address)?;
    let state = reacting.state(telemetry, address);
    for listener in ports {
        // The line that scripts and test harnesses of Alertmanager wait for.
        if let Ok(address) = listener.local_addr() {
            tracing::info!(%address, "Listening on");
        }
        let router = doors.wrap("/alertmanager", alertmanager::router(Arc::clone(&state)));
        listeners.serve("alertmanager", listener, router);
    }
    if let Some(heartbeat) = reacting.heartbeat() {
        let responder = Arc::clone(&reacting.responder);
        tokio::spawn(respond::beat(heartbeat, responder, (world.clone(), http), stop.clone()));
    }
    Ok(Some((reacting, state)))
}

/// The ports that could be had.
struct Ports {
    api: Vec<TcpListener>,
    alerts: Vec<TcpListener>,
    page: Option<TcpListener>,
    logs_page: Option<TcpListener>,
    elasticsearch: Option<TcpListener>,
    loki: Option<TcpListener>,
    host: Option<TcpListener>,
}

impl Ports {
    async fn take(plan: &Plan, listeners: &Listeners) -> Result<Self> {
        let mut api = Vec::new();
        for port in &plan.prometheus_ports {
            api.extend(listeners.bind("prometheus", port).await?);
        }
        let mut alerts = Vec::new();
        for port in plan.respond.iter().flat_map(|respond| &respond.ports) {
            alerts.extend(listeners.bind("alertmanager", port).await?);
        }
        let page = listeners.bind_wanted("page", plan.page_port.as_ref()).await?;
        let logs_page = listeners.bind_wanted("logs_page", plan.logs_page_port.as_ref()).await?;
        let elasticsearch =
            listeners.bind_wanted("elasticsearch", plan.elasticsearch_port.as_ref()).await?;
        let loki = listeners.bind_wanted("loki", plan.loki_port.as_ref()).await?;
        let host = listeners.bind_wanted("host", plan.host_port.as_ref()).await?;
        Ok(Self { api, alerts, page, logs_page, elasticsearch, loki, host })
    }
}

/// Everything that needs a store: receiving, keeping, answering, showing metrics.
struct MetricsPart<'a> {
    options: &'a StoreOptions,
    api: Vec<TcpListener>,
    page: Option<TcpListener>,
    elasticsearch: Option<TcpListener>,
    loki: Option<TcpListener>,
    host_address: Option<SocketAddr>,
    reacting: Option<(Arc<Reacting>, Arc<AlertmanagerState>)>,
    doors: Doors,
    page_doors: PageDoors,
    people: Option<People>,
}

impl MetricsPart<'_> {
    #[expect(clippy::too_many_lines, reason = "the list of stages, in the order of the data")]
    async fn run(
        self,
        plan: &Plan,
        world: &World,
        host: Arc<Host>,
        telemetry: &Arc<Telemetry>,
        listeners: &mut Listeners,
        stop: &CancellationToken,
    ) -> Result<()> {
        let api_address = self.api.first().and_then(|listener| listener.local_addr().ok());
        let (origin, loaded) = configuration(plan, api_address, self.host_address, world)?;

        // store
        let store = Store::open(self.options.clone(), world.clone())
            .await
            .with_context(|| format!("opening the store in {}", self.options.data.display()))?;
        let http =
            HttpEnvironment { variable: Arc::new(environment), ..HttpEnvironment::default() };
        let remotes =
            Arc::new(RemoteWriters::new(world.clone(), self.options.data.clone(), http.clone()));
        let sink = remotes.sink(store.sink());
        let readers = Arc::new(RemoteReaders::new(world.clone(), http.clone()));
        // The configuration file is the default tenant's.
        store.read_also(TenantId::default_tenant(), Arc::clone(&readers) as _);

        // query
        let engine = Arc::new(Engine::new(engine_options(plan, &loaded)));

        // receive
        let incoming = Incoming::open(plan, &sink, world).await?;
        let own = Arc::new(local::OwnMetrics::default());
        let local = local::targets(Arc::clone(&own) as _, host, api_address, self.host_address);
        let scrape =
            ScrapeManager::new(world.clone(), Arc::clone(&incoming.sink), http.clone(), local)
                .with_created_as_start(plan.created_as_start);
        let scrape = Arc::new(scrape);
        let lines = Arc::new(LineMetrics::default());
        local::register_receive(telemetry, &scrape, &remotes, &lines);

        // alert
        let parts = RulesParts {
            world: world.clone(),
            store: Arc::clone(&store),
            engine: Arc::clone(&engine),
            sink: Arc::clone(&sink),
            http,
            own_sinks: self.own_sinks(),
        };
        let options = ManagerOptions {
            external_url: rules::external_url(plan.external_url.as_deref(), api_address),
            ..plan.rules.clone()
        };
        let rules = Arc::new(Rules::new(parts, options, plan.rule_files.clone()));
        local::register_alert(telemetry, &rules);

        let stages = Stages {
            scrape: Arc::clone(&scrape),
            remotes: Arc::clone(&remotes),
            readers,
            rules: Arc::clone(&rules),
            reacting: self.reacting.as_ref().map(|(reacting, _)| Arc::clone(reacting)),
        };
        stages.apply(&loaded).await.map_err(anyhow::Error::msg)?;
        let otlp_config = loaded.config.otlp.clone();
        let process = Process::new(origin, loaded, world.clone(), stages, stop.clone());

        // show
        let state = Arc::new(PrometheusState {
            store: Arc::clone(&store),
            sink: Arc::clone(&incoming.sink),
            engine,
            targets: Arc::new(targets::Targets::new(Arc::clone(&scrape))),
            rules: Arc::clone(&rules) as _,
            operator: Arc::clone(&process) as Arc<dyn Operator>,
            telemetry: Arc::clone(telemetry),
            world: world.clone(),
            options: api_options(plan),
            build: BuildInformation::default(),
            flags: flags(plan),
        });
        own.show(&state);
        let otlp = traces::Doors::new(plan, &state, world, telemetry)?;
        otlp.follow(&otlp_config);
        otlp.start(world, stop);
        let mut router = prometheus::router(Arc::clone(&state)).merge(otlp.prometheus_router());
        if let Some((_, state)) = &self.reacting {
            router = router.merge(alertmanager::native_router(Arc::clone(state)));
        }
        let sql = sql::state(&state)?;
        let evidence = incidents::Kept { sql: Arc::clone(&sql) };
        let incidents = self.incidents(plan, evidence, (world, telemetry), stop);
        if let Some(incidents) = &incidents {
            router = router.merge(vigie_show::incidents::router(Arc::clone(incidents) as _));
        }
        let documents = elasticsearch::router(plan, self.options, &store, world, telemetry);
        let alerts = self.reacting.as_ref().map(|(_, state)| state);
        let loki = loki::state(plan, &store, world);
        let log_lines = vigie_show::loki::questions_router(Arc::clone(&loki));
        router = page_routes::add(router, &documents, (otlp.query_router(), log_lines), alerts);
        router = router.merge(vigie_show::sql::router(Arc::clone(&sql)));
        router =
            router.merge(vigie_show::traces::router(TracesState { store: Arc::clone(&store) }));
        for listener in self.api {
            let router = router.clone().merge(page::router());
            let router = page::below(&plan.web.route_prefix, router);
            listeners.serve("prometheus", listener, router);
        }
        if let Some(listener) = self.page {
            tell_where_to_look(&listener);
            let is_open = plan.people.as_ref().is_none_or(|p| p.sign_in.leaves_page_open());
            let router = if is_open { router } else { behind_sign_in(router) };
            let mut router = router.merge(page::router());
            if let Some((people, part)) = self.people.as_ref().zip(plan.people.as_ref()) {
                let state = people.grafana(part, world);
                router = router
                    .merge(grafana::router(Arc::clone(&state)))
                    .merge(grafana::public_router(state));
            }
            listeners.serve("page", listener, router);
        }
        if let Some(listener) = self.elasticsearch {
            listeners.serve("elasticsearch", listener, documents);
        }
        if let Some(listener) = self.loki {
            listeners.serve("loki", listener, loki::router(loki));
        }
        sql::open(plan.postgres_port.as_ref(), &sql, listeners).await?;
        self.doors.serve(&state, &lines, listeners).await;
        let log_doors = LogDoors::new(telemetry, world);
        let mut pipelines = logstash::OpenPipelines::default();
        if let Some(part) = &plan.logstash {
            let (data, tools) = ((&store, &*self.options.data), (world, &**telemetry, &log_doors));
            pipelines = logstash::start(part, data, tools, listeners, stop).await?;
        }
        let takes_beats =
            pipelines.kinds.iter().any(|kind| logstash::IS_BEATS.contains(&kind.as_str()));
        let port = plan.beats_port.as_ref().filter(|_| !takes_beats);
        beats::open(port, (&store, world), telemetry, (&mut *listeners, stop)).await?;
        log_doors
            .open_own(&plan.log_ports, &pipelines.kinds, &store, (&mut *listeners, stop))
            .await?;
        for config in &plan.filebeat {
            let (data, tools) = ((&store, &*self.options.data), (world, &**telemetry, &log_doors));
            filebeat::start(config, data, tools, &pipelines, (&mut *listeners, stop)).await?;
        }
        otlp.open(&plan.trace_ports, listeners, (self.page_doors, stop)).await?;
        process.is_ready.store(true, Ordering::Release);
        announce(Arc::clone(&store), Arc::clone(&rules));
        if let Some((every, path)) = plan.auto_reload.zip(plan.prometheus.clone()) {
            auto_reload::start(path, every, Arc::clone(&process), stop.clone());
        }

        signals::until_stopped(stop, async || {
            // The outcome is logged where it is known.
            process.reload_now().await.ok();
        })
        .await;
        process.is_ready.store(false, Ordering::Release);
        tracing::info!("stopping: receivers first, the store last");
        scrape.stop().await;
        rules.stop().await;
        listeners.ended().await;
        otlp.stop().await;
        incoming.stop().await;
        if let Some(incidents) = &incidents {
            incidents.stop().await;
        }
        if let Some((reacting, _)) = &self.reacting {
            reacting.responder.stop().await;
        }
        remotes.stop().await;
        store.close().await.context("closing the store")?;
        tracing::info!("stopped, everything is on disk");
        Ok(())
    }
}

impl MetricsPart<'_> {
    /// Alerts become incidents, where they are taken and nothing else was said.
    fn incidents(
        &self,
        plan: &Plan,
        evidence: incidents::Kept,
        (world, telemetry): (&World, &Telemetry),
        stop: &CancellationToken,
    ) -> Option<Arc<Incidents>> {
        let (reacting, _) = self.reacting.as_ref()?;
        let (folder, plan) = plan.incidents.clone()?;
        let responder = Arc::clone(&reacting.responder);
        let parts = (responder, Arc::new(evidence) as _);
        let incidents = Incidents::start(parts, folder, plan, world, stop);
        incidents.register(telemetry);
        Some(incidents)
    }

    /// Who in this process takes the rules' alerts.
    fn own_sinks(&self) -> Vec<Arc<dyn AlertSink>> {
        let own = self.reacting.iter();
        own.map(|(reacting, _)| Arc::clone(&reacting.responder) as Arc<dyn AlertSink>).collect()
    }
}

/// When everything that is kept can be found: says so, and lets rules run.
fn announce(store: Arc<Store>, rules: Arc<Rules>) {
    tokio::spawn(async move {
        if store.replayed().await.is_ok() {
            rules.start();
            // Scripts and test harnesses of Prometheus wait for this line.
            tracing::info!("Server is ready to receive web requests.");
        }
    });
}

/// The configuration that will run, and where it comes from.
fn configuration(
    plan: &Plan,
    api: Option<SocketAddr>,
    host: Option<SocketAddr>,
    world: &World,
) -> Result<(Origin, LoadedConfig)> {
    let origin = match &plan.prometheus {
        Some(path) => Origin::File(path.clone()),
        None => Origin::BuiltIn(defaults::prometheus_yml(api, host)),
    };
    let loaded = origin.load(world)?;
    if plan.is_agent {
        crate::promtool::check_agent(&loaded).map_err(anyhow::Error::msg)?;
    }
    for part in &loaded.not_yet_served {
        tracing::warn!(section = part.section, line = part.line, "not yet served");
    }
    for warning in &loaded.warnings {
        tracing::warn!(warning, "configuration");
    }
    for found in &plan.not_yet_served {
        let kind = found.kind.describe();
        tracing::warn!(file = %found.path.display(), kind, "not yet served");
    }
    Ok((origin, loaded))
}

/// The one line that a person who starts Vigie looks for.
fn tell_where_to_look(listener: &TcpListener) {
    if let Ok(address) = listener.local_addr() {
        tracing::info!("open http://{address} in a browser");
    }
}
