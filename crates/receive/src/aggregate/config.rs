//! The file of rules, as VictoriaMetrics' `-streamAggr.config` has it.

use std::path::Path;

use vigie_language::yaml::section;
use vigie_language::yaml::{ConfigError, DurationMs, Field, Node, Out, Source, Value};

use super::rule::Rule;
use crate::config::RelabelRule;

/// One selector or a list of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selectors(pub Vec<String>);

impl Field for Selectors {
    fn read(node: &Node, source: &Source) -> Result<Self, ConfigError> {
        match &node.value {
            Value::List(_) => Vec::read(node, source).map(Self),
            _ => String::read(node, source).map(|one| Self(vec![one])),
        }
    }

    fn write(&self) -> Option<Out> {
        self.0.write()
    }
}

section! {
    /// A rule.
    pub struct AggregateConfig("stream aggregation config", check = check) {
        /// Its name, for people.
        name: String = String::new(),
        /// Which series are aggregated; all when there is none.
        matching as "match": Selectors = Selectors::default(),
        /// How often outputs are written.
        interval: DurationMs = DurationMs::default(),
        /// Not there yet.
        dedup_interval: DurationMs = DurationMs::default(),
        /// Not there yet.
        enable_windows: bool = false,
        /// When a series that does not come any more is forgotten; two intervals when not set.
        staleness_interval: DurationMs = DurationMs::default(),
        /// After the start, how long first samples of counters are only noted.
        ignore_first_sample_interval: Option<DurationMs> = None,
        /// Whether intervals begin with the start instead of at multiples of their length.
        no_align_flush_to_interval: bool = false,
        /// Whether incomplete first and last intervals are written.
        flush_on_shutdown: bool = false,
        /// Labels that are taken away.
        without: Vec<String> = Vec::new(),
        /// Labels that are kept.
        by: Vec<String> = Vec::new(),
        /// What is computed.
        outputs: Vec<String> = Vec::new(),
        /// Whether outputs have their input's name.
        keep_metric_names: bool = false,
        /// Whether samples from before the interval are left out.
        ignore_old_samples: bool = false,
        /// How many intervals after the start are not written.
        ignore_first_intervals: u64 = 0,
        /// Labels that inputs are taken without.
        drop_input_labels: Vec<String> = Vec::new(),
        /// What happens to labels of inputs.
        input_relabel_configs: Vec<RelabelRule> = Vec::new(),
        /// What happens to labels of outputs.
        output_relabel_configs: Vec<RelabelRule> = Vec::new(),
    }
}

fn check(config: &mut AggregateConfig) -> Result<(), String> {
    if config.interval.0 < 1_000 {
        return Err("interval must be at least 1s".into());
    }
    if config.dedup_interval.0 > 0 {
        return Err("dedup_interval is not there yet".into());
    }
    if config.enable_windows {
        return Err("enable_windows is not there yet".into());
    }
    if config.outputs.is_empty() {
        return Err("outputs list must contain at least a single entry".into());
    }
    if !config.by.is_empty() && !config.without.is_empty() {
        return Err("`by` and `without` lists cannot be set simultaneously".into());
    }
    if config.keep_metric_names && config.outputs.len() != 1 {
        return Err("`keep_metric_names` needs a single entry of `outputs`".into());
    }
    if config.staleness_interval.0 == 0 {
        config.staleness_interval = DurationMs(config.interval.0.saturating_mul(2));
    }
    if config.staleness_interval < config.interval {
        return Err("staleness_interval cannot be smaller than interval".into());
    }
    Rule::compile(config, 0).map(drop)
}

/// Reads a file of rules.
pub fn read(text: &str, path: &Path) -> Result<Vec<AggregateConfig>, ConfigError> {
    let folder = path.parent().map(Path::to_owned).unwrap_or_default();
    let source = Source { file: Some(path.to_owned()), folder };
    let node = Node::parse(text, &source)?;
    if node.is_null() { Ok(Vec::new()) } else { Vec::read(&node, &source) }
}
