//! `vigie process`, and what is wrong with a `logstash.conf`.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use vigie_dial::HttpEnvironment;
use vigie_language::logstash::{self, Config};
use vigie_model::event::{DeliverFuture, Event, EventBatch, EventSink, write_object_json};
use vigie_process::{
    BuildOptions, Built, Decoder, Ecs, Observer, OutputContext, StepView, build, event_of_json,
    inputs, rubydebug,
};
use vigie_world::World;

use crate::args::{LogstashArgs, ProcessArgs, ProcessCodec, ProcessOutput};
use crate::config::environment;
use crate::log::say;
use crate::plan::{Source, ecs};

/// Lines that go through the filters together.
const BATCH_LINES: usize = 500;

/// Reads a configuration, with its variables replaced.
pub(crate) fn read(source: &Source, support_escapes: bool) -> Result<Config> {
    let text = match source {
        Source::Text(text) => text.clone(),
        Source::Path(path) if path.is_dir() => {
            let entries = std::fs::read_dir(path);
            let entries = entries.with_context(|| format!("reading {}", path.display()))?;
            let mut files = Vec::new();
            for entry in entries {
                let file = entry?.path();
                if file.extension().is_some_and(|extension| extension == "conf") {
                    files.push(file);
                }
            }
            files.sort();
            let texts = files.iter().map(|file| {
                std::fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))
            });
            texts.collect::<Result<Vec<_>>>()?.join("\n")
        }
        Source::Path(path) => {
            std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?
        }
    };
    let parse = if support_escapes { logstash::parse_with_escapes } else { logstash::parse };
    let mut config = parse(&text)?;
    logstash::substitute(&mut config, &environment)?;
    Ok(config)
}

/// Where relative paths of a configuration begin.
pub(crate) fn folder_of(source: &Source) -> PathBuf {
    match source {
        Source::Path(path) if path.is_dir() => path.clone(),
        Source::Path(path) => path.parent().map(Path::to_path_buf).unwrap_or_default(),
        Source::Text(_) => PathBuf::new(),
    }
}

/// Takes everything: where only the filters are of interest.
#[derive(Debug)]
pub(crate) struct Nowhere;

impl EventSink for Nowhere {
    fn deliver(&self, _batch: EventBatch) -> DeliverFuture<'_> {
        Box::pin(async { Ok(()) })
    }
}

fn built(
    source: &Source,
    ecs: Ecs,
    support_escapes: bool,
    world: &World,
) -> Result<(Config, Built)> {
    let config = read(source, support_escapes)?;
    let options = BuildOptions {
        id: "main".to_owned(),
        ecs,
        geoip_database: None,
        folder: folder_of(source),
        world: world.clone(),
    };
    let outputs = OutputContext {
        own: Arc::new(Nowhere),
        is_own_host: Arc::new(|_| true),
        stdout: Arc::new(|_| {}),
        dead_letters: None,
        http: HttpEnvironment::default(),
    };
    let built = build(&config, &options, outputs)?;
    Ok((config, built))
}

/// What is in the pipeline at `path`, and warnings; an error when it cannot run.
pub(crate) fn check(path: &Path, world: &World) -> Result<(String, Vec<String>)> {
    summary(&Source::Path(path.to_owned()), Ecs::V8, false, world)
}

fn summary(
    source: &Source,
    ecs: Ecs,
    support_escapes: bool,
    world: &World,
) -> Result<(String, Vec<String>)> {
    let (config, built) = built(source, ecs, support_escapes, world)?;
    let inputs = inputs(&config)?;
    let kinds: Vec<_> = inputs
        .iter()
        .map(|input| match input.port {
            Some(port) => format!("{} {port}", input.kind),
            None => input.kind.clone(),
        })
        .collect();
    let filters = built.pipeline.stats().len();
    let outputs: Vec<_> = built.outputs.stats().iter().map(|stats| stats.name.clone()).collect();
    let text =
        format!("inputs {}; {filters} filters; outputs {}", kinds.join(", "), outputs.join(", "));
    let warnings = built.warnings.iter().map(|warning| {
        format!(
            "{} (line {}, column {})",
            warning.message, warning.position.line, warning.position.column
        )
    });
    Ok((text, warnings.collect()))
}

/// `logstash --config.test_and_exit`
pub(crate) fn test(args: &LogstashArgs, world: &World) -> Result<()> {
    let source = match (&args.config, &args.text) {
        (Some(path), _) => Source::Path(path.clone()),
        (None, text) => Source::Text(text.clone().unwrap_or_default()),
    };
    let ecs = ecs(&args.ecs_compatibility)?;
    let (text, warnings) = summary(&source, ecs, args.support_escapes, world)?;
    say(&text);
    for warning in warnings {
        say(&format!("warning: {warning}"));
    }
    // The line that scripts wait for.
    say("Configuration OK");
    Ok(())
}

/// `vigie process`: lines of the standard input through the filters.
pub(crate) fn process(args: &ProcessArgs, world: &World) -> Result<()> {
    let source = Source::Path(args.config.clone());
    let (_, built) = built(&source, ecs(&args.ecs_compatibility)?, false, world)?;
    for warning in &built.warnings {
        crate::log::warn(&format!("warning: {} (line {})", warning.message, warning.position.line));
    }
    let mut steps = Steps { output: args.output };
    let mut lines = BufReader::new(std::io::stdin()).split(b'\n');
    loop {
        let mut events = Vec::new();
        let most = if args.steps { 1 } else { BATCH_LINES };
        for line in lines.by_ref().take(most) {
            let line = line.context("reading the standard input")?;
            events.extend(decode(&line, args.codec, world));
        }
        if events.is_empty() {
            return Ok(());
        }
        let observer: Option<&mut dyn Observer> = if args.steps { Some(&mut steps) } else { None };
        let out = built.pipeline.observed(events, observer);
        if args.steps {
            say(&format!("=> {} event{}", out.len(), if out.len() == 1 { "" } else { "s" }));
        }
        for event in &out {
            say(&written(event, args.output));
        }
    }
}

fn decode(line: &[u8], codec: ProcessCodec, world: &World) -> Vec<Event> {
    let now_ns = world.clock.now_ms().saturating_mul(1_000_000);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.is_empty() {
        return Vec::new();
    }
    match codec {
        ProcessCodec::Json => Decoder::Json.decode(line, now_ns),
        ProcessCodec::Plain => Decoder::Plain.decode(line, now_ns),
        ProcessCodec::Auto => match std::str::from_utf8(line) {
            Ok(text) if text.trim_start().starts_with('{') => vec![event_of_json(text, now_ns)],
            _ => Decoder::Plain.decode(line, now_ns),
        },
    }
}

fn written(event: &Event, output: ProcessOutput) -> String {
    if output == ProcessOutput::Rubydebug {
        return rubydebug(event, true);
    }
    let mut out = Vec::new();
    write_object_json(&event.fields, &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

/// Tells what each filter changes.
struct Steps {
    output: ProcessOutput,
}

impl Observer for Steps {
    fn step(&mut self, step: &StepView<'_>) {
        let place = format!("{} (line {})", step.stats.name, step.stats.position.line);
        match step.after {
            [] => say(&format!("{place}: dropped")),
            [after] if after == step.before => say(&format!("{place}: no change")),
            [after] => {
                say(&format!("{place}:"));
                difference(step.before, after);
            }
            many => {
                say(&format!("{place}: {} events", many.len()));
                for event in many {
                    say(&format!("  {}", written(event, self.output)));
                }
            }
        }
    }
}

/// Fields that came, went or changed.
fn difference(before: &Event, after: &Event) {
    let json = |value| {
        let mut out = Vec::new();
        vigie_model::event::write_value_json(value, &mut out);
        String::from_utf8_lossy(&out).into_owned()
    };
    for (was, is) in [(&before.fields, &after.fields), (&before.metadata, &after.metadata)] {
        for (key, value) in was.iter() {
            match is.get(key) {
                None => say(&format!("  - {key}: {}", json(value))),
                Some(new) if new != value => {
                    say(&format!("  ~ {key}: {} -> {}", json(value), json(new)));
                }
                Some(_) => {}
            }
        }
        for (key, value) in is.iter().filter(|(key, _)| was.get(key).is_none()) {
            say(&format!("  + {key}: {}", json(value)));
        }
    }
}
