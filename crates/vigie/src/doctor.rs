//! The doctor over a folder or a server: gathers what is known, examines rules, scrape
//! configuration and routing.

mod expositions;
mod routing;
mod scrape;
mod server;
mod sources;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use vigie_alert::{
    Exposed, Finding, GoExpander, GroupDefinition, Knowledge, ReadOptions, examine_rules,
};
use vigie_receive::config::LoadedConfig;
use vigie_world::World;

use crate::args::DoctorArgs;
use crate::config::{Kind, environment, recognise};
use crate::log::{say, warn};
use crate::run::rules::{read_groups, rule_files};

/// Files that are read for what they expose may be this large.
const SOURCE_BYTES_MAX: u64 = 4 << 20;

/// What a folder holds, as far as the doctor is concerned.
#[derive(Debug, Default)]
struct Case {
    groups: Vec<GroupDefinition>,
    knowledge: Knowledge,
    findings: Vec<Finding>,
    /// What could not be read.
    errors: Vec<String>,
}

/// Prints what is found; the exit code is 1 when something is.
pub(crate) async fn doctor(args: &DoctorArgs, world: &World) -> Result<ExitCode> {
    let mut case = read(&args.paths, world)?;
    if let Some(server) = &args.server {
        server::ask(server, args.tenant.as_deref(), &mut case).await?;
    }
    for error in &case.errors {
        warn(error);
    }
    let findings = case.examine();
    for finding in &findings {
        say(&finding.to_string());
    }
    if findings.is_empty() && case.errors.is_empty() {
        say("nothing found");
        return Ok(ExitCode::SUCCESS);
    }
    Ok(ExitCode::FAILURE)
}

/// What the doctor finds in the files of `paths`.
pub(crate) fn findings(paths: &[PathBuf], world: &World) -> Result<Vec<Finding>> {
    Ok(read(paths, world)?.examine())
}

impl Case {
    fn examine(&self) -> Vec<Finding> {
        let mut all = self.findings.clone();
        all.extend(examine_rules(&self.groups, &self.knowledge));
        all.sort_by(|one, two| {
            (&one.file, one.place, one.kind).cmp(&(&two.file, two.place, two.kind))
        });
        all
    }

    fn prometheus(&mut self, path: &Path, world: &World) {
        let loaded = match vigie_receive::config::load(path, world, &environment) {
            Ok(loaded) => loaded,
            // `check` says what is wrong with it.
            Err(_) => return,
        };
        self.findings.extend(scrape::examine(path, world));
        self.knowledge.scrape_interval_ms = longest_interval_ms(&loaded);
        let exposed = &mut self.knowledge.exposed;
        exposed.target_labels.extend(scrape::target_labels(&loaded));
        exposed.target_labels.extend(loaded.config.global.external_labels.keys().cloned());
        for file in rule_files(&loaded.config.rule_files, &[], world) {
            self.rules(&file, world);
        }
    }

    fn rules(&mut self, path: &Path, world: &World) {
        let name = path.display().to_string();
        if self.knowledge.texts.contains_key(&name) {
            return;
        }
        let expander = GoExpander::default();
        let options = ReadOptions {
            default_interval_ms: 60_000,
            ignore_unknown_fields: true,
            expander: &expander,
        };
        match read_groups(path, options, world) {
            Ok(groups) => self.groups.extend(groups),
            Err(errors) => self.errors.extend(errors),
        }
        let text = world.disk.read(path).unwrap_or_default();
        self.knowledge.texts.insert(name, String::from_utf8_lossy(&text).into_owned());
    }
}

/// The longest time between two scrapes of any job.
fn longest_interval_ms(loaded: &LoadedConfig) -> Option<i64> {
    loaded.jobs.iter().filter_map(|job| i64::try_from(job.scrape_interval.0).ok()).max()
}

fn read(paths: &[PathBuf], world: &World) -> Result<Case> {
    let mut case = Case::default();
    let found = recognise(paths)?;
    for file in found.iter().filter(|file| file.kind == Kind::Rules) {
        case.rules(&file.path, world);
    }
    for file in found.iter().filter(|file| file.kind == Kind::Prometheus) {
        case.prometheus(&file.path, world);
    }
    for file in found.iter().filter(|file| file.kind == Kind::Alertmanager) {
        case.findings.extend(routing::examine(&file.path, &case.groups, world));
    }
    for file in found.iter().filter(|file| file.kind == Kind::Other) {
        add_exposed(&file.path, world, &mut case.knowledge.exposed);
    }
    Ok(case)
}

/// Adds what the source or exposition at `path` says to be exposed.
fn add_exposed(path: &Path, world: &World, exposed: &mut Exposed) {
    let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
    let is_source = matches!(extension, "py" | "go" | "js" | "ts");
    if !is_source && !matches!(extension, "prom" | "metrics") {
        return;
    }
    let is_small = world.disk.open_read(path).is_ok_and(|f| f.length() <= SOURCE_BYTES_MAX);
    let Some(bytes) = is_small.then(|| world.disk.read(path).ok()).flatten() else { return };
    let text = String::from_utf8_lossy(&bytes);
    let name = path.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
    if is_source {
        sources::read(extension, &text, &name, exposed);
    } else {
        expositions::read(&text, &name, exposed);
        // Whoever gives expositions gives all that there are.
        exposed.is_complete = true;
    }
}
