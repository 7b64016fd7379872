//! `promtool check config` and `check web-config`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use vigie_receive::config::{LoadedConfig, ScrapeConfig, expand_path_pattern};
use vigie_show::{FrontDoor, FrontDoorOptions, Telemetry};
use vigie_world::World;

use super::LINT_EXIT_CODE;
use crate::args::{CheckConfigArgs, CheckRulesArgs};
use crate::config::{duration, environment};
use crate::log::{say, warn};
use crate::rules;

/// Checks configuration files, and the files that they name.
pub(super) fn check(args: &CheckConfigArgs, lookback: &str, world: &World) -> Result<ExitCode> {
    let lookback_ms = duration(lookback)?.as_millis();
    let (mut has_errors, mut has_findings) = (false, false);
    for file in &args.files {
        say(&format!("Checking {}", file.display()));
        let loaded = match read(file, args, world) {
            Ok(loaded) => loaded,
            Err(message) => {
                warn(&format!("  FAILED: {message}"));
                say("");
                has_errors = true;
                continue;
            }
        };
        let rule_files = if args.syntax_only { Vec::new() } else { rule_files(&loaded, world) };
        if !rule_files.is_empty() {
            say(&format!("  SUCCESS: {} rule files found", rule_files.len()));
        }
        say(&format!(" SUCCESS: {} is valid prometheus config file syntax", file.display()));
        say("");
        if args.syntax_only {
            continue;
        }
        has_findings |= lint_intervals(&loaded.jobs, &args.lint, lookback_ms);
        if rule_files.is_empty() {
            continue;
        }
        let rules = CheckRulesArgs {
            lint: rule_lints(&args.lint),
            lint_fatal: args.lint_fatal,
            ignore_unknown_fields: args.ignore_unknown_fields,
            files: rule_files,
        };
        match rules::check_rules_outcome(&rules, world)? {
            rules::Checked { has_errors: true, .. } => has_errors = true,
            rules::Checked { has_failed, .. } => has_findings |= has_failed,
        }
    }
    Ok(match (has_errors, has_findings && args.lint_fatal) {
        (true, _) => ExitCode::FAILURE,
        (false, true) => ExitCode::from(LINT_EXIT_CODE),
        (false, false) => ExitCode::SUCCESS,
    })
}

/// Checks files of `--web.config.file` as the front door reads them.
pub(super) fn check_web(files: &[PathBuf], world: &World) -> ExitCode {
    let mut code = ExitCode::SUCCESS;
    for file in files {
        let options =
            FrontDoorOptions { web_config: Some(file.clone()), ..FrontDoorOptions::default() };
        match FrontDoor::new(options, world.clone(), Telemetry::new(), None) {
            Ok(_) => warn(&format!("{} SUCCESS", file.display())),
            Err(error) => {
                warn(&format!("{} FAILED: {error}", file.display()));
                code = ExitCode::FAILURE;
            }
        }
    }
    code
}

fn read(file: &Path, args: &CheckConfigArgs, world: &World) -> Result<LoadedConfig, String> {
    let loaded = vigie_receive::config::load(file, world, &environment)
        .map_err(|error| error.to_string())?;
    if args.agent {
        check_agent(&loaded)?;
    }
    for unserved in &loaded.not_yet_served {
        if unserved.section.contains("_sd_configs") {
            let line = unserved.line.map_or_else(String::new, |line| format!("line {line}: "));
            return Err(format!("{line}{} is not there yet", unserved.section));
        }
    }
    if args.syntax_only {
        return Ok(loaded);
    }
    for pattern in &loaded.config.rule_files {
        if !pattern.to_string_lossy().contains('*') && !pattern.is_file() {
            return Err(format!("{:?} does not point to an existing file", pattern.display()));
        }
    }
    for job in &loaded.jobs {
        check_files(job)?;
    }
    for job in &loaded.jobs {
        for pattern in job.discovery.file.iter().flat_map(|file| &file.files) {
            if expand_path_pattern(pattern, world).is_empty() {
                say(&format!(
                    "  WARNING: file {:?} for file_sd in scrape job {:?} does not exist",
                    pattern.display(),
                    job.job_name
                ));
            }
        }
    }
    Ok(loaded)
}

/// An agent has nothing to answer with: no rules, no Alertmanagers, no remote read.
pub(crate) fn check_agent(loaded: &LoadedConfig) -> Result<(), String> {
    let (config, alerting) = (&loaded.config, &loaded.config.alerting);
    let sections = [
        ("rule_files", config.rule_files.is_empty()),
        (
            "alerting",
            alerting.alertmanagers.is_empty() && alerting.alert_relabel_configs.is_empty(),
        ),
        ("remote_read", config.remote_read.is_empty()),
    ];
    match sections.iter().find(|(_, is_empty)| !is_empty) {
        Some((name, _)) => Err(format!("field {name} is not allowed in agent mode")),
        None => Ok(()),
    }
}

/// Files with certificates and credentials have to be there.
fn check_files(job: &ScrapeConfig) -> Result<(), String> {
    let http = &job.http;
    let mut files = vec![
        ("client cert file", &http.tls_config.cert_file),
        ("client key file", &http.tls_config.key_file),
        ("CA file", &http.tls_config.ca_file),
    ];
    if let Some(authorization) = &http.authorization {
        files.push((
            "authorization credentials or bearer token file",
            &authorization.credentials_file,
        ));
    }
    for (what, file) in files {
        if !file.as_os_str().is_empty() && !file.is_file() {
            return Err(format!("error checking {what} {:?}: no such file", file.display()));
        }
    }
    Ok(())
}

fn rule_files(loaded: &LoadedConfig, world: &World) -> Vec<PathBuf> {
    let patterns = loaded.config.rule_files.iter();
    patterns.flat_map(|pattern| expand_path_pattern(pattern, world)).collect()
}

/// Samples of a job whose interval is longer than the lookback are stale before the next ones.
fn lint_intervals(jobs: &[ScrapeConfig], lint: &str, lookback_ms: u128) -> bool {
    if !lint.split(',').any(|one| matches!(one, "all" | "too-long-scrape-interval")) {
        return false;
    }
    let mut found = false;
    for job in jobs.iter().filter(|job| u128::from(job.scrape_interval.0) >= lookback_ms) {
        warn(&format!(
            "  FAILED: too long scrape interval found, data point will be marked as stale - job: \
             {}, interval: {}",
            job.job_name, job.scrape_interval
        ));
        found = true;
    }
    found
}

/// Those that concern rules.
fn rule_lints(lint: &str) -> String {
    let kept = lint.split(',').filter(|one| *one != "too-long-scrape-interval");
    let kept = kept.collect::<Vec<_>>().join(",");
    if kept.is_empty() { "none".to_owned() } else { kept }
}
