//! SQL over what is kept: `/api/v1/sql`.
//!
//! A statement comes as the parameter `query`, as JSON (`{"query": ...}`), or as the body itself;
//! the answer is JSON, CSV, a JSON object a line, or
//! a Parquet file, which alone has no limit of rows. Statements only read, within limits of time,
//! memory and rows (`vigie_sql`).

use std::io;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use serde_json::{Map, Value, json};
use vigie_model::TenantId;
use vigie_query::Engine;
use vigie_sql::{Pieces, SqlAnswer, SqlEngine, SqlError, SqlErrorKind, SqlTables};
use vigie_store::Store;
use vigie_world::World;

use crate::{BodyError, Identity, RequestBody};

/// Bytes of a piece of an export, and pieces that wait for whoever takes them.
const PIECE_BYTES: usize = 64 << 10;
const PIECES_WAITING_MAX: usize = 4;

/// What statements are answered from.
#[derive(Debug)]
pub struct SqlState {
    /// Carries them out.
    pub engine: Arc<SqlEngine>,
    /// What is kept.
    pub store: Arc<Store>,
    /// Evaluates PromQL that a statement holds.
    pub promql: Arc<Engine>,
    /// Says what time it is.
    pub world: World,
}

impl SqlState {
    /// What a statement of `tenant` is asked of, as it is now.
    pub fn tables(&self, tenant: &TenantId) -> SqlTables {
        SqlTables::of(&self.store, tenant, &self.promql, self.world.clock.now_ms())
    }
}

/// The API's route.
pub fn router(state: Arc<SqlState>) -> Router {
    Router::new().route("/api/v1/sql", get(ask).post(ask)).with_state(state)
}

type Pairs = Vec<(String, String)>;

async fn ask(
    State(state): State<Arc<SqlState>>,
    identity: Identity,
    Query(pairs): Query<Pairs>,
    headers: HeaderMap,
    body: Result<RequestBody, BodyError>,
) -> Response {
    let body = match body {
        Ok(body) => body,
        Err(error) => return refused(error.status(), &error.to_string(), None),
    };
    let parameter =
        |name: &str| pairs.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    let statement = match parameter("query") {
        Some(query) => query.to_owned(),
        None => match statement_of(&headers, &body.bytes) {
            Ok(statement) => statement,
            Err(message) => return refused(StatusCode::BAD_REQUEST, &message, None),
        },
    };
    if parameter("format") == Some("parquet") {
        return export(&state, &statement, &identity.tenant).await;
    }
    let answer = match state.engine.query(&statement, state.tables(&identity.tenant)).await {
        Ok(answer) => answer,
        Err(error) => return failed(&error),
    };
    match parameter("format") {
        None | Some("json") => as_json(&answer),
        Some("csv") => as_csv(&answer),
        Some("ndjson") => as_lines(&answer),
        Some(other) => {
            let message = format!("format: {other:?} is none of json, csv, ndjson, parquet");
            refused(StatusCode::BAD_REQUEST, &message, None)
        }
    }
}

/// The answer as a Parquet file, as long as it may be. What goes wrong on the way cuts it off.
async fn export(state: &SqlState, statement: &str, tenant: &TenantId) -> Response {
    let export = match state.engine.export(statement, state.tables(tenant)).await {
        Ok(export) => export,
        Err(error) => return failed(&error),
    };
    let (giver, taker) = tokio::sync::mpsc::channel::<io::Result<Bytes>>(PIECES_WAITING_MAX);
    tokio::task::spawn_blocking(move || {
        let pieces = Pieces(|piece| giver.blocking_send(Ok(Bytes::from(piece))).is_ok());
        let written = export.write(io::BufWriter::with_capacity(PIECE_BYTES, pieces));
        if let Err(error) = written {
            tracing::warn!(%error, "an export was not finished");
            giver.blocking_send(Err(io::Error::other(error.to_string()))).ok();
        }
    });
    let pieces =
        futures::stream::unfold(taker, async |mut taker| Some((taker.recv().await?, taker)));
    // The body is asked again after its end.
    let pieces = futures::StreamExt::fuse(pieces);
    (typed("application/vnd.apache.parquet"), Body::from_stream(pieces)).into_response()
}

fn statement_of(headers: &HeaderMap, body: &[u8]) -> Result<String, String> {
    let media = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media = media.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    let missing = || "the statement is missing: give it as `query`, or as the body".to_owned();
    match media {
        "application/json" => {
            let body: Value = serde_json::from_slice(body).map_err(|error| error.to_string())?;
            body.get("query").and_then(Value::as_str).map(str::to_owned).ok_or_else(missing)
        }
        "application/x-www-form-urlencoded" => {
            let mut pairs = url::form_urlencoded::parse(body);
            let found = pairs.find(|(name, _)| name == "query");
            found.map(|(_, value)| value.into_owned()).ok_or_else(missing)
        }
        _ if body.is_empty() => Err(missing()),
        _ => std::str::from_utf8(body).map(str::to_owned).map_err(|error| error.to_string()),
    }
}

fn failed(error: &SqlError) -> Response {
    let status = match error.kind() {
        SqlErrorKind::Invalid => StatusCode::BAD_REQUEST,
        SqlErrorKind::ReadOnly => StatusCode::FORBIDDEN,
        SqlErrorKind::Timeout => StatusCode::SERVICE_UNAVAILABLE,
        SqlErrorKind::TooLarge => StatusCode::UNPROCESSABLE_ENTITY,
        SqlErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let position = match error {
        SqlError::Invalid { position, .. } => *position,
        _ => None,
    };
    refused(status, &error.to_string(), position)
}

/// An error as the other APIs of this port have it, with the place in the statement.
fn refused(status: StatusCode, message: &str, position: Option<(u64, u64)>) -> Response {
    let kind = match status {
        StatusCode::SERVICE_UNAVAILABLE => "timeout",
        StatusCode::UNPROCESSABLE_ENTITY => "execution",
        StatusCode::INTERNAL_SERVER_ERROR => "internal",
        _ => "bad_data",
    };
    let mut body = json!({"status": "error", "errorType": kind, "error": message});
    if let (Some((line, column)), Value::Object(fields)) = (position, &mut body) {
        fields.insert("position".to_owned(), json!({"line": line, "column": column}));
    }
    (status, typed("application/json"), body.to_string()).into_response()
}

fn typed(media: &'static str) -> [(header::HeaderName, HeaderValue); 1] {
    [(header::CONTENT_TYPE, HeaderValue::from_static(media))]
}

fn as_json(answer: &SqlAnswer) -> Response {
    let columns: Vec<Value> = answer
        .columns
        .iter()
        .map(|column| json!({"name": column.name, "type": column.data_type}))
        .collect();
    let data = json!({"columns": columns, "rows": answer.rows});
    let body = json!({"status": "success", "data": data}).to_string();
    (typed("application/json"), body).into_response()
}

fn as_lines(answer: &SqlAnswer) -> Response {
    let mut out = String::new();
    for row in &answer.rows {
        let names = answer.columns.iter().map(|column| column.name.clone());
        let object: Map<String, Value> = names.zip(row.iter().cloned()).collect();
        out.push_str(&Value::Object(object).to_string());
        out.push('\n');
    }
    (typed("application/x-ndjson"), out).into_response()
}

/// RFC 4180: what holds a comma, a quote or an end of line is quoted.
fn as_csv(answer: &SqlAnswer) -> Response {
    fn cell(text: &str) -> String {
        if text.contains([',', '"', '\n', '\r']) {
            format!("\"{}\"", text.replace('"', "\"\""))
        } else {
            text.to_owned()
        }
    }
    let line = |cells: Vec<String>| cells.join(",") + "\r\n";
    let mut out = line(answer.columns.iter().map(|column| cell(&column.name)).collect());
    for row in &answer.rows {
        let cells = row.iter().map(|value| match value {
            Value::Null => String::new(),
            Value::String(text) => cell(text),
            other => cell(&other.to_string()),
        });
        out.push_str(&line(cells.collect()));
    }
    (typed("text/csv; charset=utf-8"), out).into_response()
}
