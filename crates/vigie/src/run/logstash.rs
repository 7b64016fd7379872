//! Pipelines of `logstash.conf`: their inputs opened, their outputs wired, their API served.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rustls::ServerConfig;
use tokio_util::sync::CancellationToken;
use vigie_dial::HttpEnvironment;
use vigie_model::event::{EventSink, IndexPattern, LogIndexes};
use vigie_model::{LogSink, TenantId};
use vigie_process::{
    BuildOptions, Built, DeadLetterQueue, HttpInputOptions, Input, InputTls, OutputContext,
    PipelineSink, Stages, VigieHosts, build, inputs,
};
use vigie_receive::beats::{BeatsOptions, BeatsStats};
use vigie_receive::text_door::TextDoorStats;
use vigie_receive::tls::ServerTls;
use vigie_show::Telemetry;
use vigie_show::http_input::HttpInput;
use vigie_show::logstash::{InputCount, LogstashState, RunningPipeline, router};
use vigie_store::Store;
use vigie_world::World;

use super::listeners::Listeners;
use super::log_doors::{LogDoors, Place};
use crate::config::environment;
use crate::pipelines::{folder_of, read};
use crate::plan::{LogstashPlan, Port};

/// Names under which `elasticsearch` outputs mean Vigie, unless they resolve.
const OWN_NAMES: [&str; 4] = ["elasticsearch", "opensearch", "es", "vigie"];

/// What is open of pipelines.
#[derive(Debug, Default)]
pub(super) struct OpenPipelines {
    /// Kinds of their inputs.
    pub(super) kinds: Vec<String>,
    /// Doors for Beats, by port.
    pub(super) beats: Vec<(u16, Arc<dyn EventSink>)>,
}

/// Starts the pipelines of `plan`.
pub(super) async fn start(
    plan: &LogstashPlan,
    (store, data): (&Arc<Store>, &Path),
    (world, telemetry, doors): (&World, &Telemetry, &LogDoors),
    listeners: &mut Listeners,
    stop: &CancellationToken,
) -> Result<OpenPipelines> {
    let outputs = output_context(plan, (store, data), world, telemetry)?;
    let mut running = Vec::new();
    let mut beats: Vec<(u16, Arc<dyn EventSink>)> = Vec::new();
    for (id, source) in &plan.pipelines {
        let config =
            read(source, plan.support_escapes).with_context(|| format!("pipeline {id}"))?;
        let options = BuildOptions {
            id: id.clone(),
            ecs: plan.ecs,
            geoip_database: plan.geoip_database.clone(),
            folder: folder_of(source),
            world: world.clone(),
        };
        let built = build(&config, &options, outputs.clone());
        let built = Arc::new(built.with_context(|| format!("pipeline {id}"))?);
        for warning in &built.warnings {
            let line = warning.position.line;
            tracing::warn!(pipeline = %id, line, warning = %warning.message, "pipeline");
        }
        let mut open = Vec::new();
        for input in inputs(&config).with_context(|| format!("pipeline {id}"))? {
            if let (true, Some(port)) = (IS_BEATS.contains(&input.kind.as_str()), input.port) {
                let sink = PipelineSink::adding(Arc::clone(&built), input.adds.clone());
                beats.push((port.saturating_add(plan.offset), Arc::new(sink)));
            }
            let opened =
                open_input(plan, &input, &built, (world, doors), (&mut *listeners, stop)).await;
            let line = input.position.line;
            let opened = opened
                .with_context(|| format!("pipeline {id}: input {} (line {line})", input.kind))?;
            if let Some(stats) = opened {
                open.push((input.kind.clone(), input.id.clone(), stats));
            }
        }
        let hash = format!("{:016x}", hash_of(&config));
        tracing::info!(pipeline = %id, filters = built.pipeline.stats().len(), "pipeline started");
        running.push(RunningPipeline { built, hash, inputs: open });
    }
    let inputs = running.iter().flat_map(|pipeline| &pipeline.inputs);
    let kinds = inputs.map(|(kind, ..)| kind.clone()).collect();
    serve_api(plan, running, world, listeners).await?;
    Ok(OpenPipelines { kinds, beats })
}

/// The inputs that are doors for Beats.
pub(super) const IS_BEATS: [&str; 2] = ["beats", "elastic_agent"];

fn hash_of(config: &vigie_language::logstash::Config) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    format!("{config:?}").hash(&mut hasher);
    hasher.finish()
}

fn output_context(
    plan: &LogstashPlan,
    (store, data): (&Arc<Store>, &Path),
    world: &World,
    telemetry: &Telemetry,
) -> Result<OutputContext> {
    let clock = Arc::clone(&world.clock);
    let own = Arc::new(LogIndexes::new(
        Arc::clone(store) as Arc<dyn LogSink>,
        TenantId::default_tenant(),
        IndexPattern::parse("logs-%{+YYYY.MM.dd}"),
        Arc::new(move || clock.now_ms().saturating_mul(1_000_000)),
    ));
    let stages = Arc::new(Stages::new(plan.stages.clone(), Arc::clone(&own) as _, world.clone()));
    register(telemetry, &own, &stages);
    let own = stages;
    let dead_letters = match plan.dead_letters_bytes {
        Some(bytes) => {
            let folder = data.join("dead_letters");
            let queue = DeadLetterQueue::open(&folder, bytes, world.clone());
            Some(Arc::new(queue.with_context(|| format!("opening {}", folder.display()))?))
        }
        None => None,
    };
    Ok(OutputContext {
        own,
        is_own_host: own_hosts(plan),
        stdout: Arc::new(crate::log::print),
        dead_letters,
        http: HttpEnvironment { variable: Arc::new(environment), ..HttpEnvironment::default() },
    })
}

/// Counts what pipelines made and the store can never keep, as a document that is too large, and
/// what is left out on purpose.
fn register(telemetry: &Telemetry, own: &Arc<LogIndexes>, stages: &Arc<Stages>) {
    let (own, stages) = (Arc::clone(own), Arc::clone(stages));
    telemetry.register(Box::new(move |text| {
        let name = "vigie_process_rejected_documents_total";
        text.family(name, "counter", "Documents of pipelines that the store can never keep.");
        text.sample(name, &[], own.rejected().0 as f64);
        let name = "vigie_process_sampled_out_documents_total";
        text.family(name, "counter", "Documents that sampling or de-duplication left out.");
        text.sample(name, &[], stages.dropped() as f64);
    }));
}

/// Which hosts of outputs are this process.
fn own_hosts(plan: &LogstashPlan) -> VigieHosts {
    let (configured, offset) = (plan.own_hosts.clone(), plan.offset);
    Arc::new(move |host| {
        if configured.iter().any(|own| own == host) {
            return true;
        }
        let rest = host.split_once("://").map_or(host, |(_, rest)| rest);
        let authority = rest.split('/').next().unwrap_or_default();
        let (name, port) = match authority.rsplit_once(':') {
            Some((name, port)) => (name, port.parse().unwrap_or(9200)),
            None => (authority, 9200_u16),
        };
        let is_loopback = name == "localhost"
            || name.trim_matches(['[', ']']).parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
        if is_loopback {
            return port == 9200_u16.saturating_add(offset);
        }
        // A name that resolves is somebody else.
        OWN_NAMES.contains(&name) && (name, port).to_socket_addrs().is_err()
    })
}

#[derive(Debug)]
struct TakenOfBeats(Arc<BeatsStats>);

impl InputCount for TakenOfBeats {
    fn events(&self) -> u64 {
        self.0.events.load(Ordering::Relaxed)
    }
}

#[derive(Debug)]
struct Taken(Arc<TextDoorStats>);

impl InputCount for Taken {
    fn events(&self) -> u64 {
        self.0.events.load(Ordering::Relaxed)
    }
}

/// Opens an input. None: it has no door here.
async fn open_input(
    plan: &LogstashPlan,
    input: &Input,
    built: &Arc<Built>,
    (world, doors): (&World, &LogDoors),
    (listeners, stop): (&mut Listeners, &CancellationToken),
) -> Result<Option<Arc<dyn InputCount>>> {
    let line = input.position.line;
    let (Some(number), "tcp" | "udp" | "http" | "syslog" | "gelf" | "beats" | "elastic_agent") =
        (input.port, input.kind.as_str())
    else {
        tracing::warn!(input = %input.kind, line, "this input has no door here, nothing comes by it");
        return Ok(None);
    };
    let sink: Arc<dyn EventSink> =
        Arc::new(PipelineSink::adding(Arc::clone(built), input.adds.clone()));
    let named: Option<IpAddr> = input.host.as_deref().and_then(|host| host.parse().ok());
    let address = SocketAddr::new(named.unwrap_or(plan.listen), number.saturating_add(plan.offset));
    let tls = input.tls.as_ref().map(|tls| server_tls(tls, world)).transpose()?;
    if IS_BEATS.contains(&input.kind.as_str()) {
        let door = super::beats::door(
            BeatsOptions { input: input.id.clone(), idle: Duration::from_secs(input.idle_s), tls },
            (input.decoder, input.tags_codec),
            sink,
            world,
        );
        let stats = door.stats();
        // Senders use the port that a pipeline names: nobody would notice a warning.
        let port = Port { address, is_explicit: true };
        let Some(listener) = listeners.bind("logstash beats", &port).await? else {
            return Ok(None);
        };
        tracing::info!(part = "logstash beats", %address, "listening");
        listeners.spawn(door.serve(listener, stop.clone()));
        return Ok(Some(Arc::new(TakenOfBeats(stats))));
    }
    if input.kind == "http" {
        ensure!(tls.is_none(), "an input http speaks the TLS of all HTTP ports, by web_config");
        let options = HttpInputOptions::of_input(input)?;
        let port = Port { address, is_explicit: true };
        let Some(listener) = listeners.bind("logstash http", &port).await? else {
            return Ok(None);
        };
        let http = HttpInput::new(options, input.id.clone(), sink, world.clone());
        listeners.serve("logstash_http", listener, Arc::clone(&http).router());
        return Ok(Some(http));
    }
    let place = Place { address, sink, tls };
    let stats = doors.open_input(input, place, (listeners, stop)).await?;
    Ok(Some(Arc::new(Taken(stats))))
}

/// Reads the files of an input's TLS.
fn server_tls(tls: &InputTls, world: &World) -> Result<Arc<ServerConfig>> {
    let read =
        |path: &Path| world.disk.read(path).with_context(|| format!("reading {}", path.display()));
    let (certificate, key) = (read(&tls.certificate)?, read(&tls.key)?);
    let mut authorities = Vec::new();
    for path in &tls.authorities {
        authorities.extend(read(path)?);
        authorities.push(b'\n');
    }
    let clients = tls.clients_required.map(|required| (authorities.as_slice(), required));
    let made = ServerTls { certificate: &certificate, key: &key, clients };
    made.config().map_err(|error| anyhow::anyhow!("TLS: {error}"))
}

async fn serve_api(
    plan: &LogstashPlan,
    pipelines: Vec<RunningPipeline>,
    world: &World,
    listeners: &mut Listeners,
) -> Result<()> {
    let Some(listener) = listeners.bind_wanted("logstash", plan.api_port.as_ref()).await? else {
        return Ok(());
    };
    let address = listener.local_addr().map(|address| address.to_string()).unwrap_or_default();
    let bits = u128::from(world.random.next_u64());
    let state = LogstashState {
        pipelines,
        version: plan.version.clone(),
        id: format!("{bits:032x}"),
        address,
        world: world.clone(),
        started_ms: world.clock.now_ms(),
    };
    listeners.serve("logstash", listener, router(Arc::new(state)));
    Ok(())
}
