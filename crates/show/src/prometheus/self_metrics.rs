//! `/api/v1/status/self_metrics`: what `/metrics` shows, as the JSON of protobuf's `MetricFamily`.

use axum::extract::State;
use serde::Serialize;
use vigie_formats::exposition::{Entry, Format, LabelPairs, MetadataLine, ParseOptions, Parser};
use vigie_model::MetricType;

use super::Shared;
use super::answer::{Answer, Answered, ApiError};
use super::manage::own_metrics;
use super::parameters::Parameters;

#[derive(Serialize)]
struct Family {
    name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    help: String,
    #[serde(rename = "type")]
    kind: &'static str,
    metric: Vec<Metric>,
}

#[derive(Serialize, PartialEq)]
struct Label {
    name: String,
    value: String,
}

/// One child of a family: exactly one of the kinds is there.
#[derive(Default, Serialize)]
struct Metric {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    label: Vec<Label>,
    #[serde(skip_serializing_if = "Option::is_none")]
    counter: Option<Single>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gauge: Option<Single>,
    #[serde(skip_serializing_if = "Option::is_none")]
    untyped: Option<Single>,
    #[serde(skip_serializing_if = "Option::is_none")]
    summary: Option<Summary>,
    #[serde(skip_serializing_if = "Option::is_none")]
    histogram: Option<Histogram>,
}

#[derive(Serialize)]
struct Single {
    value: Number,
}

#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Summary {
    /// 64-bit integers are texts in the JSON of protobuf.
    sample_count: String,
    sample_sum: Number,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    quantile: Vec<Quantile>,
}

#[derive(Serialize)]
struct Quantile {
    quantile: Number,
    value: Number,
}

#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Histogram {
    sample_count: String,
    sample_sum: Number,
    bucket: Vec<Bucket>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Bucket {
    cumulative_count: String,
    upper_bound: Number,
}

/// A number; those that JSON does not have are texts.
#[derive(Default)]
struct Number(f64);

impl Serialize for Number {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            value if value.is_nan() => to.serialize_str("NaN"),
            f64::INFINITY => to.serialize_str("Infinity"),
            f64::NEG_INFINITY => to.serialize_str("-Infinity"),
            value if value.fract() == 0.0 && value.abs() < 1e15 => to.serialize_i64(value as i64),
            value => to.serialize_f64(value),
        }
    }
}

pub(super) async fn self_metrics(State(state): State<Shared>, parameters: Parameters) -> Answered {
    let pattern = parameters.get("metric_name_pattern");
    let pattern = match pattern {
        "" => None,
        text => Some(regex::Regex::new(&format!("^(?s:{text})$")).map_err(|error| {
            ApiError::bad_data(format!("invalid metric_name_pattern {text:?}: {error}"))
        })?),
    };
    let text = own_metrics(&state);
    let mut families = families(&text).map_err(ApiError::internal)?;
    families.retain(|family| pattern.as_ref().is_none_or(|p| p.is_match(&family.name)));
    Answer::data(&families)
}

fn families(text: &str) -> Result<Vec<Family>, String> {
    let options =
        ParseOptions { created_as_start: false, native_histograms: false, always_classic: true };
    let mut parser = Parser::new(Format::PrometheusText, text.as_bytes(), options)
        .map_err(|error| error.to_string())?;
    let mut families: Vec<Family> = Vec::new();
    while let Some(entry) = parser.next().map_err(|error| error.to_string())? {
        match entry {
            Entry::Metadata(metadata) => {
                let family = family_named(&mut families, &metadata.name);
                match metadata.line {
                    MetadataLine::Help(help) => family.help = help.into_owned(),
                    MetadataLine::Type(kind) => family.kind = kind_name(kind),
                    MetadataLine::Unit(_) => {}
                }
            }
            Entry::Series(series) => {
                let mut labels = LabelPairs::new();
                series.labels(&mut labels).map_err(|error| error.to_string())?;
                let mut labels = labels.into_iter();
                let name = labels.next().map(|(_, name)| name.into_owned()).unwrap_or_default();
                let labels = labels
                    .map(|(name, value)| Label {
                        name: name.into_owned(),
                        value: value.into_owned(),
                    })
                    .collect();
                add(&mut families, &name, labels, series.value);
            }
            Entry::Histogram(_) => {}
        }
    }
    families.retain(|family| !family.metric.is_empty());
    Ok(families)
}

const fn kind_name(kind: MetricType) -> &'static str {
    match kind {
        MetricType::Counter => "COUNTER",
        MetricType::Gauge => "GAUGE",
        MetricType::Histogram => "HISTOGRAM",
        MetricType::Summary => "SUMMARY",
        _ => "UNTYPED",
    }
}

/// The family `name`, which is most often the last one.
fn family_named<'a>(families: &'a mut Vec<Family>, name: &str) -> &'a mut Family {
    let at = families.iter().rposition(|family| family.name == name).unwrap_or_else(|| {
        let new = Family {
            name: name.to_owned(),
            help: String::new(),
            kind: "UNTYPED",
            metric: Vec::new(),
        };
        families.push(new);
        families.len() - 1
    });
    &mut families[at]
}

fn add(families: &mut Vec<Family>, name: &str, mut labels: Vec<Label>, value: f64) {
    let parts = ["_bucket", "_count", "_sum"];
    let of_parts = parts.into_iter().find_map(|suffix| {
        let base = name.strip_suffix(suffix)?;
        let known = families
            .iter()
            .any(|family| family.name == base && matches!(family.kind, "HISTOGRAM" | "SUMMARY"));
        known.then_some((base, suffix))
    });
    let (base, part) = of_parts.unwrap_or((name, ""));
    let family = family_named(families, base);
    let own = match family.kind {
        "HISTOGRAM" => take(&mut labels, "le"),
        "SUMMARY" => take(&mut labels, "quantile"),
        _ => None,
    };
    let kind = family.kind;
    let metric = match family.metric.iter().rposition(|metric| metric.label == labels) {
        Some(at) if matches!(kind, "HISTOGRAM" | "SUMMARY") => &mut family.metric[at],
        _ => {
            family.metric.push(Metric { label: labels, ..Metric::default() });
            let last = family.metric.len() - 1;
            &mut family.metric[last]
        }
    };
    let whole = format!("{value:.0}");
    match (kind, part) {
        ("HISTOGRAM", "_count") => metric.histogram.get_or_insert_default().sample_count = whole,
        ("HISTOGRAM", "_sum") => {
            metric.histogram.get_or_insert_default().sample_sum = Number(value)
        }
        ("HISTOGRAM", _) => {
            let upper_bound = Number(own.and_then(|le| le.parse().ok()).unwrap_or(f64::NAN));
            let bucket = Bucket { cumulative_count: whole, upper_bound };
            metric.histogram.get_or_insert_default().bucket.push(bucket);
        }
        ("SUMMARY", "_count") => metric.summary.get_or_insert_default().sample_count = whole,
        ("SUMMARY", "_sum") => metric.summary.get_or_insert_default().sample_sum = Number(value),
        ("SUMMARY", _) => {
            let quantile = Number(own.and_then(|text| text.parse().ok()).unwrap_or(f64::NAN));
            let quantile = Quantile { quantile, value: Number(value) };
            metric.summary.get_or_insert_default().quantile.push(quantile);
        }
        ("COUNTER", _) => metric.counter = Some(Single { value: Number(value) }),
        ("GAUGE", _) => metric.gauge = Some(Single { value: Number(value) }),
        _ => metric.untyped = Some(Single { value: Number(value) }),
    }
}

fn take(labels: &mut Vec<Label>, name: &str) -> Option<String> {
    let at = labels.iter().position(|label| label.name == name)?;
    Some(labels.remove(at).value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_are_as_protobuf_writes_them_in_json() {
        let text = "# HELP a_total h\n# TYPE a_total counter\na_total{b=\"c\"} 2\n# TYPE h histogram\nh_bucket{x=\"y\",le=\"0.5\"} 1\nh_bucket{x=\"y\",le=\"+Inf\"} 3\nh_sum{x=\"y\"} 4.5\nh_count{x=\"y\"} 3\n# TYPE g gauge\ng NaN\n";
        let shown = serde_json::to_value(families(text).unwrap()).unwrap();
        let wanted = serde_json::json!([
            {"name": "a_total", "help": "h", "type": "COUNTER", "metric": [
                {"label": [{"name": "b", "value": "c"}], "counter": {"value": 2}}]},
            {"name": "h", "type": "HISTOGRAM", "metric": [
                {"label": [{"name": "x", "value": "y"}], "histogram": {
                    "sampleCount": "3", "sampleSum": 4.5, "bucket": [
                        {"cumulativeCount": "1", "upperBound": 0.5},
                        {"cumulativeCount": "3", "upperBound": "Infinity"}]}}]},
            {"name": "g", "type": "GAUGE", "metric": [{"gauge": {"value": "NaN"}}]},
        ]);
        assert_eq!(shown, wanted);
    }
}
