//! The body of a search.

use serde_json::{Map, Value};

use super::aggregation::Aggregation;
use super::hits::Fetch;
use super::json::{Options, strings};
use super::{Query, SearchError, SourceFilter};

/// `index.max_result_window`
const WINDOW_MAX: usize = 10_000;
/// How many hits are counted exactly unless it is asked for.
const TRACKED: u64 = 10_000;

/// A search.
#[derive(Debug, Clone)]
pub struct SearchRequest {
    /// What is selected.
    pub query: Query,
    /// What of it is told as hits; aggregations see the rest as well.
    pub post_filter: Option<Query>,
    /// How many hits are passed over.
    pub from: usize,
    /// How many are told.
    pub size: usize,
    /// Hits counted exactly; `None` counts all, 0 none.
    pub tracked: Option<u64>,
    pub(crate) aggregations: Vec<Aggregation>,
    pub(crate) sort: Option<Value>,
    pub(crate) search_after: Option<Vec<Value>>,
    pub(crate) collapse: Option<String>,
    pub(crate) fetch: Fetch,
    pub(crate) score_min: Option<f32>,
    pub(crate) tracks_scores: bool,
    /// Which of several equal slices: number and count.
    pub(crate) slice: Option<(u64, u64)>,
    /// A point in time to search, and how long it is then kept.
    pub point_in_time: Option<(String, Option<String>)>,
}

/// Parameters of the address; they win over the body's.
#[derive(Debug, Clone, Default)]
pub struct SearchParameters {
    /// `q`: a query string.
    pub q: Option<String>,
    /// `df`, the field of `q`.
    pub default_field: Option<String>,
    /// `default_operator`
    pub default_operator: Option<String>,
    /// `from`
    pub from: Option<usize>,
    /// `size`
    pub size: Option<usize>,
    /// `sort`: `field:desc,other`.
    pub sort: Option<String>,
    /// `track_total_hits`
    pub track_total_hits: Option<String>,
    /// `_source`
    pub source: Option<String>,
    /// `_source_includes`
    pub source_includes: Vec<String>,
    /// `_source_excludes`
    pub source_excludes: Vec<String>,
    /// Whether a scroll begins: `from` is not allowed and the total is exact.
    pub is_scroll: bool,
}

impl SearchRequest {
    /// Reads a body (`{}` for none).
    pub fn parse(body: &Value, parameters: &SearchParameters) -> Result<Self, SearchError> {
        let Value::Object(map) = body else {
            return Err(SearchError::parsing("Expected [START_OBJECT] but found something else"));
        };
        let options = Options::new("search", map);
        check_keys(map)?;
        let query = match (&parameters.q, options.get("query")) {
            (Some(text), _) => Query::parse(&query_of(text, parameters))?,
            (None, Some(query)) => Query::parse(query)?,
            (None, None) => Query::match_all(),
        };
        let aggregations = options.get("aggs").or(options.get("aggregations"));
        let mut fetch = Fetch::parse(options)?;
        if let Some(source) = &parameters.source {
            fetch.source = SourceFilter::parse(&Value::from(source.as_str()))?;
        }
        fetch.source.add(&parameters.source_includes, &parameters.source_excludes);
        if let Some(highlight) = &mut fetch.highlight {
            highlight.set_query(&query);
        }
        let sort = match &parameters.sort {
            Some(text) => Some(text.split(',').map(Value::from).collect()),
            None => options.get("sort").cloned(),
        };
        let request = Self {
            query,
            post_filter: options.get("post_filter").map(Query::parse).transpose()?,
            from: parameters.from.or(from(options)?).unwrap_or(0),
            size: parameters.size.or(options.count("size")?).unwrap_or(10),
            tracked: tracked(options, parameters)?,
            aggregations: aggregations.map(Aggregation::parse).transpose()?.unwrap_or_default(),
            sort,
            search_after: options.get("search_after").and_then(Value::as_array).cloned(),
            collapse: collapse(options)?,
            fetch,
            score_min: options.number("min_score")?.map(|score| score as f32),
            tracks_scores: options.flag("track_scores")?.unwrap_or(false),
            slice: slice(options)?,
            point_in_time: point_in_time(options)?,
        };
        request.check(parameters)?;
        Ok(request)
    }

    fn check(&self, parameters: &SearchParameters) -> Result<(), SearchError> {
        let end = self.from.saturating_add(self.size);
        if parameters.is_scroll {
            if self.from > 0 {
                return Err(validation("using [from] is not allowed in a scroll context"));
            }
            if self.size == 0 {
                return Err(validation("[size] cannot be [0] in a scroll context"));
            }
        }
        if end > WINDOW_MAX {
            let what = if parameters.is_scroll { "Batch size" } else { "Result window" };
            let reason = format!(
                "{what} is too large, from + size must be less than or equal to: [{WINDOW_MAX}] but \
                 was [{end}]. See the scroll api for a more efficient way to request large data \
                 sets. This limit can be set by changing the [index.max_result_window] index level \
                 setting."
            );
            return Err(SearchError::argument(reason));
        }
        if self.search_after.is_some() && self.from > 0 {
            return Err(validation(
                "`from` parameter must be set to 0 when `search_after` is used",
            ));
        }
        Ok(())
    }

    /// The same for a later page, on which aggregations are not told again.
    pub fn without_aggregations(mut self) -> Self {
        self.aggregations.clear();
        self
    }

    /// Whether a point in time may order by the place of documents.
    pub(crate) fn needs_tie_breaker(&self) -> bool {
        self.point_in_time.is_some()
    }
}

fn validation(reason: &str) -> SearchError {
    SearchError::new(
        "action_request_validation_exception",
        format!("Validation Failed: 1: {reason};"),
    )
}

fn query_of(text: &str, parameters: &SearchParameters) -> Value {
    let mut options = Map::new();
    options.insert("query".into(), text.into());
    for (key, value) in [
        ("default_field", &parameters.default_field),
        ("default_operator", &parameters.default_operator),
    ] {
        if let Some(value) = value {
            options.insert(key.into(), value.clone().into());
        }
    }
    serde_json::json!({"query_string": options})
}

/// Search parameters that are unknown are passed over, as dashboards need; what would change the
/// answer and is not served is refused.
fn check_keys(map: &Map<String, Value>) -> Result<(), SearchError> {
    const REFUSED: [&str; 5] = ["runtime_mappings", "script_fields", "suggest", "knn", "rescore"];
    let is_empty = |value: &Value| match value {
        Value::Object(map) => map.is_empty(),
        Value::Array(items) => items.is_empty(),
        other => other.is_null(),
    };
    for key in REFUSED {
        if map.get(key).is_some_and(|value| !is_empty(value)) {
            return Err(SearchError::not_served(&format!("[{key}]")).at(key));
        }
    }
    Ok(())
}

fn from(options: Options<'_>) -> Result<Option<usize>, SearchError> {
    // -1 is how Elasticsearch's own clients say nothing.
    match options.integer("from")? {
        Some(-1) => Ok(None),
        _ => options.count("from"),
    }
}

fn tracked(
    options: Options<'_>,
    parameters: &SearchParameters,
) -> Result<Option<u64>, SearchError> {
    let text = match &parameters.track_total_hits {
        Some(text) => Some(text.clone()),
        None => options.text("track_total_hits")?,
    };
    match text.as_deref() {
        None if parameters.is_scroll => Ok(None),
        None => Ok(Some(TRACKED)),
        Some("true" | "-1" | "") => Ok(None),
        Some("false") => Ok(Some(0)),
        Some(number) => number.parse().map(|number: u64| Some(number.max(1))).map_err(|_| {
            let reason = format!(
                "[track_total_hits] parameter must be positive or equals to -1, got {number}"
            );
            SearchError::argument(reason).at("track_total_hits")
        }),
    }
}

fn collapse(options: Options<'_>) -> Result<Option<String>, SearchError> {
    let Some(value) = options.get("collapse") else { return Ok(None) };
    let collapse = Options::of("collapse", value)?;
    if collapse.get("inner_hits").is_some() {
        return Err(SearchError::not_served("[inner_hits]").at("inner_hits"));
    }
    Ok(Some(collapse.need_text("field")?))
}

fn slice(options: Options<'_>) -> Result<Option<(u64, u64)>, SearchError> {
    let Some(value) = options.get("slice") else { return Ok(None) };
    let slice = Options::of("slice", value)?;
    let (id, max) =
        (slice.count("id")?.unwrap_or(0) as u64, slice.count("max")?.unwrap_or(1) as u64);
    if id >= max {
        return Err(SearchError::argument("max must be greater than id").at("slice"));
    }
    Ok(Some((id, max)))
}

fn point_in_time(options: Options<'_>) -> Result<Option<(String, Option<String>)>, SearchError> {
    let Some(value) = options.get("pit") else { return Ok(None) };
    let pit = Options::of("pit", value)?;
    let id = pit.get("id").map(strings).unwrap_or_default().into_iter().next();
    let missing = || SearchError::argument("Required [id]").at("pit");
    Ok(Some((id.ok_or_else(missing)?, pit.text("keep_alive")?)))
}
