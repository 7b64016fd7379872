//! The labels of documents: which are a stream's, which came with the line.

use hashbrown::HashMap;
use vigie_model::{
    DocumentEvent, DocumentReader, LINE_FIELD, Labels, LabelsBuilder, Matcher, STREAM_FIELD,
    Scalar, parse_stream_text,
};

use super::LogqlError;
use super::labels::{CompiledMatcher, LineLabels, Origin, label_name};

/// Labels of the stream of a document that did not come by Loki's push, and the fields they come
/// from, the first that is there.
pub(super) const DERIVED: [(&str, &[&str]); 12] = [
    (
        "service_name",
        &[
            "service.name",
            "service_name",
            "service",
            "app",
            "application",
            "container.name",
            "kubernetes.container.name",
            "job",
        ],
    ),
    ("service_namespace", &["service.namespace"]),
    ("service_instance_id", &["service.instance.id"]),
    ("deployment_environment", &["deployment.environment"]),
    ("deployment_environment_name", &["deployment.environment.name"]),
    ("cloud_region", &["cloud.region"]),
    ("cloud_availability_zone", &["cloud.availability_zone"]),
    ("k8s_cluster_name", &["k8s.cluster.name"]),
    ("k8s_namespace_name", &["k8s.namespace.name"]),
    ("k8s_pod_name", &["k8s.pod.name"]),
    ("k8s_container_name", &["k8s.container.name"]),
    ("k8s_deployment_name", &["k8s.deployment.name"]),
];
/// The label with the name of the document's index.
pub(super) const INDEX_LABEL: &str = "index";
const UNKNOWN_SERVICE: &str = "unknown_service";

/// A stream and how many lines it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamCount {
    /// Its labels.
    pub labels: Labels,
    /// Its lines.
    pub lines: u64,
    /// Bytes of its lines.
    pub bytes: u64,
}

/// A document taken apart.
#[derive(Debug, Default)]
pub(super) struct Parts {
    stream: Option<String>,
    pub(super) line: Option<String>,
    /// Paths and values.
    fields: Vec<(String, String)>,
    prefixes: Vec<usize>,
}

impl Parts {
    /// Takes a packed document apart.
    pub(super) fn read(&mut self, packed: &[u8]) {
        self.stream = None;
        self.line = None;
        self.fields.clear();
        self.prefixes.clear();
        let mut prefix = String::new();
        for event in DocumentReader::new(packed) {
            match event {
                DocumentEvent::Field(key, value) => self.field(&prefix, key, value),
                DocumentEvent::Object(key) => {
                    self.prefixes.push(prefix.len());
                    prefix.push_str(key);
                    prefix.push('.');
                }
                DocumentEvent::ObjectEnd => prefix.truncate(self.prefixes.pop().unwrap_or(0)),
                DocumentEvent::List(key, list) => {
                    let mut text = Vec::new();
                    list.write_json(&mut text);
                    let text = String::from_utf8_lossy(&text).into_owned();
                    self.fields.push((format!("{prefix}{key}"), text));
                }
                DocumentEvent::Raw(key, json) => {
                    self.fields.push((format!("{prefix}{key}"), json.to_owned()));
                }
                DocumentEvent::Hidden(STREAM_FIELD, mut list) if prefix.is_empty() => {
                    if let Some(Scalar::String(text)) = list.next() {
                        self.stream = Some(text.to_owned());
                    }
                }
                DocumentEvent::Hidden(..) | DocumentEvent::Time(..) => {}
            }
        }
    }

    fn field(&mut self, prefix: &str, key: &str, value: Scalar<'_>) {
        let value = match value {
            Scalar::String(text) | Scalar::Number(text) => text,
            Scalar::Boolean(true) => "true",
            Scalar::Boolean(false) => "false",
            Scalar::Null => return,
        };
        if prefix.is_empty() && key == LINE_FIELD {
            self.line = Some(value.to_owned());
        } else {
            self.fields.push((format!("{prefix}{key}"), value.to_owned()));
        }
    }

    fn get(&self, path: &str) -> Option<&str> {
        let found = self.fields.iter().find(|(known, value)| known == path && !value.is_empty());
        found.map(|(_, value)| value.as_str())
    }

    fn derived(&self, index: &str) -> Labels {
        let mut labels = LabelsBuilder::new();
        for (label, paths) in DERIVED {
            if let Some(value) = paths.iter().find_map(|path| self.get(path)) {
                labels.set(label, value);
            }
        }
        if labels.get("service_name").is_none() {
            labels.set("service_name", UNKNOWN_SERVICE);
        }
        labels.set(INDEX_LABEL, index).build()
    }

    /// What came with the line, beside the stream's labels.
    pub(super) fn add_metadata(&self, labels: &mut LineLabels) {
        let mut level = None;
        for (path, value) in &self.fields {
            let name = label_name(path);
            if matches!(&*name, "level" | "log_level" | "severity" | "severity_text") {
                level = level.or_else(|| level_of(value));
            }
            if labels.get(&name).is_none() && !value.is_empty() {
                labels.push(&name, value, Origin::Metadata);
            }
        }
        if labels.get("detected_level").is_none() {
            labels.push("detected_level", level.unwrap_or("unknown"), Origin::Metadata);
        }
    }
}

/// A stream that was met.
#[derive(Debug, Clone)]
pub(super) struct Stream {
    pub(super) labels: Labels,
    /// Whether the selector takes it.
    pub(super) is_selected: bool,
}

/// The streams that were met so far, and whether the selector takes them.
#[derive(Debug)]
pub(super) struct Streams {
    matchers: Vec<CompiledMatcher>,
    pushed: HashMap<String, usize>,
    derived: HashMap<Labels, usize>,
    pub(super) all: Vec<Stream>,
}

impl Streams {
    pub(super) fn new(matchers: &[Matcher]) -> Result<Self, LogqlError> {
        let matchers = matchers.iter().map(CompiledMatcher::new);
        Ok(Self {
            matchers: matchers.collect::<Result<_, _>>().map_err(LogqlError::BadRequest)?,
            pushed: HashMap::new(),
            derived: HashMap::new(),
            all: Vec::new(),
        })
    }

    /// The number of a document's stream.
    pub(super) fn find(&mut self, parts: &Parts, index: &str) -> usize {
        if let Some(text) = &parts.stream {
            if let Some(number) = self.pushed.get(text) {
                return *number;
            }
            let labels = parse_stream_text(text).unwrap_or_else(|_| Labels::empty());
            let number = self.add(labels);
            self.pushed.insert(text.clone(), number);
            return number;
        }
        let labels = parts.derived(index);
        if let Some(number) = self.derived.get(&labels) {
            return *number;
        }
        let number = self.add(labels.clone());
        self.derived.insert(labels, number);
        number
    }

    fn add(&mut self, labels: Labels) -> usize {
        let is_selected = self
            .matchers
            .iter()
            .all(|matcher| matcher.matches(labels.get(&matcher.matcher.name).unwrap_or("")));
        self.all.push(Stream { labels, is_selected });
        self.all.len() - 1
    }
}

/// The usual spellings of levels, as Loki names them.
fn level_of(value: &str) -> Option<&'static str> {
    Some(match value.to_ascii_lowercase().as_str() {
        "trace" => "trace",
        "debug" | "dbg" => "debug",
        "info" | "information" | "notice" => "info",
        "warn" | "warning" => "warn",
        "error" | "err" => "error",
        "critical" | "crit" => "critical",
        "fatal" | "panic" | "emergency" => "fatal",
        _ => return None,
    })
}
