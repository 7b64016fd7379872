//! The steps of a pipeline.

use serde_json::{Map, Value};

use super::fields::text_of;
use super::{DEPTH_MAX, Document, STEPS_MAX, Stop, conditions, date, grok, pipeline, text};
use crate::elasticsearch::metadata::Metadata;

/// Sends a document through the pipeline `name`.
pub(super) fn run_named(
    name: &str,
    metadata: &Metadata,
    document: &mut Document,
) -> Result<(), Stop> {
    let found = pipeline(metadata, name)
        .ok_or_else(|| Stop::Fail(format!("pipeline with id [{name}] does not exist")))?;
    run(found, metadata, document)
}

/// Sends a document through a pipeline.
pub(super) fn run(
    pipeline: &Value,
    metadata: &Metadata,
    document: &mut Document,
) -> Result<(), Stop> {
    document.depth += 1;
    if document.depth > DEPTH_MAX {
        return Err(Stop::Fail("Cycle detected for pipeline".to_owned()));
    }
    let steps = pipeline.get("processors").and_then(Value::as_array);
    let done = run_steps(steps.map(Vec::as_slice).unwrap_or_default(), metadata, document);
    document.depth -= 1;
    recover(done, pipeline.get("on_failure"), metadata, document)
}

fn run_steps(steps: &[Value], metadata: &Metadata, document: &mut Document) -> Result<(), Stop> {
    for step in steps {
        let Some((kind, Value::Object(options))) =
            step.as_object().and_then(|map| map.iter().next())
        else {
            continue;
        };
        document.steps += 1;
        if document.steps > STEPS_MAX {
            return Err(Stop::Fail(format!("a document may pass at most {STEPS_MAX} processors")));
        }
        if let Some(condition) = options.get("if").and_then(Value::as_str) {
            match conditions::holds(condition, document) {
                Some(true) => {}
                Some(false) => continue,
                None => return Err(Stop::Fail(unreadable(condition))),
            }
        }
        let done = one(kind, options, metadata, document);
        let ignores = options.get("ignore_failure") == Some(&Value::Bool(true));
        match recover(done, options.get("on_failure"), metadata, document) {
            Err(Stop::Fail(_)) if ignores => {}
            done => done?,
        }
    }
    Ok(())
}

fn unreadable(condition: &str) -> String {
    format!(
        "the condition [{condition:.200}] is not supported by this server: only comparisons of fields are"
    )
}

/// Lets `on_failure` work on a failure.
fn recover(
    done: Result<(), Stop>,
    handlers: Option<&Value>,
    metadata: &Metadata,
    document: &mut Document,
) -> Result<(), Stop> {
    match (done, handlers.and_then(Value::as_array)) {
        (Err(Stop::Fail(reason)), Some(handlers)) => {
            document.failure = Some(reason);
            run_steps(handlers, metadata, document)
        }
        (done, _) => done,
    }
}

const TEXTS: [&str; 11] = [
    "lowercase",
    "uppercase",
    "trim",
    "html_strip",
    "urldecode",
    "bytes",
    "gsub",
    "split",
    "join",
    "convert",
    "json",
];
const OTHERS: [&str; 15] = [
    "set",
    "remove",
    "rename",
    "append",
    "copy",
    "date",
    "grok",
    "dissect",
    "kv",
    "drop",
    "fail",
    "pipeline",
    "dot_expander",
    "fingerprint",
    "date_index_name",
];
/// Accepted and passed over, so that pipelines that are sent along with a sender are taken.
const IGNORED: [&str; 6] = [
    "geoip",
    "user_agent",
    "set_security_user",
    "community_id",
    "registered_domain",
    "network_direction",
];

/// What is wrong with a pipeline.
pub(super) fn check(pipeline: &Value) -> Result<(), String> {
    for key in ["processors", "on_failure"] {
        let steps = pipeline.get(key);
        if key == "processors" && steps.is_none() {
            return Err("[processors] required property is missing".to_owned());
        }
        for step in steps.and_then(Value::as_array).into_iter().flatten() {
            let Some((kind, Value::Object(options))) =
                step.as_object().and_then(|map| map.iter().next())
            else {
                return Err("a processor must be an object".to_owned());
            };
            let kind = kind.as_str();
            if !TEXTS.contains(&kind) && !OTHERS.contains(&kind) && !IGNORED.contains(&kind) {
                return Err(format!(
                    "No processor type exists with name [{kind}], or it is not supported by this server"
                ));
            }
            if let Some(condition) = options.get("if").and_then(Value::as_str)
                && !conditions::is_readable(condition)
            {
                return Err(unreadable(condition));
            }
            if kind == "grok" {
                grok::check(options)?;
            }
        }
    }
    Ok(())
}

fn one(
    kind: &str,
    options: &Map<String, Value>,
    metadata: &Metadata,
    document: &mut Document,
) -> Result<(), Stop> {
    let option = |key: &str| options.get(key).map(text_of);
    let need = |key: &str| {
        option(key).ok_or_else(|| Stop::Fail(format!("[{key}] required property is missing")))
    };
    let is_on = |key: &str| options.get(key) == Some(&Value::Bool(true));
    match kind {
        kind if IGNORED.contains(&kind) => {}
        "drop" => return Err(Stop::Drop),
        "fail" => return Err(Stop::Fail(document.fill_text(&need("message")?))),
        "pipeline" => {
            let name = document.fill_text(&need("name")?);
            if !(is_on("ignore_missing_pipeline") && pipeline(metadata, &name).is_none()) {
                return run_named(&name, metadata, document);
            }
        }
        "set" => {
            let field = document.fill_text(&need("field")?);
            let keeps = options.get("override") == Some(&Value::Bool(false));
            if keeps && document.get(&field).is_some_and(|value| !value.is_null()) {
                return Ok(());
            }
            let value = match option("copy_from") {
                Some(from) => document.get(&from).unwrap_or(Value::Null),
                None => document.fill(options.get("value").unwrap_or(&Value::Null)),
            };
            if !(is_on("ignore_empty_value") && (value.is_null() || value == "")) {
                document.set(&field, value);
            }
        }
        "append" => {
            let field = document.fill_text(&need("field")?);
            let more = document.fill(options.get("value").unwrap_or(&Value::Null));
            let mut list = match document.get(&field) {
                Some(Value::Array(items)) => items,
                Some(Value::Null) | None => Vec::new(),
                Some(value) => vec![value],
            };
            let more = if let Value::Array(items) = more { items } else { vec![more] };
            let takes_twice = options.get("allow_duplicates") != Some(&Value::Bool(false));
            for item in more {
                if takes_twice || !list.contains(&item) {
                    list.push(item);
                }
            }
            document.set(&field, list.into());
        }
        "remove" => {
            let fields = options.get("field").map(|field| match field {
                Value::Array(items) => items.iter().map(text_of).collect(),
                other => vec![text_of(other)],
            });
            for field in fields.unwrap_or_default() {
                let field = document.fill_text(&field);
                if document.remove(&field).is_none() && !is_on("ignore_missing") {
                    return Err(Stop::Fail(format!(
                        "field [{field}] not present as part of path [{field}]"
                    )));
                }
            }
        }
        "rename" => {
            let (from, to) =
                (document.fill_text(&need("field")?), document.fill_text(&need("target_field")?));
            match document.remove(&from) {
                Some(value) => document.set(&to, value),
                None if is_on("ignore_missing") => {}
                None => return Err(Stop::Fail(format!("field [{from}] doesn't exist"))),
            }
        }
        _ => return of_field(kind, options, document),
    }
    Ok(())
}

/// Processors that read one field.
fn of_field(kind: &str, options: &Map<String, Value>, document: &mut Document) -> Result<(), Stop> {
    let option = |key: &str| options.get(key).map(text_of);
    let field = option("field")
        .ok_or_else(|| Stop::Fail("[field] required property is missing".to_owned()))?;
    let field = document.fill_text(&field);
    let value = match document.get(&field) {
        Some(value) if !value.is_null() => value,
        _ if options.get("ignore_missing") == Some(&Value::Bool(true)) => return Ok(()),
        _ => {
            return Err(Stop::Fail(format!(
                "field [{field}] not present as part of path [{field}]"
            )));
        }
    };
    let target = option("target_field").map(|target| document.fill_text(&target));
    match kind {
        "grok" => {
            for (name, value) in grok::find(options, &text_of(&value)).map_err(Stop::Fail)? {
                document.set(&name, value);
            }
        }
        "dissect" => {
            let (pattern, separator) = (
                option("pattern").unwrap_or_default(),
                option("append_separator").unwrap_or_default(),
            );
            for (name, value) in
                text::dissect(&pattern, &separator, &text_of(&value)).map_err(Stop::Fail)?
            {
                document.set(&name, value.into());
            }
        }
        "kv" => {
            for (name, value) in text::pairs(options, &text_of(&value)).map_err(Stop::Fail)? {
                let path = target
                    .as_ref()
                    .map_or_else(|| name.clone(), |target| format!("{target}.{name}"));
                document.set(&path, value);
            }
        }
        "date" => {
            let moment = date::read(options, &value, document.now_ms).map_err(Stop::Fail)?;
            document.set(&target.unwrap_or_else(|| "@timestamp".to_owned()), moment.into());
        }
        "date_index_name" => {
            let mut formats = options.clone();
            formats.entry("date_formats").or_insert_with(|| serde_json::json!(["ISO8601"]));
            let given = formats.get("date_formats").cloned().unwrap_or_default();
            formats.insert("formats".to_owned(), given);
            formats.remove("output_format");
            let moment = date::read(&formats, &value, document.now_ms).map_err(Stop::Fail)?;
            let format = option("index_name_format").unwrap_or_else(|| "yyyy-MM-dd".to_owned());
            let name = format!(
                "<{}{{{moment}||/{}{{{format}}}}}>",
                option("index_name_prefix").unwrap_or_default(),
                option("date_rounding").unwrap_or_else(|| "d".to_owned())
            );
            document.index = vigie_language::search::resolve_date_math_name(&name, document.now_ms)
                .map_err(|error| Stop::Fail(error.to_string()))?;
        }
        "dot_expander" => {
            if let Some(value) = document.source.remove(&field) {
                document.set(&field, value);
            }
        }
        "fingerprint" => {
            let hash = <sha2::Sha256 as sha2::Digest>::digest(text_of(&value).as_bytes());
            let text: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
            document.set(&target.unwrap_or_else(|| "fingerprint".to_owned()), text.into());
        }
        "json" if options.get("add_to_root") == Some(&Value::Bool(true)) => {
            match text::change(kind, options, &value).map_err(Stop::Fail)? {
                Value::Object(map) => document.source.extend(map),
                _ => {
                    return Err(Stop::Fail(
                        "cannot add non-map fields to root of document".to_owned(),
                    ));
                }
            }
        }
        _ => {
            let changed = text::change(kind, options, &value).map_err(Stop::Fail)?;
            document.set(&target.unwrap_or(field), changed);
        }
    }
    Ok(())
}
