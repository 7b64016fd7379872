//! A value that remembers where it stood, so that a check of the whole can point at it.

use std::ops::{Deref, DerefMut};

use vigie_language::yaml::{ConfigError, Field, Node, Out, Source};

/// A value with its line and column.
#[derive(Debug, Clone, Default, Eq)]
pub struct At<T> {
    /// What was written.
    pub value: T,
    /// Line from 1; 0 when it was not written.
    pub line: u32,
    /// Column from 1; 0 when it was not written.
    pub column: u32,
}

impl<T> At<T> {
    /// A value that stands nowhere.
    pub const fn nowhere(value: T) -> Self {
        Self { value, line: 0, column: 0 }
    }

    /// An error that points here.
    pub fn error(&self, source: &Source, message: impl Into<String>) -> ConfigError {
        ConfigError {
            file: source.file.clone(),
            line: self.line,
            column: self.column,
            ..ConfigError::new(message)
        }
    }
}

/// Two configurations that say the same are the same, wherever it stands in them.
impl<T: PartialEq> PartialEq for At<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<T> Deref for At<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for At<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

impl<T: Field> Field for At<T> {
    fn read(node: &Node, source: &Source) -> Result<Self, ConfigError> {
        Ok(Self { value: T::read(node, source)?, line: node.line, column: node.column })
    }

    fn write(&self) -> Option<Out> {
        self.value.write()
    }

    fn write_always(&self) -> Out {
        self.value.write_always()
    }
}
