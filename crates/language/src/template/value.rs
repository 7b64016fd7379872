//! What templates work on: values with Go's types, so that they print and compare as there.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::function::Function;
use super::time::Time;

/// A value in a template.
#[derive(Debug, Clone)]
pub enum Value {
    /// Nothing at all: prints as `<no value>`.
    Nil,
    /// Nothing where a Go interface is: the missing key of a `map[string]any`.
    NilInterface,
    /// `bool`.
    Bool(bool),
    /// `int`.
    Int(i64),
    /// `float64`.
    Float(f64),
    /// `string`.
    Text(Arc<str>),
    /// Text that need not be escaped in its place in HTML.
    Marked(Mark, Arc<str>),
    /// `time.Time`.
    Time(Time),
    /// `time.Duration`, in nanoseconds.
    Duration(i64),
    /// `time.Month`, from 1.
    Month(i64),
    /// `time.Weekday`, from Sunday = 0.
    Weekday(i64),
    /// A slice.
    List(Arc<List>),
    /// A map from strings.
    Map(Arc<Map>),
    /// A struct, or a pointer to one.
    Struct(Arc<Struct>),
}

/// What marked text is: the types of Go's `html/template`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// `template.HTML`.
    Html,
    /// `template.HTMLAttr`.
    Attribute,
    /// `template.CSS`.
    Css,
    /// `template.JS`.
    Js,
    /// `template.JSStr`.
    JsText,
    /// `template.URL`.
    Url,
    /// `template.Srcset`.
    Srcset,
}

/// A Go type that is made of others. Its methods get the value as their first argument.
#[derive(Debug)]
pub struct Type {
    /// As Go's `%T` prints it, without the star of a pointer.
    pub name: &'static str,
    /// The type it is defined as: `[]string`, `map[string]string`, `struct`.
    pub underlying: &'static str,
    /// Whether templates hold a pointer to it.
    pub is_pointer: bool,
    /// Of a struct, in order.
    pub fields: &'static [&'static str],
    /// The fields' names in JSON; empty where they are the same. An empty name is left out.
    pub json_names: &'static [&'static str],
    /// Its methods. One named `String` without parameters says how it prints.
    pub methods: &'static [Function],
}

impl Type {
    /// A type without a name of its own.
    pub const fn plain(name: &'static str) -> Self {
        Self {
            name,
            underlying: name,
            is_pointer: false,
            fields: &[],
            json_names: &[],
            methods: &[],
        }
    }

    /// As Go names it, with the star of a pointer.
    pub fn full_name(&self) -> String {
        if self.is_pointer { format!("*{}", self.name) } else { self.name.to_owned() }
    }
}

/// `[]string`.
pub static STRINGS: Type = Type::plain("[]string");
/// `[]interface {}`.
pub static ANYS: Type = Type::plain("[]interface {}");
/// `map[string]string`.
pub static STRING_MAP: Type = Type::plain("map[string]string");
/// `map[string]interface {}`.
pub static ANY_MAP: Type = Type::plain("map[string]interface {}");

/// A slice and its type.
#[derive(Debug)]
pub struct List {
    /// Its type.
    pub kind: &'static Type,
    /// What is in it.
    pub items: Vec<Value>,
    depth: usize,
}

/// A map and its type.
#[derive(Debug)]
pub struct Map {
    /// Its type.
    pub kind: &'static Type,
    /// What is in it.
    pub entries: BTreeMap<Arc<str>, Value>,
    depth: usize,
}

/// A struct and its type.
#[derive(Debug)]
pub struct Struct {
    /// Its type.
    pub kind: &'static Type,
    /// In the order of the type's fields.
    pub values: Vec<Value>,
    depth: usize,
}

impl Value {
    /// Text.
    pub fn text(text: impl Into<Arc<str>>) -> Self {
        Self::Text(text.into())
    }

    /// A slice.
    pub fn list(kind: &'static Type, items: Vec<Self>) -> Self {
        let depth = depth_of(&items);
        Self::List(Arc::new(List { kind, items, depth }))
    }

    /// A slice of texts.
    pub fn texts<T: Into<Arc<str>>>(
        kind: &'static Type,
        items: impl IntoIterator<Item = T>,
    ) -> Self {
        Self::list(kind, items.into_iter().map(Self::text).collect())
    }

    /// A map.
    pub fn map(kind: &'static Type, entries: BTreeMap<Arc<str>, Self>) -> Self {
        let depth = depth_of(entries.values());
        Self::Map(Arc::new(Map { kind, entries, depth }))
    }

    /// A map of texts.
    pub fn text_map<K: Into<Arc<str>>, V: Into<Arc<str>>>(
        kind: &'static Type,
        entries: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let entries = entries.into_iter().map(|(key, value)| (key.into(), Self::text(value)));
        Self::map(kind, entries.collect())
    }

    /// A struct whose values are in the order of the type's fields.
    pub fn structure(kind: &'static Type, values: Vec<Self>) -> Self {
        let depth = depth_of(&values);
        Self::Struct(Arc::new(Struct { kind, values, depth }))
    }

    /// The text, where it is a Go string of whatever type.
    pub fn as_text(&self) -> Option<&Arc<str>> {
        match self {
            Self::Text(text) | Self::Marked(_, text) => Some(text),
            _ => None,
        }
    }

    /// The items of a slice.
    pub fn items(&self) -> &[Self] {
        match self {
            Self::List(list) => &list.items,
            _ => &[],
        }
    }

    /// The type, if it is one made of others.
    pub(super) fn kind(&self) -> Option<&'static Type> {
        match self {
            Self::List(list) => Some(list.kind),
            Self::Map(map) => Some(map.kind),
            Self::Struct(structure) => Some(structure.kind),
            _ => None,
        }
    }

    /// The type's name in Go.
    pub fn type_name(&self) -> String {
        let name = match self {
            Self::Nil => "<nil>",
            Self::NilInterface => "interface {}",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Float(_) => "float64",
            Self::Text(_) => "string",
            Self::Marked(mark, _) => mark.type_name(),
            Self::Time(_) => "time.Time",
            Self::Duration(_) => "time.Duration",
            Self::Month(_) => "time.Month",
            Self::Weekday(_) => "time.Weekday",
            Self::List(list) => return list.kind.full_name(),
            Self::Map(map) => return map.kind.full_name(),
            Self::Struct(structure) => return structure.kind.full_name(),
        };
        name.to_owned()
    }

    /// Whether `if` takes it for true: whatever is not its type's zero.
    pub(super) fn is_true(&self) -> bool {
        match self {
            Self::Nil | Self::NilInterface => false,
            Self::Bool(value) => *value,
            Self::Int(value)
            | Self::Duration(value)
            | Self::Month(value)
            | Self::Weekday(value) => *value != 0,
            Self::Float(value) => *value != 0.0,
            Self::Text(text) | Self::Marked(_, text) => !text.is_empty(),
            Self::List(list) => !list.items.is_empty(),
            Self::Map(map) => !map.entries.is_empty(),
            Self::Struct(_) | Self::Time(_) => true,
        }
    }

    /// As an integer, where Go's kind is one.
    pub(super) fn as_integer(&self) -> Option<i64> {
        match self {
            Self::Int(value)
            | Self::Duration(value)
            | Self::Month(value)
            | Self::Weekday(value) => Some(*value),
            _ => None,
        }
    }

    /// How deep values are in it.
    pub(super) fn depth(&self) -> usize {
        match self {
            Self::List(list) => list.depth,
            Self::Map(map) => map.depth,
            Self::Struct(structure) => structure.depth,
            _ => 0,
        }
    }

    /// Nothing, of either sort.
    pub(super) fn is_nil(&self) -> bool {
        matches!(self, Self::Nil | Self::NilInterface)
    }
}

fn depth_of<'v>(values: impl IntoIterator<Item = &'v Value>) -> usize {
    values.into_iter().map(Value::depth).max().unwrap_or(0) + 1
}

impl Map {
    /// What a key gives that is not there: with the option `missingkey=zero`, as Alertmanager and
    /// Prometheus set it, the zero of the values' type.
    pub(super) fn zero(&self) -> Value {
        if self.kind.underlying == STRING_MAP.name { Value::text("") } else { Value::NilInterface }
    }
}

impl Struct {
    /// The value of a field.
    pub fn field(&self, name: &str) -> Option<&Value> {
        let index = self.kind.fields.iter().position(|known| *known == name)?;
        self.values.get(index)
    }
}

impl Mark {
    pub(super) fn type_name(self) -> &'static str {
        match self {
            Self::Html => "template.HTML",
            Self::Attribute => "template.HTMLAttr",
            Self::Css => "template.CSS",
            Self::Js => "template.JS",
            Self::JsText => "template.JSStr",
            Self::Url => "template.URL",
            Self::Srcset => "template.Srcset",
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::text(text)
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::text(text)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}
