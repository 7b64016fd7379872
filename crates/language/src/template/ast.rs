//! The tree of a template, and how Go prints its nodes in error messages.

use std::fmt;
use std::sync::Arc;

use crate::promql::go_quote;

/// One named template.
#[derive(Debug, Clone)]
pub(super) struct Tree {
    /// The name it is called by.
    pub(super) name: Arc<str>,
    /// The name of the text it stands in, which errors tell.
    pub(super) file: Arc<str>,
    /// The whole text it stands in: positions count from its start.
    pub(super) text: Arc<str>,
    pub(super) root: List,
}

impl Tree {
    /// `NAME:LINE:COLUMN` of a position, as Go counts: the first line's columns from 0, those of
    /// the others from 0 after the line break.
    pub(super) fn location(&self, position: usize) -> String {
        let before = self.text.get(..position).unwrap_or(&self.text);
        let column = before.rfind('\n').map_or(before.len(), |at| before.len() - at - 1);
        format!("{}:{}:{column}", self.file, 1 + before.matches('\n').count())
    }
}

/// Nodes that follow each other.
#[derive(Debug, Clone, Default)]
pub(super) struct List {
    pub(super) nodes: Vec<Node>,
}

impl List {
    /// Whether nothing but space stands here: such a definition does not replace another.
    pub(super) fn is_empty(&self) -> bool {
        self.nodes.iter().all(|node| match node {
            Node::Text(text) => text.text.trim().is_empty(),
            _ => false,
        })
    }
}

#[derive(Debug, Clone)]
pub(super) enum Node {
    Text(Text),
    Action(Pipe),
    If(Branch),
    With(Branch),
    Range(Branch),
    Template(Call),
    Break(usize),
    Continue(usize),
}

impl Node {
    pub(super) fn position(&self) -> usize {
        match self {
            Self::Text(text) => text.position,
            Self::Action(pipe) => pipe.position,
            Self::If(branch) | Self::With(branch) | Self::Range(branch) => branch.pipe.position,
            Self::Template(call) => call.position,
            Self::Break(position) | Self::Continue(position) => *position,
        }
    }
}

#[derive(Debug, Clone)]
pub(super) struct Text {
    pub(super) position: usize,
    pub(super) text: Arc<str>,
}

#[derive(Debug, Clone)]
pub(super) struct Branch {
    pub(super) pipe: Pipe,
    pub(super) list: List,
    pub(super) otherwise: Option<List>,
}

/// `{{template "name" pipe}}`.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) position: usize,
    pub(super) name: Arc<str>,
    pub(super) pipe: Option<Pipe>,
}

#[derive(Debug, Clone)]
pub(super) struct Pipe {
    pub(super) position: usize,
    /// `=` rather than `:=`.
    pub(super) assigns: bool,
    /// Names with their dollar sign.
    pub(super) variables: Vec<Arc<str>>,
    pub(super) commands: Vec<Command>,
}

#[derive(Debug, Clone)]
pub(super) struct Command {
    pub(super) position: usize,
    pub(super) operands: Vec<Operand>,
}

#[derive(Debug, Clone)]
pub(super) struct Operand {
    pub(super) position: usize,
    pub(super) kind: OperandKind,
}

#[derive(Debug, Clone)]
pub(super) enum OperandKind {
    Dot,
    Nil,
    Bool(bool),
    Number(Number),
    /// As written, and what it means.
    Text(Arc<str>, Arc<str>),
    /// `.A.B`.
    Field(Vec<Arc<str>>),
    /// `$a.B`.
    Variable(Arc<str>, Vec<Arc<str>>),
    /// `(pipe).A.B`.
    Chain(Box<Operand>, Vec<Arc<str>>),
    /// A function.
    Function(Arc<str>),
    Pipe(Box<Pipe>),
}

/// A constant: which kinds of number it can be.
#[derive(Debug, Clone)]
pub(super) struct Number {
    pub(super) text: Arc<str>,
    pub(super) integer: Option<i64>,
    /// Too large for an `int`, but not for a `uint`.
    pub(super) unsigned: Option<u64>,
    pub(super) float: Option<f64>,
}

impl fmt::Display for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.nodes.iter().try_for_each(|node| write!(f, "{node}"))
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(&text.text),
            Self::Action(pipe) => write!(f, "{{{{{pipe}}}}}"),
            Self::If(branch) => print_branch(f, "if", branch),
            Self::With(branch) => print_branch(f, "with", branch),
            Self::Range(branch) => print_branch(f, "range", branch),
            Self::Template(call) => write!(f, "{call}"),
            Self::Break(_) => f.write_str("{{break}}"),
            Self::Continue(_) => f.write_str("{{continue}}"),
        }
    }
}

fn print_branch(f: &mut fmt::Formatter<'_>, word: &str, branch: &Branch) -> fmt::Result {
    write!(f, "{{{{{word} {}}}}}{}", branch.pipe, branch.list)?;
    if let Some(otherwise) = &branch.otherwise {
        write!(f, "{{{{else}}}}{otherwise}")?;
    }
    f.write_str("{{end}}")
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{{template {}", go_quote(&self.name))?;
        if let Some(pipe) = &self.pipe {
            write!(f, " {pipe}")?;
        }
        f.write_str("}}")
    }
}

impl fmt::Display for Pipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.variables.is_empty() {
            f.write_str(&self.variables.join(", "))?;
            f.write_str(if self.assigns { " = " } else { " := " })?;
        }
        for (index, command) in self.commands.iter().enumerate() {
            if index > 0 {
                f.write_str(" | ")?;
            }
            write!(f, "{command}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, operand) in self.operands.iter().enumerate() {
            if index > 0 {
                f.write_str(" ")?;
            }
            match &operand.kind {
                OperandKind::Pipe(pipe) => write!(f, "({pipe})")?,
                _ => write!(f, "{operand}")?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for Operand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields = match &self.kind {
            OperandKind::Dot => return f.write_str("."),
            OperandKind::Nil => return f.write_str("nil"),
            OperandKind::Bool(value) => return write!(f, "{value}"),
            OperandKind::Number(number) => return f.write_str(&number.text),
            OperandKind::Text(written, _) => return f.write_str(written),
            OperandKind::Function(name) => return f.write_str(name),
            OperandKind::Pipe(pipe) => return write!(f, "{pipe}"),
            OperandKind::Field(fields) => fields,
            OperandKind::Variable(name, fields) => {
                f.write_str(name)?;
                fields
            }
            OperandKind::Chain(operand, fields) => {
                match &operand.kind {
                    OperandKind::Pipe(pipe) => write!(f, "({pipe})")?,
                    _ => write!(f, "{operand}")?,
                }
                fields
            }
        };
        fields.iter().try_for_each(|field| write!(f, ".{field}"))
    }
}
