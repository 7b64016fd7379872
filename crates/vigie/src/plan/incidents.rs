//! How alerts become incidents.

use anyhow::{Context, Result, bail};
use vigie_respond::desk::DeskPlan;
use vigie_respond::incident::{BookOptions, GroupBy};
use vigie_respond::runbook::Selector;

use crate::config::{IncidentsSettings, duration};

/// `[incidents]`; `None`: alerts do not become incidents.
pub(super) fn plan(
    settings: &IncidentsSettings,
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
    let plan = DeskPlan { book, opens, external_url, ..DeskPlan::default() };
    Ok(settings.enabled.then_some(plan))
}
