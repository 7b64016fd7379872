//! Parts of documents: the statements, which both databases understand.

use sqlx::Row;
use sqlx::postgres::PgConnection;
use sqlx::sqlite::SqliteConnection;

use super::{GET_META, SET_META};
use crate::StoreError;
use crate::catalog::{CatalogState, DocumentPartRow, DocumentsChange};

pub(super) const SCHEMA: &str = "CREATE TABLE IF NOT EXISTS vigie_document_parts \
     (id BIGINT PRIMARY KEY, signal TEXT NOT NULL, tenant TEXT NOT NULL, path TEXT NOT NULL, \
     level BIGINT NOT NULL, created_ms BIGINT NOT NULL, start_ns BIGINT NOT NULL, \
     end_ns BIGINT NOT NULL, rows_total BIGINT NOT NULL, bytes BIGINT NOT NULL, \
     sequence_end BIGINT NOT NULL, deleted TEXT NOT NULL)";
const SELECT: &str = "SELECT id, signal, tenant, path, level, created_ms, start_ns, end_ns, \
     rows_total, bytes, sequence_end, deleted FROM vigie_document_parts ORDER BY id";
const INSERT: &str = "INSERT INTO vigie_document_parts (id, signal, tenant, path, level, \
     created_ms, start_ns, end_ns, rows_total, bytes, sequence_end, deleted) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
const REMOVE: &str = "DELETE FROM vigie_document_parts WHERE id = $1";
const SET_DELETED: &str = "UPDATE vigie_document_parts SET deleted = $1 WHERE id = $2";
const SIGNALS: [&str; 2] = ["logs", "spans"];

/// The name under which it is kept how far a signal's log is sealed.
fn sealed_key(sealed_key: &str, signal: &str) -> String {
    format!("{sealed_key}/{signal}")
}

macro_rules! document_statements {
    ($module:ident, $connection:ty) => {
        pub(super) mod $module {
            use super::*;

            /// Reads all parts of documents.
            pub(in super::super) async fn read(
                connection: &mut $connection,
                sealed: &str,
                state: &mut CatalogState,
            ) -> Result<(), StoreError> {
                for row in sqlx::query(SELECT).fetch_all(&mut *connection).await? {
                    let number = |at: usize| row.try_get::<i64, _>(at);
                    state.documents.push(DocumentPartRow {
                        id: number(0)? as u64,
                        signal: row.try_get(1)?,
                        tenant: row.try_get(2)?,
                        path: row.try_get(3)?,
                        level: number(4)? as u32,
                        created_ms: number(5)?,
                        start_ns: number(6)?,
                        end_ns: number(7)?,
                        rows: number(8)? as u64,
                        bytes: number(9)? as u64,
                        sequence_end: number(10)? as u64,
                        deleted: row.try_get(11)?,
                    });
                }
                for signal in SIGNALS {
                    let key = sealed_key(sealed, signal);
                    let row = sqlx::query(GET_META).bind(key).fetch_optional(&mut *connection);
                    if let Some(row) = row.await? {
                        let generation = row.try_get::<i64, _>(0)? as u64;
                        state.documents_sealed.push((signal.to_owned(), generation));
                    }
                }
                Ok(())
            }

            /// Makes a change, within the caller's transaction.
            pub(in super::super) async fn write(
                transaction: &mut $connection,
                change: &DocumentsChange,
                sealed: &str,
            ) -> Result<(), StoreError> {
                for row in &change.add {
                    sqlx::query(INSERT)
                        .bind(row.id as i64)
                        .bind(&row.signal)
                        .bind(&row.tenant)
                        .bind(&row.path)
                        .bind(i64::from(row.level))
                        .bind(row.created_ms)
                        .bind(row.start_ns)
                        .bind(row.end_ns)
                        .bind(row.rows as i64)
                        .bind(row.bytes as i64)
                        .bind(row.sequence_end as i64)
                        .bind(&row.deleted)
                        .execute(&mut *transaction)
                        .await?;
                }
                for id in &change.remove {
                    sqlx::query(REMOVE).bind(*id as i64).execute(&mut *transaction).await?;
                }
                for (id, deleted) in &change.deleted {
                    let set = sqlx::query(SET_DELETED).bind(deleted).bind(*id as i64);
                    set.execute(&mut *transaction).await?;
                }
                if let Some((signal, generation)) = &change.sealed {
                    let set = sqlx::query(SET_META).bind(sealed_key(sealed, signal));
                    set.bind(*generation as i64).execute(&mut *transaction).await?;
                }
                Ok(())
            }
        }
    };
}

document_statements!(in_sqlite, SqliteConnection);
document_statements!(in_postgres, PgConnection);
