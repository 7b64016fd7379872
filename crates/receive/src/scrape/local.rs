//! Targets that Vigie itself is: answered in process, without a socket.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

/// A part of Vigie that shows metrics.
pub trait LocalExposition: Send + Sync + fmt::Debug {
    /// The content type and the body of `/metrics`. May take a few milliseconds: it is called
    /// outside of the async executor's threads.
    fn expose(&self) -> (String, Bytes);
}

/// Which addresses (`host:port`) Vigie itself is.
#[derive(Debug, Clone, Default)]
pub struct LocalTargets(BTreeMap<String, LocalTarget>);

#[derive(Debug, Clone)]
struct LocalTarget {
    part: Arc<dyn LocalExposition>,
    unless_resolved: bool,
}

impl LocalTargets {
    /// None.
    pub fn new() -> Self {
        Self::default()
    }

    /// Answers for `address` always.
    pub fn add(&mut self, address: &str, part: Arc<dyn LocalExposition>) -> &mut Self {
        self.0.insert(address.to_owned(), LocalTarget { part, unless_resolved: false });
        self
    }

    /// Answers for `address` only while its host name is unknown to DNS: the names that
    /// containers of the replaced programs have.
    pub fn add_unless_resolved(
        &mut self,
        address: &str,
        part: Arc<dyn LocalExposition>,
    ) -> &mut Self {
        self.0.insert(address.to_owned(), LocalTarget { part, unless_resolved: true });
        self
    }

    /// The part that answers for `address`, and whether that holds only if DNS does not know it.
    pub fn get(&self, address: &str) -> Option<(&Arc<dyn LocalExposition>, bool)> {
        self.0.get(address).map(|target| (&target.part, target.unless_resolved))
    }
}
