//! `rules replay`: recording rules over a past range, written to the server that has the data.
//!
//! Rule after rule in the order of the files, so that a rule finds what an earlier one gave. A
//! second replay writes the same points again, which changes nothing.

use anyhow::{Context, Result, bail};
use reqwest::Client;
use serde_json::{Map, Value, json};
use vigie_alert::{GoExpander, GroupDefinition, ReadOptions, Rule, RuleKind};
use vigie_world::World;

use crate::args::ReplayArgs;
use crate::config::duration;
use crate::log::say;
use crate::run::rules::read_groups;

/// Steps of one request.
const STEPS_MAX: i64 = 5_000;

struct Replay<'a> {
    address: String,
    tenant: Option<&'a str>,
    client: Client,
    start_ms: i64,
    end_ms: i64,
}

/// Evaluates the recording rules of `args.files` and writes what they give.
pub(crate) async fn replay(args: &ReplayArgs, world: &World) -> Result<()> {
    let expander = GoExpander::default();
    let interval = duration(&args.eval_interval).context("--eval-interval")?;
    let options = ReadOptions {
        default_interval_ms: i64::try_from(interval.as_millis())?.max(1),
        ignore_unknown_fields: false,
        expander: &expander,
    };
    let replay = Replay {
        address: args.server.address(),
        tenant: args.server.tenant.as_deref(),
        client: Client::new(),
        start_ms: time_ms(&args.start).context("--start")?,
        end_ms: match &args.end {
            Some(end) => time_ms(end).context("--end")?,
            None => world.clock.now_ms(),
        },
    };
    if replay.end_ms < replay.start_ms {
        bail!("the end is before the start");
    }
    for file in &args.files {
        let groups = read_groups(file, options, world);
        let groups = groups.map_err(|errors| anyhow::anyhow!(errors.join("\n")))?;
        for group in &groups {
            replay.group(group).await?;
        }
    }
    Ok(())
}

/// RFC 3339, or seconds since the epoch.
fn time_ms(text: &str) -> Result<i64> {
    if let Ok(seconds) = text.parse::<f64>() {
        return Ok((seconds * 1000.0) as i64);
    }
    let time: jiff::Timestamp =
        text.parse().with_context(|| format!("{text:?} is no time; write 2026-01-01T00:00:00Z"))?;
    Ok(time.as_millisecond())
}

impl Replay<'_> {
    async fn group(&self, group: &GroupDefinition) -> Result<()> {
        for rule in &group.rules {
            if rule.kind != RuleKind::Recording {
                say(&format!("{}: {}: alerts are not replayed", group.file, rule.name));
                continue;
            }
            let written = self.rule(group, rule).await;
            let written = written.with_context(|| format!("{}: {}", group.file, rule.name))?;
            say(&format!("{}: {}: {written} samples", group.file, rule.name));
        }
        Ok(())
    }

    /// How many samples were written.
    async fn rule(&self, group: &GroupDefinition, rule: &Rule) -> Result<usize> {
        let step_ms = group.interval_ms.max(1);
        let offset_ms = group.query_offset_ms.unwrap_or(0);
        // At whole multiples of the interval, so that replays of parts fit together.
        let mut from_ms = self.start_ms.div_euclid(step_ms) * step_ms;
        if from_ms < self.start_ms {
            from_ms += step_ms;
        }
        let mut written = 0;
        while from_ms <= self.end_ms {
            let to_ms = self.end_ms.min(from_ms + (STEPS_MAX - 1) * step_ms);
            let range = (from_ms - offset_ms, to_ms - offset_ms, step_ms);
            written += self.write(rule, &self.ask(rule, range).await?).await?;
            from_ms += STEPS_MAX * step_ms;
        }
        Ok(written)
    }

    async fn ask(&self, rule: &Rule, (from, to, step): (i64, i64, i64)) -> Result<Value> {
        let seconds = |ms: i64| format!("{}.{:03}", ms.div_euclid(1000), ms.rem_euclid(1000));
        let form = [
            ("query", rule.expression.text.clone()),
            ("start", seconds(from)),
            ("end", seconds(to)),
            ("step", seconds(step)),
        ];
        let url = format!("{}/api/v1/query_range", self.address);
        let text = self.send(self.client.post(&url).form(&form)).await?;
        let mut answer: Value = serde_json::from_str(&text).with_context(|| url.clone())?;
        if answer["status"] != "success" {
            bail!("{url}: {}", answer["error"]);
        }
        Ok(answer["data"]["result"].take())
    }

    async fn write(&self, rule: &Rule, series: &Value) -> Result<usize> {
        let (mut lines, mut count) = (String::new(), 0);
        for one in series.as_array().into_iter().flatten() {
            let points = one["values"].as_array().map_or(&[][..], Vec::as_slice);
            let value = |point: &Value| point[1].as_str().and_then(|v| v.parse::<f64>().ok());
            let times =
                points.iter().map(|p| (p[0].as_f64().unwrap_or(0.0) * 1000.0).round() as i64);
            let line = json!({
                "metric": labels_of(&one["metric"], rule),
                "values": points.iter().map(value).collect::<Vec<_>>(),
                "timestamps": times.collect::<Vec<_>>(),
            });
            count += points.len();
            lines.push_str(&line.to_string());
            lines.push('\n');
        }
        if count > 0 {
            let url = format!("{}/api/v1/import", self.address);
            self.send(self.client.post(&url).body(lines)).await?;
        }
        Ok(count)
    }

    async fn send(&self, mut request: reqwest::RequestBuilder) -> Result<String> {
        if let Some(tenant) = self.tenant {
            request = request.header("X-Scope-OrgID", tenant);
        }
        let answer = request.send().await?;
        let status = answer.status();
        let text = answer.text().await?;
        if !status.is_success() {
            bail!("{status}: {text:.300}");
        }
        Ok(text)
    }
}

/// The labels of a recorded series.
fn labels_of(found: &Value, rule: &Rule) -> Map<String, Value> {
    let mut labels = found.as_object().cloned().unwrap_or_default();
    labels.insert("__name__".to_owned(), rule.name.clone().into());
    for (name, value) in &rule.labels {
        if value.is_empty() {
            labels.remove(name);
        } else {
            labels.insert(name.clone(), value.clone().into());
        }
    }
    labels
}
