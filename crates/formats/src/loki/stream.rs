//! One stream on its way into a batch.

use std::convert::Infallible;

use vigie_model::{
    LINE_FIELD, Labels, LabelsBuilder, LogAction, LogBatch, STREAM_FIELD, Scalar, TimeFormat,
    write_stream_text,
};

use super::PushReport;
use super::level::{is_level_name, level_of, level_of_line};

/// What a stream may have; Loki's defaults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushLimits {
    /// Labels of a stream.
    pub labels_max: usize,
    /// Bytes of a label's name.
    pub name_bytes_max: usize,
    /// Bytes of a label's value.
    pub value_bytes_max: usize,
    /// Bytes of a line; 0 for no limit.
    pub line_bytes_max: usize,
    /// Pairs of structured metadata of a line.
    pub metadata_max: usize,
    /// Bytes of a line's structured metadata.
    pub metadata_bytes_max: usize,
}

impl Default for PushLimits {
    fn default() -> Self {
        Self {
            labels_max: 15,
            name_bytes_max: 1_024,
            value_bytes_max: 2_048,
            line_bytes_max: 256 << 10,
            metadata_max: 128,
            metadata_bytes_max: 64 << 10,
        }
    }
}

/// A line as it came.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Line<'a> {
    pub(super) time_ns: i64,
    pub(super) text: &'a str,
    pub(super) metadata: &'a [(&'a str, &'a str)],
}

/// Where a stream without the label `service_name` gets it from, as in Loki.
const SERVICE_LABELS: [&str; 14] = [
    "service",
    "app",
    "application",
    "app_name",
    "name",
    "app_kubernetes_io_name",
    "container",
    "container_name",
    "k8s_container_name",
    "component",
    "workload",
    "job",
    "k8s_job_name",
    "unit",
];

/// Fields of a document that no label may take the place of.
const OWN_FIELDS: [&str; 3] = ["@timestamp", LINE_FIELD, STREAM_FIELD];

/// Writes lines of one stream.
pub(super) struct StreamWriter<'l> {
    labels: Labels,
    text: String,
    /// The level that the labels say.
    level: Option<&'static str>,
    limits: &'l PushLimits,
}

impl<'l> StreamWriter<'l> {
    /// A writer of a stream with these labels; why not, in Loki's words.
    pub(super) fn new(labels: &Labels, limits: &'l PushLimits) -> Result<Self, String> {
        if labels.is_empty() {
            return Err("error at least one label pair is required per stream".to_owned());
        }
        let text = || write_stream_text(labels);
        if labels.len() > limits.labels_max {
            let (count, limit) = (labels.len(), limits.labels_max);
            return Err(format!(
                "entry for stream '{}' has {count} label names; limit {limit}",
                text()
            ));
        }
        for (name, value) in labels {
            if name.len() > limits.name_bytes_max {
                return Err(format!("stream '{}' has label name too long: '{name}'", text()));
            }
            if value.len() > limits.value_bytes_max {
                return Err(format!("stream '{}' has label value too long: '{value}'", text()));
            }
            if !is_label_name(name) {
                let text = text();
                return Err(format!(
                    "Error parsing labels '{text}' with error: invalid label name {name:?}"
                ));
            }
        }
        let labels = with_service_name(labels);
        let mut levels = labels.iter().filter(|(name, _)| is_level_name(name));
        let level = levels.find_map(|(_, value)| level_of(value));
        let text = write_stream_text(&labels);
        Ok(Self { labels, text, level, limits })
    }

    /// Appends a line.
    pub(super) fn push(
        &self,
        line: &Line<'_>,
        index: u32,
        batch: &mut LogBatch,
        report: &mut PushReport,
    ) {
        let limits = self.limits;
        if limits.line_bytes_max > 0 && line.text.len() > limits.line_bytes_max {
            return report.refuse(1, || {
                format!(
                    "max entry size '{}' bytes exceeded for stream '{}' while adding an entry with length '{}' bytes",
                    limits.line_bytes_max,
                    self.text,
                    line.text.len()
                )
            });
        }
        let bytes: usize = line.metadata.iter().map(|(name, value)| name.len() + value.len()).sum();
        if line.metadata.len() > limits.metadata_max || bytes > limits.metadata_bytes_max {
            return report
                .refuse(1, || format!("stream '{}' has structured metadata too large", self.text));
        }
        let pushed: Result<(), Infallible> = batch.push(LogAction::Create, index, None, |writer| {
            self.write(line, writer);
            Ok(line.time_ns)
        });
        match pushed {
            Ok(()) => report.lines += 1,
            Err(never) => match never {},
        }
    }

    fn write(&self, line: &Line<'_>, writer: &mut vigie_model::DocumentWriter<'_>) {
        writer.time("@timestamp", TimeFormat::from_code(9).unwrap_or_default());
        writer.string(LINE_FIELD, line.text);
        for (name, value) in &self.labels {
            if !OWN_FIELDS.contains(&name) {
                writer.string(name, value);
            }
        }
        let mut level = self.level;
        let mut has_detected = self.labels.get("detected_level").is_some();
        for (at, (name, value)) in line.metadata.iter().enumerate() {
            let is_repeated = line.metadata.iter().take(at).any(|(known, _)| known == name);
            if name.is_empty() || value.is_empty() || is_repeated {
                continue;
            }
            has_detected |= *name == "detected_level";
            if level.is_none() && is_level_name(name) {
                level = level_of(value);
            }
            let name = name.replace(|c: char| !(c.is_ascii_alphanumeric() || c == '_'), "_");
            // What a label of the stream or the line itself has taken is found beside it.
            if self.labels.get(&name).is_some() || OWN_FIELDS.contains(&name.as_str()) {
                writer.string(&format!("{name}_extracted"), value);
            } else {
                writer.string(&name, value);
            }
        }
        if !has_detected {
            writer.string("detected_level", level.unwrap_or_else(|| level_of_line(line.text)));
        }
        writer.begin_hidden(STREAM_FIELD);
        writer.item(Scalar::String(&self.text));
        writer.end_list();
    }
}

fn is_label_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn with_service_name(labels: &Labels) -> Labels {
    if labels.get("service_name").is_some() {
        return labels.clone();
    }
    let found = SERVICE_LABELS.iter().find_map(|name| labels.get(name));
    let mut builder = LabelsBuilder::from_labels(labels);
    builder.set("service_name", found.unwrap_or("unknown_service")).build()
}
