//! `PushRequest` as protobuf.

use vigie_model::{LogBatch, parse_stream_text};

use super::stream::{Line, StreamWriter};
use super::{PushError, PushLimits, PushReport};
use crate::protobuf::{Reader, WireError};

pub(super) fn decode(
    message: &[u8],
    index: &str,
    limits: &PushLimits,
    batch: &mut LogBatch,
) -> Result<PushReport, PushError> {
    let index = batch.index(index);
    let mut report = PushReport::default();
    let mut has_stream = false;
    let mut reader = Reader::new(message);
    while let Some(field) = reader.field()? {
        if field.number == 1 {
            has_stream = true;
            stream(field.bytes()?, index, limits, batch, &mut report)?;
        }
    }
    if has_stream { Ok(report) } else { Err(PushError::NoStream) }
}

fn stream(
    message: &[u8],
    index: u32,
    limits: &PushLimits,
    batch: &mut LogBatch,
    report: &mut PushReport,
) -> Result<(), WireError> {
    let (mut text, mut entries) = ("", 0);
    let mut reader = Reader::new(message);
    while let Some(field) = reader.field()? {
        match field.number {
            1 => text = field.text()?,
            2 => entries += 1,
            _ => {}
        }
    }
    let labels = match parse_stream_text(text) {
        Ok(labels) => labels,
        Err(error) => {
            report.refuse(entries, || format!("Error parsing labels '{text}' with error: {error}"));
            return Ok(());
        }
    };
    let writer = match StreamWriter::new(&labels, limits) {
        Ok(writer) => writer,
        Err(error) => {
            report.refuse(entries, || error);
            return Ok(());
        }
    };
    let mut metadata = Vec::new();
    let mut reader = Reader::new(message);
    while let Some(field) = reader.field()? {
        if field.number != 2 {
            continue;
        }
        metadata.clear();
        let line = entry(field.message()?, &mut metadata)?;
        writer.push(&Line { metadata: &metadata, ..line }, index, batch, report);
    }
    Ok(())
}

fn entry<'a>(
    mut message: Reader<'a>,
    metadata: &mut Vec<(&'a str, &'a str)>,
) -> Result<Line<'a>, WireError> {
    let mut line = Line::default();
    while let Some(field) = message.field()? {
        match field.number {
            1 => {
                let (mut seconds, mut nanos) = (0_i64, 0_i64);
                let mut time = field.message()?;
                while let Some(field) = time.field()? {
                    match field.number {
                        1 => seconds = field.uint64()? as i64,
                        2 => nanos = field.uint64()? as i64,
                        _ => {}
                    }
                }
                line.time_ns = seconds.saturating_mul(1_000_000_000).saturating_add(nanos);
            }
            2 => line.text = field.text()?,
            3 => {
                let (mut name, mut value) = ("", "");
                let mut pair = field.message()?;
                while let Some(field) = pair.field()? {
                    match field.number {
                        1 => name = field.text()?,
                        2 => value = field.text()?,
                        _ => {}
                    }
                }
                metadata.push((name, value));
            }
            _ => {}
        }
    }
    Ok(line)
}
