//! Stream aggregation before the store, when the settings name a file of rules.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use vigie_model::MetricSink;
use vigie_receive::aggregate::{AggregateConfig, AggregatingSink, read};
use vigie_world::World;

use crate::plan::Plan;

/// Where what comes in goes.
#[derive(Debug)]
pub(super) struct Incoming {
    /// The store, or the rules before it.
    pub(super) sink: Arc<dyn MetricSink>,
    rules: Option<Arc<AggregatingSink>>,
}

impl Incoming {
    /// The way into `store`.
    pub(super) async fn open(
        plan: &Plan,
        store: &Arc<dyn MetricSink>,
        world: &World,
    ) -> Result<Self> {
        let Some((path, inputs)) = &plan.aggregation else {
            return Ok(Self { sink: Arc::clone(store), rules: None });
        };
        let configs = rules_of(path, world)?;
        let rules = AggregatingSink::new(Arc::clone(store), &configs, *inputs, world.clone())
            .map_err(anyhow::Error::msg)?;
        rules.start().await;
        tracing::info!(rules = configs.len(), "stream aggregation");
        Ok(Self { sink: Arc::clone(&rules) as _, rules: Some(rules) })
    }

    /// Ends the rules; what they still have to write goes to the store.
    pub(super) async fn stop(&self) {
        if let Some(rules) = &self.rules {
            rules.stop().await;
        }
    }
}

/// Reads a file of rules.
pub(crate) fn rules_of(path: &Path, world: &World) -> Result<Vec<AggregateConfig>> {
    let bytes = world.disk.read(path).with_context(|| format!("reading {}", path.display()))?;
    let text = String::from_utf8(bytes).with_context(|| format!("in {}", path.display()))?;
    Ok(read(&text, path)?)
}
