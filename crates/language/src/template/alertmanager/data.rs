//! What Alertmanager hands to the templates of its receivers: `.Alerts.Firing`, `.GroupLabels`, ….

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::template::function::{Function, Parameter};
use crate::template::time::Time;
use crate::template::value::{STRINGS, Type, Value};
use Parameter::{Made, Text};

/// Everything about one notification.
#[derive(Debug, Clone)]
pub struct Notification {
    /// The receiver's name.
    pub receiver: String,
    /// `firing` or `resolved`.
    pub status: String,
    /// All alerts of the group that this is about.
    pub alerts: Vec<Alert>,
    /// Why it is sent.
    pub notification_reason: String,
    /// The labels the group is made by.
    pub group_labels: Labels,
    /// Labels that all alerts share.
    pub common_labels: Labels,
    /// Annotations that all alerts share.
    pub common_annotations: Labels,
    /// The labels of the route.
    pub route_labels: Labels,
    /// Where people reach the alert manager.
    pub external_url: String,
}

/// Names and values.
pub type Labels = BTreeMap<String, String>;

/// One alert.
#[derive(Debug, Clone)]
pub struct Alert {
    /// `firing` or `resolved`.
    pub status: String,
    /// What identifies it.
    pub labels: Labels,
    /// What describes it.
    pub annotations: Labels,
    /// Since when it fires.
    pub starts_at: Time,
    /// Until when; Go's zero where that is not known.
    pub ends_at: Time,
    /// Where it comes from.
    pub generator_url: String,
    /// The hash of its labels.
    pub fingerprint: String,
}

static DATA: Type = Type {
    name: "template.Data",
    underlying: "struct",
    is_pointer: true,
    fields: &[
        "Receiver",
        "Status",
        "Alerts",
        "NotificationReason",
        "GroupLabels",
        "CommonLabels",
        "CommonAnnotations",
        "RouteLabels",
        "ExternalURL",
    ],
    json_names: &[
        "receiver",
        "status",
        "alerts",
        "notification_reason",
        "groupLabels",
        "commonLabels",
        "commonAnnotations",
        "routeLabels",
        "externalURL",
    ],
    methods: &[],
};

static ALERT: Type = Type {
    name: "template.Alert",
    underlying: "struct",
    is_pointer: false,
    fields: &[
        "Status",
        "Labels",
        "Annotations",
        "StartsAt",
        "EndsAt",
        "GeneratorURL",
        "Fingerprint",
    ],
    json_names: &[
        "status",
        "labels",
        "annotations",
        "startsAt",
        "endsAt",
        "generatorURL",
        "fingerprint",
    ],
    methods: &[],
};

static ALERTS: Type = Type {
    name: "template.Alerts",
    underlying: "[]template.Alert",
    is_pointer: false,
    fields: &[],
    json_names: &[],
    methods: &[
        Function::new("Firing", &[], |_, a| Ok(with_status(a, "firing"))),
        Function::new("Resolved", &[], |_, a| Ok(with_status(a, "resolved"))),
    ],
};

/// What `Firing` and `Resolved` give: it has no such methods itself.
static ALERT_LIST: Type = Type::plain("[]template.Alert");

static KV: Type = Type {
    name: "template.KV",
    underlying: "map[string]string",
    is_pointer: false,
    fields: &[],
    json_names: &[],
    methods: &[
        Function::new("SortedPairs", &[], |_, a| Ok(sorted_pairs(a))),
        Function::new("Names", &[], |_, a| Ok(column(&[sorted_pairs(a)], 0))),
        Function::new("Values", &[], |_, a| Ok(column(&[sorted_pairs(a)], 1))),
        Function::new("Remove", &[Made(&STRINGS)], |_, a| Ok(remove(a))),
        Function::new("String", &[], |_, a| Ok(pairs_text(&sorted_pairs(a)).into())),
    ],
};

static PAIR: Type = Type {
    name: "template.Pair",
    underlying: "struct",
    is_pointer: false,
    fields: &["Name", "Value"],
    json_names: &[],
    methods: &[],
};

static PAIRS: Type =
    Type {
        name: "template.Pairs",
        underlying: "[]template.Pair",
        is_pointer: false,
        fields: &[],
        json_names: &[],
        methods: &[
            Function::new("Names", &[], |_, a| Ok(column(a, 0))),
            Function::new("Values", &[], |_, a| Ok(column(a, 1))),
            Function::new("String", &[], |_, a| {
                Ok(pairs_text(a.first().unwrap_or(&Value::Nil)).into())
            }),
        ],
    };

static NAMED_STRINGS: Type = Type {
    name: "template.Strings",
    underlying: "[]string",
    is_pointer: false,
    fields: &[],
    json_names: &[],
    methods: &[Function::new("Join", &[Text], |_, a| Ok(join(a)))],
};

impl Notification {
    /// As templates see it.
    pub fn to_value(&self) -> Value {
        let alerts = self.alerts.iter().map(Alert::to_value).collect();
        let values = vec![
            Value::text(&*self.receiver),
            Value::text(&*self.status),
            Value::list(&ALERTS, alerts),
            Value::text(&*self.notification_reason),
            kv(&self.group_labels),
            kv(&self.common_labels),
            kv(&self.common_annotations),
            kv(&self.route_labels),
            Value::text(&*self.external_url),
        ];
        Value::structure(&DATA, values)
    }
}

impl Alert {
    /// As templates see it.
    pub fn to_value(&self) -> Value {
        let values = vec![
            Value::text(&*self.status),
            kv(&self.labels),
            kv(&self.annotations),
            Value::Time(self.starts_at.clone()),
            Value::Time(self.ends_at.clone()),
            Value::text(&*self.generator_url),
            Value::text(&*self.fingerprint),
        ];
        Value::structure(&ALERT, values)
    }
}

/// Labels as templates see them, with `SortedPairs`, `Remove`, `Names` and `Values`.
pub fn kv(labels: &Labels) -> Value {
    Value::text_map(&KV, labels.iter().map(|(name, value)| (&**name, &**value)))
}

fn with_status(arguments: &[Value], status: &str) -> Value {
    let alerts = arguments.first().map_or(&[][..], Value::items).iter().filter(|alert| {
        matches!(alert, Value::Struct(alert)
            if alert.field("Status").and_then(Value::as_text).is_some_and(|text| **text == *status))
    });
    Value::list(&ALERT_LIST, alerts.cloned().collect())
}

/// By name, `alertname` first.
fn sorted_pairs(arguments: &[Value]) -> Value {
    let Some(Value::Map(map)) = arguments.first() else {
        return Value::list(&PAIRS, Vec::new());
    };
    let pair = |name: &Arc<str>, value: &Value| {
        Value::structure(&PAIR, vec![Value::Text(Arc::clone(name)), value.clone()])
    };
    let first = map.entries.get_key_value("alertname");
    let others = map.entries.iter().filter(|(name, _)| &***name != "alertname");
    let pairs = first.into_iter().chain(others).map(|(name, value)| pair(name, value));
    Value::list(&PAIRS, pairs.collect())
}

/// One field of each pair.
fn column(arguments: &[Value], index: usize) -> Value {
    let items = arguments.first().map_or(&[][..], Value::items).iter();
    let fields = items.filter_map(|pair| match pair {
        Value::Struct(pair) => pair.values.get(index).cloned(),
        _ => None,
    });
    Value::list(&NAMED_STRINGS, fields.collect())
}

fn pairs_text(pairs: &Value) -> String {
    let pairs = pairs.items().iter().filter_map(|pair| match pair {
        Value::Struct(pair) => match pair.values.as_slice() {
            [name, value] => Some(format!("{}={}", name.as_text()?, value.as_text()?)),
            _ => None,
        },
        _ => None,
    });
    pairs.collect::<Vec<_>>().join(", ")
}

fn remove(arguments: &[Value]) -> Value {
    let [Value::Map(map), names] = arguments else {
        return Value::text_map(&KV, [] as [(&str, &str); 0]);
    };
    let mut entries = map.entries.clone();
    for name in names.items().iter().filter_map(Value::as_text) {
        entries.remove(name);
    }
    Value::map(&KV, entries)
}

fn join(arguments: &[Value]) -> Value {
    let items = arguments.first().map_or(&[][..], Value::items);
    let separator = arguments.get(1).and_then(Value::as_text).map_or("", |text| text);
    crate::template::format::joined(items, separator).into()
}
