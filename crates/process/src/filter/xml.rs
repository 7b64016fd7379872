//! `xml`: a text of XML becomes fields: children as lists, attributes beside them, text as `content`.

use roxmltree::{Document, Node, ParsingOptions};
use vigie_language::logstash::{ConfigError, FieldReference};
use vigie_model::event::{Event, Object, Value};

use super::{Filter, Scope, Verdict, fail};
use crate::field;
use crate::options::Options;

/// A document has no more nodes.
const NODES_MAX: u32 = 100_000;
const DEPTH_MAX: usize = 90;

#[derive(Debug)]
struct Xml {
    source: FieldReference,
    target: FieldReference,
    forces_list: bool,
    forces_content: bool,
    keeps_empty: bool,
}

pub(super) fn build(options: &Options<'_>) -> Result<Box<dyn Filter>, ConfigError> {
    let has_xpath = options.value("xpath").is_some();
    if has_xpath {
        return Err(options.error("xpath is refused: take what is wanted from the target's fields"));
    }
    let target = options.field("target")?;
    options.ignore(&["store_xml", "remove_namespaces", "namespaces", "parse_options"]);
    Ok(Box::new(Xml {
        source: options.reference(&options.required("source")?)?,
        target: target.ok_or_else(|| options.error("the option target is missing"))?,
        forces_list: options.boolean("force_array", true)?,
        forces_content: options.boolean("force_content", false)?,
        keeps_empty: !options.boolean("suppress_empty", true)?,
    }))
}

impl Filter for Xml {
    fn apply(&self, event: &mut Event, _scope: &mut Scope<'_>) -> Verdict {
        let source = match field::get(event, &self.source) {
            None | Some(Value::Null) => return Verdict::Passed,
            Some(Value::String(text)) => text,
            Some(_) => return fail(event, &["_xmlparsefailure".to_owned()]),
        };
        if source.trim().is_empty() {
            return Verdict::Passed;
        }
        let options = ParsingOptions { nodes_limit: NODES_MAX, ..ParsingOptions::default() };
        let value = Document::parse_with_options(source, options)
            .ok()
            .and_then(|document| self.element(document.root_element(), 0));
        match value.map(|value| field::set(event, &self.target, value)) {
            Some(true) => Verdict::Matched,
            _ => fail(event, &["_xmlparsefailure".to_owned()]),
        }
    }
}

impl Xml {
    /// None: too deep.
    fn element(&self, node: Node<'_, '_>, depth: usize) -> Option<Value> {
        if depth > DEPTH_MAX {
            return None;
        }
        let mut object = Object::new();
        for attribute in node.attributes() {
            object.insert(attribute.name(), Value::from(attribute.value()));
        }
        let mut content = String::new();
        let mut lists: Vec<(String, Vec<Value>)> = Vec::new();
        for child in node.children() {
            if child.is_text() {
                content.push_str(child.text().unwrap_or_default());
            } else if child.is_element() {
                let value = self.element(child, depth + 1)?;
                let is_empty = matches!(&value, Value::Object(object) if object.is_empty());
                if is_empty && !self.keeps_empty {
                    continue;
                }
                let name = child.tag_name().name();
                match lists.iter_mut().find(|(known, _)| known == name) {
                    Some((_, values)) => values.push(value),
                    None => lists.push((name.to_owned(), vec![value])),
                }
            }
        }
        let has_text = !content.trim().is_empty();
        if object.is_empty() && lists.is_empty() && has_text && !self.forces_content && depth > 0 {
            return Some(Value::String(content));
        }
        for (name, values) in lists {
            let value = match <[Value; 1]>::try_from(values) {
                Ok([only]) if !self.forces_list => only,
                Ok(one) => Value::List(one.into()),
                Err(many) => Value::List(many),
            };
            object.insert(name, value);
        }
        if has_text {
            object.insert("content", Value::String(content));
        }
        Some(Value::Object(object))
    }
}
