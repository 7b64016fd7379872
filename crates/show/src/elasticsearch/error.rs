//! Errors as Elasticsearch writes them.

use serde_json::{Map, Value, json};
use vigie_model::{WriteError, WriteErrorKind};
use vigie_query::search::SearchError;
use vigie_store::StoreError;

use super::answer::Reply;

/// A request that failed.
#[derive(Debug, Clone)]
pub(super) struct ApiError {
    pub(super) kind: String,
    pub(super) reason: String,
    pub(super) status: u16,
    /// Further members of the error, such as `index`.
    rest: Map<String, Value>,
    cause: Option<Value>,
    /// The error of a query: told as the failure of shards.
    is_of_shards: bool,
    /// The key of the request at which the fault lies.
    at_key: Option<String>,
}

impl ApiError {
    pub(super) fn new(kind: impl Into<String>, reason: impl Into<String>, status: u16) -> Self {
        Self {
            kind: kind.into(),
            reason: reason.into(),
            status,
            rest: Map::new(),
            cause: None,
            is_of_shards: false,
            at_key: None,
        }
    }

    pub(super) fn argument(reason: impl Into<String>) -> Self {
        Self::new("illegal_argument_exception", reason, 400)
    }

    pub(super) fn internal(reason: impl Into<String>) -> Self {
        Self::new("internal_server_error", reason, 500)
    }

    pub(super) fn unavailable(reason: impl Into<String>) -> Self {
        Self::new("es_rejected_execution_exception", reason, 429)
    }

    pub(super) fn no_index(name: &str) -> Self {
        let mut error =
            Self::new("index_not_found_exception", format!("no such index [{name}]"), 404);
        for (key, value) in [
            ("resource.type", "index_or_alias"),
            ("resource.id", name),
            ("index_uuid", "_na_"),
            ("index", name),
        ] {
            error.rest.insert(key.to_owned(), value.into());
        }
        error
    }

    pub(super) fn json(error: &serde_json::Error) -> Self {
        let reason = format!("Failed to parse request body: {error}");
        let mut failed = Self::new("parsing_exception", reason, 400);
        failed.rest.insert("line".into(), error.line().into());
        failed.rest.insert("col".into(), error.column().into());
        failed
    }

    pub(super) fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.rest.insert(key.to_owned(), value.into());
        self
    }

    /// Says the line and column of the fault, which only whoever has the body can find.
    pub(super) fn located(mut self, body: &[u8]) -> Self {
        let place = self.at_key.take().and_then(|key| super::locate::value_of(body, &key));
        if let Some((line, column)) = place
            && !self.is_of_shards
            && matches!(self.kind.as_str(), "parsing_exception" | "x_content_parse_exception")
        {
            if let Some(cause) = self.cause.as_mut().and_then(Value::as_object_mut)
                && let Some(reason) = cause.get("reason").and_then(Value::as_str)
            {
                let reason = format!("[{line}:{column}] {reason}");
                cause.insert("reason".into(), reason.into());
            }
            if self.kind == "x_content_parse_exception" {
                self.reason = format!("[{line}:{column}] {}", self.reason);
            } else {
                self.rest.insert("line".into(), line.into());
                self.rest.insert("col".into(), column.into());
            }
        }
        self
    }

    /// The error as the item of a bulk or multi search says it.
    pub(super) fn to_json(&self) -> Value {
        let mut own = Map::new();
        own.insert("type".into(), self.kind.clone().into());
        own.insert("reason".into(), self.reason.clone().into());
        own.extend(self.rest.clone());
        if self.is_of_shards {
            let shard = json!({"shard": 0, "index": "_all", "node": "vigie", "reason": self.with_cause(own.clone())});
            let root = Value::Object(own);
            return json!({
                "root_cause": [root],
                "type": "search_phase_execution_exception",
                "reason": "all shards failed",
                "phase": "query",
                "grouped": true,
                "failed_shards": [shard],
            });
        }
        let root = Value::Object(own.clone());
        let mut error = Map::new();
        error.insert("root_cause".into(), json!([root]));
        error.extend(self.with_cause(own));
        Value::Object(error)
    }

    /// Without the causes of causes, as the items of a bulk say it.
    pub(super) fn to_item(&self) -> Value {
        let mut own = Map::new();
        own.insert("type".into(), self.kind.clone().into());
        own.insert("reason".into(), self.reason.clone().into());
        own.extend(self.rest.clone());
        Value::Object(self.with_cause(own))
    }

    fn with_cause(&self, mut own: Map<String, Value>) -> Map<String, Value> {
        if let Some(cause) = &self.cause {
            own.insert("caused_by".into(), cause.clone());
        }
        own
    }

    pub(super) fn reply(&self) -> Reply {
        Reply::json(json!({"error": self.to_json(), "status": self.status}))
            .with_status(self.status)
    }
}

impl From<SearchError> for ApiError {
    fn from(error: SearchError) -> Self {
        let mut failed = Self::new(error.kind, error.reason, error.status);
        failed.is_of_shards = matches!(
            error.kind,
            "query_shard_exception" | "parse_exception" | "search_phase_execution_exception"
        );
        failed.cause = error.cause.map(|cause| json!({"type": cause.kind, "reason": cause.reason}));
        failed.at_key = error.at_key;
        failed
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        Self::from(SearchError::from(error))
    }
}

impl From<WriteError> for ApiError {
    fn from(error: WriteError) -> Self {
        match error.kind {
            WriteErrorKind::Invalid => Self::new("mapper_parsing_exception", error.message, 400),
            WriteErrorKind::Unavailable => Self::unavailable(error.message),
        }
    }
}
