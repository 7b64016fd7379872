//! The catalog in a SQLite file: what one machine needs. The data folder's lock keeps others out.

use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection};
use tokio::sync::Mutex;

use super::{Guard, SEALED, in_sqlite};
use crate::StoreError;
use crate::catalog::{Catalog, CatalogState, Change};

/// Name of the file in the data folder.
const FILE_NAME: &str = "catalog.sqlite";

/// The catalog in a SQLite file.
#[derive(Debug)]
pub(crate) struct SqliteCatalog {
    connection: Mutex<SqliteConnection>,
}

impl SqliteCatalog {
    /// Opens the catalog in `folder`, and makes it, with this identity, when it is not there.
    pub(crate) async fn open(folder: &Path, identity: u64) -> Result<Self, StoreError> {
        // FULL, because a commit that the log relies on must survive the loss of power.
        let options = SqliteConnectOptions::new()
            .filename(folder.join(FILE_NAME))
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(Duration::from_secs(10))
            .disable_statement_logging();
        let mut connection = SqliteConnection::connect_with(&options).await?;
        in_sqlite::prepare(&mut connection, identity).await?;
        Ok(Self { connection: Mutex::new(connection) })
    }
}

#[async_trait]
impl Catalog for SqliteCatalog {
    async fn load(&self) -> Result<CatalogState, StoreError> {
        in_sqlite::read(&mut *self.connection.lock().await, SEALED).await
    }

    async fn commit(&self, change: &Change) -> Result<(), StoreError> {
        let guard = Guard { sealed_key: SEALED, epoch: None };
        in_sqlite::write(&mut *self.connection.lock().await, change, guard).await
    }

    async fn copy_to(&self, folder: &Path, state: &CatalogState) -> Result<(), StoreError> {
        copy(folder, state).await
    }
}

/// A SQLite catalog in `folder` with the content of `state`, and an identity of its own.
pub(super) async fn copy(folder: &Path, state: &CatalogState) -> Result<(), StoreError> {
    let copy = SqliteCatalog::open(folder, state.identity).await?;
    let change = Change {
        add: state.parts.clone(),
        add_tombstones: state.tombstones.clone(),
        sealed_generation: Some(state.sealed_generation),
        ..Change::default()
    };
    copy.commit(&change).await?;
    Ok(copy.connection.into_inner().close().await?)
}
