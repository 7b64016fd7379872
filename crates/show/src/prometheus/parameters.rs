//! Parameters of a request: from the address and, for POST and PUT, from the form in its body.

use std::borrow::Cow;
use std::time::Duration;

use axum::extract::{FromRequest, Request};
use axum::http::{Method, header};
use axum::response::{IntoResponse, Response};
use vigie_formats::float::parse_float;
use vigie_language::promql::{go_quote, parse_duration_ms};
use vigie_model::{MatchOp, Matcher, TimeRange};

use super::answer::ApiError;
use super::selector;
use crate::RequestBody;

/// Parameters beyond these are refused: no client sends more, and each costs an allocation.
const PARAMETERS_MAX: usize = 10_000;

/// All parameters, the body's before the address', as Go's `Request.Form` orders them.
#[derive(Debug, Default)]
pub(super) struct Parameters(Vec<(String, String)>);

impl<S: Sync> FromRequest<S> for Parameters {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let query = request.uri().query().unwrap_or_default().to_owned();
        let mut pairs = Vec::new();
        if is_form(&request) {
            let body = RequestBody::from_request(request, state).await;
            let body = body.map_err(IntoResponse::into_response)?;
            parse_form(&body.bytes, &mut pairs).map_err(IntoResponse::into_response)?;
        }
        parse_form(query.as_bytes(), &mut pairs).map_err(IntoResponse::into_response)?;
        Ok(Self(pairs))
    }
}

fn is_form(request: &Request) -> bool {
    let has_body = matches!(*request.method(), Method::POST | Method::PUT | Method::PATCH);
    let content = request.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok());
    has_body && content.is_some_and(|c| c.starts_with("application/x-www-form-urlencoded"))
}

fn parse_form(text: &[u8], pairs: &mut Vec<(String, String)>) -> Result<(), ApiError> {
    for (name, value) in url::form_urlencoded::parse(text) {
        if pairs.len() == PARAMETERS_MAX {
            return Err(ApiError::bad_data("error parsing form values: too many of them"));
        }
        pairs.push((name.into_owned(), value.into_owned()));
    }
    Ok(())
}

impl Parameters {
    /// Those of an address only.
    pub(super) fn of_query(query: &str) -> Result<Self, ApiError> {
        let mut pairs = Vec::new();
        parse_form(query.as_bytes(), &mut pairs)?;
        Ok(Self(pairs))
    }

    #[cfg(test)]
    pub(super) fn of(pairs: &[(&str, &str)]) -> Self {
        Self(pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect())
    }

    /// The first value of `name`; empty when there is none, which Prometheus does not tell apart.
    pub(super) fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(n, _)| n == name).map_or("", |(_, value)| value)
    }

    /// All values of `name`.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// A time in milliseconds, which must be there.
    pub(super) fn time_ms(&self, name: &str) -> Result<i64, ApiError> {
        parse_time_ms(self.get(name)).map_err(|detail| ApiError::parameter(name, detail))
    }

    /// A time in milliseconds, `default` when it is not given.
    pub(super) fn time_ms_or(&self, name: &str, default: i64) -> Result<i64, ApiError> {
        if !self.get(name).is_empty() {
            return parse_time_ms(self.get(name)).map_err(|detail| {
                ApiError::parameter(name, format!("invalid time value for '{name}': {detail}"))
            });
        }
        Ok(default)
    }

    /// The optional `start` and `end`.
    pub(super) fn range(&self) -> Result<TimeRange, ApiError> {
        let start_ms = self.time_ms_or("start", TimeRange::ALL.start_ms)?;
        Ok(TimeRange::new(start_ms, self.time_ms_or("end", TimeRange::ALL.end_ms)?))
    }

    /// How many at most; 0 for all.
    pub(super) fn limit(&self) -> Result<usize, ApiError> {
        let text = self.get("limit");
        if text.is_empty() {
            return Ok(0);
        }
        match parse_integer(text) {
            Ok(limit) => usize::try_from(limit)
                .map_err(|_| ApiError::parameter("limit", "limit must be non-negative")),
            Err(detail) => Err(ApiError::parameter("limit", detail)),
        }
    }

    /// `timeout`, when given.
    pub(super) fn timeout(&self) -> Result<Option<Duration>, ApiError> {
        if self.get("timeout").is_empty() {
            return Ok(None);
        }
        let nanoseconds = parse_duration_ns(self.get("timeout"))
            .map_err(|detail| ApiError::parameter("timeout", detail))?;
        Ok(Some(Duration::from_nanos(nanoseconds.max(0).unsigned_abs())))
    }

    /// The selectors of `match[]`, each with a condition that the empty label does not satisfy.
    pub(super) fn matcher_sets(&self) -> Result<Vec<Vec<Matcher>>, String> {
        let sets: Result<Vec<_>, _> = self.all("match[]").map(selector::parse).collect();
        let sets = sets?;
        if sets.iter().all(|set| set.iter().any(refuses_empty)) {
            Ok(sets)
        } else {
            Err("match[] must contain at least one non-empty matcher".to_owned())
        }
    }
}

fn refuses_empty(matcher: &Matcher) -> bool {
    match matcher.op {
        MatchOp::Equal => !matcher.value.is_empty(),
        MatchOp::NotEqual => matcher.value.is_empty(),
        MatchOp::Regex | MatchOp::NotRegex => {
            vigie_store::CompiledMatcher::new(matcher).is_ok_and(|m| !m.matches_value(""))
        }
    }
}

/// An integer as Go's `strconv.Atoi`, with its messages.
pub(super) fn parse_integer(text: &str) -> Result<i64, String> {
    text.parse().map_err(|error: std::num::ParseIntError| {
        let reason = match error.kind() {
            std::num::IntErrorKind::PosOverflow | std::num::IntErrorKind::NegOverflow => {
                "value out of range"
            }
            _ => "invalid syntax",
        };
        format!("strconv.Atoi: parsing {}: {reason}", go_quote(text))
    })
}

/// Seconds as a float, or RFC 3339.
pub(super) fn parse_time_ms(text: &str) -> Result<i64, String> {
    if let Some(seconds) = parse_float(text.as_bytes()) {
        // Prometheus keeps three decimals and rounds the rest away.
        let whole = seconds.trunc();
        let milliseconds = ((seconds - whole) * 1000.0).round();
        let time = whole * 1000.0 + milliseconds;
        return if time.is_nan() { Ok(i64::MIN) } else { Ok(time as i64) };
    }
    if let Ok(time) = text.parse::<jiff::Timestamp>() {
        // Go rounds down to milliseconds, also before the epoch.
        return Ok(time.as_nanosecond().div_euclid(1_000_000) as i64);
    }
    match text {
        // What Prometheus itself prints for its oldest and newest time.
        "-292273086-05-16T16:47:06Z" => Ok(TimeRange::ALL.start_ms),
        "292277025-08-18T07:12:54.999999999Z" => Ok(TimeRange::ALL.end_ms),
        _ => Err(format!("cannot parse {} to a valid timestamp", go_quote(text))),
    }
}

/// Seconds as a float, or a duration as `1h30m`. Nanoseconds, as Go counts.
pub(super) fn parse_duration_ns(text: &str) -> Result<i64, String> {
    if let Some(seconds) = parse_float(text.as_bytes()) {
        let nanoseconds = seconds * 1e9;
        let limit = i64::MAX as f64;
        if nanoseconds > limit || nanoseconds < -limit {
            let why = "It overflows int64";
            let text = go_quote(text);
            return Err(format!("cannot parse {text} to a valid duration. {why}"));
        }
        return Ok(nanoseconds as i64);
    }
    let parsed = parse_duration_ms(text).ok();
    parsed
        .and_then(|milliseconds| milliseconds.checked_mul(1_000_000))
        .ok_or_else(|| format!("cannot parse {} to a valid duration", go_quote(text)))
}

/// A label name as it stands in a path: `U__` names carry escaped characters.
///
/// Source: Prometheus' documentation of UTF-8 escaping schemes ("values" escaping).
pub(super) fn unescape_label_name(name: &str) -> Cow<'_, str> {
    let Some(escaped) = name.strip_prefix("U__") else { return Cow::Borrowed(name) };
    let mut unescaped = String::with_capacity(escaped.len());
    let mut rest = escaped;
    while let Some((plain, tail)) = rest.split_once('_') {
        unescaped.push_str(plain);
        if let Some(after) = tail.strip_prefix('_') {
            unescaped.push('_');
            rest = after;
            continue;
        }
        let Some((hex, after)) = tail.split_once('_') else { return Cow::Borrowed(name) };
        let code = u32::from_str_radix(hex, 16).ok().filter(|_| hex.len() <= 6);
        let Some(c) = code.and_then(char::from_u32) else { return Cow::Borrowed(name) };
        unescaped.push(c);
        rest = after;
    }
    unescaped.push_str(rest);
    Cow::Owned(unescaped)
}

#[cfg(test)]
mod tests;
