//! `vigie incident`.

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::alerts::{Server, labels, list, text};
use crate::args::{IncidentArgs, IncidentChange, IncidentCommand};
use crate::log::say;

/// Asks, or changes, and prints what it is then.
pub(crate) async fn ask(args: IncidentArgs) -> Result<()> {
    let server = Server::new(args.address(), args.tenant.clone())?;
    let by = &args.by;
    let change = |change: &IncidentChange, action: &'static str| {
        (change.id, action, json!({"by": by, "comment": change.comment}))
    };
    let (id, action, body) = match &args.command {
        IncidentCommand::List { state, severity, owner } => {
            let mut parameters = vec![("state", state.clone())];
            parameters.retain(|(_, state)| state != "all");
            parameters.extend(severity.clone().map(|severity| ("severity", severity)));
            parameters.extend(owner.clone().map(|owner| ("owner", owner)));
            let found = server.get("/api/v1/incidents", &parameters).await?;
            return print(&args, &found, print_list);
        }
        IncidentCommand::Show { id } => {
            let found = server.get(&format!("/api/v1/incidents/{id}"), &[]).await?;
            return print(&args, &found, print_one);
        }
        IncidentCommand::Postmortem { id } => return postmortem(&args, &server, *id).await,
        IncidentCommand::Ack(asked) => change(asked, "acknowledge"),
        IncidentCommand::Mitigate(asked) => change(asked, "mitigate"),
        IncidentCommand::Resolve(asked) => change(asked, "resolve"),
        IncidentCommand::Reopen(asked) => change(asked, "reopen"),
        IncidentCommand::Comment { id, text } => (*id, "comment", json!({"by": by, "text": text})),
        IncidentCommand::Assign { id, owner } => (*id, "edit", json!({"by": by, "owner": owner})),
        IncidentCommand::Merge { id, from } => (*id, "merge", json!({"by": by, "from": from})),
        IncidentCommand::Split { id, alerts } => {
            (*id, "split", json!({"by": by, "alerts": alerts}))
        }
    };
    let found = server.post(&format!("/api/v1/incidents/{id}/{action}"), &body).await?;
    print(&args, &found, |data| print_list(&json!([data])))
}

fn print(args: &IncidentArgs, answer: &Value, readable: impl FnOnce(&Value)) -> Result<()> {
    let data = answer.get("data").context("the answer has no data")?;
    if args.json {
        say(&data.to_string());
    } else {
        readable(data);
    }
    Ok(())
}

async fn postmortem(args: &IncidentArgs, server: &Server, id: u64) -> Result<()> {
    let path = format!("/api/v1/incidents/{id}/postmortem");
    if args.json {
        let found = server.get(&path, &[("format", "json".to_owned())]).await?;
        return print(args, &found, |_| {});
    }
    say(server.text(&path).await?.trim_end());
    Ok(())
}

fn print_list(data: &Value) {
    if list(data).is_empty() {
        say("no incident");
    }
    for incident in list(data) {
        let number = |name: &str| incident.get(name).and_then(Value::as_u64).unwrap_or(0);
        let owner = match text(incident, "owner") {
            "" => "nobody",
            owner => owner,
        };
        say(&format!(
            "{:>5}  {:<12}  {:<9}  {}/{} firing  {:<10}  {}  {}",
            number("id"),
            text(incident, "state"),
            text(incident, "severity"),
            number("firing"),
            number("alerts"),
            owner,
            text(incident, "openedAt"),
            text(incident, "title"),
        ));
    }
}

fn print_one(data: &Value) {
    print_list(&json!([data]));
    for alert in list(data.get("alertList").unwrap_or(&Value::Null)) {
        let is_firing = alert.get("isFiring").and_then(Value::as_bool).unwrap_or(false);
        let state = if is_firing { "firing" } else { "over" };
        let shown = labels(alert.get("labels").unwrap_or(&Value::Null));
        say(&format!("       {state:<6}  {}  {shown}", text(alert, "fingerprint")));
    }
    for moment in list(data.get("timeline").unwrap_or(&Value::Null)) {
        let by = match text(moment, "by") {
            "" => String::new(),
            by => format!("{by}: "),
        };
        say(&format!(
            "  {}  {:<12}  {by}{}",
            text(moment, "at"),
            text(moment, "kind"),
            text(moment, "text")
        ));
    }
}
