//! `ExportMetricsServiceRequest`: data points become series, as Prometheus' OTLP receiver makes
//! them.
//!
//! Each resource becomes the labels `job` and `instance` and a `target_info` series. Sums and
//! gauges are samples, explicit histograms classic buckets (or native ones with custom bounds),
//! exponential histograms native ones, summaries their quantiles. Deltas need what came before
//! them and are left out here, named in the answer.

mod points;

use std::collections::BTreeMap;

use serde_json::Value as Json;
use vigie_model::{Labels, LabelsBuilder, METRIC_NAME, Metadata, MetricBatch, MetricType};

use self::points::PointWriter;
use super::names::{NameKind, TranslationStrategy, label_name, metric_name};
use super::value::key_value;
use super::{LeftOut, OtlpError, json};
use crate::protobuf::{Reader, WireError};

/// How metrics become series: Prometheus' section `otlp`.
#[derive(Debug, Clone, Default)]
pub struct MetricOptions {
    /// How names are translated.
    pub strategy: TranslationStrategy,
    /// Whether all resource attributes become labels.
    pub promote_all: bool,
    /// Those that do, or with `promote_all` those that do not.
    pub resource_attributes: Vec<String>,
    /// Whether `service.*` attributes stay in `target_info`.
    pub keep_identifying: bool,
    /// Whether explicit histograms become native ones with custom bounds.
    pub custom_buckets: bool,
    /// Whether the scope's name and version become labels.
    pub promote_scope: bool,
}

/// Attributes, by name; the last of a name counts.
type Attributes = BTreeMap<String, Json>;

/// Data points that one request may hold.
const POINTS_MAX: usize = 5_000_000;

/// Decodes a protobuf request and appends its series to `batch`.
pub fn decode_metrics(
    message: &[u8],
    options: &MetricOptions,
    batch: &mut MetricBatch,
) -> Result<LeftOut, OtlpError> {
    let mut writer = Writer { options, batch, left_out: LeftOut::default(), points: 0 };
    let mut reader = Reader::new(message);
    while let Some(field) = reader.field()? {
        if field.number == 1 {
            writer.resource(field.bytes()?)?;
        }
    }
    Ok(writer.left_out)
}

/// As [`decode_metrics`], of JSON.
pub fn decode_metrics_json(
    body: &[u8],
    options: &MetricOptions,
    batch: &mut MetricBatch,
) -> Result<LeftOut, OtlpError> {
    decode_metrics(&json::to_protobuf(body, &json::METRICS_REQUEST)?, options, batch)
}

/// An attribute's value as a label's.
fn text_of(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        Json::Null => String::new(),
        other => other.to_string(),
    }
}

struct Writer<'a> {
    options: &'a MetricOptions,
    batch: &'a mut MetricBatch,
    left_out: LeftOut,
    points: usize,
}

/// What all series of a resource have in common.
struct Target {
    labels: Vec<(String, String)>,
    job: String,
    instance: String,
}

impl Writer<'_> {
    fn resource(&mut self, message: &[u8]) -> Result<(), OtlpError> {
        let mut attributes = Attributes::new();
        let mut reader = Reader::new(message);
        while let Some(field) = reader.field()? {
            if field.number != 1 {
                continue;
            }
            let mut inner = field.message()?;
            while let Some(field) = inner.field()? {
                if field.number == 1 {
                    attributes.extend([key_value(field.message()?, 0)?]);
                }
            }
        }
        let target = self.target(&attributes);
        let mut latest_ms = 0;
        let mut reader = Reader::new(message);
        while let Some(field) = reader.field()? {
            if field.number == 2 {
                self.scope(field.bytes()?, &target, &mut latest_ms)?;
            }
        }
        self.target_info(&attributes, &target, latest_ms);
        Ok(())
    }

    fn target(&self, attributes: &Attributes) -> Target {
        let text = |name: &str| attributes.get(name).map(text_of).unwrap_or_default();
        let (namespace, name) = (text("service.namespace"), text("service.name"));
        let job = if namespace.is_empty() || name.is_empty() {
            name
        } else {
            format!("{namespace}/{name}")
        };
        let options = self.options;
        let is_promoted =
            |name: &String| options.resource_attributes.contains(name) != options.promote_all;
        let labels = attributes
            .iter()
            .filter(|(name, _)| is_promoted(name))
            .map(|(name, value)| (label_name(options.strategy, name), text_of(value)))
            .collect();
        Target { labels, job, instance: text("service.instance.id") }
    }

    /// The series that carries a resource's attributes.
    fn target_info(&mut self, attributes: &Attributes, target: &Target, latest_ms: i64) {
        const IDENTIFYING: [&str; 3] = ["service.name", "service.namespace", "service.instance.id"];
        if latest_ms == 0 || (target.job.is_empty() && target.instance.is_empty()) {
            return;
        }
        let keep = self.options.keep_identifying;
        let mut labels = LabelsBuilder::new();
        let mut has_any = false;
        for (name, value) in attributes {
            if keep || !IDENTIFYING.contains(&name.as_str()) {
                set_joined(&mut labels, &label_name(self.options.strategy, name), &text_of(value));
                has_any = true;
            }
        }
        if !has_any {
            return;
        }
        labels.set("job", &target.job).set("instance", &target.instance);
        labels.set(METRIC_NAME, "target_info");
        self.batch.push_series(&labels.build()).sample(latest_ms, 1.0);
    }

    fn scope(
        &mut self,
        message: &[u8],
        target: &Target,
        latest_ms: &mut i64,
    ) -> Result<(), OtlpError> {
        let mut scope = Vec::new();
        let mut reader = Reader::new(message);
        while let Some(field) = reader.field()? {
            if field.number != 1 || !self.options.promote_scope {
                continue;
            }
            let mut inner = field.message()?;
            while let Some(field) = inner.field()? {
                match field.number {
                    1 => scope.push(("otel_scope_name".to_owned(), field.text()?.to_owned())),
                    2 => scope.push(("otel_scope_version".to_owned(), field.text()?.to_owned())),
                    _ => {}
                }
            }
        }
        let mut reader = Reader::new(message);
        while let Some(field) = reader.field()? {
            if field.number == 2 {
                let latest = self.metric(field.bytes()?, target, &scope)?;
                *latest_ms = latest.max(*latest_ms);
            }
        }
        Ok(())
    }

    /// Writes a metric's points; the time of the latest one.
    fn metric(
        &mut self,
        message: &[u8],
        target: &Target,
        scope: &[(String, String)],
    ) -> Result<i64, OtlpError> {
        let head = Head::read(message)?;
        let Some((data, kind)) = head.data else { return Ok(0) };
        if head.is_delta {
            self.left_out.add(&format!("{}: delta temporality is not taken here", head.name));
            return Ok(0);
        }
        let name_kind = match kind {
            DataKind::Gauge => NameKind::Gauge,
            DataKind::Sum if head.is_monotonic => NameKind::Counter,
            DataKind::Sum => NameKind::Gauge,
            _ => NameKind::Other,
        };
        let name = metric_name(self.options.strategy, head.name, head.unit, name_kind);
        if name.is_empty() {
            self.left_out.add("a metric without a name");
            return Ok(0);
        }
        let metadata = Metadata {
            kind: match (kind, head.is_monotonic) {
                (DataKind::Gauge, _) | (DataKind::Sum, false) => MetricType::Gauge,
                (DataKind::Sum, true) => MetricType::Counter,
                (DataKind::Histogram | DataKind::Exponential, _) => MetricType::Histogram,
                (DataKind::Summary, _) => MetricType::Summary,
            },
            help: head.description.to_owned(),
            unit: head.unit.to_owned(),
        };
        self.batch.metadata.push((name.clone(), metadata));
        let mut latest_ms = 0;
        let mut reader = Reader::new(data);
        while let Some(field) = reader.field()? {
            if field.number != 1 {
                continue;
            }
            self.points += 1;
            if self.points > POINTS_MAX {
                return Err(OtlpError::TooMany { what: "data points", limit: POINTS_MAX });
            }
            let series = Series { options: self.options, target, scope, name: &name };
            let mut writer = PointWriter { series, batch: self.batch };
            let written = match kind {
                DataKind::Gauge | DataKind::Sum => writer.number(field.bytes()?)?,
                DataKind::Histogram => writer.histogram(field.bytes()?)?,
                DataKind::Exponential => writer.exponential(field.bytes()?)?,
                DataKind::Summary => writer.summary(field.bytes()?)?,
            };
            match written {
                Ok(time_ms) => latest_ms = time_ms.max(latest_ms),
                Err(why) => self.left_out.add(&format!("{}: {why}", head.name)),
            }
        }
        Ok(latest_ms)
    }
}

/// Sets a label; two attributes of one label are joined, as Prometheus joins them.
fn set_joined(labels: &mut LabelsBuilder, name: &str, value: &str) {
    let joined = labels.get(name).map(|before| format!("{before};{value}"));
    labels.set(name, joined.as_deref().unwrap_or(value));
}

/// What the series of a metric have in common.
struct Series<'a> {
    options: &'a MetricOptions,
    target: &'a Target,
    scope: &'a [(String, String)],
    name: &'a str,
}

impl Series<'_> {
    /// Labels of the series with this suffix of the name, these attributes and one more label.
    fn labels(&self, suffix: &str, attributes: &Attributes, extra: Option<(&str, &str)>) -> Labels {
        let mut labels = LabelsBuilder::new();
        for (name, value) in attributes {
            let name = label_name(self.options.strategy, name);
            set_joined(&mut labels, &name, &text_of(value));
        }
        for (name, value) in self.target.labels.iter().chain(self.scope) {
            labels.set(name, value);
        }
        if !self.target.job.is_empty() {
            labels.set("job", &self.target.job);
        }
        if !self.target.instance.is_empty() {
            labels.set("instance", &self.target.instance);
        }
        if let Some((name, value)) = extra {
            labels.set(name, value);
        }
        labels.set(METRIC_NAME, &format!("{}{suffix}", self.name));
        labels.build()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DataKind {
    Gauge,
    Sum,
    Histogram,
    Exponential,
    Summary,
}

/// A metric without its points.
#[derive(Default)]
struct Head<'a> {
    name: &'a str,
    description: &'a str,
    unit: &'a str,
    data: Option<(&'a [u8], DataKind)>,
    is_delta: bool,
    is_monotonic: bool,
}

impl<'a> Head<'a> {
    fn read(message: &'a [u8]) -> Result<Self, WireError> {
        let mut head = Self::default();
        let mut reader = Reader::new(message);
        while let Some(field) = reader.field()? {
            let kind = match field.number {
                1 => {
                    head.name = field.text()?;
                    continue;
                }
                2 => {
                    head.description = field.text()?;
                    continue;
                }
                3 => {
                    head.unit = field.text()?;
                    continue;
                }
                5 => DataKind::Gauge,
                7 => DataKind::Sum,
                9 => DataKind::Histogram,
                10 => DataKind::Exponential,
                11 => DataKind::Summary,
                _ => continue,
            };
            head.data = Some((field.bytes()?, kind));
            let mut inner = field.message()?;
            while let Some(field) = inner.field()? {
                match (field.number, kind) {
                    (2, DataKind::Sum | DataKind::Histogram | DataKind::Exponential) => {
                        head.is_delta = field.uint64()? == 1;
                    }
                    (3, DataKind::Sum) => head.is_monotonic = field.uint64()? != 0,
                    _ => {}
                }
            }
        }
        Ok(head)
    }
}
