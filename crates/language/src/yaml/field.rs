//! Reading typed sections from a tree, and writing them back.
//!
//! A section is declared once, with the name that Prometheus gives its type in errors; the
//! [`section!`] macro makes the struct, its defaults, its reader (unknown fields are errors) and
//! its writer (defaults of zero are left out, as Prometheus prints configurations).

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

use super::ConfigError;
use super::node::{Key, Node, Source, Value};

/// A value on its way into YAML.
#[derive(Debug, Clone, PartialEq)]
pub enum Out {
    /// Text.
    Text(String),
    /// An integer.
    Integer(i64),
    /// A float.
    Float(f64),
    /// A boolean.
    Bool(bool),
    /// Nothing.
    Null,
    /// A sequence.
    List(Vec<Self>),
    /// A mapping in order.
    Map(Vec<(String, Self)>),
}

impl Serialize for Out {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Integer(number) => serializer.serialize_i64(*number),
            Self::Float(number) => serializer.serialize_f64(*number),
            Self::Bool(flag) => serializer.serialize_bool(*flag),
            Self::Null => serializer.serialize_unit(),
            Self::List(items) => {
                let mut seq = serializer.serialize_seq(Some(items.len()))?;
                items.iter().try_for_each(|item| seq.serialize_element(item))?;
                seq.end()
            }
            Self::Map(pairs) => {
                let mut map = serializer.serialize_map(Some(pairs.len()))?;
                pairs.iter().try_for_each(|(key, value)| map.serialize_entry(key, value))?;
                map.end()
            }
        }
    }
}

/// A type that a configuration's value can have.
pub trait Field: Sized {
    /// Reads a value that is not null.
    fn read(node: &Node, source: &Source) -> Result<Self, ConfigError>;
    /// Writes it; `None` for a zero value, which is left out.
    fn write(&self) -> Option<Out>;
    /// Writes it, also when it is zero.
    fn write_always(&self) -> Out {
        self.write().unwrap_or(Out::Text(String::new()))
    }
}

/// The fields of one mapping that are not read yet.
#[derive(Debug)]
pub struct Fields<'a> {
    pairs: Vec<(&'a Key, &'a Node)>,
    source: &'a Source,
}

impl<'a> Fields<'a> {
    /// The fields of `node`, which must be a mapping.
    pub fn of(node: &'a Node, source: &'a Source) -> Result<Self, ConfigError> {
        match &node.value {
            Value::Map(pairs) => {
                Ok(Self { pairs: pairs.iter().map(|(k, v)| (k, v)).collect(), source })
            }
            Value::Null => Ok(Self { pairs: Vec::new(), source }),
            _ => Err(node.mismatch(source, "a mapping")),
        }
    }

    /// The key and value of field `name`, once.
    pub fn take(&mut self, name: &str) -> Option<(&'a Key, &'a Node)> {
        let at = self.pairs.iter().position(|(key, _)| key.text == name)?;
        Some(self.pairs.remove(at))
    }

    /// The value of field `name`, or `default` when it is missing or null.
    pub fn read_or<T: Field>(&mut self, name: &str, default: T) -> Result<T, ConfigError> {
        match self.take(name) {
            Some((_, node)) if !node.is_null() => T::read(node, self.source),
            _ => Ok(default),
        }
    }

    /// Fails when a field was not read, as it is none of type `type_name`.
    pub fn finish(&self, type_name: &str) -> Result<(), ConfigError> {
        let Some((key, _)) = self.pairs.first() else { return Ok(()) };
        Err(ConfigError {
            file: self.source.file.clone(),
            line: key.line,
            column: key.column,
            message: format!("field {} not found in type {type_name}", key.text),
            advice: "correct its name or its indentation, or remove it".to_owned(),
        })
    }
}

/// A mapping with fixed fields.
pub trait Section: Sized {
    /// Reads the fields that belong to it.
    fn read_fields(fields: &mut Fields<'_>) -> Result<Self, ConfigError>;
    /// Appends its fields.
    fn write_fields(&self, out: &mut Vec<(String, Out)>);
}

/// Declares a section of the configuration: struct, defaults, reader, writer.
#[macro_export]
macro_rules! section {
    (
        $(#[$meta:meta])*
        pub struct $name:ident($type_name:literal $(, check = $check:path)?) {
            $( $(#[$field_meta:meta])* $field:ident $(as $key:literal)? : $type:ty = $default:expr, )*
        }
        $( inline { $( $(#[$inline_meta:meta])* $inline:ident : $inline_type:ty, )* } )?
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name {
            $( $(#[$field_meta])* pub $field: $type, )*
            $($( $(#[$inline_meta])* pub $inline: $inline_type, )*)?
        }

        impl Default for $name {
            fn default() -> Self {
                Self {
                    $( $field: $default, )*
                    $($( $inline: <$inline_type>::default(), )*)?
                }
            }
        }

        impl $crate::yaml::Section for $name {
            fn read_fields(
                fields: &mut $crate::yaml::Fields<'_>,
            ) -> Result<Self, $crate::yaml::ConfigError> {
                Ok(Self {
                    $( $field: fields.read_or($crate::section!(@key $field $($key)?), $default)?, )*
                    $($( $inline: <$inline_type as $crate::yaml::Section>::read_fields(fields)?, )*)?
                })
            }

            fn write_fields(&self, out: &mut Vec<(String, $crate::yaml::Out)>) {
                $(
                    let default: $type = $default;
                    $crate::yaml::push_field(
                        out, $crate::section!(@key $field $($key)?), &self.$field, &default,
                    );
                )*
                $($( self.$inline.write_fields(out); )*)?
            }
        }

        impl $crate::yaml::Field for $name {
            fn read(
                node: &$crate::yaml::Node,
                source: &$crate::yaml::Source,
            ) -> Result<Self, $crate::yaml::ConfigError> {
                let mut fields = $crate::yaml::Fields::of(node, source)?;
                let section =
                    <Self as $crate::yaml::Section>::read_fields(&mut fields)?;
                fields.finish($type_name)?;
                $crate::section!(@check section, node, source $(, $check)?)
            }

            fn write(&self) -> Option<$crate::yaml::Out> {
                let mut out = Vec::new();
                $crate::yaml::Section::write_fields(self, &mut out);
                (!out.is_empty()).then_some($crate::yaml::Out::Map(out))
            }

            fn write_always(&self) -> $crate::yaml::Out {
                $crate::yaml::Field::write(self)
                    .unwrap_or($crate::yaml::Out::Map(Vec::new()))
            }
        }
    };
    (@check $section:ident, $node:ident, $source:ident) => { Ok($section) };
    (@check $section:ident, $node:ident, $source:ident, $check:path) => {{
        let mut checked = $section;
        $check(&mut checked).map_err(|message| $node.error($source, message))?;
        Ok(checked)
    }};
    (@key $field:ident) => { stringify!($field) };
    (@key $field:ident $key:literal) => { $key };
}
pub use section;

/// Appends a field: a zero value only where the default is another one.
pub fn push_field<T: Field>(out: &mut Vec<(String, Out)>, name: &str, value: &T, default: &T) {
    match (value.write(), default.write()) {
        (Some(value), _) => out.push((name.to_owned(), value)),
        (None, Some(Out::Bool(_))) => out.push((name.to_owned(), Out::Bool(false))),
        (None, _) => {}
    }
}

impl Field for String {
    fn read(node: &Node, source: &Source) -> Result<Self, ConfigError> {
        match &node.value {
            Value::Scalar(text, _) => Ok(text.clone()),
            _ => Err(node.mismatch(source, "a text")),
        }
    }
    fn write(&self) -> Option<Out> {
        (!self.is_empty()).then(|| Out::Text(self.clone()))
    }
}

impl Field for bool {
    fn read(node: &Node, source: &Source) -> Result<Self, ConfigError> {
        match &node.value {
            Value::Scalar(text, true) => match text.to_ascii_lowercase().as_str() {
                "true" | "yes" | "on" | "y" => Ok(true),
                "false" | "no" | "off" | "n" => Ok(false),
                _ => Err(node.mismatch(source, "true or false")),
            },
            _ => Err(node.mismatch(source, "true or false")),
        }
    }
    fn write(&self) -> Option<Out> {
        self.then_some(Out::Bool(true))
    }
    fn write_always(&self) -> Out {
        Out::Bool(*self)
    }
}

macro_rules! number_field {
    ($($type:ty => $out:ident($cast:ty), $expected:literal;)*) => { $(
        impl Field for $type {
            fn read(node: &Node, source: &Source) -> Result<Self, ConfigError> {
                match &node.value {
                    Value::Scalar(text, true) => {
                        text.parse().map_err(|_| node.mismatch(source, $expected))
                    }
                    _ => Err(node.mismatch(source, $expected)),
                }
            }
            fn write(&self) -> Option<Out> {
                (*self != <$type>::default()).then(|| Out::$out(*self as $cast))
            }
        }
    )* };
}
number_field! {
    u64 => Integer(i64), "a number from 0 on";
    u32 => Integer(i64), "a number from 0 on";
    u16 => Integer(i64), "a number from 0 to 65535";
    i64 => Integer(i64), "a number";
    f64 => Float(f64), "a number";
}

impl Field for PathBuf {
    fn read(node: &Node, source: &Source) -> Result<Self, ConfigError> {
        let text = String::read(node, source)?;
        if text.is_empty() { Ok(Self::new()) } else { Ok(source.folder.join(text)) }
    }
    fn write(&self) -> Option<Out> {
        (!self.as_os_str().is_empty()).then(|| Out::Text(self.display().to_string()))
    }
}

impl<T: Field> Field for Option<T> {
    fn read(node: &Node, source: &Source) -> Result<Self, ConfigError> {
        T::read(node, source).map(Some)
    }
    fn write(&self) -> Option<Out> {
        // A value that was written is printed even when it is zero.
        self.as_ref().map(Field::write_always)
    }
}

impl<T: Field> Field for Vec<T> {
    fn read(node: &Node, source: &Source) -> Result<Self, ConfigError> {
        match &node.value {
            Value::List(items) => items
                .iter()
                .map(|item| {
                    if item.is_null() {
                        Err(item
                            .error(source, "empty or null entry of a list")
                            .advise("remove the dash or write the entry"))
                    } else {
                        T::read(item, source)
                    }
                })
                .collect(),
            _ => Err(node.mismatch(source, "a list")),
        }
    }
    fn write(&self) -> Option<Out> {
        let items = || self.iter().map(Field::write_always);
        (!self.is_empty()).then(|| Out::List(items().collect()))
    }
}

impl<T: Field> Field for BTreeMap<String, T> {
    fn read(node: &Node, source: &Source) -> Result<Self, ConfigError> {
        match &node.value {
            Value::Map(pairs) => pairs
                .iter()
                .map(|(key, value)| Ok((key.text.clone(), T::read(value, source)?)))
                .collect(),
            _ => Err(node.mismatch(source, "a mapping")),
        }
    }
    fn write(&self) -> Option<Out> {
        let pairs = || self.iter().map(|(key, value)| (key.clone(), value.write_always()));
        (!self.is_empty()).then(|| Out::Map(pairs().collect()))
    }
}

/// A section that is kept as it was written, for issues to come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opaque(pub Node);

impl Field for Opaque {
    fn read(node: &Node, _source: &Source) -> Result<Self, ConfigError> {
        Ok(Self(node.clone()))
    }
    fn write(&self) -> Option<Out> {
        Some(opaque_out(&self.0, false))
    }
}

/// Keys whose values are never shown, wherever they stand in an opaque section.
const SECRET_KEYS: [&str; 9] = [
    "password",
    "secret",
    "token",
    "credentials",
    "api_key",
    "key",
    "private",
    "access_key",
    "client_assertion",
];

fn opaque_out(node: &Node, secret: bool) -> Out {
    match &node.value {
        Value::Null => Out::Null,
        Value::Scalar(..) if secret => Out::Text("<secret>".to_owned()),
        Value::Scalar(text, plain) => match (plain, text.parse::<i64>(), text.as_str()) {
            (true, Ok(number), _) => Out::Integer(number),
            (true, _, "true") => Out::Bool(true),
            (true, _, "false") => Out::Bool(false),
            _ => Out::Text(text.clone()),
        },
        Value::List(items) => Out::List(items.iter().map(|i| opaque_out(i, secret)).collect()),
        Value::Map(pairs) => Out::Map(
            pairs
                .iter()
                .map(|(key, value)| {
                    let lower = key.text.to_ascii_lowercase();
                    let hidden = !lower.ends_with("_file")
                        && SECRET_KEYS.iter().any(|word| lower.contains(word));
                    (key.text.clone(), opaque_out(value, secret || hidden))
                })
                .collect(),
        ),
    }
}
