//! `loki`: lines with labels to Loki's push API.

use std::collections::BTreeMap;

use vigie_dial::Method;
use vigie_language::logstash::ConfigError;
use vigie_model::event::{DeliverFuture, Event, Object, Value};

use super::http::Dialer;
use super::{Output, OutputContext, set_aside};
use crate::build::Context;
use crate::options::Options;
use crate::text;

#[derive(Debug)]
struct Loki {
    dialer: Dialer,
    url: String,
    message_field: String,
    include_fields: Vec<String>,
    outputs: OutputContext,
}

pub(super) fn build(
    options: &Options<'_>,
    context: &Context<'_>,
    outputs: &OutputContext,
) -> Result<Box<dyn Output>, ConfigError> {
    options.ignore(&[
        "batch_size",
        "batch_wait",
        "min_delay",
        "max_delay",
        "retries",
        "username",
        "metadata_fields",
        "cert",
        "key",
        "ca_cert",
        "insecure_skip_verify",
        "tenant_id",
    ]);
    Ok(Box::new(Loki {
        dialer: Dialer::build(options, outputs, &context.options.world)?,
        url: options.required("url")?,
        message_field: options.text("message_field")?.unwrap_or_else(|| "message".to_owned()),
        include_fields: options.list("include_fields")?.unwrap_or_default(),
        outputs: outputs.clone(),
    }))
}

impl Loki {
    /// The fields at the root that are texts, numbers or truths, but for the line and the time.
    fn labels(&self, event: &Event) -> BTreeMap<String, String> {
        let is_label = |key: &str, value: &Value| {
            let is_wanted = self.include_fields.is_empty()
                || self.include_fields.iter().any(|wanted| wanted == key);
            let is_scalar = !matches!(value, Value::Null | Value::List(_) | Value::Object(_));
            is_wanted && is_scalar && key != self.message_field && !key.starts_with('@')
        };
        let labels = event.fields.iter().filter(|(key, value)| is_label(key, value));
        labels.map(|(key, value)| (label_name(key), text::of_value(value))).collect()
    }

    fn body(&self, events: &[Event], now_ns: i64) -> String {
        let mut streams: BTreeMap<BTreeMap<String, String>, Vec<Value>> = BTreeMap::new();
        for event in events {
            let line = event.fields.get(&self.message_field).map(text::of_value);
            let pair = vec![
                Value::String(event.time_ns().unwrap_or(now_ns).to_string()),
                Value::String(line.unwrap_or_default()),
            ];
            streams.entry(self.labels(event)).or_default().push(Value::List(pair));
        }
        let stream = |(labels, values): (BTreeMap<String, String>, Vec<Value>)| {
            let labels = labels.into_iter().map(|(key, value)| (key, Value::String(value)));
            let mut object = Object::new();
            object.push("stream", Value::Object(labels.collect()));
            object.push("values", Value::List(values));
            Value::Object(object)
        };
        let mut body = Object::new();
        body.push("streams", Value::List(streams.into_iter().map(stream).collect()));
        text::json(&Value::Object(body))
    }
}

fn label_name(key: &str) -> String {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || c == '_';
    key.chars().map(|c| if is_allowed(c) { c } else { '_' }).collect()
}

impl Output for Loki {
    fn write(&self, events: Vec<Event>) -> DeliverFuture<'_> {
        Box::pin(async move {
            let now_ns = self.dialer.world.clock.now_ms().saturating_mul(1_000_000);
            let body = self.body(&events, now_ns);
            let answer =
                self.dialer.send(&Method::POST, &self.url, "application/json", body).await?;
            if answer.status.is_success() {
                return Ok(());
            }
            let reason = format!("{}: HTTP status {}", self.url, answer.status);
            let letters = events.into_iter().map(|event| (event, reason.clone())).collect();
            set_aside(self.outputs.dead_letters.as_ref(), "loki", letters)
        })
    }
}
