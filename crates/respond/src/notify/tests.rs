//! Default templates beside Alertmanager's, messages beside what providers document, and real
//! servers that get them.

mod golden;
mod http;
mod mail;
mod schema;
mod sink;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use vigie_dial::HttpEnvironment;
use vigie_language::yaml::Source;
use vigie_model::Labels;
use vigie_world::World;

use super::{
    Integration, MessageTemplates, NotifyAlert, NotifyContext, NotifyEnvironment, NotifyReason,
    build_integrations,
};
use crate::Fingerprint;
use crate::config::{ConfigOptions, parse};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/templates")
}

fn templates() -> MessageTemplates {
    MessageTemplates::new(&[], "http://alertmanager.example.com:9093").unwrap()
}

fn environment() -> NotifyEnvironment {
    NotifyEnvironment {
        http: HttpEnvironment::default(),
        world: World::real(),
        allows_link_local: false,
        host_name: "vigie.example.com".to_owned(),
    }
}

/// The only integration of a receiver, written as its entry under `receivers`.
fn integration(kind: &str, entry: &str) -> Integration {
    let entry = entry.trim_end().replace('\n', "\n    ");
    let text = format!(
        "route: {{receiver: r}}\nreceivers:\n- name: r\n  {kind}_configs:\n  - {}\n",
        entry.trim_start()
    );
    let loaded = parse(&text, &Source::default(), ConfigOptions::default())
        .unwrap_or_else(|error| panic!("{error}\n{text}"));
    let mut all = build_integrations(&loaded.receivers, &templates(), &environment()).unwrap();
    all.remove("r").unwrap().remove(0)
}

fn labels(pairs: &[(&str, &str)]) -> Labels {
    Labels::from_pairs(pairs.iter().copied())
}

fn alert(severity: &str, ends_at_ms: Option<i64>) -> NotifyAlert {
    let labels = labels(&[("alertname", "Down"), ("service", "api"), ("severity", severity)]);
    let annotations =
        [("summary", "api is \"down\" <now>"), ("runbook", "https://wiki/run?a=1&b=2")];
    let annotations = annotations.map(|(name, value)| (name.to_owned(), value.to_owned()));
    NotifyAlert {
        fingerprint: Fingerprint::of(&labels),
        labels,
        annotations: Arc::new(BTreeMap::from(annotations)),
        starts_at_ms: 1_675_609_445_012,
        ends_at_ms,
        generator_url: "http://prometheus.example.com/graph?g0.expr=up".into(),
    }
}

fn context() -> NotifyContext {
    NotifyContext {
        group_key: "{}:{alertname=\"Down\"}".to_owned(),
        receiver: "r".to_owned(),
        group_labels: labels(&[("alertname", "Down")]),
        route_labels: Arc::new(BTreeMap::new()),
        reason: NotifyReason::First,
        now_ms: 1_675_609_500_000,
        timeout: Duration::from_secs(5),
        attempt: 1,
        remembered: BTreeMap::new(),
    }
}
