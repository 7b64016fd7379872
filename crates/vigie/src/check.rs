//! `vigie check`: reads configuration as `run` would and says what is wrong.

use std::path::PathBuf;

use anyhow::{Result, bail};
use vigie_alert::{GoExpander, ReadOptions};
use vigie_receive::config::LoadedConfig;
use vigie_world::World;

use crate::config::{Found, Kind, Settings, environment, recognise};
use crate::log::say;
use crate::run::rules::read_groups;

/// Checks all files of `paths`; an error when one of them cannot work.
pub(crate) fn check(paths: &[PathBuf]) -> Result<()> {
    let world = World::real();
    let mut wrong = 0;
    for found in recognise(paths)?.iter().filter(|found| found.kind != Kind::Other) {
        let report = examine(found, &world);
        say(&format!("{}: {}", found.path.display(), found.kind.describe()));
        for line in &report.notes {
            say(&format!("  {line}"));
        }
        for line in &report.errors {
            say(&format!("  error: {line}"));
        }
        wrong += report.errors.len();
    }
    for finding in crate::doctor::findings(paths, &world)? {
        say(&finding.to_string());
    }
    if wrong > 0 {
        bail!("{wrong} {} found", if wrong == 1 { "error" } else { "errors" });
    }
    Ok(())
}

#[derive(Debug, Default)]
struct Report {
    notes: Vec<String>,
    errors: Vec<String>,
}

fn examine(found: &Found, world: &World) -> Report {
    let mut report = Report::default();
    match found.kind {
        Kind::Prometheus => match vigie_receive::config::load(&found.path, world, &environment) {
            Ok(loaded) => examine_prometheus(&loaded, &mut report),
            Err(error) => report.errors.push(error.to_string()),
        },
        Kind::Settings => {
            let aggregation = Settings::read(&found.path).and_then(|settings| {
                let path = settings.receive.stream_aggregation;
                path.map(|path| crate::run::rules_of(&path, world)).transpose()
            });
            match aggregation {
                Ok(Some(rules)) => {
                    report.notes.push(format!("{} rules of stream aggregation", rules.len()));
                }
                Ok(None) => {}
                Err(error) => report.errors.push(format!("{error:#}")),
            }
        }
        Kind::WebConfig => {
            let options = vigie_show::FrontDoorOptions {
                web_config: Some(found.path.clone()),
                ..Default::default()
            };
            let telemetry = vigie_show::Telemetry::new();
            if let Err(error) = vigie_show::FrontDoor::new(options, world.clone(), telemetry, None)
            {
                report.errors.push(error.to_string());
            }
        }
        Kind::Alertmanager => examine_alertmanager(found, world, &mut report),
        // Read along with the configuration that names them.
        Kind::Template => {}
        Kind::Collector => match crate::plan::collector_policies(&found.path) {
            Ok(Some(options)) => {
                let names: Vec<&str> = options.policy_names().collect();
                report.notes.push(format!("policies of tail sampling: {}", names.join(", ")));
            }
            Ok(None) => report.notes.push("no policies of tail sampling".to_owned()),
            Err(error) => report.errors.push(format!("{error:#}")),
        },
        Kind::Rules => examine_rules(found, world, &mut report),
        Kind::Logstash => examine_logstash(found, world, &mut report),
        Kind::Filebeat => match crate::shipper::check(&found.path, world) {
            Ok((summary, warnings)) => {
                report.notes.push(summary);
                report.notes.extend(warnings.into_iter().map(|text| format!("warning: {text}")));
            }
            Err(error) => report.errors.push(format!("{error:#}")),
        },
        Kind::Runbook => match crate::plan::read_runbooks(&found.path) {
            Ok(runbooks) => {
                let told = runbooks.iter().map(|r| format!("{} ({} steps)", r.name, r.steps.len()));
                report.notes.push(format!(
                    "runbooks, observed and never executed: {}",
                    told.collect::<Vec<_>>().join(", ")
                ));
            }
            Err(error) => report.errors.push(format!("{error:#}")),
        },
        Kind::Other => {}
        _ => report.notes.push("not yet served".to_owned()),
    }
    report
}

fn examine_alertmanager(found: &Found, world: &World, report: &mut Report) {
    let options = vigie_respond::config::ConfigOptions::default();
    match crate::run::respond::check(found.path.clone(), world, options) {
        Ok(running) => {
            let config = &running.config;
            let (routes, receivers) = (config.routes.nodes().len(), config.receivers.len());
            report.notes.push(format!("{routes} routes, {receivers} receivers"));
            let warnings = config.warnings.iter().map(ToString::to_string);
            report.notes.extend(warnings.map(|warning| format!("warning: {warning}")));
        }
        Err(error) => report.errors.push(error),
    }
}

fn examine_logstash(found: &Found, world: &World, report: &mut Report) {
    match crate::pipelines::check(&found.path, world) {
        Ok((summary, warnings)) => {
            report.notes.push(summary);
            report.notes.extend(warnings.into_iter().map(|warning| format!("warning: {warning}")));
        }
        Err(error) => report.errors.push(format!("{error:#}")),
    }
}

fn examine_rules(found: &Found, world: &World, report: &mut Report) {
    let expander = GoExpander::default();
    let options = ReadOptions {
        default_interval_ms: 60_000,
        ignore_unknown_fields: false,
        expander: &expander,
    };
    match read_groups(&found.path, options, world) {
        Ok(groups) => {
            let rules: usize = groups.iter().map(|group| group.rules.len()).sum();
            report.notes.push(format!("{} groups, {rules} rules", groups.len()));
        }
        Err(errors) => report.errors.extend(errors),
    }
}

fn examine_prometheus(loaded: &LoadedConfig, report: &mut Report) {
    report.notes.push(format!("{} jobs", loaded.jobs.len()));
    for part in &loaded.not_yet_served {
        let line = part.line.map_or_else(String::new, |line| format!("line {line}: "));
        let text = format!("{line}{} is not there yet", part.section);
        // A mechanism that finds no targets would be silence where people expect to be watched.
        if part.section.contains("_sd_configs") {
            report.errors.push(text);
        } else {
            report.notes.push(text);
        }
    }
    report.notes.extend(loaded.warnings.iter().cloned());
}
