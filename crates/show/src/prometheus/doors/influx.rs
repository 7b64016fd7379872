//! InfluxDB 1 and 2: `/write`, `/api/v2/write`, and as much of `/query` and `/ping` as clients
//! need before they write.

use std::fmt::Write as _;

use axum::extract::{RawQuery, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use vigie_formats::lines::LineRow;
use vigie_formats::lines::influx::{Precision, parse};

use super::super::import::{Batches, Rules};
use super::super::parameters::Parameters;
use super::super::{Shared, manage};
use super::{Failed, push, write_all};
use crate::{Identity, RequestBody};

const VERSION_HEADER: HeaderName = HeaderName::from_static("x-influxdb-version");
/// Clients look only at the major number.
const VERSION: HeaderValue = HeaderValue::from_static("1.8.10");
/// Lines that cannot be read and are told of; the rest is counted.
const TOLD_MAX: usize = 10;

/// What was read of a body.
#[derive(Debug, Default)]
struct Read {
    batches: Batches,
    told: String,
    dropped: usize,
}

impl Read {
    fn note(&mut self, error: &str) {
        self.dropped += 1;
        if self.dropped <= TOLD_MAX {
            if !self.told.is_empty() {
                self.told.push('\n');
            }
            // Writing into a string cannot fail.
            write!(self.told, "unable to parse: {error}").ok();
        }
    }
}

pub(super) async fn write(
    State(state): State<Shared>,
    identity: Identity,
    RawQuery(query): RawQuery,
    mut body: RequestBody,
) -> Response {
    if let Err(refusal) = manage::check_ready(&state) {
        return *refusal;
    }
    let asked = Parameters::of_query(query.as_deref().unwrap_or_default())
        .map_err(|error| error.message)
        .and_then(|parameters| {
            let name = parameters.get("precision");
            let precision = Precision::parse(name)
                .ok_or_else(|| format!("invalid precision {name:?}; use ns, us, ms, s, m or h"))?;
            Ok((Rules::of(&state, &parameters)?, precision, parameters.get("db").to_owned()))
        });
    let (rules, precision, database) = match asked {
        Ok(asked) => asked,
        Err(detail) => return wrong(StatusCode::BAD_REQUEST, &detail),
    };
    // What is read of a body takes about as much as the body.
    if let Err(error) = body.reserve(body.bytes.len().saturating_mul(2)) {
        return error.into_response();
    }
    let reading =
        tokio::task::spawn_blocking(move || read(&body.bytes, &rules, precision, &database));
    let read = match reading.await {
        Ok(read) => read,
        Err(error) => return wrong(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    };
    let (told, dropped) = (read.told, read.dropped);
    let rejected = match write_all(&state, &identity, read.batches.finish()).await {
        Ok(rejected) => rejected,
        Err(Failed { is_temporary: true, message }) => {
            return wrong(StatusCode::SERVICE_UNAVAILABLE, &message);
        }
        Err(Failed { message, .. }) => return wrong(StatusCode::BAD_REQUEST, &message),
    };
    if dropped > 0 {
        let message = format!("partial write: {told} dropped={dropped}");
        return wrong(StatusCode::BAD_REQUEST, &message);
    }
    if let Some(first) = rejected.first() {
        let message = format!("partial write: {first} dropped={}", rejected.len());
        return wrong(StatusCode::BAD_REQUEST, &message);
    }
    (StatusCode::NO_CONTENT, [(VERSION_HEADER, VERSION)]).into_response()
}

/// An error as clients of both versions read it.
fn wrong(status: StatusCode, message: &str) -> Response {
    let code = if status.is_server_error() { "unavailable" } else { "invalid" };
    let body = serde_json::json!({ "error": message, "code": code, "message": message });
    (status, [(VERSION_HEADER, VERSION)], axum::Json(body)).into_response()
}

fn read(body: &[u8], rules: &Rules, precision: Precision, database: &str) -> Read {
    let mut read = Read::default();
    for line in body.split(|byte| *byte == b'\n') {
        let Ok(text) = std::str::from_utf8(line) else {
            read.note("a line is no UTF-8");
            continue;
        };
        match parse(text, precision) {
            Ok(None) => {}
            Err(error) => read.note(&error.to_string()),
            Ok(Some(line)) => {
                let mut tags = line.tags.clone();
                if !database.is_empty() && !tags.iter().any(|(name, _)| name == "db") {
                    tags.push(("db".to_owned(), database.to_owned()));
                }
                for (field, value) in &line.fields {
                    let row = LineRow {
                        name: line.series_name(field),
                        tags: tags.clone(),
                        value: *value,
                        timestamp_ms: line.timestamp_ms,
                    };
                    push(&row, rules, &mut read.batches);
                }
            }
        }
    }
    read
}

pub(super) async fn ping() -> Response {
    (StatusCode::NO_CONTENT, [(VERSION_HEADER, VERSION)]).into_response()
}

/// Clients make their database and list databases before they write. Data is asked for in PromQL.
pub(super) async fn query(parameters: Parameters) -> Response {
    let statement = parameters.get("q").trim().to_ascii_lowercase();
    let words: Vec<&str> = statement.split_whitespace().take(2).collect();
    let result = match words.as_slice() {
        ["show", "databases"] => serde_json::json!({
            "statement_id": 0,
            "series": [{ "name": "databases", "columns": ["name"], "values": [] }],
        }),
        ["create" | "drop" | "alter", "database" | "retention"] => {
            serde_json::json!({ "statement_id": 0 })
        }
        _ => {
            let message = "Vigie takes InfluxDB's line protocol, but answers PromQL, not InfluxQL";
            return wrong(StatusCode::BAD_REQUEST, message);
        }
    };
    let body = serde_json::json!({ "results": [result] });
    // The Python client asks for MessagePack, and reads JSON too when the type says so.
    let json = [(header::CONTENT_TYPE, "application/json")];
    (json, [(VERSION_HEADER, VERSION)], body.to_string()).into_response()
}
