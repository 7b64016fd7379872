//! Files that cannot be read.

use std::io;

use vigie_language::yaml::{ConfigError, Source};

/// The error of a configuration file that could not be read.
pub fn load_error(source: &Source, error: &io::Error) -> ConfigError {
    ConfigError { file: source.file.clone(), ..ConfigError::new(error.to_string()) }
}
