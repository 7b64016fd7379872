//! Reads any bytes as a part of documents: no panic may come out.

use std::sync::Arc;

use bytes::Bytes;

use super::column::BLOCK_ROWS;
use super::filter::{LogFilter, LogQuery, LogTest, TokenPattern};
use super::part::PartReader;
use super::part_view::LogPart;
use crate::StoreError;
use crate::part::PartCache;

/// Opens `bytes` and reads all columns, documents and indexes.
pub(crate) fn fuzz_part(bytes: Bytes) {
    let _any = read_all(bytes);
}

fn read_all(bytes: Bytes) -> Result<(), StoreError> {
    let reader = PartReader::open(Arc::new(bytes), Arc::new(PartCache::new(1 << 20)))?;
    let part = LogPart { columns: Arc::new(reader), deleted: None, bytes: 0, stored: None };
    let mut out = Vec::new();
    for row in 0..part.rows().min(4 * BLOCK_ROWS as u32) {
        out.clear();
        // One damaged document does not keep the others from being read.
        let _any = (part.source(row, &mut out), part.id_of(row), part.index_of(row));
    }
    for (path, _, _) in part.fields()? {
        for test in [
            LogTest::Exists,
            LogTest::Equals(vec!["0123456789abcdef".to_owned(), "1".to_owned()]),
            LogTest::Contains("conn".to_owned()),
            LogTest::AllTokens(vec!["connection".to_owned(), "x1".to_owned()]),
            LogTest::Token(TokenPattern::Contains("nnec".to_owned())),
            LogTest::Numbers { from: Some(("0".to_owned(), true)), to: None },
        ] {
            let _any = part.matching(&LogQuery::new(LogFilter::field(path.as_str(), test)));
        }
    }
    Ok(())
}
