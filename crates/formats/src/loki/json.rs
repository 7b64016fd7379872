//! A push request as JSON: `{"streams":[{"stream":{...},"values":[["<ns>","line",{...}]]}]}`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, SeqAccess, Visitor};
use vigie_model::{Labels, LogBatch};

use super::stream::{Line, StreamWriter};
use super::{PushError, PushLimits, PushReport};

#[derive(Deserialize)]
struct Request<'a> {
    #[serde(borrow, default)]
    streams: Vec<Stream<'a>>,
}

#[derive(Deserialize)]
struct Stream<'a> {
    #[serde(borrow, default)]
    stream: BTreeMap<Text<'a>, Text<'a>>,
    #[serde(borrow, default)]
    values: Vec<Entry<'a>>,
}

/// A text that borrows where it can.
#[derive(Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(transparent)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

struct Entry<'a> {
    time_ns: i64,
    text: Text<'a>,
    metadata: BTreeMap<Text<'a>, Text<'a>>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Entry<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(EntryVisitor)
    }
}

struct EntryVisitor;

impl<'de> Visitor<'de> for EntryVisitor {
    type Value = Entry<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of time, line and maybe structured metadata")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Entry<'de>, A::Error> {
        let time: Text<'_> = list.next_element()?.ok_or_else(|| A::Error::custom("no time"))?;
        let time_ns = time.0.parse().map_err(|_| {
            A::Error::custom(format!("the time {:?} is no number of nanoseconds", time.0))
        })?;
        let text = list.next_element()?.ok_or_else(|| A::Error::custom("no line"))?;
        let metadata = list.next_element()?.unwrap_or_default();
        while list.next_element::<serde::de::IgnoredAny>()?.is_some() {}
        Ok(Entry { time_ns, text, metadata })
    }
}

pub(super) fn decode(
    body: &[u8],
    index: &str,
    limits: &PushLimits,
    batch: &mut LogBatch,
) -> Result<PushReport, PushError> {
    let request: Request<'_> = serde_json::from_slice(body)?;
    if request.streams.is_empty() {
        return Err(PushError::NoStream);
    }
    let index = batch.index(index);
    let mut report = PushReport::default();
    for stream in &request.streams {
        let labels =
            Labels::from_pairs(stream.stream.iter().map(|(name, value)| (&*name.0, &*value.0)));
        let writer = match StreamWriter::new(&labels, limits) {
            Ok(writer) => writer,
            Err(error) => {
                report.refuse(stream.values.len(), || error);
                continue;
            }
        };
        for entry in &stream.values {
            let metadata: Vec<(&str, &str)> =
                entry.metadata.iter().map(|(name, value)| (&*name.0, &*value.0)).collect();
            let line = Line { time_ns: entry.time_ns, text: &entry.text.0, metadata: &metadata };
            writer.push(&line, index, batch, &mut report);
        }
    }
    Ok(report)
}
