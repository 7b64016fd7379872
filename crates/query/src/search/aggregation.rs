//! Aggregations: read from JSON, collected over blocks of columns, told as JSON; one file each.
//!
//! A bucket aggregation maps pairs of row and owner (the bucket above it) to pairs of row and its
//! own bucket, and hands these to the aggregations beneath. Metrics keep an array indexed by
//! owner. Pipelines work on what the others tell, when all is collected.

mod auto_date_histogram;
mod bucket;
mod cardinality;
mod categorize_text;
mod collect;
mod composite;
mod date_histogram;
mod digest;
mod distinct;
mod expression;
mod filters;
mod histogram;
mod key;
mod metric;
mod missing;
mod pass_through;
mod percentiles;
mod pipeline;
mod range;
mod significant_terms;
mod source;
mod terms;
mod top_hits;
mod top_metrics;

use serde_json::{Map, Value};

use super::SearchError;
use super::json::Options;

pub(crate) use collect::{Children, Collector, Context, Pairs};

/// How deep aggregations may be nested.
const DEPTH_MAX: usize = 12;
/// How many aggregations a request may have.
const COUNT_MAX: usize = 500;

/// One aggregation of a request.
#[derive(Debug, Clone)]
pub struct Aggregation {
    name: String,
    kind: String,
    body: Value,
    meta: Option<Value>,
    children: Vec<Self>,
}

impl Aggregation {
    /// Reads `{"name": {"kind": {...}, "aggs": {...}}, ...}`.
    pub fn parse(value: &Value) -> Result<Vec<Self>, SearchError> {
        let mut count = 0;
        parse_level(value, 0, &mut count)
    }

    /// Whether it looks at all documents, whatever the query.
    pub(crate) fn is_global(&self) -> bool {
        self.kind == "global"
    }

    fn is_pipeline(&self) -> bool {
        pipeline::is_known(&self.kind)
    }

    fn options(&self) -> Result<Options<'_>, SearchError> {
        Options::of(&self.kind, &self.body)
    }
}

fn parse_level(
    value: &Value,
    depth: usize,
    count: &mut usize,
) -> Result<Vec<Aggregation>, SearchError> {
    if depth > DEPTH_MAX {
        return Err(SearchError::argument("aggregations are nested too deeply"));
    }
    let Value::Object(map) = value else {
        return Err(SearchError::parsing("Found aggregations that are no object").at("aggs"));
    };
    let mut found = Vec::new();
    for (name, definition) in map {
        *count += 1;
        if *count > COUNT_MAX {
            return Err(SearchError::argument(format!("more than {COUNT_MAX} aggregations")));
        }
        if name.is_empty() || name.contains(['[', ']', '>']) {
            let reason = format!(
                "Invalid aggregation name [{name}]. Aggregation names can contain any character \
                 except '[', ']', and '>'"
            );
            return Err(SearchError::parsing(reason).at(name));
        }
        found.push(parse_one(name, definition, depth, count)?);
    }
    Ok(found)
}

fn parse_one(
    name: &str,
    definition: &Value,
    depth: usize,
    count: &mut usize,
) -> Result<Aggregation, SearchError> {
    let malformed = |detail: &str| SearchError::parsing(detail.to_owned()).at(name);
    let Value::Object(map) = definition else {
        return Err(malformed(&format!(
            "Aggregation definition for [{name}] starts with a [VALUE_STRING], expected a [START_OBJECT]."
        )));
    };
    let (mut kind, mut meta, mut children) = (None, None, Vec::new());
    for (key, value) in map {
        match key.as_str() {
            "meta" => meta = Some(value.clone()),
            "aggs" | "aggregations" => children = parse_level(value, depth + 1, count)?,
            _ => {
                if let Some((first, _)) = kind.replace((key.clone(), value.clone())) {
                    return Err(malformed(&format!(
                        "Found two aggregation type definitions in [{name}]: [{first}] and [{key}]"
                    )));
                }
            }
        }
    }
    let Some((kind, body)) = kind else {
        return Err(malformed(&format!("Missing definition for aggregation [{name}]")));
    };
    if !body.is_object() {
        return Err(malformed(&format!(
            "Expected [START_OBJECT] under [{kind}], but got a [{}] in [{name}]",
            super::json::token(&body)
        )));
    }
    Ok(Aggregation { name: name.to_owned(), kind, body, meta, children })
}

/// What collects `aggregations` (pipelines aside).
pub(crate) fn collectors(
    aggregations: &[Aggregation],
    context: &Context,
) -> Result<Children, SearchError> {
    let mut children = Children::default();
    for aggregation in aggregations {
        if aggregation.is_pipeline() {
            children.pipelines.push(pipeline::Pipeline::new(
                aggregation.name.clone(),
                &aggregation.kind,
                aggregation.options()?,
            )?);
            continue;
        }
        let collector = collector(aggregation, context)?;
        children.collectors.push((aggregation.name.clone(), aggregation.meta.clone(), collector));
    }
    Ok(children)
}

fn collector(
    aggregation: &Aggregation,
    context: &Context,
) -> Result<Box<dyn Collector>, SearchError> {
    let options = aggregation.options()?;
    let below = || collectors(&aggregation.children, context);
    let kind = aggregation.kind.as_str();
    Ok(match kind {
        "terms" => Box::new(terms::Terms::new(options, below()?, context)?),
        "rare_terms" => Box::new(terms::Terms::rare(options, below()?, context)?),
        "multi_terms" => Box::new(terms::Terms::multi(options, below()?, context)?),
        "significant_terms" | "significant_text" => {
            Box::new(significant_terms::SignificantTerms::new(options, below()?, context)?)
        }
        "date_histogram" => {
            Box::new(date_histogram::DateHistogram::new(options, below()?, context)?)
        }
        "auto_date_histogram" => {
            Box::new(auto_date_histogram::AutoDateHistogram::new(options, aggregation, context)?)
        }
        "histogram" => Box::new(histogram::Histogram::new(options, below()?, context)?),
        "range" | "date_range" | "ip_range" => {
            Box::new(range::Ranges::new(kind, options, below()?, context)?)
        }
        "filter" | "filters" | "adjacency_matrix" => {
            Box::new(filters::Filters::new(kind, &aggregation.body, below()?, context)?)
        }
        "missing" => Box::new(missing::Missing::new(options, below()?, context)?),
        "global"
        | "nested"
        | "reverse_nested"
        | "sampler"
        | "diversified_sampler"
        | "random_sampler" => Box::new(pass_through::PassThrough::new(below()?, context)),
        "composite" => Box::new(composite::Composite::new(options, below()?, context)?),
        "categorize_text" => {
            Box::new(categorize_text::CategorizeText::new(options, below()?, context)?)
        }
        "cardinality" => Box::new(cardinality::Cardinality::new(options, context)?),
        "percentiles" | "percentile_ranks" | "median_absolute_deviation" | "boxplot" => {
            Box::new(percentiles::Percentiles::new(kind, options, context)?)
        }
        "min" | "max" | "sum" | "avg" | "value_count" | "stats" | "extended_stats"
        | "weighted_avg" | "rate" => Box::new(metric::Metric::new(kind, options, context)?),
        "top_hits" => Box::new(top_hits::TopHits::new(&aggregation.body, context)?),
        "top_metrics" => Box::new(top_metrics::TopMetrics::new(options, context)?),
        "scripted_metric"
        | "geo_bounds"
        | "geo_centroid"
        | "geohash_grid"
        | "geotile_grid"
        | "geo_distance"
        | "children"
        | "parent"
        | "matrix_stats"
        | "string_stats"
        | "t_test"
        | "variable_width_histogram"
        | "time_series"
        | "frequent_item_sets" => {
            return Err(SearchError::not_served(&format!("the aggregation [{kind}]")).at(kind));
        }
        _ => return Err(unknown(kind)),
    })
}

fn unknown(kind: &str) -> SearchError {
    let cause =
        SearchError::new("named_object_not_found_exception", format!("unknown field [{kind}]"));
    SearchError::parsing(format!("Unknown aggregation type [{kind}]"))
        .at(kind)
        .because(cause.at(kind))
}

/// `{"value": number}`, `null` for none.
fn value_of(number: Option<f64>) -> Value {
    let mut map = Map::new();
    map.insert("value".into(), number_json(number));
    Value::Object(map)
}

/// A number, `null` for none or what JSON has no number for.
fn number_json(number: Option<f64>) -> Value {
    number.and_then(serde_json::Number::from_f64).map_or(Value::Null, Value::Number)
}
