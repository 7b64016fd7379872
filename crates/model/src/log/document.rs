//! A document as a stream of packed events.
//!
//! Each event is a tag, then the key (varint length, bytes; none within lists), then a value:
//! texts and numbers as varint length and bytes. A list ends with its own tag.

use super::time_text::TimeFormat;

/// Documents are nested no deeper.
pub const DOCUMENT_DEPTH_MAX: usize = 100;

const STRING: u8 = 1;
const NUMBER: u8 = 2;
const TRUE: u8 = 3;
const FALSE: u8 = 4;
const NULL: u8 = 5;
const OBJECT: u8 = 6;
const OBJECT_END: u8 = 7;
const LIST: u8 = 8;
const LIST_END: u8 = 9;
const RAW: u8 = 10;
const HIDDEN: u8 = 11;
const TIME: u8 = 12;

/// A value that is no object and no list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scalar<'a> {
    /// Text.
    String(&'a str),
    /// A number, as it was written.
    Number(&'a str),
    /// True or false.
    Boolean(bool),
    /// Nothing.
    Null,
}

/// One step through a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DocumentEvent<'a> {
    /// A field with one value.
    Field(&'a str, Scalar<'a>),
    /// A field that holds the operation's own time as text of this form.
    Time(&'a str, TimeFormat),
    /// An object begins; fields until its end belong to it.
    Object(&'a str),
    /// An object ends.
    ObjectEnd,
    /// A field with a list of scalars.
    List(&'a str, ListReader<'a>),
    /// A field with JSON that is given back as it is (lists that hold objects or lists). What
    /// can be found in it follows as hidden fields.
    Raw(&'a str, &'a str),
    /// Values that can be found by a path within the open object, and are no part of the document.
    Hidden(&'a str, ListReader<'a>),
}

/// Packs a document at the end of a buffer. Objects and lists must be ended by the caller.
#[derive(Debug)]
pub struct DocumentWriter<'a> {
    bytes: &'a mut Vec<u8>,
}

impl<'a> DocumentWriter<'a> {
    /// Writes to the end of `bytes`.
    pub fn new(bytes: &'a mut Vec<u8>) -> Self {
        Self { bytes }
    }

    /// A field with text.
    #[inline]
    pub fn string(&mut self, key: &str, value: &str) {
        self.key(STRING, key);
        put_text(self.bytes, value);
    }

    /// A field with a number, as it is written in JSON.
    #[inline]
    pub fn number(&mut self, key: &str, text: &str) {
        self.key(NUMBER, key);
        put_text(self.bytes, text);
    }

    /// A field with true or false.
    pub fn boolean(&mut self, key: &str, value: bool) {
        self.key(if value { TRUE } else { FALSE }, key);
    }

    /// A field with nothing.
    pub fn null(&mut self, key: &str) {
        self.key(NULL, key);
    }

    /// A field that holds the operation's time, written as `format`.
    pub fn time(&mut self, key: &str, format: TimeFormat) {
        self.key(TIME, key);
        self.bytes.push(format.code());
    }

    /// Begins an object.
    pub fn begin_object(&mut self, key: &str) {
        self.key(OBJECT, key);
    }

    /// Ends the object begun last.
    pub fn end_object(&mut self) {
        self.bytes.push(OBJECT_END);
    }

    /// Begins a list of scalars.
    pub fn begin_list(&mut self, key: &str) {
        self.key(LIST, key);
    }

    /// Begins values that can be found, but are no part of the document.
    pub fn begin_hidden(&mut self, path: &str) {
        self.key(HIDDEN, path);
    }

    /// An element of the open list.
    pub fn item(&mut self, value: Scalar<'_>) {
        match value {
            Scalar::String(text) => {
                self.bytes.push(STRING);
                put_text(self.bytes, text);
            }
            Scalar::Number(text) => {
                self.bytes.push(NUMBER);
                put_text(self.bytes, text);
            }
            Scalar::Boolean(value) => self.bytes.push(if value { TRUE } else { FALSE }),
            Scalar::Null => self.bytes.push(NULL),
        }
    }

    /// Ends the open list.
    pub fn end_list(&mut self) {
        self.bytes.push(LIST_END);
    }

    /// A field with JSON that is kept as it is.
    pub fn raw(&mut self, key: &str, json: &str) {
        self.key(RAW, key);
        put_text(self.bytes, json);
    }

    /// Where the document stands, for [`truncate`](Self::truncate).
    pub fn position(&self) -> usize {
        self.bytes.len()
    }

    /// Takes back what was written after `position`.
    pub fn truncate(&mut self, position: usize) {
        self.bytes.truncate(position);
    }

    /// One step of another document.
    pub fn event(&mut self, event: DocumentEvent<'_>) {
        match event {
            DocumentEvent::Field(key, Scalar::String(text)) => self.string(key, text),
            DocumentEvent::Field(key, Scalar::Number(text)) => self.number(key, text),
            DocumentEvent::Field(key, Scalar::Boolean(value)) => self.boolean(key, value),
            DocumentEvent::Field(key, Scalar::Null) => self.null(key),
            DocumentEvent::Time(key, format) => self.time(key, format),
            DocumentEvent::Object(key) => self.begin_object(key),
            DocumentEvent::ObjectEnd => self.end_object(),
            DocumentEvent::Raw(key, json) => self.raw(key, json),
            DocumentEvent::List(key, items) => {
                self.begin_list(key);
                items.for_each(|item| self.item(item));
                self.end_list();
            }
            DocumentEvent::Hidden(key, items) => {
                self.begin_hidden(key);
                items.for_each(|item| self.item(item));
                self.end_list();
            }
        }
    }

    /// A whole document, packed already.
    pub fn packed(&mut self, body: &[u8]) {
        self.bytes.extend_from_slice(body);
    }

    #[inline]
    fn key(&mut self, tag: u8, key: &str) {
        self.bytes.push(tag);
        put_text(self.bytes, key);
    }
}

#[inline]
fn put_text(bytes: &mut Vec<u8>, text: &str) {
    let mut length = text.len();
    while length >= 0x80 {
        bytes.push(length as u8 | 0x80);
        length >>= 7;
    }
    bytes.push(length as u8);
    bytes.extend_from_slice(text.as_bytes());
}

#[inline]
fn take_bytes<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (mut length, mut shift) = (0_usize, 0);
    loop {
        let (&byte, tail) = rest.split_first()?;
        *rest = tail;
        length |= usize::from(byte & 0x7f).checked_shl(shift)?;
        if byte < 0x80 {
            break;
        }
        shift += 7;
        if shift > 35 {
            return None;
        }
    }
    let (taken, tail) = rest.split_at_checked(length)?;
    *rest = tail;
    Some(taken)
}

#[inline]
fn take_text<'a>(rest: &mut &'a [u8]) -> Option<&'a str> {
    std::str::from_utf8(take_bytes(rest)?).ok()
}

/// Walks through a packed document. It ends early where the bytes are not well formed; see
/// [`is_well_formed`](Self::is_well_formed).
#[derive(Debug, Clone)]
pub struct DocumentReader<'a> {
    rest: &'a [u8],
}

impl<'a> DocumentReader<'a> {
    /// At the beginning of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Whether the whole document can be walked, with objects that end and are not too deep.
    pub fn is_well_formed(mut self) -> bool {
        let mut depth = 0_usize;
        while let Some(event) = self.next() {
            match event {
                DocumentEvent::Object(_) if depth == DOCUMENT_DEPTH_MAX => return false,
                DocumentEvent::Object(_) => depth += 1,
                DocumentEvent::ObjectEnd if depth == 0 => return false,
                DocumentEvent::ObjectEnd => depth -= 1,
                _ => {}
            }
        }
        self.rest.is_empty() && depth == 0
    }

    fn take(&mut self) -> Option<DocumentEvent<'a>> {
        let (&tag, rest) = self.rest.split_first()?;
        let mut rest = rest;
        if tag == OBJECT_END {
            self.rest = rest;
            return Some(DocumentEvent::ObjectEnd);
        }
        let key = take_text(&mut rest)?;
        let event = match tag {
            STRING => DocumentEvent::Field(key, Scalar::String(take_text(&mut rest)?)),
            NUMBER => DocumentEvent::Field(key, Scalar::Number(take_text(&mut rest)?)),
            TRUE => DocumentEvent::Field(key, Scalar::Boolean(true)),
            FALSE => DocumentEvent::Field(key, Scalar::Boolean(false)),
            NULL => DocumentEvent::Field(key, Scalar::Null),
            OBJECT => DocumentEvent::Object(key),
            RAW => DocumentEvent::Raw(key, take_text(&mut rest)?),
            TIME => {
                let (&code, tail) = rest.split_first()?;
                rest = tail;
                DocumentEvent::Time(key, TimeFormat::from_code(code)?)
            }
            LIST | HIDDEN => {
                let list = take_list(&mut rest)?;
                if tag == LIST {
                    DocumentEvent::List(key, list)
                } else {
                    DocumentEvent::Hidden(key, list)
                }
            }
            _ => return None,
        };
        self.rest = rest;
        Some(event)
    }
}

impl<'a> Iterator for DocumentReader<'a> {
    type Item = DocumentEvent<'a>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.take()
    }
}

fn take_list<'a>(rest: &mut &'a [u8]) -> Option<ListReader<'a>> {
    let start = *rest;
    let mut list = ListReader { rest: start };
    while list.next().is_some() {}
    let (&end, tail) = list.rest.split_first()?;
    if end != LIST_END {
        return None;
    }
    let length = start.len() - list.rest.len();
    *rest = tail;
    Some(ListReader { rest: start.get(..length)? })
}

/// The scalars of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListReader<'a> {
    rest: &'a [u8],
}

impl<'a> ListReader<'a> {
    /// Reads a list from what [`as_packed`](Self::as_packed) gave.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The list's bytes, for keeping.
    pub fn as_packed(&self) -> &'a [u8] {
        self.rest
    }
}

impl<'a> Iterator for ListReader<'a> {
    type Item = Scalar<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let (&tag, rest) = self.rest.split_first()?;
        let mut rest = rest;
        let value = match tag {
            STRING => Scalar::String(take_text(&mut rest)?),
            NUMBER => Scalar::Number(take_text(&mut rest)?),
            TRUE => Scalar::Boolean(true),
            FALSE => Scalar::Boolean(false),
            NULL => Scalar::Null,
            _ => return None,
        };
        self.rest = rest;
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut bytes = Vec::new();
        let mut writer = DocumentWriter::new(&mut bytes);
        writer.string("a", "x");
        writer.begin_object("o");
        writer.number("n", "1.50");
        writer.begin_list("l");
        writer.item(Scalar::String("y"));
        writer.item(Scalar::Null);
        writer.end_list();
        writer.end_object();
        writer.time("@timestamp", TimeFormat::default());
        let events: Vec<_> = DocumentReader::new(&bytes).collect();
        assert_eq!(events[0], DocumentEvent::Field("a", Scalar::String("x")));
        assert_eq!(events[1], DocumentEvent::Object("o"));
        assert_eq!(events[2], DocumentEvent::Field("n", Scalar::Number("1.50")));
        let DocumentEvent::List("l", list) = events[3] else { panic!("{events:?}") };
        assert_eq!(list.collect::<Vec<_>>(), [Scalar::String("y"), Scalar::Null]);
        assert_eq!(events[4], DocumentEvent::ObjectEnd);
        assert_eq!(events.len(), 6);
        assert!(DocumentReader::new(&bytes).is_well_formed());
        for cut in 1..bytes.len() {
            // A cut document may end at an event's border, but never panics.
            DocumentReader::new(&bytes[..cut]).is_well_formed();
        }
        assert!(!DocumentReader::new(&bytes[..bytes.len() - 1]).is_well_formed());
    }
}
