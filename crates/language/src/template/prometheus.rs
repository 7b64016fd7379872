//! The functions of Prometheus' rule templates, and what rules hand to them.

use std::collections::BTreeMap;

use super::function::{Function, Host, Parameter, QueriedSample};
use super::value::{ANY_MAP, Mark, STRING_MAP, Type, Value};
use super::{Error, Limits, Templates, builtin, humanize, pattern, words};
use crate::promql::{go_quote, parse_duration_ms};
use Parameter::{Any, Made, Text};

/// One series of a query: `.Labels` and `.Value`.
static SAMPLE: Type = Type {
    name: "template.sample",
    underlying: "struct",
    is_pointer: true,
    fields: &["Labels", "Value"],
    json_names: &[],
    methods: &[],
};

/// What `query` gives.
static QUERY_RESULT: Type = Type {
    name: "template.queryResult",
    underlying: "[]*template.sample",
    is_pointer: false,
    fields: &[],
    json_names: &[],
    methods: &[],
};

static RULE_DATA: Type = Type {
    name: "struct { Labels map[string]string; ExternalLabels map[string]string; \
           ExternalURL string; Value interface {} }",
    underlying: "struct",
    is_pointer: false,
    fields: &["Labels", "ExternalLabels", "ExternalURL", "Value"],
    json_names: &[],
    methods: &[],
};

/// What stands before every rule's template, as in Prometheus; positions in errors count it.
const PREAMBLE: &str = "{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}\
                        {{$externalURL := .ExternalURL}}{{$value := .Value}}";

/// All of them, as of Prometheus 3, but for those of consoles.
pub static FUNCTIONS: &[Function] = &[
    Function::new("query", &[Text], |host, a| host.query(text(a, 0)).map(query_result)),
    Function::new("first", &[Made(&QUERY_RESULT)], |_, a| {
        let first = a.first().and_then(|list| list.items().first()).cloned();
        first.ok_or_else(|| "first() called on vector with no elements".to_owned())
    }),
    Function::new("label", &[Text, Made(&SAMPLE)], |_, a| Ok(label(a.get(1), text(a, 0)))),
    Function::new("value", &[Made(&SAMPLE)], |_, a| match a {
        [Value::Struct(sample)] => Ok(sample.field("Value").cloned().unwrap_or(Value::Nil)),
        _ => Err("not a sample".to_owned()),
    }),
    Function::new("strvalue", &[Made(&SAMPLE)], |_, a| Ok(label(a.first(), "__value__"))),
    Function::new("sortByLabel", &[Text, Made(&QUERY_RESULT)], |_, a| Ok(sort_by_label(a))),
    Function::variadic("args", &[], Any, |_, a| {
        let named =
            a.iter().enumerate().map(|(at, value)| (format!("arg{at}").into(), value.clone()));
        Ok(Value::map(&ANY_MAP, named.collect()))
    }),
    Function::new("reReplaceAll", &[Text, Text, Text], |_, a| {
        pattern::replace_all(text(a, 0), text(a, 1), text(a, 2)).map(Value::from)
    }),
    Function::new("match", &[Text, Text], |_, a| {
        pattern::is_match(text(a, 0), text(a, 1)).map(Value::Bool)
    }),
    Function::new("safeHtml", &[Text], |_, a| Ok(Value::Marked(Mark::Html, text(a, 0).into()))),
    Function::new("title", &[Text], |_, a| Ok(words::title(text(a, 0), true).into())),
    Function::new("toUpper", &[Text], |_, a| Ok(text(a, 0).to_uppercase().into())),
    Function::new("toLower", &[Text], |_, a| Ok(text(a, 0).to_lowercase().into())),
    Function::new("graphLink", &[Text], |_, a| Ok(link(text(a, 0), 0).into())),
    Function::new("tableLink", &[Text], |_, a| Ok(link(text(a, 0), 1).into())),
    Function::new("stripPort", &[Text], |_, a| {
        let whole = text(a, 0);
        Ok(split_host_port(whole).map_or(whole, |(host, _)| host).into())
    }),
    Function::new("stripDomain", &[Text], |_, a| Ok(strip_domain(text(a, 0)).into())),
    Function::new("humanize", &[Any], |_, a| humanize::humanize(any(a)).map(Value::from)),
    Function::new("humanize1024", &[Any], |_, a| humanize::humanize_1024(any(a)).map(Value::from)),
    Function::new("humanizeDuration", &[Any], |_, a| {
        humanize::humanize_duration(any(a)).map(Value::from)
    }),
    Function::new("humanizePercentage", &[Any], |_, a| {
        humanize::humanize_percentage(any(a)).map(Value::from)
    }),
    Function::new("humanizeTimestamp", &[Any], |_, a| {
        humanize::humanize_timestamp(any(a)).map(Value::from)
    }),
    Function::new("toTime", &[Any], |_, a| {
        humanize::time(humanize::number(any(a))?).map(Value::Time)
    }),
    Function::new("toDuration", &[Any], |_, a| {
        Ok(Value::Duration((humanize::number(any(a))? * 1e9) as i64))
    }),
    Function::new("now", &[], |host, _| {
        Ok(Value::Float(host.now().unix_ns().div_euclid(1_000_000) as f64 / 1000.0))
    }),
    Function::new("pathPrefix", &[], |host, _| Ok(path(&host.external_url()).into())),
    Function::new("externalURL", &[], |host, _| Ok(host.external_url().into())),
    Function::new("parseDuration", &[Text], |_, a| parse_duration(text(a, 0)).map(Value::Float)),
    Function::new("urlQueryEscape", &[Text], |_, a| Ok(builtin::query_text(text(a, 0)).into())),
];

/// A template of a rule's label or annotation, parsed once.
#[derive(Debug, Clone)]
pub struct RuleTemplate {
    name: String,
    templates: Templates,
}

/// What one alert hands to its templates.
#[derive(Debug, Clone)]
pub struct RuleData {
    value: Value,
}

impl RuleData {
    /// The data: the element's labels, the server's, where people reach it, and the element's
    /// value (a float, or a histogram as text).
    pub fn new<'l>(
        labels: impl IntoIterator<Item = (&'l str, &'l str)>,
        external_labels: impl IntoIterator<Item = (&'l str, &'l str)>,
        external_url: &str,
        value: impl Into<Value>,
    ) -> Self {
        let labels = Value::text_map(&STRING_MAP, labels);
        let external = Value::text_map(&STRING_MAP, external_labels);
        let values = vec![labels, external, Value::text(external_url), value.into()];
        Self { value: Value::structure(&RULE_DATA, values) }
    }
}

impl RuleTemplate {
    /// Parses a label's or annotation's text. Prometheus names it `__alert_` and the alert.
    pub fn parse(name: &str, text: &str) -> Result<Self, Error> {
        let mut templates = Templates::new(&[FUNCTIONS]);
        templates.parse(name, &format!("{PREAMBLE}{text}"))?;
        Ok(Self { name: name.to_owned(), templates })
    }

    /// The text for one alert. Prometheus shows an error in its place as
    /// `<error expanding template: error executing template NAME: ...>`; so should whoever calls.
    pub fn expand(
        &self,
        data: &RuleData,
        host: &dyn Host,
        limits: Limits,
    ) -> Result<String, Error> {
        self.templates.execute(&self.name, &data.value, host, limits)
    }
}

fn any(arguments: &[Value]) -> &Value {
    arguments.first().unwrap_or(&Value::Nil)
}

fn text(arguments: &[Value], index: usize) -> &str {
    arguments.get(index).and_then(Value::as_text).map_or("", |text| text)
}

fn query_result(samples: Vec<QueriedSample>) -> Value {
    let samples = samples.into_iter().map(|sample| {
        let labels = Value::text_map(&STRING_MAP, sample.labels);
        Value::structure(&SAMPLE, vec![labels, Value::Float(sample.value)])
    });
    Value::list(&QUERY_RESULT, samples.collect())
}

fn label(sample: Option<&Value>, name: &str) -> Value {
    let Some(Value::Struct(sample)) = sample else { return Value::text("") };
    match sample.field("Labels") {
        Some(Value::Map(labels)) => {
            labels.entries.get(name).cloned().unwrap_or_else(|| labels.zero())
        }
        _ => Value::text(""),
    }
}

fn sort_by_label(arguments: &[Value]) -> Value {
    let name = text(arguments, 0);
    let items = arguments.get(1).map_or(&[][..], Value::items);
    let mut keyed: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for item in items {
        let key = label(Some(item), name);
        let key = key.as_text().map_or("", |text| text).to_owned();
        keyed.entry(key).or_default().push(item.clone());
    }
    Value::list(&QUERY_RESULT, keyed.into_values().flatten().collect())
}

fn link(expression: &str, tab: u8) -> String {
    format!("/graph?g0.expr={}&g0.tab={tab}", builtin::query_text(expression))
}

/// The path of a URL, without a slash alone.
fn path(url: &str) -> &str {
    let after_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
    let start = after_scheme.find('/').unwrap_or(after_scheme.len());
    let path = after_scheme.get(start..).unwrap_or("");
    path.split(['?', '#']).next().unwrap_or("")
}

/// `host:port` or `[v6]:port`, as Go splits it.
fn split_host_port(text: &str) -> Option<(&str, &str)> {
    if let Some(inside) = text.strip_prefix('[') {
        let (host, rest) = inside.split_once(']')?;
        let port = rest.strip_prefix(':')?;
        return (!port.contains(':')).then_some((host, port));
    }
    let (host, port) = text.rsplit_once(':')?;
    (!host.contains([':', '[', ']']) && !port.contains([']', '['])).then_some((host, port))
}

fn strip_domain(text: &str) -> String {
    let (host, port) = split_host_port(text).unwrap_or((text, ""));
    if host.parse::<std::net::IpAddr>().is_ok() {
        return text.to_owned();
    }
    let host = host.split('.').next().unwrap_or("");
    if port.is_empty() { host.to_owned() } else { format!("{host}:{port}") }
}

fn parse_duration(text: &str) -> Result<f64, String> {
    let (sign, magnitude) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text),
    };
    let milliseconds = parse_duration_ms(magnitude).map_err(|_| {
        if magnitude.is_empty() {
            "empty duration string".to_owned()
        } else {
            format!("not a valid duration string: {}", go_quote(magnitude))
        }
    })?;
    Ok(sign * milliseconds as f64 / 1000.0)
}
