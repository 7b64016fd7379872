//! JSON of messages: objects without their empty fields, and what the configuration leaves open.

use serde_json::{Map, Number, Value as Json};
use vigie_language::yaml::{Node, Source, Value as Yaml};

use super::NotifyError;
use super::message::Message;

/// An object whose empty texts are left out.
#[derive(Debug, Default)]
pub(super) struct Object(Map<String, Json>);

impl Object {
    pub(super) fn new() -> Self {
        Self::default()
    }

    pub(super) fn put(mut self, name: &str, value: impl Into<Json>) -> Self {
        self.0.insert(name.to_owned(), value.into());
        self
    }

    /// Nothing where the value is empty: a text, a list, an object, null.
    pub(super) fn put_some(self, name: &str, value: impl Into<Json>) -> Self {
        let value = value.into();
        let is_empty = match &value {
            Json::Null => true,
            Json::String(text) => text.is_empty(),
            Json::Array(items) => items.is_empty(),
            Json::Object(fields) => fields.is_empty(),
            _ => false,
        };
        if is_empty { self } else { self.put(name, value) }
    }

    pub(super) fn json(self) -> Json {
        Json::Object(self.0)
    }
}

/// A part of the configuration as JSON, its texts rendered. A text that renders to a number, a
/// list or an object becomes one, as Alertmanager has it.
pub(super) fn rendered(node: &Node, message: &Message<'_>) -> Result<Json, NotifyError> {
    Ok(match &node.value {
        Yaml::Null => Json::Null,
        Yaml::Scalar(text, plain) if text.contains("{{") || !plain => typed(message.text(text)?),
        Yaml::Scalar(text, _) => plain_scalar(text),
        Yaml::List(items) => {
            items.iter().map(|item| rendered(item, message)).collect::<Result<_, _>>()?
        }
        Yaml::Map(pairs) => {
            let mut object = Map::new();
            for (key, value) in pairs {
                object.insert(message.text(&key.text)?, rendered(value, message)?);
            }
            Json::Object(object)
        }
    })
}

/// A rendered text: what it is as YAML, unless that is a text again.
pub(super) fn typed(text: String) -> Json {
    let Ok(node) = Node::parse(&text, &Source::default()) else { return Json::String(text) };
    match structured(&node) {
        Json::String(_) | Json::Null => match serde_json::from_str(&text) {
            Ok(Json::String(inner)) => Json::String(inner),
            _ => Json::String(text),
        },
        value => value,
    }
}

fn structured(node: &Node) -> Json {
    match &node.value {
        Yaml::Null => Json::Null,
        Yaml::Scalar(text, true) => plain_scalar(text),
        Yaml::Scalar(text, false) => Json::String(text.clone()),
        Yaml::List(items) => items.iter().map(structured).collect(),
        Yaml::Map(pairs) => {
            let pairs = pairs.iter().map(|(key, value)| (key.text.clone(), structured(value)));
            Json::Object(pairs.collect())
        }
    }
}

/// A scalar without quotes is what it looks like.
fn plain_scalar(text: &str) -> Json {
    match text {
        "true" | "True" | "TRUE" => return Json::Bool(true),
        "false" | "False" | "FALSE" => return Json::Bool(false),
        "null" | "~" | "" => return Json::Null,
        _ => {}
    }
    if let Ok(number) = text.parse::<i64>() {
        return Json::from(number);
    }
    let looks_like_number = text.starts_with(|c: char| c.is_ascii_digit() || c == '-' || c == '.');
    let number = text.parse::<f64>().ok().filter(|_| looks_like_number);
    match number.and_then(Number::from_f64) {
        Some(number) => Json::Number(number),
        None => Json::String(text.to_owned()),
    }
}

/// The JSON of Alertmanager's data, as webhooks get it.
pub(super) fn data(message: &Message<'_>) -> Map<String, Json> {
    let data = message.data();
    let alerts: Vec<Json> = data
        .alerts
        .iter()
        .map(|alert| {
            serde_json::json!({
                "status": alert.status,
                "labels": alert.labels,
                "annotations": alert.annotations,
                "startsAt": alert.starts_at.format("2006-01-02T15:04:05.999999999Z07:00"),
                "endsAt": alert.ends_at.format("2006-01-02T15:04:05.999999999Z07:00"),
                "generatorURL": alert.generator_url,
                "fingerprint": alert.fingerprint,
            })
        })
        .collect();
    let json = serde_json::json!({
        "receiver": data.receiver,
        "status": data.status,
        "alerts": alerts,
        "notification_reason": data.notification_reason,
        "groupLabels": data.group_labels,
        "commonLabels": data.common_labels,
        "commonAnnotations": data.common_annotations,
        "routeLabels": data.route_labels,
        "externalURL": data.external_url,
        "groupKey": message.context.group_key,
    });
    match json {
        Json::Object(fields) => fields,
        _ => Map::new(),
    }
}
