//! The language of `logstash.conf`: sections, plugins, conditionals, field references, texts with
//! `%{fields}`; and Joda's date patterns, which its filters name.
//!
//! A text enters [`parse`], a [`Config`] leaves, with the place of each plugin for those who report
//! what is wrong with an option. What the grammar accepts is Logstash 8's (`lscl_grammar.treetop`
//! and the compiler above it); `and` binds tighter than the other operators of booleans, as there.
//!
//! Deviations: `["one"]` in a condition is a list of one (Logstash takes it for a field whose name
//! holds quotes); what nests deeper than [`DEPTH_MAX`] is refused; `xor` and `nand` may stand beside
//! other operators (Logstash fails), with the precedence of `or`.

mod ast;
mod environment;
mod error;
mod escapes;
pub mod joda;
mod parser;
mod reference;
mod scanner;
mod sprintf;

pub use ast::{
    Branch, Comparison, Condition, Config, Connective, Operand, Option as PluginOption, Plugin,
    Position, Statement, Value,
};
pub use environment::substitute;
pub use error::ConfigError;
pub use parser::{DEPTH_MAX, parse, parse_with_escapes};
pub use reference::FieldReference;
pub use sprintf::{Piece, Sprintf};

#[cfg(test)]
mod tests;
