//! Aggregations on what other aggregations tell.
//!
//! A parent pipeline works on the buckets that it stands in, a sibling one on the buckets of an
//! aggregation beside it. Both see finished buckets as JSON.

mod buckets;
mod moving;
mod sibling;

use serde_json::{Map, Value};

use super::expression::Expression;
use crate::search::SearchError;
use crate::search::json::{Options, strings};

/// What becomes of gaps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gaps {
    Skip,
    Zeros,
    KeepValues,
}

/// One pipeline aggregation.
#[derive(Debug)]
pub(crate) struct Pipeline {
    name: String,
    kind: String,
    path: String,
    paths: Vec<(String, String)>,
    gaps: Gaps,
    script: Option<Expression>,
    /// What the script is called, for functions of moving windows.
    script_text: String,
    parameters: Vec<(String, f64)>,
    lag: usize,
    window: usize,
    shift: i64,
    unit_ms: Option<f64>,
    percents: Vec<f64>,
    sigma: f64,
    sort: Vec<(String, bool)>,
    from: usize,
    size: Option<usize>,
}

const SIBLINGS: [&str; 7] = [
    "avg_bucket",
    "max_bucket",
    "min_bucket",
    "sum_bucket",
    "stats_bucket",
    "extended_stats_bucket",
    "percentiles_bucket",
];
const PARENTS: [&str; 9] = [
    "derivative",
    "cumulative_sum",
    "moving_fn",
    "moving_avg",
    "serial_diff",
    "bucket_script",
    "bucket_selector",
    "bucket_sort",
    "normalize",
];

/// Whether `kind` is a pipeline.
pub(crate) fn is_known(kind: &str) -> bool {
    SIBLINGS.contains(&kind) || PARENTS.contains(&kind)
}

impl Pipeline {
    pub(crate) fn new(name: String, kind: &str, options: Options<'_>) -> Result<Self, SearchError> {
        let mut paths = Vec::new();
        let path = match options.get("buckets_path") {
            Some(Value::Object(map)) => {
                for (name, path) in map {
                    paths
                        .push((name.clone(), strings(path).into_iter().next().unwrap_or_default()));
                }
                String::new()
            }
            Some(value) => strings(value).into_iter().next().unwrap_or_default(),
            None if kind == "bucket_sort" => String::new(),
            None => {
                let reason = format!(
                    "Missing required field [buckets_path] for {kind} aggregation [{name}]"
                );
                return Err(SearchError::parsing(reason).at(&name));
            }
        };
        if let Some(method) = options.text("method")? {
            paths.push(("method".to_owned(), method));
        }
        let (script_text, parameters) = script(options)?;
        let is_arithmetic = matches!(kind, "bucket_script" | "bucket_selector");
        let script = is_arithmetic.then(|| Expression::parse(&script_text)).transpose()?;
        let window = options.count("window")?.unwrap_or(if kind == "moving_avg" { 5 } else { 0 });
        if kind == "moving_fn" && window == 0 {
            return Err(
                SearchError::argument("[window] must be a positive, non-zero integer.").at(&name)
            );
        }
        let unit = options.text("unit")?;
        Ok(Self {
            kind: kind.to_owned(),
            path,
            paths,
            gaps: match options.text("gap_policy")?.as_deref() {
                Some("insert_zeros") => Gaps::Zeros,
                Some("keep_values") => Gaps::KeepValues,
                _ => Gaps::Skip,
            },
            script,
            script_text,
            parameters,
            lag: options.count("lag")?.unwrap_or(1).max(1),
            window,
            shift: options.integer("shift")?.unwrap_or(0),
            unit_ms: unit.and_then(|unit| unit_ms(&unit)),
            percents: percents(options),
            sigma: options.number("sigma")?.unwrap_or(2.0),
            sort: sort(options),
            from: options.count("from")?.unwrap_or(0),
            size: options.count("size")?,
            name,
        })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn is_sibling(&self) -> bool {
        SIBLINGS.contains(&self.kind.as_str())
    }

    /// Whether it reads what `other` tells.
    fn reads(&self, other: &Self) -> bool {
        let starts =
            |path: &String| path == &other.name || path.starts_with(&format!("{}.", other.name));
        starts(&self.path)
            || self.paths.iter().any(|(_, path)| starts(path))
            || self.sort.iter().any(|(path, _)| starts(path))
    }

    /// Works on the buckets that it stands in.
    pub(crate) fn parent(&self, buckets: &mut Vec<Value>) {
        match self.kind.as_str() {
            "bucket_script" => self.compute(buckets),
            "bucket_selector" => self.select(buckets),
            "bucket_sort" => self.sort(buckets),
            _ => self.series(buckets),
        }
    }

    /// What it tells of the aggregations beside it.
    pub(crate) fn sibling(&self, beside: &Map<String, Value>) -> Result<Value, SearchError> {
        let (name, rest) = self.path.split_once('>').unwrap_or((self.path.as_str(), "_count"));
        let Some(told) = beside.get(name) else {
            let reason = format!(
                "Validation Failed: 1: buckets_path aggregation does not exist for aggregation [{}]: {};",
                self.name, self.path
            );
            return Err(SearchError::new("action_request_validation_exception", reason));
        };
        Ok(self.over(&told_buckets(told), rest))
    }

    /// The value of a bucket; a gap is as the policy says.
    fn value(&self, bucket: &Value, path: &str) -> Option<f64> {
        let is_empty = bucket.get("doc_count").and_then(Value::as_u64) == Some(0);
        let found = number_at(bucket, path)
            .filter(|_| !is_empty || path == "_count" || self.gaps == Gaps::KeepValues);
        match (found, self.gaps) {
            (Some(value), _) => Some(value),
            (None, Gaps::Zeros) => Some(0.0),
            (None, _) => None,
        }
    }

    fn set(&self, bucket: &mut Value, told: Value) {
        if let Some(bucket) = bucket.as_object_mut() {
            bucket.insert(self.name.clone(), told);
        }
    }
}

/// Buckets of what an aggregation tells, with their names.
fn told_buckets(told: &Value) -> Vec<(Value, &Value)> {
    match told.get("buckets") {
        Some(Value::Array(items)) => items
            .iter()
            .map(|bucket| {
                (
                    bucket.get("key_as_string").or(bucket.get("key")).cloned().unwrap_or_default(),
                    bucket,
                )
            })
            .collect(),
        Some(Value::Object(map)) => {
            map.iter().map(|(name, bucket)| (name.clone().into(), bucket)).collect()
        }
        _ => vec![(Value::Null, told)],
    }
}

/// The number in a bucket at a path such as `_count`, `stats.avg`, `inner>max`, `p[99.0]`.
pub(crate) fn number_at(bucket: &Value, path: &str) -> Option<f64> {
    match path {
        "_count" => return bucket.get("doc_count")?.as_f64(),
        "_key" => return bucket.get("key")?.as_f64(),
        "_bucket_count" => {
            return bucket.get("buckets")?.as_array().map(|buckets| buckets.len() as f64);
        }
        _ => {}
    }
    let (first, rest) = match path.split_once('>') {
        Some((first, rest)) => (first, Some(rest)),
        None => (path, None),
    };
    if let Some(rest) = rest {
        if let Some((name, key)) = first.strip_suffix(']').and_then(|inner| inner.split_once('[')) {
            let key = key.trim_matches(['\'', '"']);
            let found = told_buckets(bucket.get(name)?);
            let (_, found) = found.into_iter().find(|(known, _)| known.as_str() == Some(key))?;
            return number_at(found, rest);
        }
        return number_at(bucket.get(first)?, rest);
    }
    if let Some(told) = bucket.get(first) {
        return told.get("value").or(told.get("doc_count")).and_then(Value::as_f64);
    }
    let bracket = first.strip_suffix(']').and_then(|inner| inner.split_once('['));
    let (name, property) = bracket.or(first.split_once('.'))?;
    let told = bucket.get(name)?;
    let values = told.get("values");
    let in_values = || {
        let wanted: f64 = property.parse().ok()?;
        values?.get(format!("{wanted:?}"))?.as_f64()
    };
    match property {
        "_count" => told.get("doc_count")?.as_f64(),
        "_bucket_count" => told.get("buckets")?.as_array().map(|buckets| buckets.len() as f64),
        _ => told.get(property).and_then(Value::as_f64).or_else(in_values),
    }
}

/// Pipelines in an order in which each comes after those that it reads.
pub(crate) fn in_order<'a>(pipelines: &[&'a Pipeline]) -> Vec<&'a Pipeline> {
    let mut open: Vec<&Pipeline> = pipelines.to_vec();
    let mut ordered = Vec::new();
    while !open.is_empty() {
        let ready = open.iter().position(|pipeline| {
            let is_last = matches!(pipeline.kind.as_str(), "bucket_sort");
            let others = open.iter().filter(|other| !std::ptr::eq(**other, *pipeline));
            !others.clone().any(|other| pipeline.reads(other)) && (!is_last || others.count() == 0)
        });
        // A circle reads what is not there yet: gaps.
        ordered.push(open.remove(ready.unwrap_or(0)));
    }
    ordered
}

fn script(options: Options<'_>) -> Result<(String, Vec<(String, f64)>), SearchError> {
    match options.get("script") {
        None => Ok((String::new(), Vec::new())),
        Some(Value::String(text)) => Ok((text.clone(), Vec::new())),
        Some(other) => {
            let script = Options::of("script", other)?;
            let text = script.text("source")?.or(script.text("inline")?).unwrap_or_default();
            let parameters = script.get("params").and_then(Value::as_object);
            let parameters = parameters.into_iter().flatten();
            let number = |(name, value): (&String, &Value)| Some((name.clone(), value.as_f64()?));
            Ok((text, parameters.filter_map(number).collect()))
        }
    }
}

fn percents(options: Options<'_>) -> Vec<f64> {
    let given = options.get("percents").and_then(Value::as_array);
    given.map_or_else(
        || vec![1.0, 5.0, 25.0, 50.0, 75.0, 95.0, 99.0],
        |items| items.iter().filter_map(Value::as_f64).collect(),
    )
}

fn sort(options: Options<'_>) -> Vec<(String, bool)> {
    let items: Vec<&Value> = match options.get("sort") {
        Some(Value::Array(items)) => items.iter().collect(),
        Some(other) => vec![other],
        None => Vec::new(),
    };
    let mut fields = Vec::new();
    for item in items {
        match item {
            Value::String(path) => fields.push((path.clone(), true)),
            Value::Object(map) => {
                for (path, direction) in map {
                    let text = direction.as_str().or_else(|| direction.get("order")?.as_str());
                    fields.push((
                        path.clone(),
                        !text.is_some_and(|text| text.eq_ignore_ascii_case("desc")),
                    ));
                }
            }
            _ => {}
        }
    }
    fields
}

fn unit_ms(unit: &str) -> Option<f64> {
    let calendar = match unit {
        "second" | "1s" => 1_000.0,
        "minute" | "1m" => 60_000.0,
        "hour" | "1h" => 3_600_000.0,
        "day" | "1d" => 86_400_000.0,
        "week" | "1w" => 604_800_000.0,
        _ => return vigie_language::search::parse_fixed_interval(unit).map(|ms| ms as f64),
    };
    Some(calendar)
}

#[cfg(test)]
mod tests;
