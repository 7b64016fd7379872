//! Names, patterns, aliases and data streams as the indices that they mean.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use vigie_language::search::{Pattern, resolve_index_expression};
use vigie_query::search::{Compiler, Schema, Searcher, add_found_fields};
use vigie_store::logs::LogSnapshot;

use super::call::Call;
use super::error::ApiError;
use super::metadata::Metadata;
use super::state::Api;

/// The indices of an expression, and what is known of them.
#[derive(Debug)]
pub(super) struct Resolved {
    pub(super) names: Vec<String>,
    pub(super) metadata: Arc<Metadata>,
    pub(super) snapshot: Arc<LogSnapshot>,
}

/// How missing indices are taken.
#[derive(Debug, Clone, Copy)]
pub(super) struct Missing {
    /// A name that is not there is passed over.
    pub(super) ignores_unavailable: bool,
    /// A pattern that matches nothing is no error.
    pub(super) allows_none: bool,
}

impl Missing {
    pub(super) fn of(call: &Call) -> Self {
        Self {
            ignores_unavailable: call.flag("ignore_unavailable"),
            allows_none: call.parameter("allow_no_indices") != Some("false"),
        }
    }
}

/// Names of indices that have documents in the store.
pub(super) fn stored_names(snapshot: &LogSnapshot) -> BTreeSet<String> {
    snapshot.parts().iter().flat_map(|part| part.indexes().iter().cloned()).collect()
}

/// All indices: those that were created, and those that only have documents.
pub(super) fn all_names(metadata: &Metadata, snapshot: &LogSnapshot) -> BTreeSet<String> {
    let mut names: BTreeSet<String> = metadata.indices.keys().cloned().collect();
    names
        .extend(stored_names(snapshot).into_iter().filter(|name| !metadata.deleted.contains(name)));
    names
}

impl Api {
    pub(super) fn snapshot(&self, call: &Call) -> Arc<LogSnapshot> {
        Arc::new(self.state.store.log_snapshot(&call.tenant))
    }

    /// The indices that `expression` means.
    pub(super) fn resolve(
        &self,
        call: &Call,
        expression: &str,
        missing: Missing,
    ) -> Result<Resolved, ApiError> {
        let metadata = self.tenants.read(&call.tenant)?;
        let snapshot = self.snapshot(call);
        let names = indices_of(&metadata, &snapshot, expression, self.now_ms(), missing)?;
        Ok(Resolved { names, metadata, snapshot })
    }

    /// What searches of `resolved` run over.
    pub(super) fn searcher(
        &self,
        resolved: &Resolved,
        stop: Arc<AtomicBool>,
    ) -> Result<Searcher, ApiError> {
        let mut schema = Schema::new();
        for name in &resolved.names {
            if let Some(index) = resolved.metadata.indices.get(name) {
                schema.add_mappings(&index.mappings);
            }
        }
        add_found_fields(&mut schema, &resolved.snapshot)?;
        let has_all =
            stored_names(&resolved.snapshot).iter().all(|name| resolved.names.contains(name));
        Ok(Searcher {
            snapshot: Arc::clone(&resolved.snapshot),
            compiler: Compiler {
                schema: Arc::new(schema),
                now_ms: self.now_ms(),
                indexes: Arc::new(resolved.names.clone()),
            },
            indexes: (!has_all).then(|| resolved.names.clone()),
            stop,
        })
    }
}

fn indices_of(
    metadata: &Metadata,
    snapshot: &LogSnapshot,
    expression: &str,
    now_ms: i64,
    missing: Missing,
) -> Result<Vec<String>, ApiError> {
    let parts = resolve_index_expression(expression, now_ms)
        .map_err(|error| ApiError::new("invalid_index_name_exception", error.to_string(), 400))?;
    let all = all_names(metadata, snapshot);
    let mut found = BTreeSet::new();
    for part in &parts {
        let matching = matching(metadata, &all, &part.pattern, &part.text);
        if part.is_exclusion {
            found.retain(|name| !matching.contains(name));
            continue;
        }
        let is_refused =
            if part.is_wildcard() { !missing.allows_none } else { !missing.ignores_unavailable };
        if matching.is_empty() && is_refused {
            return Err(ApiError::no_index(&part.text));
        }
        found.extend(matching);
    }
    found.retain(|name| metadata.indices.get(name).is_none_or(|index| !index.is_closed));
    Ok(found.into_iter().collect())
}

/// The indices that a name or pattern means, by their own names, data streams and aliases.
fn matching(
    metadata: &Metadata,
    all: &BTreeSet<String>,
    pattern: &Pattern,
    text: &str,
) -> BTreeSet<String> {
    if let Some(name) = pattern.as_literal()
        && all.contains(name)
    {
        return BTreeSet::from([name.to_owned()]);
    }
    // Hidden indices are meant only by patterns that begin with a dot, but those of data streams
    // by the stream's name.
    let is_hidden = |name: &str| name.starts_with('.') && !text.starts_with('.');
    let mut found: BTreeSet<String> =
        all.iter().filter(|name| pattern.matches(name) && !is_hidden(name)).cloned().collect();
    for (name, stream) in &metadata.data_streams {
        if pattern.matches(name) && !is_hidden(name) {
            found.extend(stream.indices.iter().cloned());
        }
    }
    for (name, index) in &metadata.indices {
        if index.aliases.keys().any(|alias| pattern.matches(alias)) {
            found.insert(name.clone());
        }
    }
    found
}
