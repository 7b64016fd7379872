//! `filebeat.yml`: what is read, what is done to it, where it goes.
//!
//! Dotted keys are nested ones (`output.logstash`), variables are replaced (`${NAME:default}`), and
//! what is not understood is a warning with its line, as Filebeat too starts with fields that it
//! does not know. What can never work is an error.

mod condition;
mod input;
mod output;
mod parsers;
mod section;
#[cfg(test)]
mod tests;
mod tree;

pub use condition::{Condition, RangeTest};
pub use input::{FileRules, Input, InputKind, Network};
pub use output::{EventOutput, HttpOutput, LogstashOutput, TlsFiles};
pub use parsers::{JsonRules, MultilineKind, MultilineRules, Parser, Stream};
pub use section::{Section, duration_of, value_of};

use vigie_model::event::Object;

use crate::yaml::{ConfigError, Node, Source, Value};

/// Inputs and processors that one file may have.
pub const PARTS_MAX: usize = 1_000;
/// How deep processors may stand in each other.
const DEPTH_MAX: usize = 16;

/// Looks up an environment variable.
pub type Variables<'a> = &'a dyn Fn(&str) -> Option<String>;

/// A whole configuration.
#[derive(Debug, Clone)]
pub struct Filebeat {
    /// What is read.
    pub inputs: Vec<Input>,
    /// What is done to every event.
    pub processors: Vec<Processor>,
    /// Where events go; `None`: nobody said.
    pub output: Option<EventOutput>,
    /// How the shipper is called, its host's name by default.
    pub name: Option<String>,
    /// Tags of every event.
    pub tags: Vec<String>,
    /// Fields of every event.
    pub fields: Object,
    /// Whether those stand at the root.
    pub fields_under_root: bool,
    /// What its writer should know.
    pub warnings: Vec<Warning>,
}

/// Something that works otherwise than its writer may think.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// Line from 1.
    pub line: u32,
    /// What.
    pub message: String,
}

/// A step that changes events.
#[derive(Debug, Clone)]
pub enum Processor {
    /// One with a name, for events that pass its condition.
    Step {
        /// `drop_fields`, `dissect`, ...
        name: String,
        /// Its options.
        options: Node,
        /// `when`
        when: Option<Condition>,
    },
    /// `if`, `then`, `else`
    Branch {
        /// The condition.
        when: Condition,
        /// For events that pass.
        then: Vec<Self>,
        /// For the others.
        otherwise: Vec<Self>,
    },
}

/// Reads a configuration.
pub fn parse(
    text: &str,
    source: &Source,
    variables: Variables<'_>,
) -> Result<Filebeat, ConfigError> {
    let root = tree::expand(Node::parse(text, source)?, source, variables)?;
    let mut root = Section::of(&root, source)?;
    let mut warnings = Vec::new();
    let mut inputs = Vec::new();
    if let Some(filebeat) = root.take("filebeat") {
        let mut filebeat = Section::of(filebeat, source)?;
        for node in filebeat.list("inputs")? {
            if inputs.len() == PARTS_MAX {
                return Err(node.error(source, format!("more than {PARTS_MAX} inputs")));
            }
            inputs.push(input::read(node, source, &mut warnings)?);
        }
        for section in ["modules", "autodiscover"] {
            if let Some(node) = filebeat.take(section) {
                let message = format!("filebeat.{section} is not there yet, nothing comes of it");
                warnings.push(Warning { line: node.line, message });
            }
        }
        filebeat.ignore(&["config", "registry", "shutdown_timeout", "overwrite_pipelines"]);
        filebeat.finish("filebeat.", &mut warnings);
    }
    let processors = processors(root.list("processors")?, source, 0)?;
    let output = output::read(root.take("output"), source, &mut warnings)?;
    let name = root.text("name")?;
    let (tags, fields) = (root.texts("tags")?, root.object("fields")?);
    let fields_under_root = root.boolean("fields_under_root", false)?;
    for section in ["cloud", "setup", "monitoring", "xpack", "logging", "queue", "path", "http"] {
        root.ignore(&[section]);
    }
    root.ignore(&["max_procs", "timestamp", "seccomp", "keystore", "features", "instrumentation"]);
    root.finish("", &mut warnings);
    Ok(Filebeat { inputs, processors, output, name, tags, fields, fields_under_root, warnings })
}

/// Reads a list of processors.
fn processors(
    nodes: &[Node],
    source: &Source,
    depth: usize,
) -> Result<Vec<Processor>, ConfigError> {
    nodes.iter().map(|node| processor(node, source, depth)).collect()
}

fn processor(node: &Node, source: &Source, depth: usize) -> Result<Processor, ConfigError> {
    if depth > DEPTH_MAX {
        return Err(node.error(source, "processors stand too deep in each other"));
    }
    let Value::Map(pairs) = &node.value else {
        return Err(node.mismatch(source, "a processor"));
    };
    let find = |name: &str| pairs.iter().find(|(key, _)| key.text == name).map(|(_, node)| node);
    if let Some(test) = find("if") {
        let body = |name: &str| match find(name) {
            None => Ok(Vec::new()),
            Some(node) => match &node.value {
                Value::List(items) => processors(items, source, depth + 1),
                // One alone may stand without a list.
                _ => Ok(vec![processor(node, source, depth + 1)?]),
            },
        };
        let when = condition::read(test, source)?;
        return Ok(Processor::Branch { when, then: body("then")?, otherwise: body("else")? });
    }
    let [(key, options)] = pairs.as_slice() else {
        return Err(node
            .error(source, "a processor has one name")
            .advise("write each as an entry of its own: `- drop_fields: ...`"));
    };
    let when = match &options.value {
        Value::Map(pairs) => pairs.iter().find(|(key, _)| key.text == "when"),
        _ => None,
    };
    let when = when.map(|(_, node)| condition::read(node, source)).transpose()?;
    Ok(Processor::Step { name: key.text.clone(), options: options.clone(), when })
}
