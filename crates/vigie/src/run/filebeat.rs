//! What a `filebeat.yml` says: its inputs opened, its output found.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use anyhow::{Context, Result, bail};
use tokio_util::sync::CancellationToken;
use vigie_dial::{HttpEnvironment, TlsConfig, tls_client_config};
use vigie_formats::framing::Framing;
use vigie_language::filebeat::{
    EventOutput, HttpOutput, Input, InputKind, LogstashOutput, TlsFiles,
};
use vigie_model::event::{Event, EventSink, Value};
use vigie_process::{
    BuildOptions, DecodeText, Ecs, LumberjackSink, OutputContext, OutputsSink, ProcessorSink, build,
};
use vigie_receive::files::{Files, Registry, Shipper};
use vigie_show::Telemetry;
use vigie_store::Store;
use vigie_world::World;

use super::listeners::Listeners;
use super::log_doors::{LogDoors, Place, store_sink};
use super::logstash::OpenPipelines;
use crate::config::environment;
use crate::plan::FilebeatPlan;
use crate::shipper::{self, Shipping};

/// Names under which Filebeats mean Vigie, unless they resolve.
const OWN_NAMES: [&str; 4] = ["logstash", "elasticsearch", "opensearch", "vigie"];

/// Starts the inputs of one configuration.
pub(super) async fn start(
    plan: &FilebeatPlan,
    (store, data): (&Arc<Store>, &Path),
    (world, telemetry, doors): (&World, &Telemetry, &LogDoors),
    pipelines: &OpenPipelines,
    (listeners, stop): (&mut Listeners, &CancellationToken),
) -> Result<()> {
    let file = plan.path.display();
    let Shipping { config, processors, all } = shipper::read(&plan.path, world)?;
    for warning in &config.warnings {
        tracing::warn!(file = %file, line = warning.line, "filebeat: {}", warning.message);
    }
    let own = || store_sink(store, world);
    let sink: Arc<dyn EventSink> = match &config.output {
        None => own(),
        Some(EventOutput::Logstash(output)) => match own_port(&output.hosts, 5044, plan.offset) {
            Some(port) => {
                let pipeline = pipelines.beats.iter().find(|(open, _)| *open == port);
                pipeline.map_or_else(own, |(_, sink)| Arc::clone(sink))
            }
            None => Arc::new(lumberjack(output, world)?),
        },
        Some(other) => outputs(other, plan, own(), world)?,
    };
    let shipper = Arc::new(shipper_of(&config, world));
    // Each configuration has one of its own.
    let folder = data.join("files").join(plan.path.file_stem().unwrap_or_default());
    let registry = Registry::open(Arc::clone(&world.disk), &folder);
    let registry =
        registry.with_context(|| format!("opening {}: does another one run?", folder.display()))?;
    let files = Files::new(registry, world.clone());
    register(telemetry, &files);
    for (input, own) in config.inputs.into_iter().zip(processors) {
        if !input.is_enabled {
            continue;
        }
        let input = Arc::new(input);
        let steps = [own, Arc::clone(&all)].into_iter().filter(|steps| !steps.is_empty());
        let sink: Arc<dyn EventSink> =
            Arc::new(ProcessorSink::new(steps.collect(), Arc::clone(&sink)));
        let line = input.line;
        if input.kind.is_files() {
            let paths = input.files.paths.join(", ");
            tracing::info!(file = %file, line, paths, "following files");
            let (files, shipper) = (files.clone(), Arc::clone(&shipper));
            listeners.spawn(files.follow(input, shipper, sink, stop.clone()));
            continue;
        }
        let opened = match input.kind {
            InputKind::Tcp | InputKind::Udp | InputKind::Syslog => {
                listen(plan, &input, &shipper, sink, (world, doors), (&mut *listeners, stop)).await
            }
            _ => {
                let kind = input.kind.as_str();
                tracing::warn!(file = %file, line, "filebeat: input {kind} is not there yet");
                Ok(())
            }
        };
        opened.with_context(|| format!("{file}: input {} (line {line})", input.kind.as_str()))?;
    }
    Ok(())
}

/// Opens the port of an input.
async fn listen(
    plan: &FilebeatPlan,
    input: &Arc<Input>,
    shipper: &Arc<Shipper>,
    sink: Arc<dyn EventSink>,
    (world, doors): (&World, &LogDoors),
    tools: (&mut Listeners, &CancellationToken),
) -> Result<()> {
    let network = &input.network;
    let Some(host) = &network.host else { bail!("`host` is missing") };
    let Some((name, port)) = host.rsplit_once(':') else { bail!("host: `{host}` has no port") };
    let port: u16 = port.parse().with_context(|| format!("host: `{host}` has no port"))?;
    let address: IpAddr = match name.trim_matches(['[', ']']) {
        "" => plan.listen,
        "localhost" => IpAddr::from([127, 0, 0, 1]),
        name => name.parse().with_context(|| format!("host: `{name}` is no address"))?,
    };
    let address = SocketAddr::new(address, port.saturating_add(plan.offset));
    let framing = if network.is_counted || (input.kind == InputKind::Syslog && !network.is_udp) {
        Framing::Syslog
    } else {
        Framing::Line
    };
    let kind = input.kind.as_str();
    let id = input.id.clone().unwrap_or_else(|| format!("{kind}:{host}"));
    let decode = decode(input, shipper, world);
    let place = Place { address, sink, tls: None };
    doors.open_shipper((kind, &id), (decode, framing, network.is_udp), place, tools).await
}

/// Makes events of what came over the network.
fn decode(input: &Arc<Input>, shipper: &Arc<Shipper>, world: &World) -> DecodeText {
    let (input, shipper, clock) =
        (Arc::clone(input), Arc::clone(shipper), Arc::clone(&world.clock));
    let is_syslog = input.kind == InputKind::Syslog;
    Arc::new(move |bytes, peer| {
        let text = String::from_utf8_lossy(bytes);
        let text = text.trim_end_matches(['\r', '\n']);
        let matches = |patterns: &[regex::bytes::Regex]| {
            patterns.iter().any(|pattern| pattern.is_match(text.as_bytes()))
        };
        if text.is_empty()
            || matches(&input.exclude_lines)
            || (!input.include_lines.is_empty() && !matches(&input.include_lines))
        {
            return Vec::new();
        }
        let now_ns = clock.now_ms().saturating_mul(1_000_000);
        let mut event = shipper.event(&input, now_ns);
        let log = event.fields.entry("log");
        let mut told = vigie_model::event::Object::new();
        let mut source = vigie_model::event::Object::new();
        source.push("address", Value::from(peer.to_string()));
        told.push("source", Value::Object(source));
        *log = Value::Object(told);
        if is_syslog {
            vigie_receive::files::add_syslog(&mut event, text);
        } else {
            event.fields.push("message", Value::from(text));
        }
        vec![event] as Vec<Event>
    })
}

/// The port of this process that one of `hosts` means; `None`: somebody else's.
fn own_port(hosts: &[String], default: u16, offset: u16) -> Option<u16> {
    hosts.iter().find_map(|host| {
        let rest = host.split_once("://").map_or(host.as_str(), |(_, rest)| rest);
        let authority = rest.split('/').next().unwrap_or_default();
        let (name, port) = match authority.rsplit_once(':') {
            Some((name, port)) => (name, port.parse().ok()?),
            None => (authority, default),
        };
        let is_loopback = name == "localhost"
            || name.trim_matches(['[', ']']).parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
        let own = default.saturating_add(offset);
        if is_loopback {
            return (port == own).then_some(own);
        }
        // A name that resolves is somebody else.
        let is_own = OWN_NAMES.contains(&name) && (name, port).to_socket_addrs().is_err();
        is_own.then(|| port.saturating_add(offset))
    })
}

fn lumberjack(output: &LogstashOutput, world: &World) -> Result<LumberjackSink> {
    let tls = match &output.tls {
        None => None,
        Some(files) => {
            let config = tls_client_config(&tls_of(files), world);
            Some(Arc::new(config.context("output.logstash.ssl")?))
        }
    };
    let most = usize::try_from(output.batch_events_max).unwrap_or(2_048);
    Ok(LumberjackSink::new(&output.hosts, tls, output.index.clone(), most))
}

fn tls_of(files: &TlsFiles) -> TlsConfig {
    TlsConfig {
        ca_file: files.authorities.first().cloned().unwrap_or_default(),
        cert_file: files.certificate.clone().unwrap_or_default(),
        key_file: files.key.clone().unwrap_or_default(),
        insecure_skip_verify: files.takes_any,
        ..TlsConfig::default()
    }
}

/// An output that a `logstash.conf` can say too is built as it says it.
fn outputs(
    output: &EventOutput,
    plan: &FilebeatPlan,
    own: Arc<dyn EventSink>,
    world: &World,
) -> Result<Arc<dyn EventSink>> {
    let text = match output {
        EventOutput::Logstash(_) => bail!("output.logstash is no output of a pipeline"),
        EventOutput::Console => "stdout { codec => json_lines }".to_owned(),
        EventOutput::File { path, name } => {
            let path = quoted(&path.join(name).display().to_string())?;
            format!("file {{ path => {path} codec => json_lines }}")
        }
        EventOutput::Elasticsearch(output) => elasticsearch(output)?,
    };
    let config = vigie_language::logstash::parse(&format!("output {{ {text} }}"))?;
    let options = BuildOptions {
        id: "filebeat".to_owned(),
        ecs: Ecs::V8,
        geoip_database: None,
        folder: std::path::PathBuf::new(),
        world: world.clone(),
    };
    let offset = plan.offset;
    let context = OutputContext {
        own,
        is_own_host: Arc::new(move |host| own_port(&[host.to_owned()], 9200, offset).is_some()),
        stdout: Arc::new(crate::log::print),
        dead_letters: None,
        http: HttpEnvironment { variable: Arc::new(environment), ..HttpEnvironment::default() },
    };
    Ok(Arc::new(OutputsSink(Arc::new(build(&config, &options, context)?))))
}

fn elasticsearch(output: &HttpOutput) -> Result<String> {
    let mut text = "elasticsearch { ".to_owned();
    let hosts = output.hosts.iter().map(|host| {
        let full = if host.contains("://") {
            host.clone()
        } else {
            format!("{}://{host}", output.protocol)
        };
        quoted(&format!("{}{}", full.trim_end_matches('/'), output.path))
    });
    let hosts: Vec<String> = hosts.collect::<Result<_>>()?;
    text.push_str(&format!("hosts => [{}] ", hosts.join(", ")));
    // Filebeat's `yyyy` is a pipeline's `YYYY`.
    let index = output.index.as_deref().unwrap_or("filebeat-%{[agent.version]}");
    let index = index.replace("[agent.version]", "[agent][version]").replace("%{+yyyy", "%{+YYYY");
    text.push_str(&format!("index => {} action => \"create\" ", quoted(&index)?));
    if let Some((user, password)) = &output.user {
        text.push_str(&format!(
            "user => {} password => {} ",
            quoted(user)?,
            quoted(password.reveal())?
        ));
    }
    if let Some(key) = &output.api_key {
        text.push_str(&format!("api_key => {} ", quoted(key.reveal())?));
    }
    if let Some(pipeline) = &output.pipeline {
        text.push_str(&format!("pipeline => {} ", quoted(pipeline)?));
    }
    if let Some(tls) = &output.tls {
        if let Some(authority) = tls.authorities.first() {
            text.push_str(&format!("cacert => {} ", quoted(&authority.display().to_string())?));
        }
        if tls.takes_any {
            text.push_str("ssl_certificate_verification => false ");
        }
    }
    text.push('}');
    Ok(text)
}

/// A text in quotes, which cannot hold both kinds of them.
fn quoted(text: &str) -> Result<String> {
    match (text.contains('"'), text.contains('\'')) {
        (false, _) => Ok(format!("\"{text}\"")),
        (true, false) => Ok(format!("'{text}'")),
        (true, true) => bail!("an option of the output holds both kinds of quotes"),
    }
}

fn shipper_of(config: &vigie_language::filebeat::Filebeat, world: &World) -> Shipper {
    let hostname = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let id = |bits: u64| format!("{bits:016x}{:016x}", bits.rotate_left(32) ^ 0x5bd1_e995);
    let name = config.name.clone().unwrap_or_else(|| hostname.clone());
    Shipper {
        id: id(name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        })),
        ephemeral_id: id(world.random.next_u64()),
        name,
        hostname,
        tags: config.tags.clone(),
        fields: config.fields.clone(),
        fields_under_root: config.fields_under_root,
    }
}

fn register(telemetry: &Telemetry, files: &Files) {
    let stats = files.stats();
    telemetry.register(Box::new(move |text| {
        for (name, kind, help, value) in [
            (
                "vigie_receive_files_events_total",
                "counter",
                "Events of followed files that are durable.",
                &stats.events,
            ),
            ("vigie_receive_files_open", "gauge", "Files that are followed.", &stats.open),
            (
                "vigie_receive_files_read_bytes_total",
                "counter",
                "Bytes that were read of followed files.",
                &stats.bytes,
            ),
            (
                "vigie_receive_files_truncated_total",
                "counter",
                "Followed files that shrank and were read anew.",
                &stats.truncated,
            ),
            (
                "vigie_receive_files_errors_total",
                "counter",
                "Files and folders that could not be read.",
                &stats.errors,
            ),
        ] {
            text.family(name, kind, help);
            text.sample(name, &[], value.load(Ordering::Relaxed) as f64);
        }
    }));
}
