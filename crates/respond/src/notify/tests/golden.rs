//! The default templates give what Alertmanager's give.

use std::collections::BTreeMap;

use vigie_language::template::alertmanager::{Alert, Labels, Notification};
use vigie_language::template::{Limits, NoHost, Time};

use super::{folder, templates};

fn labels(value: &serde_json::Value) -> Labels {
    let pairs = value.as_object().into_iter().flatten();
    pairs.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())).collect()
}

fn notification() -> Notification {
    let text = std::fs::read_to_string(folder().join("data.json")).unwrap();
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or("").to_owned();
    let time = |value: &serde_json::Value| Time::from_rfc3339(value.as_str().unwrap()).unwrap();
    let alerts = json["alerts"].as_array().unwrap().iter().map(|alert| Alert {
        status: text(&alert["status"]),
        labels: labels(&alert["labels"]),
        annotations: labels(&alert["annotations"]),
        starts_at: time(&alert["startsAt"]),
        ends_at: time(&alert["endsAt"]),
        generator_url: text(&alert["generatorURL"]),
        fingerprint: text(&alert["fingerprint"]),
    });
    Notification {
        receiver: text(&json["receiver"]),
        status: text(&json["status"]),
        alerts: alerts.collect(),
        notification_reason: String::new(),
        group_labels: labels(&json["groupLabels"]),
        common_labels: labels(&json["commonLabels"]),
        common_annotations: labels(&json["commonAnnotations"]),
        route_labels: BTreeMap::new(),
        external_url: text(&json["externalURL"]),
    }
}

#[test]
fn default_templates_say_what_alertmanagers_say() {
    let templates = templates();
    let data = notification().to_value();
    let golden = std::fs::read_to_string(folder().join("default.txt")).unwrap();
    let (_, cases) = golden.split_once("====\n").unwrap();
    let mut wrong = Vec::new();
    let cases: Vec<&str> = cases.strip_suffix('\n').unwrap().split("\n====\n").collect();
    for case in &cases {
        let (template, expected) = case.split_once("\n---- newer\n").unwrap();
        let got = templates.templates.render(template, &data, &NoHost, Limits::default()).unwrap();
        if got != expected {
            wrong.push(format!("{template}\n  want {expected:?}\n  got  {got:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}
