//! How alerts become incidents.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use vigie_language::runbook::Runbook;
use vigie_language::yaml::Source;
use vigie_respond::desk::DeskPlan;
use vigie_respond::incident::{BookOptions, GroupBy};
use vigie_respond::runbook::Selector;

use crate::config::{IncidentsSettings, RunbooksSettings, duration};

/// `[incidents]`; `None`: alerts do not become incidents.
pub(super) fn plan(
    (settings, runbooks): (&IncidentsSettings, &RunbooksSettings),
    files: Vec<PathBuf>,
    external_url: Option<&str>,
) -> Result<Option<DeskPlan>> {
    let group_by = match settings.group_by.as_str() {
        "route" => GroupBy::Route,
        "rule" => GroupBy::Rule,
        other => bail!("[incidents] group_by: {other:?} is neither \"route\" nor \"rule\""),
    };
    let time = |text: &str, name: &str| -> Result<u64> {
        let time = duration(text).with_context(|| format!("[incidents] {name}"))?;
        Ok(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
    };
    let book = BookOptions {
        group_by,
        resolve_after_ms: time(&settings.resolve_after, "resolve_after")?,
        reopen_within_ms: time(&settings.reopen_within, "reopen_within")?,
        retention_ms: time(&settings.retention, "retention")?,
        ..BookOptions::default()
    };
    let opens = Selector::new(&[], &settings.matchers)
        .map_err(anyhow::Error::msg)
        .context("[incidents] matchers")?;
    let external_url = external_url.unwrap_or_default().trim_end_matches('/').to_owned();
    // The default mode: everything is evaluated and written down, nothing is done.
    let mut plan = DeskPlan { book, opens, external_url, ..DeskPlan::default() };
    for file in files {
        let found = read_runbooks(&file)?;
        plan.add(&file.display().to_string(), found).map_err(anyhow::Error::msg)?;
    }
    for start in &runbooks.start {
        if plan.runbook(&start.runbook).is_none() {
            bail!("[[runbooks.start]] runbook: there is no runbook {:?}", start.runbook);
        }
        let selector = Selector::new(&[], &start.matchers)
            .map_err(anyhow::Error::msg)
            .context("[[runbooks.start]] matchers")?;
        let selector = selector.context("[[runbooks.start]] matchers: there are none")?;
        plan.options.selectors.push((selector, start.runbook.clone()));
    }
    Ok(settings.enabled.then_some(plan))
}

/// The runbooks of a file. An error says where.
pub(crate) fn read_runbooks(file: &Path) -> Result<Vec<Runbook>> {
    let text =
        std::fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
    let folder = file.parent().map(Path::to_path_buf).unwrap_or_default();
    let source = Source { file: Some(file.to_owned()), folder };
    vigie_language::runbook::parse(&text, &source).with_context(|| format!("in {}", file.display()))
}
