//! JSON of documents, as their senders wrote it but for white space.

use super::document::{DocumentEvent, DocumentReader, ListReader, Scalar};
use super::time_text::write_time_text;

/// Appends `text` as a JSON string.
pub fn write_json_text(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let bytes = text.as_bytes();
    let mut start = 0;
    for (at, byte) in bytes.iter().enumerate() {
        if *byte >= 0x20 && *byte != b'"' && *byte != b'\\' {
            continue;
        }
        out.extend_from_slice(bytes.get(start..at).unwrap_or_default());
        start = at + 1;
        let escape = match byte {
            b'"' => b'"',
            b'\\' => b'\\',
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            0x08 => b'b',
            0x0c => b'f',
            other => {
                let digit = |d: u8| char::from_digit(u32::from(d), 16).unwrap_or('0') as u8;
                out.extend_from_slice(b"\\u00");
                out.extend_from_slice(&[digit(other >> 4), digit(other & 15)]);
                continue;
            }
        };
        out.extend_from_slice(&[b'\\', escape]);
    }
    out.extend_from_slice(bytes.get(start..).unwrap_or_default());
    out.push(b'"');
}

/// Appends the JSON of a scalar.
pub(crate) fn write_scalar(value: Scalar<'_>, out: &mut Vec<u8>) {
    match value {
        Scalar::String(text) => write_json_text(text, out),
        Scalar::Number(text) => out.extend_from_slice(text.as_bytes()),
        Scalar::Boolean(true) => out.extend_from_slice(b"true"),
        Scalar::Boolean(false) => out.extend_from_slice(b"false"),
        Scalar::Null => out.extend_from_slice(b"null"),
    }
}

impl ListReader<'_> {
    /// Appends the list as JSON.
    pub fn write_json(self, out: &mut Vec<u8>) {
        out.push(b'[');
        for (at, value) in self.enumerate() {
            if at > 0 {
                out.push(b',');
            }
            write_scalar(value, out);
        }
        out.push(b']');
    }
}

impl Scalar<'_> {
    /// Appends the value as JSON.
    pub fn write_json(self, out: &mut Vec<u8>) {
        write_scalar(self, out);
    }
}

/// Appends a packed document as JSON; `time_ns` is its operation's time.
pub fn write_document_json(document: DocumentReader<'_>, time_ns: i64, out: &mut Vec<u8>) {
    out.push(b'{');
    let mut first = true;
    let key = |name: &str, first: &mut bool, out: &mut Vec<u8>| {
        if !std::mem::take(first) {
            out.push(b',');
        }
        write_json_text(name, out);
        out.push(b':');
    };
    for event in document {
        match event {
            DocumentEvent::Field(name, value) => {
                key(name, &mut first, out);
                write_scalar(value, out);
            }
            DocumentEvent::Time(name, format) => {
                key(name, &mut first, out);
                out.push(b'"');
                write_time_text(time_ns, format, out);
                out.push(b'"');
            }
            DocumentEvent::Object(name) => {
                key(name, &mut first, out);
                out.push(b'{');
                first = true;
            }
            DocumentEvent::ObjectEnd => {
                out.push(b'}');
                first = false;
            }
            DocumentEvent::List(name, list) => {
                key(name, &mut first, out);
                list.write_json(out);
            }
            DocumentEvent::Raw(name, json) => {
                key(name, &mut first, out);
                out.extend_from_slice(json.as_bytes());
            }
            DocumentEvent::Hidden(..) => {}
        }
    }
    out.push(b'}');
}
