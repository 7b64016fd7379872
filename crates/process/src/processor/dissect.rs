//! `dissect`: fields from a text by the delimiters between them; the filter of that name of
//! `logstash.conf` does the work.

use vigie_language::filebeat::Section;
use vigie_language::logstash::{Plugin, PluginOption, Position, Value as OptionValue};
use vigie_language::yaml::ConfigError;
use vigie_model::event::{Event, Value};
use vigie_world::World;

use super::{ProcessorContext, Step, access};
use crate::build::{BuildOptions, Context, Ecs};
use crate::filter::{Filter, Scope, Verdict};
use crate::options::Options;

#[derive(Debug)]
struct Dissect {
    filter: Box<dyn Filter>,
    field: String,
    /// Names that the tokenizer gives, with the type that it wants (`%{code|integer}`).
    converts: Vec<(String, String)>,
    trims: Option<(bool, bool, String)>,
    names: Vec<String>,
    ignores_failure: bool,
    overwrites: bool,
    world: World,
}

/// Where the text to be taken apart is while the filter works.
const SOURCE: &str = "@metadata.dissect_source";

pub(super) fn build(
    section: &mut Section<'_>,
    context: &ProcessorContext,
) -> Result<Box<dyn Step>, ConfigError> {
    let target = section.text("target_prefix")?.unwrap_or_else(|| "dissect".to_owned());
    let tokenizer = section.required("tokenizer")?;
    let (mapping, names, converts) = mapping(&tokenizer, &target);
    let position = Position { line: section.line(), column: 1 };
    let source = "[@metadata][dissect_source]".to_owned();
    let plugin = Plugin {
        name: "dissect".to_owned(),
        options: vec![PluginOption {
            name: "mapping".to_owned(),
            value: OptionValue::Hash(vec![(source, OptionValue::Text(mapping))]),
            position,
        }],
        position,
    };
    let options = BuildOptions {
        id: "filebeat".to_owned(),
        ecs: Ecs::V8,
        geoip_database: None,
        folder: std::path::PathBuf::new(),
        world: context.world.clone(),
    };
    let mut building = Context { options: &options, warnings: Vec::new(), stats: Vec::new() };
    let filter = crate::filter::build(&Options::new("filter", &plugin), &mut building)
        .map_err(|error| section.error(format!("tokenizer: {error}")))?;
    let characters = section.text("trim_chars")?.unwrap_or_else(|| " ".to_owned());
    let trims = match section.text("trim_values")?.as_deref() {
        None | Some("none") => None,
        Some("left") => Some((true, false, characters)),
        Some("right") => Some((false, true, characters)),
        Some("all") => Some((true, true, characters)),
        Some(other) => {
            return Err(section.error(format!("trim_values: `{other}`: none, left, right, all")));
        }
    };
    Ok(Box::new(Dissect {
        filter,
        field: section.text("field")?.unwrap_or_else(|| "message".to_owned()),
        converts,
        trims,
        names,
        ignores_failure: section.boolean("ignore_failure", false)?,
        overwrites: section.boolean("overwrite_keys", false)?,
        world: context.world.clone(),
    }))
}

type Mapping = (String, Vec<String>, Vec<(String, String)>);

/// The tokenizer with names below `target`, those names, and the types that it wants.
fn mapping(tokenizer: &str, target: &str) -> Mapping {
    let (mut text, mut names, mut converts) = (String::new(), Vec::new(), Vec::new());
    let mut rest = tokenizer;
    while let Some((before, after)) = rest.split_once("%{") {
        text.push_str(before);
        let Some((inner, tail)) = after.split_once('}') else { break };
        rest = tail;
        let (inner, kind) = match inner.split_once('|') {
            Some((inner, kind)) => (inner, Some(kind)),
            None => (inner, None),
        };
        let marks = inner.len() - inner.trim_start_matches(['+', '?', '&', '*']).len();
        let (marks, name) = inner.split_at(marks);
        let end = name.find("->").or_else(|| name.find('/')).unwrap_or(name.len());
        let (name, suffix) = name.split_at(end);
        if name.is_empty() || marks.contains('?') {
            text.push_str(&format!("%{{{marks}{name}{suffix}}}"));
            continue;
        }
        let full = if target.is_empty() { name.to_owned() } else { format!("{target}.{name}") };
        let reference: String = full.split('.').map(|part| format!("[{part}]")).collect();
        // A key that another part names is the original's `*`; it is the filter's `?`.
        let marks = if marks == "*" { "?" } else { marks };
        text.push_str(&format!("%{{{marks}{reference}{suffix}}}"));
        if let Some(kind) = kind {
            converts.push((full.clone(), kind.to_owned()));
        }
        names.push(full);
    }
    text.push_str(rest);
    (text, names, converts)
}

impl Step for Dissect {
    fn apply(&self, event: &mut Event) -> bool {
        let Some(text) = access::get(event, &self.field).and_then(Value::as_str) else {
            if !self.ignores_failure {
                access::fail(event, format!("dissect: could not find field {}", self.field));
            }
            return true;
        };
        let text = text.to_owned();
        if !self.overwrites && self.names.iter().any(|name| access::get(event, name).is_some()) {
            access::fail(event, "dissect: a target key is there already".to_owned());
            return true;
        }
        let before = event.clone();
        access::set(event, SOURCE, Value::String(text));
        let now_ns = self.world.clock.now_ms().saturating_mul(1_000_000);
        let mut scope = Scope { now_ns, world: &self.world, new_events: Vec::new() };
        let verdict = self.filter.apply(event, &mut scope);
        access::remove(event, SOURCE);
        if verdict != Verdict::Matched {
            *event = before;
            if !self.ignores_failure {
                access::put(
                    &mut event.fields,
                    "log.flags",
                    Value::List(vec![Value::from("dissect_parsing_error")]),
                );
                access::fail(event, "dissect: the tokenizer does not match".to_owned());
            }
            return true;
        }
        self.finish(event);
        true
    }
}

impl Dissect {
    /// Trims what was found, and makes numbers of what should be some.
    fn finish(&self, event: &mut Event) {
        if let Some((left, right, characters)) = &self.trims {
            for name in &self.names {
                let Some(text) = access::get(event, name).and_then(Value::as_str) else { continue };
                let is_trimmed = |c: char| characters.contains(c);
                let text = if *left { text.trim_start_matches(is_trimmed) } else { text };
                let text = if *right { text.trim_end_matches(is_trimmed) } else { text };
                let text = text.to_owned();
                access::set(event, name, Value::String(text));
            }
        }
        for (name, kind) in &self.converts {
            let Some(text) = access::get(event, name).and_then(Value::as_str) else { continue };
            let value = match kind.as_str() {
                "integer" | "long" => text.trim().parse().ok().map(Value::Integer),
                "float" | "double" => text.trim().parse().ok().map(Value::Float),
                "boolean" => text.trim().parse().ok().map(Value::Boolean),
                _ => None,
            };
            if let Some(value) = value {
                access::set(event, name, value);
            }
        }
    }
}
