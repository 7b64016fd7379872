//! The catalog in SQLite or PostgreSQL: the statements, which both understand.

mod documents;
mod postgres;
mod sqlite;

use std::collections::HashMap;

use sqlx::postgres::PgConnection;
use sqlx::sqlite::SqliteConnection;
use sqlx::{Connection, Row};
use vigie_model::TimeRange;

use super::{
    CatalogState, Change, PartRow, TombstoneRow, corrupt, matchers_from_json, matchers_to_json,
};
use crate::StoreError;
use crate::part::PartMeta;

pub(crate) use postgres::PostgresCatalog;
pub(crate) use sqlite::SqliteCatalog;

const SCHEMA: [&str; 4] = [
    documents::SCHEMA,
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
const GET_META: &str = "SELECT value FROM vigie_meta WHERE name = $1";
const FORGET_META: &str = "DELETE FROM vigie_meta WHERE name = $1";
const SET_META_ONCE: &str =
    "INSERT INTO vigie_meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING";
const HOLD_EPOCH: &str = "UPDATE vigie_meta SET value = value WHERE name = $1 AND value = $2";
const SET_META: &str = "INSERT INTO vigie_meta (name, value) VALUES ($1, $2) \
     ON CONFLICT (name) DO UPDATE SET value = excluded.value";
const SEALED: &str = "sealed_generation";
/// Set once, at random: tells this catalog's parts from those of others in one bucket.
const IDENTITY: &str = "identity";
/// Raised by each process that takes the catalog over; a process whose epoch is over is refused.
const EPOCH: &str = "epoch";
/// With the number of a part: which rules for old data it has been through.
const AGED: &str = "aged/";
const SELECT_AGED: &str = "SELECT name, value FROM vigie_meta WHERE name LIKE 'aged/%'";
/// The last change, so that one whose answer was lost can be recognised.
const LAST_CHANGE: &str = "last_change";
const VERSION: &str = "version";
const VERSION_NUMBER: i64 = 1;

/// What a change is written with.
#[derive(Debug, Clone, Copy)]
struct Guard<'a> {
    /// The name under which this process' log keeps how far it is sealed.
    sealed_key: &'a str,
    /// The epoch that must still be ours, and the number of the change.
    epoch: Option<(i64, i64)>,
}

/// Both databases speak the same SQL here; only the connection's type differs.
macro_rules! statements {
    ($module:ident, $connection:ty) => {
        mod $module {
            use super::*;

            /// Makes the tables, checks their version, and gives the catalog an identity.
            pub(super) async fn prepare(
                connection: &mut $connection,
                identity: u64,
            ) -> Result<(), StoreError> {
                for statement in SCHEMA {
                    sqlx::query(statement).execute(&mut *connection).await?;
                }
                match get_meta(connection, VERSION).await? {
                    None => {
                        let set = sqlx::query(SET_META).bind(VERSION).bind(VERSION_NUMBER);
                        set.execute(&mut *connection).await?;
                    }
                    Some(VERSION_NUMBER) => {}
                    Some(other) => {
                        let detail = format!("version {other} is not known to this program");
                        return Err(corrupt(&detail));
                    }
                }
                let set = sqlx::query(SET_META_ONCE).bind(IDENTITY).bind((identity >> 1) as i64);
                set.execute(&mut *connection).await?;
                Ok(())
            }

            /// A number that the catalog keeps.
            pub(super) async fn get_meta(
                connection: &mut $connection,
                name: &str,
            ) -> Result<Option<i64>, sqlx::Error> {
                let row = sqlx::query(GET_META).bind(name).fetch_optional(connection).await?;
                row.map(|row| row.try_get::<i64, _>(0)).transpose()
            }

            /// All that the catalog holds.
            pub(super) async fn read(
                connection: &mut $connection,
                sealed_key: &str,
            ) -> Result<CatalogState, StoreError> {
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
                        aged: 0,
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
                documents::$module::read(connection, sealed_key, &mut state).await?;
                let mut aged = HashMap::new();
                for row in sqlx::query(SELECT_AGED).fetch_all(&mut *connection).await? {
                    let (name, value): (String, i64) = (row.try_get(0)?, row.try_get(1)?);
                    let id = name.strip_prefix(AGED).and_then(|id| id.parse::<u64>().ok());
                    aged.extend(id.map(|id| (id, value as u64)));
                }
                for part in &mut state.parts {
                    part.aged = aged.get(&part.id).copied().unwrap_or(0);
                }
                let sealed = get_meta(connection, sealed_key).await?;
                state.sealed_generation = sealed.unwrap_or(0) as u64;
                state.identity = get_meta(connection, IDENTITY).await?.unwrap_or(0) as u64;
                Ok(state)
            }

            /// One transaction. `RowNotFound` when the epoch is another's.
            pub(super) async fn write(
                connection: &mut $connection,
                change: &Change,
                guard: Guard<'_>,
            ) -> Result<(), StoreError> {
                let mut transaction = connection.begin().await?;
                if let Some((epoch, number)) = guard.epoch {
                    let hold = sqlx::query(HOLD_EPOCH).bind(EPOCH).bind(epoch);
                    if hold.execute(&mut *transaction).await?.rows_affected() != 1 {
                        return Err(sqlx::Error::RowNotFound.into());
                    }
                    let set = sqlx::query(SET_META).bind(LAST_CHANGE).bind(number);
                    set.execute(&mut *transaction).await?;
                }
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
                let key = guard.sealed_key;
                documents::$module::write(&mut transaction, &change.documents, key).await?;
                let added = change.add.iter().map(|row| (row.id, row.aged));
                for (id, aged) in added.chain(change.aged.iter().copied()) {
                    if aged != 0 {
                        let name = format!("{AGED}{id}");
                        let set = sqlx::query(SET_META).bind(name).bind(aged as i64);
                        set.execute(&mut *transaction).await?;
                    }
                }
                for id in &change.remove {
                    let forget = sqlx::query(FORGET_META).bind(format!("{AGED}{id}"));
                    forget.execute(&mut *transaction).await?;
                }
                if let Some(generation) = change.sealed_generation {
                    let set = sqlx::query(SET_META).bind(guard.sealed_key).bind(generation as i64);
                    set.execute(&mut *transaction).await?;
                }
                Ok(transaction.commit().await?)
            }
        }
    };
}

statements!(in_sqlite, SqliteConnection);
statements!(in_postgres, PgConnection);
