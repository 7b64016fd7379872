//! The catalog in SQLite or PostgreSQL.

use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use sqlx::postgres::PgConnection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, Row};
use tokio::sync::Mutex;
use vigie_model::TimeRange;

use super::{
    Catalog, CatalogState, Change, PartRow, TombstoneRow, corrupt, matchers_from_json,
    matchers_to_json,
};
use crate::StoreError;
use crate::part::PartMeta;

/// Name of the SQLite file in the data folder.
pub(crate) const FILE_NAME: &str = "catalog.sqlite";

const SCHEMA: [&str; 3] = [
    "CREATE TABLE IF NOT EXISTS vigie_parts (id BIGINT PRIMARY KEY, tenant TEXT NOT NULL, \
     signal TEXT NOT NULL, path TEXT NOT NULL, level BIGINT NOT NULL, rank BIGINT NOT NULL, created_ms BIGINT NOT NULL, \
     start_ms BIGINT NOT NULL, end_ms BIGINT NOT NULL, series BIGINT NOT NULL, \
     samples BIGINT NOT NULL, exemplars BIGINT NOT NULL, bytes BIGINT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS vigie_tombstones (id BIGINT PRIMARY KEY, tenant TEXT NOT NULL, \
     part_id_max BIGINT NOT NULL, start_ms BIGINT NOT NULL, end_ms BIGINT NOT NULL, \
     matchers TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS vigie_meta (name TEXT PRIMARY KEY, value BIGINT NOT NULL)",
];
const SELECT_PARTS: &str = "SELECT id, tenant, path, level, created_ms, start_ms, end_ms, series, \
     samples, exemplars, bytes, rank FROM vigie_parts WHERE signal = 'metrics' ORDER BY rank";
const SELECT_TOMBSTONES: &str = "SELECT id, tenant, part_id_max, start_ms, end_ms, matchers \
     FROM vigie_tombstones ORDER BY id";
const INSERT_PART: &str = "INSERT INTO vigie_parts (id, tenant, path, level, created_ms, start_ms, \
     end_ms, series, samples, exemplars, bytes, rank, signal) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 'metrics')";
const INSERT_TOMBSTONE: &str = "INSERT INTO vigie_tombstones (id, tenant, part_id_max, start_ms, \
     end_ms, matchers) VALUES ($1, $2, $3, $4, $5, $6)";
const SET_META: &str = "INSERT INTO vigie_meta (name, value) VALUES ($1, $2) \
     ON CONFLICT (name) DO UPDATE SET value = excluded.value";
const SEALED: &str = "sealed_generation";
const VERSION: &str = "version";
const VERSION_NUMBER: i64 = 1;

/// Both databases speak the same SQL here; only the connection's type differs.
macro_rules! sql_catalog {
    ($(#[$doc:meta])* $name:ident, $connection:ty) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub(crate) struct $name {
            connection: Mutex<$connection>,
        }

        impl $name {
            async fn prepare(mut connection: $connection) -> Result<Self, StoreError> {
                for statement in SCHEMA {
                    sqlx::query(statement).execute(&mut connection).await?;
                }
                let version = sqlx::query("SELECT value FROM vigie_meta WHERE name = $1")
                    .bind(VERSION)
                    .fetch_optional(&mut connection)
                    .await?;
                let version = version.map(|row| row.try_get::<i64, _>(0)).transpose()?;
                match version {
                    None => {
                        let set = sqlx::query(SET_META).bind(VERSION).bind(VERSION_NUMBER);
                        set.execute(&mut connection).await?;
                    }
                    Some(VERSION_NUMBER) => {}
                    Some(other) => {
                        let detail = format!("version {other} is not known to this program");
                        return Err(corrupt(&detail));
                    }
                }
                Ok(Self { connection: Mutex::new(connection) })
            }

            async fn read(&self) -> Result<CatalogState, StoreError> {
                let connection = &mut *self.connection.lock().await;
                let mut state = CatalogState::default();
                for row in sqlx::query(SELECT_PARTS).fetch_all(&mut *connection).await? {
                    let number = |at: usize| row.try_get::<i64, _>(at);
                    state.parts.push(PartRow {
                        id: number(0)? as u64,
                        tenant: row.try_get(1)?,
                        path: row.try_get(2)?,
                        rank: number(11)? as u64,
                        level: number(3)? as u32,
                        created_ms: number(4)?,
                        meta: PartMeta {
                            start_ms: number(5)?,
                            end_ms: number(6)?,
                            series: number(7)? as u64,
                            samples: number(8)? as u64,
                            exemplars: number(9)? as u64,
                            bytes: number(10)? as u64,
                        },
                    });
                }
                for row in sqlx::query(SELECT_TOMBSTONES).fetch_all(&mut *connection).await? {
                    let number = |at: usize| row.try_get::<i64, _>(at);
                    state.tombstones.push(TombstoneRow {
                        id: number(0)? as u64,
                        tenant: row.try_get(1)?,
                        part_id_max: number(2)? as u64,
                        range: TimeRange::new(number(3)?, number(4)?),
                        matchers: matchers_from_json(row.try_get(5)?)?,
                    });
                }
                let sealed = sqlx::query("SELECT value FROM vigie_meta WHERE name = $1")
                    .bind(SEALED)
                    .fetch_optional(&mut *connection)
                    .await?;
                let sealed = sealed.map(|row| row.try_get::<i64, _>(0)).transpose()?;
                state.sealed_generation = sealed.unwrap_or(0) as u64;
                Ok(state)
            }

            async fn write(&self, change: &Change) -> Result<(), StoreError> {
                let connection = &mut *self.connection.lock().await;
                let mut transaction = connection.begin().await?;
                for row in &change.add {
                    sqlx::query(INSERT_PART)
                        .bind(row.id as i64)
                        .bind(&row.tenant)
                        .bind(&row.path)
                        .bind(i64::from(row.level))
                        .bind(row.created_ms)
                        .bind(row.meta.start_ms)
                        .bind(row.meta.end_ms)
                        .bind(row.meta.series as i64)
                        .bind(row.meta.samples as i64)
                        .bind(row.meta.exemplars as i64)
                        .bind(row.meta.bytes as i64)
                        .bind(row.rank as i64)
                        .execute(&mut *transaction)
                        .await?;
                }
                for row in &change.add_tombstones {
                    sqlx::query(INSERT_TOMBSTONE)
                        .bind(row.id as i64)
                        .bind(&row.tenant)
                        .bind(row.part_id_max as i64)
                        .bind(row.range.start_ms)
                        .bind(row.range.end_ms)
                        .bind(matchers_to_json(&row.matchers)?)
                        .execute(&mut *transaction)
                        .await?;
                }
                for (statement, ids) in [
                    ("DELETE FROM vigie_parts WHERE id = $1", &change.remove),
                    ("DELETE FROM vigie_tombstones WHERE id = $1", &change.remove_tombstones),
                ] {
                    for id in ids {
                        let delete = sqlx::query(statement).bind(*id as i64);
                        delete.execute(&mut *transaction).await?;
                    }
                }
                if let Some(generation) = change.sealed_generation {
                    let set = sqlx::query(SET_META).bind(SEALED).bind(generation as i64);
                    set.execute(&mut *transaction).await?;
                }
                Ok(transaction.commit().await?)
            }
        }

        #[async_trait]
        impl Catalog for $name {
            async fn load(&self) -> Result<CatalogState, StoreError> {
                self.read().await
            }

            async fn commit(&self, change: &Change) -> Result<(), StoreError> {
                self.write(change).await
            }

            async fn copy_to(
                &self,
                folder: &Path,
                state: &CatalogState,
            ) -> Result<(), StoreError> {
                copy(folder, state).await
            }
        }
    };
}

sql_catalog!(
    /// The catalog in a SQLite file: what one machine needs.
    SqliteCatalog,
    SqliteConnection
);
sql_catalog!(
    /// The catalog in PostgreSQL: for parts shared by several machines.
    PostgresCatalog,
    PgConnection
);

impl SqliteCatalog {
    /// Opens the catalog in `folder`, and makes it when it is not there.
    pub(crate) async fn open(folder: &Path) -> Result<Self, StoreError> {
        // FULL, because a commit that the log relies on must survive the loss of power.
        let options = SqliteConnectOptions::new()
            .filename(folder.join(FILE_NAME))
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(Duration::from_secs(10))
            .disable_statement_logging();
        Self::prepare(SqliteConnection::connect_with(&options).await?).await
    }

    /// Opens the catalog at `url` or in `folder`.
    pub(crate) async fn open_any(
        url: Option<&str>,
        folder: &Path,
    ) -> Result<std::sync::Arc<dyn Catalog>, StoreError> {
        match url {
            None => Ok(std::sync::Arc::new(Self::open(folder).await?)),
            Some(url) => {
                let connection = PgConnection::connect(url).await?;
                Ok(std::sync::Arc::new(PostgresCatalog::prepare(connection).await?))
            }
        }
    }
}

/// A SQLite catalog in `folder` with the content of `state`.
async fn copy(folder: &Path, state: &CatalogState) -> Result<(), StoreError> {
    let copy = SqliteCatalog::open(folder).await?;
    let change = Change {
        add: state.parts.clone(),
        add_tombstones: state.tombstones.clone(),
        sealed_generation: Some(state.sealed_generation),
        ..Change::default()
    };
    copy.write(&change).await?;
    Ok(copy.connection.into_inner().close().await?)
}
