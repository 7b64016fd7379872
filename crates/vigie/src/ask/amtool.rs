//! amtool: Alertmanager's command line, over the same API.

use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use vigie_language::yaml::Source;
use vigie_model::Labels;
use vigie_respond::config::{self, ConfigOptions, LoadedConfig};
use vigie_respond::{Route, RouteTree};
use vigie_world::World;

use super::alerts::{
    Server, conditions, date, expire, filters, labels, list, matchers, pairs, read_date, text,
};
use crate::args::{
    AmtoolAlert, AmtoolArgs, AmtoolCluster, AmtoolCommand, AmtoolConfig, AmtoolOutput,
    AmtoolRoutes, AmtoolSilence,
};
use crate::config::duration;
use crate::log::say;

/// Silences that are read from a file.
const SILENCES_MAX: usize = 100_000;

/// Does what was asked for.
pub(crate) async fn ask(args: AmtoolArgs, world: World) -> Result<()> {
    let server = Server::new(args.url.trim_end_matches('/').to_owned(), None)?;
    let now_ms = world.clock.now_ms();
    match args.command {
        AmtoolCommand::Alert { what } => alert(&server, what, args.output).await,
        AmtoolCommand::Silence { what } => silence(&server, what, args.output, now_ms).await,
        AmtoolCommand::CheckConfig { files } => check(&files, &world),
        AmtoolCommand::Config { what: AmtoolConfig::Show } => {
            let status = server.get("/api/v2/status", &[]).await?;
            say(text(&status, "config.original"));
            Ok(())
        }
        AmtoolCommand::Config { what: AmtoolConfig::Routes { what, file } } => {
            routes(&server, what, file.as_deref(), &world).await
        }
        AmtoolCommand::Cluster { what: AmtoolCluster::Show } => {
            let status = server.get("/api/v2/status", &[]).await?;
            say(&format!("Cluster Status:  {}", text(&status, "cluster.status")));
            for peer in list(&status["cluster"]["peers"]) {
                say(&format!("{}  {}", text(peer, "address"), text(peer, "name")));
            }
            Ok(())
        }
    }
}

/// Prints rows in columns.
fn columns(rows: &[Vec<String>]) {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max()
    };
    let widths: Vec<usize> = (0..count).map(|column| width(column).unwrap_or(0)).collect();
    for row in rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}  "));
        say(cells.collect::<String>().trim_end());
    }
}

fn row(cells: &[&str]) -> Vec<String> {
    cells.iter().map(|cell| (*cell).to_owned()).collect()
}

/// `2006-01-02 15:04:05 UTC`
fn shown_date(text: &str) -> String {
    let time: Result<jiff::Timestamp, _> = text.parse();
    time.map_or_else(|_| text.to_owned(), |t| t.strftime("%Y-%m-%d %H:%M:%S UTC").to_string())
}

async fn alert(server: &Server, what: AmtoolAlert, output: AmtoolOutput) -> Result<()> {
    match what {
        AmtoolAlert::Query { matchers, silenced, inhibited, active, unprocessed, receiver } => {
            let mut parameters = filters(&matchers);
            // Without a flag only active ones are asked for.
            let active = active || !(silenced || inhibited || unprocessed);
            parameters.push(("active", active.to_string()));
            parameters.push(("silenced", silenced.to_string()));
            parameters.push(("inhibited", inhibited.to_string()));
            parameters.push(("unprocessed", unprocessed.to_string()));
            parameters.extend(receiver.map(|receiver| ("receiver", receiver)));
            let alerts = server.get("/api/v2/alerts", &parameters).await?;
            show_alerts(&alerts, output);
        }
        AmtoolAlert::Add { labels, generator_url, start, end, annotation } => {
            let mut alert = json!({
                "labels": pairs(&labels, true)?,
                "annotations": pairs(&annotation, false)?,
                "generatorURL": generator_url,
            });
            for (name, time) in [("startsAt", start), ("endsAt", end)] {
                if let Some(time) = time {
                    alert[name] = json!(date(read_date(&time)?));
                }
            }
            server.post("/api/v2/alerts", &json!([alert])).await?;
        }
    }
    Ok(())
}

fn show_alerts(alerts: &Value, output: AmtoolOutput) {
    let mut rows = match output {
        AmtoolOutput::Json => return say(&alerts.to_string()),
        AmtoolOutput::Simple => vec![row(&["Alertname", "Starts At", "Summary", "State"])],
        AmtoolOutput::Extended => {
            vec![row(&["Labels", "Annotations", "Starts At", "Ends At", "Generator URL", "State"])]
        }
    };
    for alert in list(alerts) {
        let (starts, state) = (shown_date(text(alert, "startsAt")), text(alert, "status.state"));
        if output == AmtoolOutput::Simple {
            let (name, summary) =
                (text(alert, "labels.alertname"), text(alert, "annotations.summary"));
            rows.push(row(&[name, &starts, summary, state]));
        } else {
            rows.push(row(&[
                &labels(&alert["labels"]),
                &labels(&alert["annotations"]),
                &starts,
                &shown_date(text(alert, "endsAt")),
                text(alert, "generatorURL"),
                state,
            ]));
        }
    }
    columns(&rows);
}

async fn silence(
    server: &Server,
    what: AmtoolSilence,
    output: AmtoolOutput,
    now_ms: i64,
) -> Result<()> {
    match what {
        AmtoolSilence::Add { matchers: texts, author, duration: time, start, end, comment } => {
            if comment.is_empty() {
                bail!("comment required by config");
            }
            let from_ms = start.as_deref().map_or(Ok(now_ms), read_date)?;
            let until_ms = match end {
                Some(end) => read_date(&end)?,
                None => from_ms + i64::try_from(duration(&time)?.as_millis())?,
            };
            let body = json!({
                "matchers": matchers(&texts)?,
                "startsAt": date(from_ms),
                "endsAt": date(until_ms),
                "createdBy": author,
                "comment": comment,
            });
            let answer = server.post("/api/v2/silences", &body).await?;
            say(text(&answer, "silenceID"));
        }
        AmtoolSilence::Expire { ids } => {
            if ids.is_empty() {
                bail!("no silence IDs specified");
            }
            expire(server, &ids).await?;
        }
        AmtoolSilence::Import { file } => import(server, file.as_deref()).await?,
        AmtoolSilence::Query { matchers, expired, quiet } => {
            let silences = server.get("/api/v2/silences", &filters(&matchers)).await?;
            let is_over = |silence: &&Value| text(silence, "status.state") == "expired";
            let wanted: Vec<&Value> =
                list(&silences).iter().filter(|silence| is_over(silence) == expired).collect();
            show_silences(&wanted, quiet, output);
        }
        AmtoolSilence::Update { ids, duration: time, end, comment } => {
            for id in ids {
                let path = format!("/api/v2/silence/{id}");
                let mut silence = server.get(&path, &[]).await?;
                if let Some(time) = &time {
                    let until_ms = now_ms + i64::try_from(duration(time)?.as_millis())?;
                    silence["endsAt"] = json!(date(until_ms));
                }
                if let Some(end) = &end {
                    silence["endsAt"] = json!(date(read_date(end)?));
                }
                if let Some(comment) = &comment {
                    silence["comment"] = json!(comment);
                }
                let answer = server.post("/api/v2/silences", &silence).await?;
                say(text(&answer, "silenceID"));
            }
        }
    }
    Ok(())
}

async fn import(server: &Server, file: Option<&Path>) -> Result<()> {
    let text = match file {
        Some(file) => {
            std::fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?
        }
        None => {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text)?;
            text
        }
    };
    let silences: Vec<Value> = serde_json::from_str(&text).context("no list of silences")?;
    if silences.len() > SILENCES_MAX {
        bail!("more than {SILENCES_MAX} silences");
    }
    for mut silence in silences {
        // Ids are the server's to give, unless it has the silence already.
        let id = silence["id"].as_str().unwrap_or_default().to_owned();
        let known = server.get(&format!("/api/v2/silence/{id}"), &[]).await.is_ok();
        if !known && let Some(object) = silence.as_object_mut() {
            object.remove("id");
        }
        let answer = server.post("/api/v2/silences", &silence).await?;
        say(answer["silenceID"].as_str().unwrap_or_default());
    }
    Ok(())
}

fn show_silences(silences: &[&Value], quiet: bool, output: AmtoolOutput) {
    if quiet {
        for silence in silences {
            say(text(silence, "id"));
        }
        return;
    }
    if output == AmtoolOutput::Json {
        say(&json!(silences).to_string());
        return;
    }
    let mut rows = vec![row(&["ID", "Matchers", "Ends At", "Created By", "Comment"])];
    for silence in silences {
        rows.push(row(&[
            text(silence, "id"),
            &conditions(silence),
            &shown_date(text(silence, "endsAt")),
            text(silence, "createdBy"),
            text(silence, "comment"),
        ]));
    }
    columns(&rows);
}

fn check(files: &[PathBuf], world: &World) -> Result<()> {
    let mut failed = 0;
    for file in files {
        let checked = crate::run::respond::check(
            file.clone(),
            world,
            ConfigOptions { is_strict: true, ..ConfigOptions::default() },
        );
        match checked {
            Ok(running) => {
                let config = &running.config.config;
                say(&format!("Checking '{}'  SUCCESS", file.display()));
                say("Found:");
                say(" - global config");
                say(" - route");
                say(&format!(" - {} inhibit rules", config.inhibit_rules.len()));
                say(&format!(" - {} receivers", config.receivers.len()));
                say(&format!(" - {} templates", config.templates.len()));
                for warning in &running.config.warnings {
                    say(&format!("  warning: {warning}"));
                }
            }
            Err(error) => {
                say(&format!("Checking '{}'  FAILED: {error}", file.display()));
                failed += 1;
            }
        }
    }
    if failed > 0 {
        bail!("failed to validate {failed} file(s)");
    }
    Ok(())
}

async fn routes(
    server: &Server,
    what: Option<AmtoolRoutes>,
    file: Option<&Path>,
    world: &World,
) -> Result<()> {
    let loaded = match file {
        Some(file) => config::load(file, world, ConfigOptions::default())?,
        None => {
            let status = server.get("/api/v2/status", &[]).await?;
            let source = Source::default();
            config::parse(text(&status, "config.original"), &source, ConfigOptions::default())?
        }
    };
    match what.unwrap_or(AmtoolRoutes::Show) {
        AmtoolRoutes::Show => {
            say("Routing tree:");
            say(".");
            show_route(&loaded.routes, 0, "");
            Ok(())
        }
        AmtoolRoutes::Test { labels, receivers } => test_routes(&loaded, &labels, receivers),
    }
}

fn show_route(tree: &RouteTree, index: usize, indent: &str) {
    let Some(route) = tree.get(index) else { return };
    if index == 0 {
        say(&format!("└── {}", title(route, true)));
    }
    let deeper = if index == 0 { "    ".to_owned() } else { indent.to_owned() };
    for (at, child) in route.children.iter().enumerate() {
        let is_last = at + 1 == route.children.len();
        let Some(child_route) = tree.get(*child) else { continue };
        let branch = if is_last { "└── " } else { "├── " };
        say(&format!("{deeper}{branch}{}", title(child_route, false)));
        let next = format!("{deeper}{}", if is_last { "    " } else { "│   " });
        show_route(tree, *child, &next);
    }
}

fn title(route: &Route, is_root: bool) -> String {
    let conditions = if is_root { "default-route".to_owned() } else { route.matchers.to_string() };
    let more = if route.is_continued { "  continue: true" } else { "" };
    format!("{conditions}{more}  receiver: {}", route.receiver)
}

fn test_routes(loaded: &LoadedConfig, texts: &[String], expected: Option<String>) -> Result<()> {
    let object = pairs(texts, false)?;
    let pairs = object.as_object().into_iter().flatten();
    let labels = Labels::from_pairs(pairs.map(|(n, v)| (n, v.as_str().unwrap_or_default())));
    let found = loaded.routes.matching(&labels);
    let names: Vec<&str> = found.iter().map(|route| &*route.receiver).collect();
    let names = names.join(",");
    say(&names);
    if let Some(expected) = expected
        && expected.replace(' ', "") != names
    {
        bail!("Expected receivers did not match resolved receivers.");
    }
    Ok(())
}
