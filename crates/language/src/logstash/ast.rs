//! A configuration as a tree.

use super::reference::FieldReference;

/// A place in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Position {
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

/// All sections of one pipeline; sections of the same name follow each other.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Config {
    /// Where events come from.
    pub inputs: Vec<Statement>,
    /// What is done with them.
    pub filters: Vec<Statement>,
    /// Where they go.
    pub outputs: Vec<Statement>,
}

/// One step of a section.
#[derive(Debug, Clone, PartialEq)]
pub enum Statement {
    /// A plugin.
    Plugin(Plugin),
    /// `if`, `else if`, `else`.
    Branch(Branch),
}

/// Conditions with what is done under them; the first that holds is taken.
#[derive(Debug, Clone, PartialEq)]
pub struct Branch {
    /// `if` and each `else if`.
    pub arms: Vec<(Condition, Vec<Statement>)>,
    /// `else`.
    pub otherwise: Vec<Statement>,
    /// Where the `if` stands.
    pub position: Position,
}

/// A plugin with its options.
#[derive(Debug, Clone, PartialEq)]
pub struct Plugin {
    /// `grok`.
    pub name: String,
    /// Options in the order in which they stand; repeated ones are merged.
    pub options: Vec<Option>,
    /// Where its name stands.
    pub position: Position,
}

/// One option of a plugin.
#[derive(Debug, Clone, PartialEq)]
pub struct Option {
    /// `add_field`.
    pub name: String,
    /// What follows `=>`.
    pub value: Value,
    /// Where its name stands.
    pub position: Position,
}

impl Plugin {
    /// The value of the option `name`.
    pub fn get(&self, name: &str) -> std::option::Option<&Value> {
        self.options.iter().find(|option| option.name == name).map(|option| &option.value)
    }
}

/// The value of an option.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A text in quotes, or a bare word.
    Text(String),
    /// A number, as it is written.
    Number(String),
    /// `[a, b]`
    List(Vec<Self>),
    /// `{ a => b }`, in the order of the keys.
    Hash(Vec<(String, Self)>),
    /// A plugin as a value: `codec => json { }`.
    Plugin(Plugin),
}

/// What an `if` asks.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// Two conditions.
    Both(Connective, Box<Self>, Box<Self>),
    /// `!( )`
    Not(Box<Self>),
    /// A value by itself: whether it is there, and neither null nor false.
    Truthy(Operand),
    /// `in`; `not in` is its negation.
    In {
        /// What is sought.
        item: Operand,
        /// Where.
        list: Operand,
    },
    /// `==`, `<`, ...
    Compare {
        /// On the left.
        left: Operand,
        /// How.
        comparison: Comparison,
        /// On the right.
        right: Operand,
    },
    /// `=~`; `!~` is its negation.
    Matches {
        /// What is looked at.
        value: Operand,
        /// The expression, in Ruby's syntax.
        pattern: String,
    },
}

/// How two conditions are joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connective {
    /// Both.
    And,
    /// One or both.
    Or,
    /// One, but not both.
    Xor,
    /// Not both.
    Nand,
}

/// How two values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

/// A value in a condition.
#[derive(Debug, Clone, PartialEq)]
pub enum Operand {
    /// `[a][b]`
    Field(FieldReference),
    /// A text.
    Text(String),
    /// A number.
    Number(f64),
    /// `["a", "b"]`
    List(Vec<Self>),
}
