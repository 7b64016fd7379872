//! What the process does when somebody asks for it over HTTP or by a signal: reload and quit.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwap;
use futures::future::BoxFuture;
use tokio_util::sync::CancellationToken;
use vigie_model::Labels;
use vigie_receive::config::{LoadedConfig, Source};
use vigie_receive::remote_read::RemoteReaders;
use vigie_receive::remote_write::RemoteWriters;
use vigie_receive::scrape::ScrapeManager;
use vigie_show::prometheus::{Operator, ReloadOutcome};
use vigie_world::World;

use super::respond::Reacting;
use super::rules::Rules;
use crate::config::environment;

/// Where the configuration comes from.
#[derive(Debug)]
pub(crate) enum Origin {
    /// A file, read again at each reload.
    File(PathBuf),
    /// Built-in defaults.
    BuiltIn(String),
}

impl Origin {
    /// Reads and checks all of it.
    pub(crate) fn load(&self, world: &World) -> anyhow::Result<LoadedConfig> {
        Ok(match self {
            Self::File(path) => vigie_receive::config::load(path, world, &environment)?,
            Self::BuiltIn(text) => {
                let source = Source { file: None, folder: PathBuf::from(".") };
                vigie_receive::config::parse(text, &source, &environment)?
            }
        })
    }
}

/// What a reload reaches.
#[derive(Debug, Clone)]
pub(crate) struct Stages {
    pub(crate) scrape: Arc<ScrapeManager>,
    pub(crate) remotes: Arc<RemoteWriters>,
    pub(crate) readers: Arc<RemoteReaders>,
    pub(crate) rules: Arc<Rules>,
    /// What reacts to alerts, with a configuration of its own.
    pub(crate) reacting: Option<Arc<Reacting>>,
}

impl Stages {
    /// Brings all of them in step with `loaded`; nothing has changed when rules cannot be read.
    pub(crate) async fn apply(&self, loaded: &LoadedConfig) -> Result<(), String> {
        let groups = self.rules.load(loaded)?;
        // The remotes first: they refuse what they cannot do before anything has changed.
        self.remotes.apply(&loaded.config).await?;
        self.readers.apply(&loaded.config)?;
        self.scrape.apply(&loaded.jobs).await?;
        self.rules.apply(loaded, groups).await
    }
}

/// The running process, as its APIs see it.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) origin: Origin,
    pub(crate) world: World,
    stages: Stages,
    pub(crate) stop: CancellationToken,
    pub(crate) is_ready: AtomicBool,
    running: ArcSwap<LoadedConfig>,
    yaml: ArcSwap<String>,
    outcome: ArcSwap<ReloadOutcome>,
    /// Reloads come one after the other.
    reloading: tokio::sync::Mutex<()>,
}

impl Process {
    /// A process that runs `loaded`.
    pub(crate) fn new(
        origin: Origin,
        loaded: LoadedConfig,
        world: World,
        stages: Stages,
        stop: CancellationToken,
    ) -> Arc<Self> {
        let outcome = ReloadOutcome { is_success: true, at_ms: world.clock.now_ms() };
        Arc::new(Self {
            origin,
            stages,
            stop,
            is_ready: AtomicBool::new(false),
            yaml: ArcSwap::from_pointee(loaded.config.to_yaml()),
            running: ArcSwap::from_pointee(loaded),
            outcome: ArcSwap::from_pointee(outcome),
            reloading: tokio::sync::Mutex::new(()),
            world,
        })
    }

    /// The configuration that runs.
    pub(crate) fn loaded(&self) -> Arc<LoadedConfig> {
        self.running.load_full()
    }

    /// Reads the configuration again. What is wrong with it leaves the old one running.
    pub(crate) async fn reload_now(&self) -> Result<(), String> {
        let _one_at_a_time = self.reloading.lock().await;
        let result = self.reload_all().await;
        let at_ms = self.world.clock.now_ms();
        self.outcome.store(Arc::new(ReloadOutcome { is_success: result.is_ok(), at_ms }));
        match &result {
            Ok(()) => tracing::info!("configuration reloaded"),
            Err(error) => tracing::error!(error, "configuration not reloaded, the old one runs on"),
        }
        result
    }

    /// All files are read before anything changes.
    async fn reload_all(&self) -> Result<(), String> {
        let loaded = self.origin.load(&self.world).map_err(|error| error.to_string())?;
        let reacting = self.stages.reacting.as_ref();
        let prepared = match reacting {
            Some(reacting) => Some((reacting, reacting.prepare()?)),
            None => None,
        };
        self.apply(loaded).await?;
        if let Some((reacting, running)) = prepared {
            reacting.apply(&running);
        }
        Ok(())
    }

    async fn apply(&self, loaded: LoadedConfig) -> Result<(), String> {
        self.stages.apply(&loaded).await?;
        self.yaml.store(Arc::new(loaded.config.to_yaml()));
        self.running.store(Arc::new(loaded));
        Ok(())
    }
}

impl Operator for Process {
    fn is_ready(&self) -> bool {
        self.is_ready.load(Ordering::Acquire)
    }

    fn is_stopping(&self) -> bool {
        self.stop.is_cancelled()
    }

    fn reload(&self) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(self.reload_now())
    }

    fn quit(&self) {
        self.stop.cancel();
    }

    fn configuration(&self) -> Arc<str> {
        Arc::from(self.yaml.load().as_str())
    }

    fn external_labels(&self) -> Labels {
        Labels::from_pairs(&self.running.load().config.global.external_labels)
    }

    fn last_reload(&self) -> ReloadOutcome {
        **self.outcome.load()
    }
}
