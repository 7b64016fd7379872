//! `http_config`, checked where it stands.

use std::ops::Deref;

use vigie_dial::HttpConfig;
use vigie_language::yaml::{ConfigError, Field, Node, Out, Source};

/// How to talk to HTTP servers; what belongs together in it has been checked.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Http(pub HttpConfig);

impl Deref for Http {
    type Target = HttpConfig;
    fn deref(&self) -> &HttpConfig {
        &self.0
    }
}

impl Field for Http {
    fn read(node: &Node, source: &Source) -> Result<Self, ConfigError> {
        let mut config = HttpConfig::read(node, source)?;
        config.check().map_err(|message| node.error(source, message))?;
        Ok(Self(config))
    }

    fn write(&self) -> Option<Out> {
        self.0.write()
    }

    fn write_always(&self) -> Out {
        self.0.write_always()
    }
}
