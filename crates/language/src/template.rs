//! Go's templates, as Alertmanager, Prometheus and Loki use them.
//!
//! [`Templates`] holds named templates; [`Templates::parse`] adds those of a text,
//! [`Templates::execute`] runs one, [`Templates::render`] runs a text that may call them. What they
//! work on is a [`Value`]; structs, slices and maps have a [`Type`], which names them as Go does
//! and gives them methods. Functions ask the outside through a [`Host`]: the time, queries.
//!
//! - Rules: [`RuleTemplate::parse`] once, [`RuleTemplate::expand`] for every alert, with
//!   [`RuleData`] and a [`Host`] that answers `query`.
//! - Notifications: `Templates::new(&[alertmanager::FUNCTIONS])`, the data as a [`Value`].
//!
//! The options are those both set: a missing key is its map's zero value, so that a missing label
//! is empty and not `<no value>`. Whatever people write, execution ends within [`Limits`], and
//! nothing panics. Errors are in Go's words, with file, line and column.
//!
//! Not here: complex numbers, custom delimiters, functions as values (`call` always fails), the
//! machine's time zone (`.Local` is UTC).

pub mod alertmanager;
mod ast;
mod builtin;
mod error;
mod exec;
mod format;
mod function;
mod html;
mod humanize;
mod json;
mod lexer;
pub mod loki;
mod number;
mod parser;
mod pattern;
pub mod prometheus;
mod time;
mod value;
mod words;

use std::sync::Arc;

pub use error::{Error, ErrorKind};
pub use exec::Limits;
use exec::Trees;
pub use function::{Function, Host, NoHost, Parameter, QueriedSample};
use html::Escaper;
pub use parser::TEXT_BYTES_MAX;
pub use prometheus::{RuleData, RuleTemplate};
pub use time::{Time, duration_text};
pub use value::{ANY_MAP, ANYS, List, Map, Mark, STRING_MAP, STRINGS, Struct, Type, Value};

/// Named templates that can call each other, and the functions they may use.
#[derive(Debug, Clone)]
pub struct Templates {
    functions: Vec<&'static [Function]>,
    trees: Trees,
}

impl Templates {
    /// No templates yet. Functions of earlier tables win over those of later ones and over Go's.
    pub fn new(functions: &[&'static [Function]]) -> Self {
        Self { functions: functions.to_vec(), trees: Trees::new() }
    }

    /// Adds a text as the template `name`, and those it defines. A definition replaces an earlier
    /// one of its name, unless it is empty.
    pub fn parse(&mut self, name: &str, text: &str) -> Result<(), Error> {
        let parsed = parser::parse(name, text, &|word| self.is_function(word))?;
        for tree in parsed {
            let known = self.trees.get(&tree.name);
            if known.is_none_or(|known| known.root.is_empty() || !tree.root.is_empty()) {
                self.trees.insert(Arc::clone(&tree.name), Arc::new(tree));
            }
        }
        Ok(())
    }

    /// Whether there is a template of this name.
    pub fn contains(&self, name: &str) -> bool {
        self.trees.contains_key(name)
    }

    /// The names of all templates.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.trees.keys().map(|name| &**name)
    }

    /// The output of one template.
    pub fn execute(
        &self,
        name: &str,
        data: &Value,
        host: &dyn Host,
        limits: Limits,
    ) -> Result<String, Error> {
        exec::execute(&self.trees, &self.functions, host, limits, name, data, None)
    }

    /// The output of a text that may call these templates; it has the empty name, as in
    /// Alertmanager.
    pub fn render(
        &self,
        text: &str,
        data: &Value,
        host: &dyn Host,
        limits: Limits,
    ) -> Result<String, Error> {
        if text.is_empty() {
            return Ok(String::new());
        }
        let mut templates = self.clone();
        templates.trees.remove("");
        templates.parse("", text)?;
        templates.execute("", data, host, limits)
    }

    /// As [`render`](Self::render), as HTML: what actions print is escaped for the place where it
    /// stands.
    pub fn render_html(
        &self,
        text: &str,
        data: &Value,
        host: &dyn Host,
        limits: Limits,
    ) -> Result<String, Error> {
        let mut templates = self.clone();
        templates.trees.remove("");
        templates.parse("", text)?;
        exec::execute(
            &templates.trees,
            &self.functions,
            host,
            limits,
            "",
            data,
            Some(Escaper::default()),
        )
    }

    fn is_function(&self, word: &str) -> bool {
        let mut own = self.functions.iter().flat_map(|table| table.iter());
        own.any(|function| function.name == word)
            || builtin::FUNCTIONS.iter().any(|function| function.name == word)
    }
}

#[cfg(test)]
mod tests;
