//! Walks a tree with the data and writes the output.
//!
//! The rules and the words of the errors are those of Go's `text/template`. Beyond them everything
//! is counted: steps, depth, bytes. The sticky `at`, the node that errors name, is as there: the
//! last one whose evaluation began.

mod call;
mod range;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::ast::{Branch, Call, Command, List, Node, Number, Operand, OperandKind, Pipe, Tree};
use super::builtin;
use super::error::Error;
use super::format;
use super::function::{Function, Host};
use super::html::Escaper;
use super::time::{DURATION_METHODS, TIME_METHODS};
use super::value::Value;
use crate::promql::go_quote;

/// What one execution may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Nodes, operands and turns of loops.
    pub steps: u64,
    /// How deep templates, branches and parentheses may be in each other.
    pub depth: usize,
    /// Bytes of the output, and of any text in between.
    pub output_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { steps: 5_000_000, depth: 300, output_bytes: TEXT_BYTES_MAX }
    }
}

/// No function makes a text much larger than this, whatever the limits: the largest output that
/// anyone should want, and a bound for what is thrown away when the limits are checked.
pub(super) const TEXT_BYTES_MAX: usize = 16 << 20;

/// Values may nest so deep: dropping them recurses.
const VALUE_DEPTH_MAX: usize = 100;

pub(super) type Trees = BTreeMap<Arc<str>, Arc<Tree>>;

/// What walking a node leads to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flow {
    Next,
    Break,
    Continue,
}

/// The node that errors name.
#[derive(Clone, Copy)]
enum At<'t> {
    Node(&'t Node),
    Call(&'t Call),
    Pipe(&'t Pipe),
    Command(&'t Command),
    Operand(&'t Operand),
}

pub(super) struct Executor<'t> {
    pub(super) trees: &'t Trees,
    pub(super) functions: &'t [&'static [Function]],
    pub(super) host: &'t dyn Host,
    limits: Limits,
    steps: u64,
    depth: usize,
    output: String,
    tree: &'t Tree,
    variables: Vec<(Arc<str>, Value)>,
    at: Option<At<'t>>,
    escaper: Option<Escaper>,
}

/// Executes one template.
pub(super) fn execute<'t>(
    trees: &'t Trees,
    functions: &'t [&'static [Function]],
    host: &'t dyn Host,
    limits: Limits,
    name: &str,
    data: &Value,
    escaper: Option<Escaper>,
) -> Result<String, Error> {
    let Some(tree) = trees.get(name) else {
        let name = go_quote(name);
        return Err(Error::Execute(format!("template: no template {name} associated")));
    };
    let mut executor = Executor {
        trees,
        functions,
        host,
        limits,
        steps: 0,
        depth: 0,
        output: String::new(),
        tree,
        variables: vec![("$".into(), data.clone())],
        at: None,
        escaper,
    };
    executor.list(data, &tree.root)?;
    if let Some(place) = executor.escaper.as_ref().and_then(Escaper::unfinished) {
        let name = go_quote(&tree.name);
        let message = format!("html/template: {name} ends in a non-text context: {place}");
        return Err(Error::Escape(message));
    }
    Ok(executor.output)
}

impl<'t> Executor<'t> {
    fn describe(&self, message: &str) -> String {
        let Some(at) = self.at else {
            return format!("template: {}: {message}", self.tree.name);
        };
        let (position, context) = match at {
            At::Node(node) => (node.position(), node.to_string()),
            At::Call(call) => (call.position, call.to_string()),
            At::Pipe(pipe) => (pipe.position, pipe.to_string()),
            At::Command(command) => (command.position, command.to_string()),
            At::Operand(operand) => (operand.position, operand.to_string()),
        };
        let location = self.tree.location(position);
        let name = go_quote(&self.tree.name);
        format!("template: {location}: executing {name} at <{context}>: {message}")
    }

    fn fail<T>(&self, message: &str) -> Result<T, Error> {
        Err(Error::Execute(self.describe(message)))
    }

    fn over_limit<T>(&self, message: &str) -> Result<T, Error> {
        Err(Error::Limit(self.describe(message)))
    }

    fn step(&mut self) -> Result<(), Error> {
        self.steps += 1;
        if self.steps > self.limits.steps {
            return self.over_limit(&format!("more than {} steps", self.limits.steps));
        }
        Ok(())
    }

    /// Every recursion passes here and gives the depth back when it succeeds; after an error
    /// nothing more is walked.
    fn descend(&mut self) -> Result<(), Error> {
        self.step()?;
        self.depth += 1;
        if self.depth > self.limits.depth {
            return self
                .over_limit(&format!("exceeded maximum template depth ({})", self.limits.depth));
        }
        Ok(())
    }

    fn write(&mut self, text: &str) -> Result<(), Error> {
        self.output.push_str(text);
        self.check_size(self.output.len())
    }

    fn print(&mut self, value: &Value) -> Result<(), Error> {
        let Some(escaper) = &mut self.escaper else {
            return self.write(&format::display_action(value));
        };
        // Nothing is an empty text in HTML.
        let empty = Value::text("");
        let value = if value.is_nil() { &empty } else { value };
        escaper.value(value, &mut self.output);
        self.check_size(self.output.len())
    }

    fn check_size(&self, bytes: usize) -> Result<(), Error> {
        if bytes > self.limits.output_bytes {
            return self.over_limit(&format!("more than {} bytes", self.limits.output_bytes));
        }
        Ok(())
    }

    fn list(&mut self, dot: &Value, list: &'t List) -> Result<Flow, Error> {
        self.descend()?;
        for node in &list.nodes {
            let flow = self.node(dot, node)?;
            if flow != Flow::Next {
                self.depth -= 1;
                return Ok(flow);
            }
        }
        self.depth -= 1;
        Ok(Flow::Next)
    }

    fn node(&mut self, dot: &Value, node: &'t Node) -> Result<Flow, Error> {
        self.step()?;
        self.at = Some(At::Node(node));
        match node {
            Node::Text(text) => match &mut self.escaper {
                Some(escaper) => {
                    escaper.text(&text.text, &mut self.output);
                    self.check_size(self.output.len())?;
                }
                None => self.write(&text.text)?,
            },
            Node::Action(pipe) => {
                let value = self.pipe(dot, pipe)?;
                if pipe.variables.is_empty() {
                    self.at = Some(At::Node(node));
                    self.print(&value)?;
                }
            }
            Node::If(branch) => return self.branch(dot, branch, false),
            Node::With(branch) => return self.branch(dot, branch, true),
            Node::Range(branch) => return self.range(dot, branch),
            Node::Template(call) => self.template(dot, call)?,
            Node::Break(_) => return Ok(Flow::Break),
            Node::Continue(_) => return Ok(Flow::Continue),
        }
        Ok(Flow::Next)
    }

    fn branch(&mut self, dot: &Value, branch: &'t Branch, sets_dot: bool) -> Result<Flow, Error> {
        let mark = self.variables.len();
        let value = self.pipe(dot, &branch.pipe)?;
        let flow = if value.is_true() {
            self.list(if sets_dot { &value } else { dot }, &branch.list)?
        } else if let Some(otherwise) = &branch.otherwise {
            self.list(dot, otherwise)?
        } else {
            Flow::Next
        };
        self.variables.truncate(mark);
        Ok(flow)
    }

    fn template(&mut self, dot: &Value, call: &'t Call) -> Result<(), Error> {
        self.at = Some(At::Call(call));
        let Some(tree) = self.trees.get(&call.name) else {
            return self.fail(&format!("template {} not defined", go_quote(&call.name)));
        };
        let dot = match &call.pipe {
            Some(pipe) => self.pipe(dot, pipe)?,
            None => Value::Nil,
        };
        let tree_before = std::mem::replace(&mut self.tree, tree);
        let variables = vec![("$".into(), dot.clone())];
        let variables_before = std::mem::replace(&mut self.variables, variables);
        self.list(&dot, &tree.root)?;
        self.tree = tree_before;
        self.variables = variables_before;
        Ok(())
    }

    /// The value of a pipeline, whose variables are pushed or set.
    fn pipe(&mut self, dot: &Value, pipe: &'t Pipe) -> Result<Value, Error> {
        self.descend()?;
        self.at = Some(At::Pipe(pipe));
        let mut value = None;
        for command in &pipe.commands {
            value = Some(match self.command(dot, command, value)? {
                Value::NilInterface => Value::Nil,
                value => value,
            });
        }
        let value = value.unwrap_or(Value::Nil);
        for name in &pipe.variables {
            if pipe.assigns {
                self.set_variable(name, value.clone())?;
            } else {
                self.variables.push((Arc::clone(name), value.clone()));
            }
        }
        self.depth -= 1;
        Ok(value)
    }

    fn variable(&self, name: &str) -> Result<Value, Error> {
        match self.variables.iter().rev().find(|(known, _)| **known == *name) {
            Some((_, value)) => Ok(value.clone()),
            None => self.fail(&format!("undefined variable: {name}")),
        }
    }

    fn set_variable(&mut self, name: &str, value: Value) -> Result<(), Error> {
        if let Some((_, place)) =
            self.variables.iter_mut().rev().find(|(known, _)| **known == *name)
        {
            *place = value;
            return Ok(());
        }
        self.fail(&format!("undefined variable: {name}"))
    }

    /// A command with the value of the one before it in the pipeline as its last argument.
    fn command(
        &mut self,
        dot: &Value,
        command: &'t Command,
        last: Option<Value>,
    ) -> Result<Value, Error> {
        self.step()?;
        let Some((first, arguments)) = command.operands.split_first() else {
            return Ok(Value::Nil);
        };
        match &first.kind {
            OperandKind::Field(fields) => {
                self.at = Some(At::Operand(first));
                return self.fields(dot, dot.clone(), fields, first, arguments, last);
            }
            OperandKind::Variable(name, fields) if !fields.is_empty() => {
                self.at = Some(At::Operand(first));
                let receiver = self.variable(name)?;
                return self.fields(dot, receiver, fields, first, arguments, last);
            }
            OperandKind::Chain(inner, fields) => {
                let receiver = self.chain_start(dot, first, inner)?;
                return self.fields(dot, receiver, fields, first, arguments, last);
            }
            OperandKind::Function(name) => {
                self.at = Some(At::Operand(first));
                return self.function(dot, name, At::Command(command), arguments, last);
            }
            OperandKind::Pipe(_) => {}
            _ => self.at = Some(At::Operand(first)),
        }
        if !arguments.is_empty() || last.is_some() {
            return self.fail(&format!("can't give argument to non-function {first}"));
        }
        match &first.kind {
            OperandKind::Nil => self.fail("nil is not a command"),
            _ => self.operand(dot, first),
        }
    }

    fn chain_start(
        &mut self,
        dot: &Value,
        chain: &'t Operand,
        inner: &'t Operand,
    ) -> Result<Value, Error> {
        self.at = Some(At::Operand(chain));
        if matches!(inner.kind, OperandKind::Nil) {
            return self.fail(&format!("indirection through explicit nil in {chain}"));
        }
        self.at = Some(At::Operand(inner));
        self.operand(dot, inner)
    }

    /// An operand without arguments.
    fn operand(&mut self, dot: &Value, operand: &'t Operand) -> Result<Value, Error> {
        self.step()?;
        match &operand.kind {
            OperandKind::Dot => Ok(dot.clone()),
            OperandKind::Nil => Ok(Value::Nil),
            OperandKind::Bool(value) => Ok(Value::Bool(*value)),
            OperandKind::Text(_, text) => Ok(Value::Text(Arc::clone(text))),
            OperandKind::Number(number) => self.constant(operand, number),
            OperandKind::Field(fields) => {
                self.at = Some(At::Operand(operand));
                self.fields(dot, dot.clone(), fields, operand, &[], None)
            }
            OperandKind::Variable(name, fields) => {
                self.at = Some(At::Operand(operand));
                let receiver = self.variable(name)?;
                if fields.is_empty() {
                    return Ok(receiver);
                }
                self.fields(dot, receiver, fields, operand, &[], None)
            }
            OperandKind::Chain(inner, fields) => {
                let receiver = self.chain_start(dot, operand, inner)?;
                self.fields(dot, receiver, fields, operand, &[], None)
            }
            OperandKind::Function(name) => {
                self.at = Some(At::Operand(operand));
                self.function(dot, name, At::Operand(operand), &[], None)
            }
            OperandKind::Pipe(pipe) => self.pipe(dot, pipe),
        }
    }

    /// A number where no type is asked for: its syntax says which it is.
    fn constant(&mut self, operand: &'t Operand, number: &Number) -> Result<Value, Error> {
        self.at = Some(At::Operand(operand));
        let text = &number.text;
        let is_hex = text.len() > 2
            && (text.starts_with("0x") || text.starts_with("0X"))
            && !text.contains(['p', 'P']);
        let looks_float = text.contains(['.', 'e', 'E', 'p', 'P']);
        match number {
            Number { float: Some(float), .. }
                if looks_float && !is_hex && !text.starts_with('\'') =>
            {
                Ok(Value::Float(*float))
            }
            Number { integer: Some(integer), .. } => Ok(Value::Int(*integer)),
            _ => self.fail(&format!("{text} overflows int")),
        }
    }

    /// `.A.B.C`, of which the last may be a method that takes the arguments.
    fn fields(
        &mut self,
        dot: &Value,
        receiver: Value,
        names: &'t [Arc<str>],
        node: &'t Operand,
        arguments: &'t [Operand],
        last: Option<Value>,
    ) -> Result<Value, Error> {
        let Some((final_name, before)) = names.split_last() else { return Ok(receiver) };
        let mut receiver = receiver;
        for name in before {
            receiver = self.field(dot, &receiver, name, node, &[], None)?;
        }
        self.field(dot, &receiver, final_name, node, arguments, last)
    }

    fn field(
        &mut self,
        dot: &Value,
        receiver: &Value,
        name: &'t Arc<str>,
        node: &'t Operand,
        arguments: &'t [Operand],
        last: Option<Value>,
    ) -> Result<Value, Error> {
        let type_name = match receiver {
            Value::Nil => return Ok(Value::Nil),
            Value::NilInterface => {
                return self.fail(&format!("nil pointer evaluating interface {{}}.{name}"));
            }
            receiver => receiver.type_name(),
        };
        if let Some(method) = method(receiver, name) {
            let receiver = Some(receiver.clone());
            let target = call::Target { function: method, receiver, node: At::Operand(node) };
            return self.call(dot, target, arguments, last);
        }
        let has_arguments = !arguments.is_empty() || last.is_some();
        match receiver {
            Value::Struct(structure) => {
                if let Some(value) = structure.field(name) {
                    if has_arguments {
                        return self.fail(&format!(
                            "{name} has arguments but cannot be invoked as function"
                        ));
                    }
                    return Ok(value.clone());
                }
            }
            Value::Map(map) => {
                if has_arguments {
                    return self.fail(&format!("{name} is not a method but has arguments"));
                }
                return Ok(map.entries.get(&**name).cloned().unwrap_or_else(|| map.zero()));
            }
            _ => {}
        }
        self.fail(&format!("can't evaluate field {name} in type {type_name}"))
    }

    /// A function of the templates' own, or one of Go's.
    fn function(
        &mut self,
        dot: &Value,
        name: &str,
        node: At<'t>,
        arguments: &'t [Operand],
        last: Option<Value>,
    ) -> Result<Value, Error> {
        let own = self.functions.iter().flat_map(|table| table.iter());
        let Some(function) =
            own.chain(builtin::FUNCTIONS.iter()).find(|function| function.name == name)
        else {
            return self.fail(&format!("{} is not a defined function", go_quote(name)));
        };
        if matches!(name, "and" | "or") && builtin::is_builtin(function) {
            return self.short_circuit(dot, name, arguments, last);
        }
        self.call(dot, call::Target { function, receiver: None, node }, arguments, last)
    }
}

fn method(receiver: &Value, name: &str) -> Option<&'static Function> {
    let methods = match receiver {
        Value::Time(_) => TIME_METHODS,
        Value::Duration(_) => DURATION_METHODS,
        Value::Month(_) | Value::Weekday(_) => builtin::NAMED_METHODS,
        receiver => receiver.kind()?.methods,
    };
    methods.iter().find(|method| method.name == name)
}
