//! Reads an answer's body into an [`Ingest`], by its content type.

use std::collections::BTreeMap;

use vigie_model::Metadata;

use super::ingest::{Ingest, IngestError};
use super::settings::JobSettings;

/// Metadata by metric family.
pub type MetadataByMetric = BTreeMap<String, Metadata>;

/// Reads `body`. Metadata that is new or has changed is noted in `metadata` and in the batch.
pub fn read(
    _settings: &JobSettings,
    _content_type: &str,
    _body: &[u8],
    _ingest: &mut Ingest<'_>,
    _metadata: &mut MetadataByMetric,
) -> Result<(), IngestError> {
    Err(IngestError::Parse("expositions cannot be read yet".into()))
}
