//! Reacting, as the process runs it: the configuration and its templates, who is told, reload.

mod heartbeat;

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result};
use arc_swap::ArcSwap;
use futures::future::BoxFuture;
use vigie_dial::HttpEnvironment;
use vigie_language::yaml::Source;
use vigie_respond::config::{self, LoadedConfig};
use vigie_respond::notify::{MessageTemplates, NotifyEnvironment, build_integrations};
use vigie_respond::{Responder, ResponderOptions, Running, template_files};
use vigie_show::Telemetry;
use vigie_show::alertmanager::{AlertmanagerState, RespondOperator, expose};
use vigie_show::prometheus::ReloadOutcome;
use vigie_world::World;

use crate::plan::RespondPlan;

pub(crate) use heartbeat::beat;

/// Alerts are taken and shown without any configuration; nobody is told.
const BUILT_IN: &str = "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n";

/// What reacts, and where its configuration comes from.
#[derive(Debug)]
pub(crate) struct Reacting {
    plan: RespondPlan,
    world: World,
    environment: NotifyEnvironment,
    external_url: String,
    pub(crate) responder: Arc<Responder>,
    outcome: ArcSwap<ReloadOutcome>,
    /// Reloads come one after the other.
    reloading: tokio::sync::Mutex<()>,
}

impl Reacting {
    /// Starts with the plan's configuration. `address` is where the API will be reached.
    pub(crate) fn start(
        plan: RespondPlan,
        world: &World,
        http: HttpEnvironment,
        address: &str,
    ) -> Result<Arc<Self>> {
        let environment = NotifyEnvironment {
            http,
            world: world.clone(),
            allows_link_local: plan.allows_link_local,
            host_name: host_name(),
        };
        let external_url = plan.external_url.clone().unwrap_or_else(|| format!("http://{address}"));
        let assembler = Assembler {
            plan: &plan,
            world,
            environment: &environment,
            external_url: &external_url,
        };
        let running = assembler.load().map_err(anyhow::Error::msg)?;
        for warning in &running.config.warnings {
            tracing::warn!(%warning, "configuration");
        }
        if !plan.peers.is_empty() {
            tracing::warn!("there is no gossip: peers share neither silences nor what was told");
        }
        let options =
            ResponderOptions { data: plan.data.clone(), limits: plan.limits, times: plan.times };
        let responder = Responder::start(running, options, world.clone())
            .with_context(|| format!("opening {}", plan.data.display()))?;
        let outcome = ReloadOutcome { is_success: true, at_ms: world.clock.now_ms() };
        Ok(Arc::new(Self {
            plan,
            world: world.clone(),
            environment,
            external_url,
            responder,
            outcome: ArcSwap::from_pointee(outcome),
            reloading: tokio::sync::Mutex::new(()),
        }))
    }

    fn assembler(&self) -> Assembler<'_> {
        Assembler {
            plan: &self.plan,
            world: &self.world,
            environment: &self.environment,
            external_url: &self.external_url,
        }
    }

    /// Reads the configuration again; nothing has changed when it cannot be used.
    pub(crate) fn prepare(&self) -> Result<Running, String> {
        let prepared = self.assembler().load();
        if prepared.is_err() {
            self.note(false);
        }
        prepared
    }

    /// Runs what was prepared.
    pub(crate) fn apply(&self, running: &Running) {
        for warning in &running.config.warnings {
            tracing::warn!(%warning, "configuration");
        }
        self.responder.reload(running);
        self.note(true);
    }

    fn note(&self, is_success: bool) {
        let at_ms = self.world.clock.now_ms();
        self.outcome.store(Arc::new(ReloadOutcome { is_success, at_ms }));
    }

    /// Reads the configuration again and runs it. What is wrong with it leaves the old one.
    pub(crate) async fn reload_now(&self) -> Result<(), String> {
        let _one_at_a_time = self.reloading.lock().await;
        match self.prepare() {
            Ok(running) => {
                self.apply(&running);
                tracing::info!("configuration of alerts reloaded");
                Ok(())
            }
            Err(error) => {
                tracing::error!(error, "configuration not reloaded, the old one runs on");
                Err(error)
            }
        }
    }

    /// What Alertmanager's API serves from.
    pub(crate) fn state(
        self: &Arc<Self>,
        telemetry: &Arc<Telemetry>,
        address: String,
    ) -> Arc<AlertmanagerState> {
        let state = Arc::new(AlertmanagerState {
            responder: Arc::clone(&self.responder),
            operator: Arc::clone(self) as _,
            telemetry: Arc::clone(telemetry),
            world: self.world.clone(),
            route_prefix: self.plan.route_prefix.clone(),
            version: self.plan.version.clone(),
            started_at_ms: self.world.clock.now_ms(),
            address,
        });
        let numbers = Arc::downgrade(&state);
        telemetry.register(Box::new(move |text| {
            if let Some(state) = numbers.upgrade() {
                expose(&state, text);
            }
        }));
        state
    }

    /// The address to ask as long as reacting works.
    pub(crate) fn heartbeat(&self) -> Option<(String, std::time::Duration)> {
        self.plan.heartbeat.clone()
    }
}

/// Makes what can run of a configuration.
struct Assembler<'a> {
    plan: &'a RespondPlan,
    world: &'a World,
    environment: &'a NotifyEnvironment,
    external_url: &'a str,
}

impl Assembler<'_> {
    fn load(&self) -> Result<Running, String> {
        let loaded = match &self.plan.config {
            Some(path) => config::load(path, self.world, self.plan.options),
            None => config::parse(BUILT_IN, &Source::default(), self.plan.options),
        };
        self.assemble(loaded.map_err(|error| error.to_string())?)
    }

    fn assemble(&self, loaded: LoadedConfig) -> Result<Running, String> {
        let (files, unmatched) =
            template_files(&loaded, self.world).map_err(|error| error.to_string())?;
        for pattern in unmatched {
            tracing::warn!(pattern, "no template file has such a name");
        }
        let templates = MessageTemplates::new(&files, self.external_url)
            .map_err(|error| format!("templates: {error}"))?;
        let integrations = build_integrations(&loaded.receivers, &templates, self.environment)
            .map_err(|error| error.to_string())?;
        Ok(Running { config: Arc::new(loaded), integrations: Arc::new(integrations) })
    }
}

/// Reads a configuration as it would run, for `check`.
pub(crate) fn check(
    path: PathBuf,
    world: &World,
    options: config::ConfigOptions,
) -> Result<Running, String> {
    let environment = NotifyEnvironment {
        http: HttpEnvironment::default(),
        world: world.clone(),
        allows_link_local: false,
        host_name: host_name(),
    };
    let loaded = config::load(&path, world, options).map_err(|error| error.to_string())?;
    let plan = RespondPlan::for_check(path, options);
    let external_url = "http://localhost:9093";
    Assembler { plan: &plan, world, environment: &environment, external_url }.assemble(loaded)
}

impl RespondOperator for Reacting {
    fn reload(&self) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(self.reload_now())
    }

    fn last_reload(&self) -> ReloadOutcome {
        **self.outcome.load()
    }

    fn preview(&self, text: &str) -> Result<Running, String> {
        let source = Source { file: None, folder: PathBuf::from(".") };
        let loaded = config::parse(text, &source, self.plan.options);
        let mut loaded = loaded.map_err(|error| error.to_string())?;
        // A request must not choose which files are read.
        let running = self.responder.running();
        loaded.config.templates.clone_from(&running.config.config.templates);
        self.assembler().assemble(loaded)
    }
}

/// This machine's name, for mail and for who tells.
fn host_name() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .map_or_else(|_| "localhost".to_owned(), |name| name.trim().to_owned())
}
