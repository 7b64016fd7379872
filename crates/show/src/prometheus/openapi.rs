//! `/api/v1/openapi.yaml`: what is served on this port, for generators of clients.

use std::fmt::Write as _;

use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::answer::ApiError;
use super::parameters::Parameters;

/// What a parameter holds.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    Texts,
    /// RFC 3339 or Unix seconds.
    Time,
    /// `5m`, or seconds.
    Duration,
    Integer,
    Boolean,
}

use Kind::{Boolean, Duration, Integer, Text, Texts, Time};

/// Name, what it holds, whether it has to be there.
type Parameter = (&'static str, Kind, bool);

/// What an answer's `data` is, or another body than the API's envelope.
#[derive(Clone, Copy)]
enum Body {
    Object,
    Array,
    Plain(&'static str),
}

struct Operation {
    path: &'static str,
    methods: &'static [&'static str],
    tag: &'static str,
    summary: &'static str,
    parameters: &'static [Parameter],
    body: Body,
}

const READ: &[&str] = &["get"];
const BOTH: &[&str] = &["get", "post"];
const CHANGE: &[&str] = &["post", "put"];
const SELECTION: &[Parameter] = &[
    ("match[]", Texts, false),
    ("start", Time, false),
    ("end", Time, false),
    ("limit", Integer, false),
];
const SEARCH: &[Parameter] = &[
    ("match[]", Texts, false),
    ("search[]", Texts, false),
    ("fuzz_threshold", Integer, false),
    ("fuzz_alg", Text, false),
    ("case_sensitive", Boolean, false),
    ("sort_by", Text, false),
    ("sort_dir", Text, false),
    ("include_score", Boolean, false),
    ("start", Time, false),
    ("end", Time, false),
    ("limit", Integer, false),
    ("batch_size", Integer, false),
];
const NDJSON: Body = Body::Plain("application/x-ndjson");
const PROTOBUF: Body = Body::Plain("application/x-protobuf");
const PLAIN_TEXT: Body = Body::Plain("text/plain");

const fn of(
    path: &'static str,
    methods: &'static [&'static str],
    tag: &'static str,
    summary: &'static str,
    parameters: &'static [Parameter],
    body: Body,
) -> Operation {
    Operation { path, methods, tag, summary, parameters, body }
}

/// Everything of Prometheus' API; `{name}` in a path is a parameter too.
const OPERATIONS: &[Operation] = &[
    of(
        "/query",
        BOTH,
        "query",
        "An expression at one time",
        &[
            ("query", Text, true),
            ("time", Time, false),
            ("timeout", Duration, false),
            ("limit", Integer, false),
            ("lookback_delta", Duration, false),
            ("stats", Text, false),
        ],
        Body::Object,
    ),
    of(
        "/query_range",
        BOTH,
        "query",
        "An expression over a range of time",
        &[
            ("query", Text, true),
            ("start", Time, true),
            ("end", Time, true),
            ("step", Duration, true),
            ("timeout", Duration, false),
            ("limit", Integer, false),
            ("lookback_delta", Duration, false),
            ("stats", Text, false),
        ],
        Body::Object,
    ),
    of(
        "/query_exemplars",
        BOTH,
        "query",
        "Exemplars of the series of an expression",
        &[("query", Text, true), ("start", Time, false), ("end", Time, false)],
        Body::Array,
    ),
    of(
        "/format_query",
        BOTH,
        "query",
        "An expression in its pretty form",
        &[("query", Text, true)],
        Body::Object,
    ),
    of(
        "/parse_query",
        BOTH,
        "query",
        "The tree of an expression",
        &[("query", Text, true)],
        Body::Object,
    ),
    of("/series", BOTH, "metadata", "Series that match", SELECTION, Body::Array),
    of("/labels", BOTH, "metadata", "Names of labels", SELECTION, Body::Array),
    of("/label/{name}/values", READ, "metadata", "Values of a label", SELECTION, Body::Array),
    of(
        "/metadata",
        READ,
        "metadata",
        "Type, help and unit of metrics",
        &[("metric", Text, false), ("limit", Integer, false), ("limit_per_metric", Integer, false)],
        Body::Object,
    ),
    of("/search/metric_names", BOTH, "metadata", "Names of metrics by resemblance", SEARCH, NDJSON),
    of("/search/label_names", BOTH, "metadata", "Names of labels by resemblance", SEARCH, NDJSON),
    of(
        "/search/label_values",
        BOTH,
        "metadata",
        "Values of the label `label` by resemblance",
        SEARCH,
        NDJSON,
    ),
    of(
        "/targets",
        READ,
        "targets",
        "Targets, active and dropped",
        &[("state", Text, false), ("scrapePool", Text, false)],
        Body::Object,
    ),
    of(
        "/targets/metadata",
        READ,
        "targets",
        "Metadata that targets expose",
        &[("match_target", Text, false), ("metric", Text, false), ("limit", Integer, false)],
        Body::Array,
    ),
    of(
        "/targets/relabel_steps",
        READ,
        "targets",
        "What each relabelling rule makes of labels",
        &[("scrapePool", Text, true), ("labels", Text, true)],
        Body::Object,
    ),
    of("/scrape_pools", READ, "targets", "Names of scrape pools", &[], Body::Object),
    of(
        "/scrape_pools/config",
        READ,
        "targets",
        "Configuration of a scrape pool",
        &[("scrapePool", Text, true)],
        Body::Object,
    ),
    of(
        "/rules",
        READ,
        "rules",
        "Groups of rules and how they are doing",
        &[
            ("type", Text, false),
            ("rule_name[]", Texts, false),
            ("rule_group[]", Texts, false),
            ("file[]", Texts, false),
            ("match[]", Texts, false),
            ("exclude_alerts", Boolean, false),
            ("group_limit", Integer, false),
            ("group_next_token", Text, false),
        ],
        Body::Object,
    ),
    of("/alerts", READ, "rules", "Active alerts", &[], Body::Object),
    of("/alertmanagers", READ, "rules", "Alertmanagers that alerts go to", &[], Body::Object),
    of("/status/config", READ, "status", "The configuration that runs", &[], Body::Object),
    of("/status/flags", READ, "status", "Flags", &[], Body::Object),
    of("/status/runtimeinfo", READ, "status", "The running process", &[], Body::Object),
    of("/status/buildinfo", READ, "status", "The version that is served", &[], Body::Object),
    of("/status/tsdb", READ, "status", "Cardinality", &[("limit", Integer, false)], Body::Object),
    of("/status/tsdb/blocks", READ, "status", "Parts", &[], Body::Object),
    of("/status/walreplay", READ, "status", "Replay of the log", &[], Body::Object),
    of(
        "/status/self_metrics",
        READ,
        "status",
        "This server's own metrics",
        &[("metric_name_pattern", Text, false)],
        Body::Array,
    ),
    of("/features", READ, "status", "What is on and off", &[], Body::Object),
    of("/notifications", READ, "status", "Notifications", &[], Body::Array),
    of(
        "/admin/tsdb/snapshot",
        CHANGE,
        "admin",
        "Make a snapshot",
        &[("skip_head", Boolean, false)],
        Body::Object,
    ),
    of(
        "/admin/tsdb/delete_series",
        CHANGE,
        "admin",
        "Delete series",
        &[("match[]", Texts, true), ("start", Time, false), ("end", Time, false)],
        Body::Object,
    ),
    of("/admin/tsdb/clean_tombstones", CHANGE, "admin", "Free deleted space", &[], Body::Object),
    of("/write", &["post"], "remote", "Remote write 1.0 and 2.0", &[], PLAIN_TEXT),
    of("/read", &["post"], "remote", "Remote read", &[], PROTOBUF),
    of("/otlp/v1/metrics", &["post"], "remote", "Metrics by OTLP", &[], PROTOBUF),
];

/// Of OpenAPI 3.2 only, which knows streams of events.
const LIVE: Operation = of(
    "/notifications/live",
    READ,
    "status",
    "Notifications as they come",
    &[],
    Body::Plain("text/event-stream"),
);

pub(super) async fn openapi(parameters: Parameters) -> Result<Response, ApiError> {
    let version = match parameters.get("openapi_version") {
        "" | "3.1" | "3.1.0" => "3.1.0",
        "3.2" | "3.2.0" => "3.2.0",
        other => {
            return Err(ApiError::bad_data(format!(
                "unsupported openapi_version {other:?}: must be 3.1 or 3.2"
            )));
        }
    };
    let content = (header::CONTENT_TYPE, "application/yaml; charset=utf-8");
    Ok(([content], document(version)).into_response())
}

const COMPONENTS: &str = "components:
  schemas:
    Error:
      type: object
      required: [status, errorType, error]
      properties:
        status: {type: string, enum: [error]}
        errorType: {type: string}
        error: {type: string}
    Notes:
      type: array
      items: {type: string}
  responses:
    Error:
      description: What was wrong
      content:
        application/json:
          schema: {$ref: '#/components/schemas/Error'}
";

/// The whole document. Nothing is escaped: all texts are in this file.
fn document(version: &str) -> String {
    let mut out = format!(
        "openapi: {version}\ninfo:\n  title: Prometheus API\n  description: The HTTP API of \
         Prometheus as Vigie serves it\n  version: 3.14.0\n  license: {{name: Apache-2.0, \
         identifier: Apache-2.0}}\nservers:\n- url: /api/v1\npaths:\n"
    );
    let live = (version == "3.2.0").then_some(&LIVE);
    for operation in OPERATIONS.iter().chain(live) {
        push_path(&mut out, operation).ok();
    }
    out.push_str(COMPONENTS);
    out
}

fn push_path(out: &mut String, operation: &Operation) -> std::fmt::Result {
    writeln!(out, "  {}:", operation.path)?;
    let in_path = operation.path.contains("{name}").then_some(("name", Text, true));
    for method in operation.methods {
        let name: String = operation
            .path
            .split(|c: char| !c.is_ascii_alphanumeric())
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join("-");
        writeln!(out, "    {method}:\n      operationId: {method}-{name}")?;
        writeln!(out, "      tags: [{}]\n      summary: {}", operation.tag, operation.summary)?;
        let label = operation.path.ends_with("/label_values").then_some(("label", Text, true));
        let all = operation.parameters.iter().copied().chain(label);
        if *method == "post" && operation.methods == BOTH {
            push_form(out, all)?;
        } else {
            push_parameters(out, in_path, all)?;
        }
        push_responses(out, operation.body)?;
    }
    Ok(())
}

fn push_parameters(
    out: &mut String,
    in_path: Option<Parameter>,
    in_query: impl Iterator<Item = Parameter>,
) -> std::fmt::Result {
    let all = in_path.map(|parameter| ("path", parameter)).into_iter();
    let mut all = all.chain(in_query.map(|parameter| ("query", parameter))).peekable();
    if all.peek().is_some() {
        writeln!(out, "      parameters:")?;
    }
    for (place, (name, kind, required)) in all {
        writeln!(out, "      - name: {}", quoted(name))?;
        writeln!(out, "        in: {place}\n        required: {required}")?;
        writeln!(out, "        schema: {}", schema(kind))?;
    }
    Ok(())
}

fn push_form(out: &mut String, all: impl Iterator<Item = Parameter>) -> std::fmt::Result {
    writeln!(
        out,
        "      requestBody:\n        content:\n          application/x-www-form-urlencoded:\n            \
         schema:\n              type: object\n              properties:"
    )?;
    let mut required = Vec::new();
    for (name, kind, is_required) in all {
        writeln!(out, "                {}: {}", quoted(name), schema(kind))?;
        if is_required {
            required.push(quoted(name));
        }
    }
    if !required.is_empty() {
        writeln!(out, "              required: [{}]", required.join(", "))?;
    }
    Ok(())
}

fn push_responses(out: &mut String, body: Body) -> std::fmt::Result {
    writeln!(
        out,
        "      responses:\n        '200':\n          description: The answer\n          content:"
    )?;
    let data = match body {
        Body::Plain(content) => {
            writeln!(out, "            {content}: {{}}")?;
            return writeln!(out, "        default: {{$ref: '#/components/responses/Error'}}");
        }
        Body::Object => "{type: object}",
        Body::Array => "{type: array}",
    };
    for line in [
        "            application/json:",
        "              schema:",
        "                type: object",
        "                required: [status]",
        "                properties:",
        "                  status: {type: string, enum: [success]}",
        &format!("                  data: {data}"),
        "                  warnings: {$ref: '#/components/schemas/Notes'}",
        "                  infos: {$ref: '#/components/schemas/Notes'}",
        "        default: {$ref: '#/components/responses/Error'}",
    ] {
        writeln!(out, "{line}")?;
    }
    Ok(())
}

fn quoted(name: &str) -> String {
    if name.ends_with("[]") { format!("'{name}'") } else { name.to_owned() }
}

const fn schema(kind: Kind) -> &'static str {
    match kind {
        Text => "{type: string}",
        Texts => "{type: array, items: {type: string}}",
        Time => "{oneOf: [{type: string, format: date-time}, {type: number}]}",
        Duration => "{oneOf: [{type: string}, {type: number}]}",
        Integer => "{type: integer}",
        Boolean => "{type: boolean}",
    }
}
