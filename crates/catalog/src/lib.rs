//! What people decide: users, sessions, tokens, dashboards with their versions, folders,
//! annotations, data sources, preferences, and what was provisioned over HTTP.
//!
//! A change enters by [`Catalog::change`]: the caller looks at the [`State`] and says which
//! [`Change`]s follow from it; these are held against the limits, written to the journal as one
//! line, synced, and only then visible. Readers take the state as it is; nothing here is ever
//! half done, also after a loss of power. What HTTP calls these things is not known here, nor
//! who may do what.

mod catalog;
mod change;
mod error;
mod journal;
mod limits;
mod records;
mod state;

pub use catalog::Catalog;
pub use change::{Change, ProvisionedKind};
pub use error::{CatalogError, CatalogErrorKind};
pub use limits::Limits;
pub use records::{
    Account, Annotation, Dashboard, DashboardVersion, DataSource, Folder, Preferences, Role,
    Session, Token, User,
};
pub use state::State;
