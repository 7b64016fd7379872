//! Rules as the process runs them: their files, who evaluates them, who is told.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use vigie_alert::{
    AlertOutlet, Expander, GoExpander, GroupDefinition, GroupStatus, ManagerOptions, ManagerParts,
    ReadOptions, RuleManager, RuleSource, StoreSource, parse_rule_file,
};
use vigie_dial::HttpEnvironment;
use vigie_language::relabel::RelabelRule;
use vigie_model::{AlertSink, MetricSink, TenantId};
use vigie_query::Engine;
use vigie_receive::alertmanagers::Alertmanagers;
use vigie_receive::config::{LoadedConfig, expand_path_pattern};
use vigie_show::prometheus::RuleBook;
use vigie_store::Store;
use vigie_world::World;

/// Rules and where their alerts go.
#[derive(Debug)]
pub(crate) struct Rules {
    world: World,
    tenant: TenantId,
    manager: RuleManager,
    outlet: Arc<AlertOutlet>,
    pub(crate) alertmanagers: Arc<Alertmanagers>,
    expander: Arc<dyn Expander>,
    /// Files besides those that the configuration names.
    files: Vec<PathBuf>,
    /// Who is told besides the configuration's Alertmanagers.
    own_sinks: Vec<Arc<dyn AlertSink>>,
}

/// What rules read and write.
pub(crate) struct RulesParts {
    pub(crate) world: World,
    pub(crate) store: Arc<Store>,
    pub(crate) engine: Arc<Engine>,
    pub(crate) sink: Arc<dyn MetricSink>,
    pub(crate) http: HttpEnvironment,
    /// Sinks in this process, such as its own dispatcher.
    pub(crate) own_sinks: Vec<Arc<dyn AlertSink>>,
}

impl Rules {
    /// No rules yet. `files` are read besides those that the configuration names.
    pub(crate) fn new(parts: RulesParts, options: ManagerOptions, files: Vec<PathBuf>) -> Self {
        let tenant = TenantId::default_tenant();
        let outlet = Arc::new(AlertOutlet::default());
        let expander: Arc<dyn Expander> = Arc::new(GoExpander::default());
        let source: Arc<dyn RuleSource> =
            Arc::new(StoreSource::new(parts.store, parts.engine, tenant.clone()));
        let manager = RuleManager::new(
            ManagerParts {
                world: parts.world.clone(),
                tenant: tenant.clone(),
                source,
                sink: parts.sink,
                alerts: Arc::clone(&outlet) as _,
                expander: Arc::clone(&expander),
            },
            options,
        );
        // The name that containers give to what this process is itself.
        let own = BTreeSet::from(["alertmanager:9093".to_owned()]);
        let alertmanagers = Alertmanagers::new(parts.world.clone(), parts.http, own);
        Self {
            world: parts.world,
            tenant,
            manager,
            outlet,
            alertmanagers: Arc::new(alertmanagers),
            expander,
            files,
            own_sinks: parts.own_sinks,
        }
    }

    /// Reads all rule files; an error has everything that is wrong in them.
    pub(crate) fn load(&self, loaded: &LoadedConfig) -> Result<Vec<GroupDefinition>, String> {
        let global = &loaded.config.global;
        let interval_ms = i64::try_from(global.evaluation_interval.0).unwrap_or(60_000);
        let options = ReadOptions {
            default_interval_ms: interval_ms,
            ignore_unknown_fields: false,
            expander: self.expander.as_ref(),
        };
        let (mut groups, mut errors) = (Vec::new(), Vec::new());
        for file in rule_files(&loaded.config.rule_files, &self.files, &self.world) {
            match read_groups(&file, options, &self.world) {
                Ok(read) => groups.extend(read),
                Err(wrong) => errors.extend(wrong),
            }
        }
        if errors.is_empty() { Ok(groups) } else { Err(errors.join("\n")) }
    }

    /// Runs these groups, and tells whom the configuration says.
    pub(crate) async fn apply(
        &self,
        loaded: &LoadedConfig,
        groups: Vec<GroupDefinition>,
    ) -> Result<(), String> {
        let (alerting, global) = (&loaded.config.alerting, &loaded.config.global);
        let rules = alerting.alert_relabel_configs.iter().map(|rule| RelabelRule::new(rule.into()));
        let rules = rules.collect::<Result<Vec<_>, _>>().map_err(|error| error.to_string())?;
        self.alertmanagers.apply(alerting).await?;
        let mut sinks = self.own_sinks.clone();
        sinks.push(Arc::clone(&self.alertmanagers) as _);
        let external: BTreeMap<String, String> = global.external_labels.clone();
        self.outlet.set(external.clone(), rules, sinks);
        let offset_ms = i64::try_from(global.rule_query_offset.0).unwrap_or(0);
        self.manager.set_surroundings(external, offset_ms);
        self.manager.apply(groups).await;
        Ok(())
    }

    /// Lets rules run.
    pub(crate) fn start(&self) {
        self.manager.start();
    }

    /// Ends rules first, then what still tells of them.
    pub(crate) async fn stop(&self) {
        self.manager.stop().await;
        self.alertmanagers.stop().await;
    }

    /// What the rules count.
    pub(crate) fn manager(&self) -> &RuleManager {
        &self.manager
    }
}

impl RuleBook for Rules {
    fn groups(&self, tenant: &TenantId) -> Vec<GroupStatus> {
        if *tenant == self.tenant { self.manager.groups() } else { Vec::new() }
    }

    fn alertmanagers(&self) -> (Vec<String>, Vec<String>) {
        self.alertmanagers.addresses()
    }
}

/// The files that `patterns` name, then `more`, each once.
pub(crate) fn rule_files(patterns: &[PathBuf], more: &[PathBuf], world: &World) -> Vec<PathBuf> {
    let named = patterns.iter().flat_map(|pattern| expand_path_pattern(pattern, world));
    // A file that is not there yet is no error for Prometheus.
    let named = named.filter(|path| {
        let is_there = world.disk.exists(path);
        if !is_there {
            tracing::warn!(file = %path.display(), "a rule file is not there");
        }
        is_there
    });
    let mut seen = BTreeSet::new();
    named.chain(more.iter().cloned()).filter(|path| seen.insert(without_dots(path))).collect()
}

/// The path without `.` parts, so that `a.yml` and `./a.yml` are one file.
fn without_dots(path: &Path) -> PathBuf {
    path.components().filter(|part| !matches!(part, std::path::Component::CurDir)).collect()
}

/// The groups of one file; errors begin with its path.
pub(crate) fn read_groups(
    file: &Path,
    options: ReadOptions<'_>,
    world: &World,
) -> Result<Vec<GroupDefinition>, Vec<String>> {
    let name = file.display().to_string();
    let bytes = world.disk.read(file).map_err(|error| vec![format!("{name}: {error}")])?;
    let text = String::from_utf8(bytes).map_err(|_| vec![format!("{name}: not UTF-8")])?;
    parse_rule_file(&text, &name, options)
        .map_err(|errors| errors.iter().map(|error| format!("{name}: {error}")).collect())
}

/// Where people reach this server: as they said, else its host and port.
pub(crate) fn external_url(given: Option<&str>, api: Option<SocketAddr>) -> String {
    if let Some(given) = given {
        return given.trim_end_matches('/').to_owned();
    }
    let uname = rustix::system::uname();
    let host = uname.nodename().to_string_lossy().into_owned();
    let port = api.map_or(9090, |address| address.port());
    format!("http://{host}:{port}")
}
