//! This host's metrics, as Node Exporter gives them: same names, types, labels and help.
//!
//! [`Host::collect`] runs the collectors that are switched on, one after the other; one that
//! fails says so in `node_scrape_collector_success` and never stops the rest. Each collector is
//! a reader of files below the configured roots and a pure function over their text. Facts are
//! those of node_exporter 1.12 on Linux.

mod collectors;
mod error;
mod family;
mod filter;
mod flags;
mod memory;
mod options;
mod process;
mod reader;
#[cfg(test)]
mod tests;

use std::time::Duration;

use bytes::Bytes;
use vigie_world::World;

use crate::scrape::LocalExposition;

use collectors::{COLLECTORS, Collector, Context};
use error::CollectError;
use memory::Memory;

pub use error::HostError;
pub use family::{Families, Family, Kind, Sample};
pub use filter::Filter;
pub use flags::{NodeExporterArguments, parse_arguments};
pub use options::HostOptions;

/// The content type of [`Families::to_text`].
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// This host, ready to be looked at.
#[derive(Debug)]
pub struct Host {
    options: HostOptions,
    world: World,
    memory: Memory,
}

impl Host {
    /// Looks at nothing yet.
    pub fn new(options: HostOptions, world: World) -> Self {
        Self { options, world, memory: Memory::default() }
    }

    /// Names of the collectors that are switched on, sorted.
    pub fn enabled_collectors(&self) -> Vec<&'static str> {
        self.enabled().map(|collector| collector.name).collect()
    }

    /// Runs every collector that is switched on. Blocks for as long as files take to read (a
    /// stuck mount: `mount_timeout_ms`); on an async runtime call it where blocking is allowed.
    pub fn collect(&self) -> Families {
        self.run(|_| true)
    }

    /// Runs only the collectors in `only` (all, when it is empty), without those in `without`:
    /// the original's `collect[]` and `exclude[]` parameters.
    pub fn collect_selected(&self, only: &[&str], without: &[&str]) -> Result<Families, HostError> {
        if !only.is_empty() && !without.is_empty() {
            return Err(HostError::CollectAndExclude);
        }
        for name in only.iter().chain(without) {
            if !COLLECTORS.iter().any(|collector| collector.name == *name) {
                return Err(HostError::MissingCollector((*name).to_owned()));
            }
        }
        if let Some(name) = only.iter().find(|name| !self.options.is_enabled(name)) {
            return Err(HostError::DisabledCollector((*name).to_owned()));
        }
        Ok(self.run(|name| (only.is_empty() || only.contains(&name)) && !without.contains(&name)))
    }

    fn enabled(&self) -> impl Iterator<Item = &'static Collector> {
        COLLECTORS.iter().filter(|collector| self.options.is_enabled(collector.name))
    }

    fn run(&self, wanted: impl Fn(&str) -> bool) -> Families {
        let context = Context { options: &self.options, memory: &self.memory, world: &self.world };
        let mut families = Families::new();
        for collector in self.enabled().filter(|collector| wanted(collector.name)) {
            let started = self.world.clock.monotonic();
            let outcome = (collector.collect)(&context, &mut families);
            let took = self.world.clock.monotonic().saturating_sub(started);
            self.report(collector.name, &outcome, took, &mut families);
        }
        add_build_info(&mut families);
        if self.options.process_metrics {
            process::collect(&mut families);
        }
        families.finish();
        families
    }

    fn report(
        &self,
        name: &'static str,
        outcome: &Result<(), CollectError>,
        took: Duration,
        families: &mut Families,
    ) {
        let duration_seconds = took.as_secs_f64();
        // A machine without the hardware is no news; a collector that breaks is news once.
        let mut failed = self.memory.collectors_failed.lock();
        match outcome {
            Ok(()) => {
                if failed.remove(name) {
                    tracing::info!(collector = name, "collector works again");
                }
            }
            Err(CollectError::NoData) => tracing::debug!(collector = name, "collector has no data"),
            Err(error) => {
                if failed.insert(name) {
                    tracing::warn!(collector = name, %error, "collector failed");
                }
            }
        }
        families.gauge(
            "node_scrape_collector_duration_seconds",
            "node_exporter: Duration of a collector scrape.",
            &[("collector", name)],
            duration_seconds,
        );
        families.gauge(
            "node_scrape_collector_success",
            "node_exporter: Whether a collector succeeded.",
            &[("collector", name)],
            f64::from(u8::from(outcome.is_ok())),
        );
    }
}

impl LocalExposition for Host {
    fn expose(&self) -> (String, Bytes) {
        (CONTENT_TYPE.to_owned(), self.collect().to_text().into())
    }
}

/// The original's build metric; `goversion` stays for dashboards that show it and is empty.
fn add_build_info(families: &mut Families) {
    families.gauge(
        "node_exporter_build_info",
        "A metric with a constant '1' value labeled by version, revision, branch, goversion from \
         which node_exporter was built, and the goos and goarch for the build.",
        &[
            ("branch", ""),
            ("goarch", architecture()),
            ("goos", std::env::consts::OS),
            ("goversion", ""),
            ("revision", ""),
            ("tags", ""),
            ("version", env!("CARGO_PKG_VERSION")),
        ],
        1.0,
    );
}

/// The architecture by the name that the original's label has.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "x86" => "386",
        other => other,
    }
}
