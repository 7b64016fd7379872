//! Configurations of Filebeat: where they are and where they listen.

use std::net::IpAddr;
use std::path::PathBuf;

/// A configuration that will run.
#[derive(Debug, Clone)]
pub(crate) struct FilebeatPlan {
    pub(crate) path: PathBuf,
    /// Where inputs listen that name no address, and what is added to their ports.
    pub(crate) listen: IpAddr,
    pub(crate) offset: u16,
}

impl FilebeatPlan {
    pub(super) const fn of(path: PathBuf, (listen, offset): (IpAddr, u16)) -> Self {
        Self { path, listen, offset }
    }
}
