//! Parameters of questions: in the address, or in a form.

use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use vigie_language::logql::parse_duration_ns;

use crate::RequestBody;

/// Parameters of one question.
const PARAMETERS_MAX: usize = 200;

/// The parameters of a question.
#[derive(Debug, Default)]
pub(super) struct Parameters(Vec<(String, String)>);

impl<S: Sync> FromRequest<S> for Parameters {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let read = |text: &[u8]| {
            let pairs = url::form_urlencoded::parse(text).take(PARAMETERS_MAX);
            pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).collect::<Vec<_>>()
        };
        let mut all = read(request.uri().query().unwrap_or_default().as_bytes());
        let body = RequestBody::from_request(request, state).await;
        let body = body.map_err(IntoResponse::into_response)?;
        all.extend(read(&body.bytes));
        Ok(Self(all))
    }
}

impl Parameters {
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, value)| known == name && !value.is_empty());
        found.map(|(_, value)| value.as_str())
    }

    pub(super) fn all(&self, names: &[&str]) -> Vec<&str> {
        let found = self.0.iter().filter(|(known, _)| names.contains(&known.as_str()));
        found.map(|(_, value)| value.as_str()).collect()
    }

    /// `start` and `end`; by default the last `back_ns`.
    pub(super) fn times(&self, now_ns: i64, back_ns: i64) -> Result<(i64, i64), Box<Response>> {
        let end = self.time("end")?.unwrap_or(now_ns);
        let start = self.time("start")?.unwrap_or(end.saturating_sub(back_ns));
        if end < start {
            return Err(bad("end timestamp must not be before or equal to start time"));
        }
        Ok((start, end))
    }

    /// How far apart the times of an answer are: seconds or a duration. By default there are 250,
    /// no less than a second apart.
    pub(super) fn step(&self, start_ns: i64, end_ns: i64) -> Result<i64, Box<Response>> {
        let Some(text) = self.get("step") else {
            let seconds = end_ns.saturating_sub(start_ns) / 250 / 1_000_000_000;
            return Ok(seconds.max(1) * 1_000_000_000);
        };
        let seconds = text.parse::<f64>().ok().map(|seconds| (seconds * 1e9) as i64);
        let step_ns = seconds.or_else(|| parse_duration_ns(text));
        let step_ns =
            step_ns.ok_or_else(|| bad(&format!("cannot parse \"{text}\" to a valid duration")))?;
        if step_ns <= 0 {
            return Err(bad(
                "zero or negative query resolution step widths are not accepted. Try a positive integer",
            ));
        }
        // A step below a millisecond would give the same time twice.
        Ok(step_ns.max(1_000_000))
    }

    /// A time: nanoseconds, seconds (ten digits or less, or with a fraction) or RFC 3339.
    pub(super) fn time(&self, name: &str) -> Result<Option<i64>, Box<Response>> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let wrong = || bad(&format!("could not parse '{name}' parameter: {text:?} is no time"));
        if let Ok(number) = text.parse::<i64>() {
            let is_seconds = text.len() <= 10;
            let ns = if is_seconds { number.checked_mul(1_000_000_000) } else { Some(number) };
            return ns.map(Some).ok_or_else(wrong);
        }
        if let Ok(seconds) = text.parse::<f64>() {
            return Ok(Some((seconds * 1e9) as i64));
        }
        let time = text.parse::<jiff::Timestamp>().map_err(|_| wrong())?;
        i64::try_from(time.as_nanosecond()).map(Some).map_err(|_| wrong())
    }
}

/// 400 with these words.
pub(super) fn bad(text: &str) -> Box<Response> {
    Box::new((StatusCode::BAD_REQUEST, text.to_owned()).into_response())
}
