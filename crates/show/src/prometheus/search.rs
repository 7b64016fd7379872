//! `/api/v1/search/*`: names and values that resemble what somebody types, as lines of JSON.
//!
//! Prometheus serves these behind the feature `search-api`; here they are always on.

mod resemblance;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use super::Shared;
use super::admin::parse_bool;
use super::answer::ApiError;
use super::parameters::{Parameters, parse_integer};
use crate::Identity;
use resemblance::Wanted;

/// Results of one answer, Prometheus' default of `--web.search.max-limit`.
const LIMIT_MAX: usize = 10_000;
const LIMIT_DEFAULT: usize = 100;
const TERMS_MAX: usize = 32;
/// Where a search begins that does not say.
const RANGE_DEFAULT_MS: i64 = 3_600_000;

type Answered = Result<Response, ApiError>;

/// In which order results come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Ascending,
    Descending,
    Score,
}

/// What all three searches take.
struct Search {
    wanted: Wanted,
    order: Order,
    include_score: bool,
    limit: usize,
    batch: usize,
}

pub(super) async fn metric_names(
    State(state): State<Shared>,
    identity: Identity,
    parameters: Parameters,
) -> Answered {
    let search = Search::of(&parameters, "metric_names")?;
    let with_metadata = boolean(&parameters, "include_metadata", false)?;
    let names = values(&state, &identity, &parameters, vigie_model::METRIC_NAME).await?;
    let (found, has_more) = search.select(names);
    let metadata = if with_metadata && !found.is_empty() {
        state.store.snapshot(&identity.tenant).metadata(None).await?
    } else {
        Default::default()
    };
    let records = found.into_iter().map(|(name, score)| {
        let mut record = search.record("name", &name, score);
        if let Some(metadata) = metadata.get(&name).and_then(|all| all.first()) {
            let fields = [
                ("type", metadata.kind.as_str()),
                ("help", &metadata.help),
                ("unit", &metadata.unit),
            ];
            for (field, text) in fields.into_iter().filter(|(_, text)| !text.is_empty()) {
                record.insert(field.to_owned(), text.into());
            }
        }
        record
    });
    Ok(search.answer(records.collect(), has_more))
}

pub(super) async fn label_names(
    State(state): State<Shared>,
    identity: Identity,
    parameters: Parameters,
) -> Answered {
    let search = Search::of(&parameters, "label_names")?;
    let range = range(&state, &parameters)?;
    let sets = parameters.matcher_sets().map_err(ApiError::bad_data)?;
    let names = state.store.snapshot(&identity.tenant).label_names(&sets, range, 0).await?;
    Ok(search.answer_plain("name", names))
}

pub(super) async fn label_values(
    State(state): State<Shared>,
    identity: Identity,
    parameters: Parameters,
) -> Answered {
    let search = Search::of(&parameters, "label_values")?;
    let label = parameters.get("label").to_owned();
    if label.is_empty() {
        return Err(ApiError::bad_data("missing required parameter \"label\""));
    }
    let values = values(&state, &identity, &parameters, &label).await?;
    Ok(search.answer_plain("value", values))
}

async fn values(
    state: &Shared,
    identity: &Identity,
    parameters: &Parameters,
    label: &str,
) -> Result<Vec<String>, ApiError> {
    let range = range(state, parameters)?;
    let sets = parameters.matcher_sets().map_err(ApiError::bad_data)?;
    let snapshot = state.store.snapshot(&identity.tenant);
    Ok(snapshot.label_values(label, &sets, range, 0).await?)
}

fn range(state: &Shared, parameters: &Parameters) -> Result<vigie_model::TimeRange, ApiError> {
    let now = state.world.clock.now_ms();
    let start = parameters.time_ms_or("start", now - RANGE_DEFAULT_MS)?;
    let end = parameters.time_ms_or("end", now)?;
    if end < start {
        return Err(ApiError::bad_data("end timestamp must not be before start timestamp"));
    }
    Ok(vigie_model::TimeRange::new(start, end))
}

impl Search {
    fn of(parameters: &Parameters, endpoint: &str) -> Result<Self, ApiError> {
        let bad = |message: String| Err(ApiError::bad_data(message));
        let terms: Vec<&str> = parameters.all("search[]").collect();
        if terms.len() > TERMS_MAX {
            let count = terms.len();
            return bad(format!("too many search[] terms: got {count}, maximum is {TERMS_MAX}"));
        }
        let threshold = match parameters.get("fuzz_threshold") {
            "" => 0,
            text => match parse_integer(text) {
                Ok(number @ 0..=100) => number,
                _ => return bad(format!("invalid fuzz_threshold {text:?}: must be 0-100")),
            },
        };
        let is_jaro_winkler = match parameters.get("fuzz_alg") {
            "" | "subsequence" => false,
            "jarowinkler" => true,
            other => {
                return bad(format!(
                    "unsupported fuzz_alg {other:?}: must be one of [subsequence jarowinkler]"
                ));
            }
        };
        let case_sensitive = boolean(parameters, "case_sensitive", true)?;
        let wanted = Wanted::new(&terms, threshold as f64 / 100.0, is_jaro_winkler, case_sensitive);
        Ok(Self {
            wanted,
            order: order(parameters, !terms.is_empty(), endpoint)?,
            include_score: boolean(parameters, "include_score", false)?,
            limit: positive(parameters, "limit", LIMIT_DEFAULT, LIMIT_MAX)?,
            batch: positive(parameters, "batch_size", LIMIT_DEFAULT, usize::MAX)?,
        })
    }

    /// The first of `all` that are wanted, in order, and whether there are more.
    fn select(&self, all: Vec<String>) -> (Vec<(String, f64)>, bool) {
        let mut found: Vec<(String, f64)> = all
            .into_iter()
            .filter_map(|name| self.wanted.score(&name).map(|score| (name, score)))
            .collect();
        match self.order {
            Order::Ascending => found.sort_by(|a, b| a.0.cmp(&b.0)),
            Order::Descending => found.sort_by(|a, b| b.0.cmp(&a.0)),
            Order::Score => found.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0))),
        }
        let has_more = found.len() > self.limit;
        found.truncate(self.limit);
        (found, has_more)
    }

    fn record(&self, field: &str, name: &str, score: f64) -> Map<String, Value> {
        let mut record = Map::new();
        record.insert(field.to_owned(), name.into());
        if self.include_score {
            record.insert("score".to_owned(), score.into());
        }
        record
    }

    fn answer_plain(&self, field: &str, all: Vec<String>) -> Response {
        let (found, has_more) = self.select(all);
        let records = found.iter().map(|(name, score)| self.record(field, name, *score));
        self.answer(records.collect(), has_more)
    }

    /// A line for each batch, one at least, and a last one that says how it ended.
    fn answer(&self, records: Vec<Map<String, Value>>, has_more: bool) -> Response {
        let mut body = String::new();
        let mut push = |line: Value| {
            body.push_str(&line.to_string());
            body.push('\n');
        };
        if records.is_empty() {
            push(json!({ "results": [] }));
        }
        for batch in records.chunks(self.batch) {
            push(json!({ "results": batch }));
        }
        push(json!({ "status": "success", "has_more": has_more }));
        ([(header::CONTENT_TYPE, "application/x-ndjson; charset=utf-8")], body).into_response()
    }
}

fn order(parameters: &Parameters, has_terms: bool, endpoint: &str) -> Result<Order, ApiError> {
    let (by, direction) = (parameters.get("sort_by"), parameters.get("sort_dir"));
    let message = match (by, direction) {
        ("", "") | ("alpha", "" | "asc") => return Ok(Order::Ascending),
        ("alpha", "dsc") => return Ok(Order::Descending),
        ("score", "") if has_terms => return Ok(Order::Score),
        ("score", "") => "sort_by=score requires search[] to be set".to_owned(),
        ("", _) => "sort_dir is only valid when sort_by is set".to_owned(),
        ("score", _) => "sort_dir is not supported for sort_by=score".to_owned(),
        ("alpha", other) => format!("invalid sort_dir {other:?}: must be \"asc\" or \"dsc\""),
        (other, _) => {
            format!("invalid sort_by {other:?} for {endpoint}: must be \"alpha\" or \"score\"")
        }
    };
    Err(ApiError::bad_data(message))
}

fn boolean(parameters: &Parameters, name: &str, default: bool) -> Result<bool, ApiError> {
    match parameters.get(name) {
        "" => Ok(default),
        text => parse_bool(text)
            .ok_or_else(|| ApiError::bad_data(format!("invalid {name} {text:?}: must be boolean"))),
    }
}

fn positive(
    parameters: &Parameters,
    name: &str,
    default: usize,
    max: usize,
) -> Result<usize, ApiError> {
    let text = parameters.get(name);
    if text.is_empty() {
        return Ok(default);
    }
    let number = parse_integer(text).ok().and_then(|number| usize::try_from(number).ok());
    match number.filter(|number| *number > 0) {
        None => {
            Err(ApiError::bad_data(format!("invalid {name} {text:?}: must be a positive integer")))
        }
        Some(number) if number > max => Err(ApiError::bad_data(format!(
            "{name} {number} exceeds the configured maximum ({max}, see --web.search.max-limit)"
        ))),
        Some(number) => Ok(number),
    }
}
