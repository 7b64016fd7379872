//! `promtool check service-discovery`: what a job finds, and what relabelling makes of it.

use std::process::ExitCode;

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};
use vigie_dial::HttpEnvironment;
use vigie_model::Labels;
use vigie_receive::scrape::find_targets;
use vigie_world::World;

use crate::args::CheckServiceDiscoveryArgs;
use crate::config::{duration, environment};
use crate::log::{say, warn};

pub(super) async fn check(args: &CheckServiceDiscoveryArgs, world: &World) -> Result<ExitCode> {
    let wait = duration(&args.timeout).context("--timeout")?;
    let loaded = match vigie_receive::config::load(&args.config_file, world, &environment) {
        Ok(loaded) => loaded,
        Err(error) => {
            warn(&format!("Cannot load config: {error}"));
            return Ok(ExitCode::FAILURE);
        }
    };
    let Some(job) = loaded.jobs.iter().find(|job| job.job_name == args.job) else {
        warn(&format!("Job {} not found. Select one of:", args.job));
        for job in &loaded.jobs {
            warn(&format!("\t{}", job.job_name));
        }
        return Ok(ExitCode::FAILURE);
    };
    let http = HttpEnvironment {
        variable: std::sync::Arc::new(|name| environment(name)),
        ..HttpEnvironment::default()
    };
    let found = find_targets(job, &http, world, wait).await.map_err(anyhow::Error::msg)?;
    let targets: Vec<Value> = found
        .targets
        .iter()
        .map(|target| {
            let labels = target.labels.as_ref().map_or_else(|| json!({}), object);
            json!({"discoveredLabels": object(&target.discovered_labels), "labels": labels})
        })
        .collect();
    say(&serde_json::to_string_pretty(&targets)?);
    for error in &found.errors {
        warn(error);
    }
    let failed = !found.errors.is_empty();
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn object(labels: &Labels) -> Value {
    let pairs = labels.iter().map(|(name, value)| (name.to_owned(), Value::from(value)));
    Value::Object(pairs.collect::<Map<_, _>>())
}
