//! The post-mortem that an incident's timeline writes.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{Incident, MomentKind};

/// `2026-01-02T03:04:05Z`
fn date(time_ms: i64) -> String {
    jiff::Timestamp::from_millisecond(time_ms).map_or_else(
        |_| time_ms.to_string(),
        |time| time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
    )
}

fn span(from_ms: i64, to_ms: i64) -> String {
    let seconds = to_ms.saturating_sub(from_ms).max(0) / 1_000;
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes) {
        (0, 0) => format!("{seconds}s"),
        (0, _) => format!("{minutes}m{seconds}s"),
        _ => format!("{hours}h{minutes}m"),
    }
}

/// What took how long, and everything that happened.
pub fn postmortem_json(incident: &Incident) -> Value {
    let after = |at: Option<i64>| at.map(|at| (at - incident.opened_ms).max(0) / 1_000);
    let moments: Vec<Value> = incident
        .timeline
        .iter()
        .map(|moment| {
            json!({
                "at": date(moment.at_ms), "kind": moment.kind.as_str(), "by": moment.by,
                "text": moment.text, "detail": moment.detail, "link": moment.link,
            })
        })
        .collect();
    json!({
        "id": incident.id,
        "title": incident.title,
        "state": incident.state.as_str(),
        "severity": incident.severity,
        "owner": incident.owner,
        "labels": incident.labels,
        "openedAt": date(incident.opened_ms),
        "resolvedAt": incident.resolved_ms.map(date),
        "secondsToAcknowledge": after(incident.acknowledged_ms),
        "secondsToMitigate": after(incident.mitigated_ms),
        "secondsToResolve": after(incident.resolved_ms),
        "alerts": incident.alerts.iter().map(|(fingerprint, alert)| json!({
            "fingerprint": fingerprint, "labels": alert.labels, "annotations": alert.annotations,
            "startsAt": date(alert.starts_ms), "endsAt": alert.ends_ms.map(date),
            "query": alert.generator_url,
        })).collect::<Vec<_>>(),
        "timeline": moments,
    })
}

/// The same as a document to go on writing in.
pub fn postmortem_markdown(incident: &Incident) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    header(incident, &mut text).ok();
    alerts(incident, &mut text).ok();
    timeline(incident, &mut text).ok();
    text.push_str("\n## Cause\n\n\n## What went well, what did not\n\n\n## Actions\n\n- [ ] \n");
    text
}

fn header(incident: &Incident, text: &mut String) -> std::fmt::Result {
    writeln!(text, "# Incident {}: {}\n", incident.id, inline(&incident.title))?;
    writeln!(text, "| | |\n|---|---|")?;
    writeln!(text, "| State | {} |", incident.state.as_str())?;
    writeln!(text, "| Severity | {} |", inline(&incident.severity))?;
    writeln!(text, "| Owner | {} |", inline(&incident.owner))?;
    writeln!(text, "| Opened | {} |", date(incident.opened_ms))?;
    let times = [
        ("Acknowledged", incident.acknowledged_ms),
        ("Mitigated", incident.mitigated_ms),
        ("Resolved", incident.resolved_ms),
    ];
    for (name, at) in times {
        if let Some(at) = at {
            let after = span(incident.opened_ms, at);
            writeln!(text, "| {name} | {} (after {after}) |", date(at))?;
        }
    }
    Ok(())
}

fn alerts(incident: &Incident, text: &mut String) -> std::fmt::Result {
    writeln!(text, "\n## Alerts\n")?;
    for alert in incident.alerts.values() {
        let name = alert.labels.get("alertname").map_or("alert", String::as_str);
        let end = alert.ends_ms.map_or_else(|| "still fires".to_owned(), date);
        write!(text, "- **{}** {} – {end}", inline(name), date(alert.starts_ms))?;
        let labels: Vec<String> = alert
            .labels
            .iter()
            .filter(|(label, _)| *label != "alertname")
            .map(|(label, value)| format!("{label}={value}"))
            .collect();
        writeln!(text, ": {}", inline(&labels.join(", ")))?;
        if let Some(summary) = alert.annotations.get("summary") {
            writeln!(text, "  {}", inline(summary))?;
        }
        if is_link(&alert.generator_url) {
            writeln!(text, "  <{}>", alert.generator_url)?;
        }
    }
    if incident.alerts_left_out > 0 {
        writeln!(text, "- and {} more", incident.alerts_left_out)?;
    }
    Ok(())
}

fn timeline(incident: &Incident, text: &mut String) -> std::fmt::Result {
    writeln!(text, "\n## Timeline\n")?;
    for moment in &incident.timeline {
        let by = if moment.by.is_empty() { String::new() } else { format!(" ({})", moment.by) };
        let kind = moment.kind.as_str();
        let line = inline(&moment.text);
        writeln!(text, "- `{}` **{kind}**{} {line}", date(moment.at_ms), inline(&by))?;
        let has_output = matches!(moment.kind, MomentKind::Step | MomentKind::Comment);
        if has_output && !moment.detail.trim().is_empty() {
            // An indented block: no content can end it, whatever it is.
            writeln!(text)?;
            for line in moment.detail.lines().take(200) {
                writeln!(text, "      {line}")?;
            }
            writeln!(text)?;
        }
    }
    Ok(())
}

fn is_link(url: &str) -> bool {
    (url.starts_with("http://") || url.starts_with("https://"))
        && !url.contains(['<', '>', ' ', '\n'])
}

/// A text from outside on one line, without what Markdown or HTML would take for their own.
fn inline(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            c if c.is_control() => shown.push(' '),
            '<' => shown.push_str("&lt;"),
            '|' | '[' | ']' | '`' | '*' | '_' | '\\' | '!' => {
                shown.push('\\');
                shown.push(c);
            }
            c => shown.push(c),
        }
    }
    shown
}
