//! Exemplars and metadata: few, each block complete in itself.

use std::collections::BTreeMap;

use vigie_model::{Exemplar, Labels, Metadata, MetricType};

use crate::StoreError;
use crate::codec::Input;
use crate::codec::input::{put_prefixed, put_signed, put_varint};

/// Appends a series and its exemplars to a block.
pub(super) fn encode_exemplars(labels: &Labels, exemplars: &[Exemplar], out: &mut Vec<u8>) {
    put_prefixed(out, labels.as_packed());
    put_varint(out, exemplars.len() as u64);
    let mut last = 0i64;
    for exemplar in exemplars {
        put_signed(out, exemplar.timestamp_ms.wrapping_sub(last));
        last = exemplar.timestamp_ms;
        out.extend_from_slice(&exemplar.value.to_bits().to_le_bytes());
        put_prefixed(out, exemplar.labels.as_packed());
    }
}

/// Reads a block of series with their exemplars.
pub(super) fn decode_exemplars(bytes: &[u8]) -> Result<Vec<(Labels, Vec<Exemplar>)>, StoreError> {
    let mut input = Input::new(bytes);
    let mut series = Vec::new();
    while !input.is_empty() {
        let labels = take_labels(&mut input)?;
        let count = input.count(input.rest().len())?;
        let mut exemplars = Vec::new();
        let mut timestamp_ms = 0i64;
        for _ in 0..count {
            timestamp_ms = timestamp_ms.wrapping_add(input.signed()?);
            let value = f64::from_bits(u64::from_le_bytes(input.array()?));
            exemplars.push(Exemplar { labels: take_labels(&mut input)?, value, timestamp_ms });
        }
        series.push((labels, exemplars));
    }
    Ok(series)
}

fn take_labels(input: &mut Input<'_>) -> Result<Labels, StoreError> {
    Labels::from_packed(input.prefixed()?)
        .ok_or_else(|| super::corrupt("labels are not well formed"))
}

/// Writes metadata by metric family.
pub(super) fn encode_metadata(families: &BTreeMap<String, Vec<Metadata>>) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, list) in families {
        for metadata in list {
            put_prefixed(&mut out, name.as_bytes());
            put_prefixed(&mut out, metadata.kind.as_str().as_bytes());
            put_prefixed(&mut out, metadata.help.as_bytes());
            put_prefixed(&mut out, metadata.unit.as_bytes());
        }
    }
    out
}

/// Reads metadata by metric family.
pub(super) fn decode_metadata(bytes: &[u8]) -> Result<BTreeMap<String, Vec<Metadata>>, StoreError> {
    let mut input = Input::new(bytes);
    let mut families: BTreeMap<String, Vec<Metadata>> = BTreeMap::new();
    while !input.is_empty() {
        let name = input.text()?.to_owned();
        let kind = MetricType::parse(input.text()?).unwrap_or_default();
        let (help, unit) = (input.text()?.to_owned(), input.text()?.to_owned());
        families.entry(name).or_default().push(Metadata { kind, help, unit });
    }
    Ok(families)
}
