//! Drives the engines: one per tenant, each with a task that waits, notifies and writes.

mod access;
mod delivery;
mod preview;
mod tenant;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use vigie_model::{Alert, AlertSink, TenantId};
use vigie_world::World;

use crate::{EngineTimes, Limits, PutOutcome, Running};

pub use access::AccessError;
pub use preview::{Preview, RenderedIntegration, preview};
pub use tenant::Tenant;
pub(crate) use tenant::blocking;

/// Tenants with alerts at once; a sender cannot make more.
const TENANTS_MAX: usize = 1_000;

/// What a responder needs besides its configuration.
#[derive(Debug, Clone)]
pub struct ResponderOptions {
    /// Folder in which everything is kept.
    pub data: PathBuf,
    /// Limits for each tenant.
    pub limits: Limits,
    /// Times that no configuration file has.
    pub times: EngineTimes,
}

/// Why a responder does not start or does not keep something.
#[derive(Debug, thiserror::Error)]
pub enum RespondError {
    /// The disk refused.
    #[error("{path}: {source}")]
    Disk {
        /// Which folder.
        path: PathBuf,
        /// What it said.
        source: std::io::Error,
    },
    /// There is no room for another tenant.
    #[error("more than {0} tenants have alerts")]
    TooManyTenants(usize),
}

/// What to do about a [`RespondError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RespondErrorKind {
    /// The machine refused; it may work later.
    Failed,
    /// A limit was reached.
    Limited,
}

impl RespondError {
    /// What to do.
    pub const fn kind(&self) -> RespondErrorKind {
        match self {
            Self::Disk { .. } => RespondErrorKind::Failed,
            Self::TooManyTenants(_) => RespondErrorKind::Limited,
        }
    }
}

/// Everything that reacts.
#[derive(Debug)]
pub struct Responder {
    world: World,
    options: ResponderOptions,
    running: ArcSwap<Running>,
    tenants: Mutex<BTreeMap<TenantId, Arc<Tenant>>>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Responder {
    /// Starts with what was kept in the data folder. Must be called within a runtime.
    pub fn start(
        running: Running,
        options: ResponderOptions,
        world: World,
    ) -> Result<Arc<Self>, RespondError> {
        let responder = Arc::new(Self {
            world,
            options,
            running: ArcSwap::from_pointee(running),
            tenants: Mutex::default(),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
        });
        let folder = responder.options.data.clone();
        let fail = |source| RespondError::Disk { path: folder.clone(), source };
        responder.world.disk.create_folder(&folder).map_err(fail)?;
        for entry in responder.world.disk.list(&folder).map_err(fail)? {
            if entry.kind == vigie_world::EntryKind::Folder
                && let Ok(tenant) = TenantId::new(&entry.name)
            {
                responder.tenant(&tenant)?;
            }
        }
        responder.tenant(&TenantId::default())?;
        Ok(responder)
    }

    /// The tenant's part, opened when it is asked for the first time.
    pub fn tenant(&self, id: &TenantId) -> Result<Arc<Tenant>, RespondError> {
        let mut tenants = self.tenants.lock();
        if let Some(tenant) = tenants.get(id) {
            return Ok(Arc::clone(tenant));
        }
        if tenants.len() >= TENANTS_MAX {
            return Err(RespondError::TooManyTenants(TENANTS_MAX));
        }
        let running = Running::clone(&self.running.load());
        let tenant = Tenant::open(id, running, &self.options, &self.world)?;
        let task = Arc::clone(&tenant).run(self.stop.clone());
        self.tasks.spawn(task);
        tenants.insert(id.clone(), Arc::clone(&tenant));
        Ok(tenant)
    }

    /// The tenants that there are.
    pub fn tenants(&self) -> Vec<(TenantId, Arc<Tenant>)> {
        let tenants = self.tenants.lock();
        tenants.iter().map(|(id, tenant)| (id.clone(), Arc::clone(tenant))).collect()
    }

    /// The configuration that runs.
    pub fn running(&self) -> Arc<Running> {
        self.running.load_full()
    }

    /// Takes alerts and says what came of them.
    pub fn put(&self, tenant: &TenantId, alerts: Vec<Alert>) -> Result<PutOutcome, RespondError> {
        Ok(self.tenant(tenant)?.put(alerts))
    }

    /// Runs another configuration from now on.
    pub fn reload(&self, running: &Running) {
        self.running.store(Arc::new(running.clone()));
        for (_, tenant) in self.tenants() {
            tenant.reload(running.clone());
        }
    }

    /// Ends: what is under way is given up and told again after the next start.
    pub async fn stop(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl AlertSink for Responder {
    fn send(&self, tenant: &TenantId, alerts: Vec<Alert>) {
        match self.put(tenant, alerts) {
            Ok(outcome) => {
                for error in outcome.refused.iter().take(3) {
                    tracing::warn!(%tenant, %error, "an alert is refused");
                }
            }
            Err(error) => tracing::error!(%tenant, %error, "alerts are lost"),
        }
    }
}
