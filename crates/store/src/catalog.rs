//! The catalog: which parts there are, and what is deleted from them.
//!
//! A part counts from the transaction that names it, and is gone with the one that removes it. The
//! same transaction says up to which generation the write-ahead log is in parts, so that after
//! a crash nothing is missing and nothing is there twice.

mod documents;
pub(crate) mod memory;
#[cfg(feature = "catalog-sql")]
pub(crate) mod sql;
#[cfg(all(test, feature = "catalog-sql"))]
mod tests;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use vigie_model::{MatchOp, Matcher, TimeRange};

use crate::StoreError;
use crate::part::PartMeta;

pub(crate) use documents::{DocumentPartRow, DocumentsChange, pack_rows, unpack_rows};

/// A part as the catalog knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartRow {
    /// Its number; later parts have larger ones.
    pub id: u64,
    /// Whose it is.
    pub tenant: String,
    /// Where it is, below the folder or bucket of parts.
    pub path: String,
    /// Its place among the tenant's parts: what was written first has the lowest.
    pub rank: u64,
    /// How often its points were merged.
    pub level: u32,
    /// When it was written, milliseconds since the epoch.
    pub created_ms: i64,
    /// Which rules for old data it has been through: a number made of them; 0: none.
    pub aged: u64,
    /// What it holds.
    pub meta: PartMeta,
}

/// A deletion: points in `range` of matching series in parts up to `part_id_max` are gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TombstoneRow {
    pub(crate) id: u64,
    pub(crate) tenant: String,
    pub(crate) part_id_max: u64,
    pub(crate) range: TimeRange,
    pub(crate) matchers: Vec<Matcher>,
}

/// All that the catalog holds.
#[derive(Debug, Clone, Default)]
pub(crate) struct CatalogState {
    pub(crate) parts: Vec<PartRow>,
    pub(crate) tombstones: Vec<TombstoneRow>,
    /// Generations of the write-ahead log up to this one are in parts.
    pub(crate) sealed_generation: u64,
    /// Parts of documents, in the order in which they were written.
    pub(crate) documents: Vec<DocumentPartRow>,
    /// Signals of documents, and up to which generation of their log all is in parts.
    pub(crate) documents_sealed: Vec<(String, u64)>,
    /// Tells this catalog from all others.
    pub(crate) identity: u64,
}

/// One transaction.
#[derive(Debug, Clone, Default)]
pub(crate) struct Change {
    pub(crate) add: Vec<PartRow>,
    pub(crate) remove: Vec<u64>,
    pub(crate) sealed_generation: Option<u64>,
    pub(crate) add_tombstones: Vec<TombstoneRow>,
    pub(crate) remove_tombstones: Vec<u64>,
    pub(crate) documents: DocumentsChange,
    /// Parts that stay and have been through other rules for old data.
    pub(crate) aged: Vec<(u64, u64)>,
}

/// Keeps the catalog.
#[async_trait]
pub(crate) trait Catalog: Send + Sync + std::fmt::Debug {
    /// Reads everything.
    async fn load(&self) -> Result<CatalogState, StoreError>;
    /// Makes a change, all or nothing; it is durable when this returns.
    async fn commit(&self, change: &Change) -> Result<(), StoreError>;
    /// Writes a copy of the catalog that a store in `folder` finds as its own.
    async fn copy_to(
        &self,
        folder: &std::path::Path,
        state: &CatalogState,
    ) -> Result<(), StoreError>;
}

/// A matcher as the catalog stores it.
#[derive(Debug, Serialize, Deserialize)]
struct StoredMatcher {
    name: String,
    op: String,
    value: String,
}

fn matchers_to_json(matchers: &[Matcher]) -> Result<String, StoreError> {
    let stored = matchers.iter().map(|matcher| StoredMatcher {
        name: matcher.name.clone(),
        op: matcher.op.as_str().to_owned(),
        value: matcher.value.clone(),
    });
    serde_json::to_string(&stored.collect::<Vec<_>>()).map_err(|error| corrupt(&error))
}

fn matchers_from_json(json: &str) -> Result<Vec<Matcher>, StoreError> {
    let stored: Vec<StoredMatcher> = serde_json::from_str(json).map_err(|error| corrupt(&error))?;
    let all = [MatchOp::Equal, MatchOp::NotEqual, MatchOp::Regex, MatchOp::NotRegex];
    let matcher = |stored: StoredMatcher| {
        let op = all.into_iter().find(|op| op.as_str() == stored.op);
        op.map(|op| Matcher::new(stored.name, op, stored.value))
            .ok_or_else(|| corrupt(&"an operator is unknown"))
    };
    stored.into_iter().map(matcher).collect()
}

fn corrupt(detail: &dyn std::fmt::Display) -> StoreError {
    StoreError::Corrupt { what: "catalog".to_owned(), detail: detail.to_string() }
}
