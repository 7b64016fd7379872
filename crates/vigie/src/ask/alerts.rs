//! `vigie alert` and `vigie silence`, and what they share with amtool.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use reqwest::Method;
use serde_json::{Value, json};
use vigie_respond::MatcherSyntax;

use crate::args::{AlertArgs, AlertCommand, AlertServerArgs, SilenceArgs, SilenceCommand};
use crate::config::duration;
use crate::log::say;

/// A server with Alertmanager's API.
pub(super) struct Server {
    pub(super) address: String,
    tenant: Option<String>,
    client: reqwest::Client,
}

impl Server {
    pub(super) fn new(address: String, tenant: Option<String>) -> Result<Self> {
        let client = reqwest::Client::builder().timeout(Duration::from_secs(60)).build()?;
        Ok(Self { address, tenant, client })
    }

    fn of(args: &AlertServerArgs) -> Result<Self> {
        Self::new(args.address(), args.tenant.clone())
    }

    /// Asks; an answer without success is an error with what the server says.
    pub(super) async fn ask(
        &self,
        method: Method,
        path: &str,
        parameters: &[(&str, String)],
        body: Option<&Value>,
    ) -> Result<Value> {
        let url = format!("{}{path}", self.address);
        let mut request = self.client.request(method, &url).query(parameters);
        if let Some(tenant) = &self.tenant {
            request = request.header("X-Scope-OrgID", tenant);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await.with_context(|| format!("asking {url}"))?;
        let (status, text) = (answer.status(), answer.text().await?);
        if !status.is_success() {
            let reason = serde_json::from_str::<String>(&text).unwrap_or(text);
            bail!("{url} answered {status}: {}", reason.trim());
        }
        if text.trim().is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_str(&text)
            .with_context(|| format!("{url} did not answer JSON: {text:.200}"))
    }

    /// An answer that is no JSON.
    pub(super) async fn text(&self, path: &str) -> Result<String> {
        let url = format!("{}{path}", self.address);
        let mut request = self.client.get(&url);
        if let Some(tenant) = &self.tenant {
            request = request.header("X-Scope-OrgID", tenant);
        }
        let answer = request.send().await.with_context(|| format!("asking {url}"))?;
        let (status, text) = (answer.status(), answer.text().await?);
        if !status.is_success() {
            bail!("{url} answered {status}: {}", text.trim());
        }
        Ok(text)
    }

    pub(super) async fn get(&self, path: &str, parameters: &[(&str, String)]) -> Result<Value> {
        self.ask(Method::GET, path, parameters, None).await
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        self.ask(Method::POST, path, &[], Some(body)).await
    }
}

/// The text of a field, or nothing.
pub(super) fn text<'a>(value: &'a Value, path: &str) -> &'a str {
    let found = path.split('.').try_fold(value, |value, key| value.get(key));
    found.and_then(Value::as_str).unwrap_or_default()
}

pub(super) fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// `{a="b", c="d"}` of a JSON object.
pub(super) fn labels(value: &Value) -> String {
    let pairs = value.as_object().into_iter().flatten();
    let pairs: Vec<String> = pairs
        .map(|(name, value)| format!("{name}={:?}", value.as_str().unwrap_or_default()))
        .collect();
    format!("{{{}}}", pairs.join(", "))
}

/// `name=value` pairs as an object; a first one without `=` is the alert's name.
pub(super) fn pairs(texts: &[String], may_name: bool) -> Result<Value> {
    let mut object = serde_json::Map::new();
    for (at, text) in texts.iter().enumerate() {
        match text.split_once('=') {
            Some((name, value)) => {
                object.insert(name.to_owned(), json!(value.trim_matches('"')));
            }
            None if may_name && at == 0 => {
                object.insert("alertname".to_owned(), json!(text));
            }
            None => bail!("{text:?} is not name=value"),
        }
    }
    Ok(Value::Object(object))
}

/// Conditions as the API takes them; a first one without an operator is the alert's name.
pub(super) fn matchers(texts: &[String]) -> Result<Vec<Value>> {
    let mut all = Vec::new();
    for (at, text) in texts.iter().enumerate() {
        let named = format!("alertname={text:?}");
        let is_name = at == 0 && !text.contains(['=', '~']);
        let text = if is_name { &named } else { text };
        let parsed = MatcherSyntax::Fallback.parse_list(text);
        let parsed = parsed.with_context(|| format!("{text:?} is no condition"))?;
        all.extend(parsed.matchers.iter().map(|matcher| {
            json!({
                "name": matcher.name(),
                "value": matcher.value(),
                "isRegex": matcher.is_regex(),
                "isEqual": matcher.is_equal(),
            })
        }));
    }
    Ok(all)
}

/// Conditions as parameters of a question.
pub(super) fn filters(texts: &[String]) -> Vec<(&'static str, String)> {
    let filter = |(at, text): (usize, &String)| {
        let is_name = at == 0 && !text.contains(['=', '~']);
        ("filter", if is_name { format!("alertname={text:?}") } else { text.clone() })
    };
    texts.iter().enumerate().map(filter).collect()
}

/// RFC 3339 of milliseconds since the epoch.
pub(super) fn date(time_ms: i64) -> String {
    jiff::Timestamp::from_millisecond(time_ms)
        .map(|time| time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string())
        .unwrap_or_default()
}

/// `vigie alert`
pub(crate) async fn ask_alert(args: AlertArgs, now_ms: i64) -> Result<()> {
    let server = Server::of(&args.server)?;
    let show = if args.server.json { show_json } else { show_command(&args.command) };
    let answer = match &args.command {
        AlertCommand::List { matchers } => server.get("/api/v2/alerts", &filters(matchers)).await?,
        AlertCommand::Why { matchers, alert, receiver } => {
            let mut parameters = filters(matchers);
            parameters.extend(alert.clone().map(|alert| ("alert", alert)));
            parameters.extend(receiver.clone().map(|receiver| ("receiver", receiver)));
            server.get("/api/v1/respond/why", &parameters).await?
        }
        AlertCommand::Preview { labels, annotations, config } => {
            let config = config.as_ref().map(std::fs::read_to_string).transpose()?;
            let body = json!({
                "labels": pairs(labels, true)?,
                "annotations": pairs(annotations, false)?,
                "config": config,
            });
            server.post("/api/v1/respond/preview", &body).await?
        }
        AlertCommand::Test { receiver } => {
            let path = format!("/api/v1/respond/receivers/{receiver}/test");
            server.post(&path, &json!({})).await?
        }
        AlertCommand::Acknowledge { group, by, comment, duration: time } => {
            let until_ms = now_ms + i64::try_from(duration(time)?.as_millis())?;
            let body = json!({
                "groupKey": group, "by": by, "comment": comment, "until": date(until_ms),
            });
            server.post("/api/v1/respond/acknowledge", &body).await?
        }
    };
    show(&answer);
    Ok(())
}

type Show = fn(&Value);

fn show_command(command: &AlertCommand) -> Show {
    match command {
        AlertCommand::List { .. } => show_alerts,
        AlertCommand::Why { .. } => show_why,
        AlertCommand::Preview { .. } => show_preview,
        AlertCommand::Test { .. } => show_test,
        AlertCommand::Acknowledge { .. } => |answer| {
            say(&format!("acknowledged until {}", text(answer, "data.until")));
        },
    }
}

fn show_json(answer: &Value) {
    say(&serde_json::to_string_pretty(answer).unwrap_or_default());
}

fn show_alerts(answer: &Value) {
    for alert in list(answer) {
        let (state, since) = (text(alert, "status.state"), text(alert, "startsAt"));
        say(&format!("{state:<10} {since} {}", labels(&alert["labels"])));
    }
}

fn show_why(answer: &Value) {
    for timeline in list(&answer["data"]) {
        say(&format!(
            "{} to {} (line {}, {})",
            labels(&timeline["labels"]),
            text(timeline, "receiver"),
            timeline["routeLine"],
            text(timeline, "groupKey"),
        ));
        if let Some(found) = timeline["acknowledged"].as_object() {
            let by = found.get("by").and_then(Value::as_str).unwrap_or_default();
            say(&format!("  acknowledged by {by}"));
        }
        for entry in list(&timeline["entries"]) {
            say(&format!("  {} {}", text(entry, "at"), sentence(entry)));
        }
    }
}

/// An entry of a timeline as a sentence.
fn sentence(entry: &Value) -> String {
    let of = |name| text(entry, name);
    let names =
        || list(&entry["by"]).iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ");
    let (integration, alert) = (of("integration"), of("alert"));
    let said = match of("what") {
        "joined" => format!("{alert} fires"),
        "refired" => format!("{alert} fires again"),
        "resolved" => format!("{alert} is over"),
        "waiting" => format!("waits for {} until {}", of("by"), of("until")),
        "held_back" => format!(
            "{integration}: held back, the same was told at {}; repeated at {}",
            of("told"),
            of("until")
        ),
        "acknowledged" => format!("acknowledged by {} until {}", of("by"), of("until")),
        "not_repeated" => format!("{integration}: not repeated, {} takes care", of("by")),
        "nothing_to_tell" => format!("{integration}: nothing to tell, it was never told"),
        "silenced" => format!("{alert} is silenced by {}", names()),
        "inhibited" => {
            format!("{alert} is inhibited by {} (rule {})", of("by"), of("rule"))
        }
        "muted" => format!("the route is muted by {}", names()),
        "told" => format!(
            "{integration}: told ({}), {} firing, {} resolved, attempt {}, {} ms {}",
            of("reason"),
            entry["firing"],
            entry["resolved"],
            entry["attempt"],
            entry["took_ms"],
            of("detail")
        ),
        "resolved_untold" => format!("{integration}: does not tell of resolved alerts"),
        "retrying" => format!(
            "{integration}: attempt {} failed ({}), again at {}",
            entry["attempt"],
            of("error"),
            of("next")
        ),
        "failed" => {
            format!("{integration}: failed after {} attempts: {}", entry["attempts"], of("error"))
        }
        "ended" => "the group is over".to_owned(),
        other => other.to_owned(),
    };
    match entry["count"].as_u64() {
        Some(count) => format!("{said} ({count} times until {})", of("last")),
        None => said,
    }
}

fn show_preview(answer: &Value) {
    let data = &answer["data"];
    for id in list(&data["silencedBy"]) {
        say(&format!("silenced by {}", id.as_str().unwrap_or_default()));
    }
    if let Some(rule) = data["inhibitedBy"]["rule"].as_str() {
        say(&format!("inhibited by {} (rule {rule})", text(data, "inhibitedBy.alert")));
    }
    for route in list(&data["routes"]) {
        say(&format!(
            "{} (line {}): group {}",
            text(route, "receiver"),
            route["routeLine"],
            text(route, "groupKey")
        ));
        for name in list(&route["mutedBy"]) {
            say(&format!("  muted now by {}", name.as_str().unwrap_or_default()));
        }
        for message in list(&route["messages"]) {
            say(&format!("  {}", text(message, "integration")));
            if let Some(error) = message["error"].as_str() {
                say(&format!("    error: {error}"));
            }
            for part in list(&message["parts"]) {
                let indented = text(part, "text").trim().replace('\n', "\n      ");
                say(&format!("    {}: {indented}", text(part, "name")));
            }
        }
    }
}

fn show_test(answer: &Value) {
    for one in list(&answer["data"]) {
        let said = match one["error"].as_str() {
            Some(error) => format!("error: {error}"),
            None => format!("told {}", text(one, "detail")),
        };
        say(&format!("{}: {said}", text(one, "integration")));
    }
}

/// `vigie silence`
pub(crate) async fn ask_silence(args: SilenceArgs, now_ms: i64) -> Result<()> {
    let server = Server::of(&args.server)?;
    match args.command {
        SilenceCommand::Add {
            matchers: conditions,
            duration: time,
            start,
            comment,
            author,
            owner,
            ticket,
            remind_before,
            preview,
        } => {
            let conditions = matchers(&conditions)?;
            if preview {
                let body = json!({"matchers": conditions});
                let answer = server.post("/api/v1/respond/silences/preview", &body).await?;
                for alert in list(&answer["data"]["alerts"]) {
                    say(&labels(&alert["labels"]));
                }
                return Ok(());
            }
            let from_ms = start.as_deref().map_or(Ok(now_ms), read_date)?;
            let mut annotations = serde_json::Map::new();
            let more = [("owner", owner), ("ticket", ticket), ("remind_before", remind_before)];
            for (name, value) in more {
                annotations.extend(value.map(|value| (name.to_owned(), json!(value))));
            }
            let body = json!({
                "matchers": conditions,
                "startsAt": date(from_ms),
                "endsAt": date(from_ms + i64::try_from(duration(&time)?.as_millis())?),
                "createdBy": author,
                "comment": comment,
                "annotations": annotations,
            });
            let answer = server.post("/api/v2/silences", &body).await?;
            say(text(&answer, "silenceID"));
        }
        SilenceCommand::List { expired } => {
            let parameters = [("expired", expired.to_string())];
            let answer = server.get("/api/v2/silences", &parameters).await?;
            if args.server.json {
                show_json(&answer);
                return Ok(());
            }
            for silence in list(&answer) {
                show_silence(silence);
            }
        }
        SilenceCommand::Expire { ids } => expire(&server, &ids).await?,
    }
    Ok(())
}

pub(super) async fn expire(server: &Server, ids: &[String]) -> Result<()> {
    for id in ids {
        server.ask(Method::DELETE, &format!("/api/v2/silence/{id}"), &[], None).await?;
    }
    Ok(())
}

fn show_silence(silence: &Value) {
    let mut more = String::new();
    for name in ["owner", "ticket"] {
        if let Some(value) = silence["annotations"][name].as_str() {
            more.push_str(&format!(" {name}: {value}"));
        }
    }
    say(&format!(
        "{} {:<7} until {} {} by {}: {}{more}",
        text(silence, "id"),
        text(silence, "status.state"),
        text(silence, "endsAt"),
        conditions(silence),
        text(silence, "createdBy"),
        text(silence, "comment"),
    ));
}

/// The matchers of a silence, as they are written.
pub(super) fn conditions(silence: &Value) -> String {
    let written = list(&silence["matchers"]).iter().map(|matcher| {
        let op = match (&matcher["isRegex"], &matcher["isEqual"]) {
            (Value::Bool(true), Value::Bool(false)) => "!~",
            (Value::Bool(true), _) => "=~",
            (_, Value::Bool(false)) => "!=",
            _ => "=",
        };
        format!("{}{op}{:?}", text(matcher, "name"), text(matcher, "value"))
    });
    written.collect::<Vec<_>>().join(" ")
}

/// Milliseconds since the epoch of an RFC 3339 date.
pub(super) fn read_date(text: &str) -> Result<i64> {
    let time: jiff::Timestamp =
        text.parse().with_context(|| format!("{text:?} is no RFC 3339 date"))?;
    Ok(time.as_millisecond())
}
