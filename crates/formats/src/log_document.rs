//! JSON documents into packed documents, in one pass and without a tree.
//!
//! Lists of scalars stay lists; a list that holds objects or lists is kept as JSON, and what is in
//! it can be found by its dotted paths, as in Elasticsearch. Grammar: RFC 8259, strictly.

use std::borrow::Cow;
use std::collections::BTreeMap;

use vigie_model::{
    DOCUMENT_DEPTH_MAX, DocumentReader, DocumentWriter, Scalar, TimeFormat, parse_any_time,
    parse_time_text,
};

/// Why a text is no document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason} at byte {at}")]
pub struct DocumentError {
    /// What is wrong.
    pub reason: &'static str,
    /// Where.
    pub at: usize,
}

/// How documents are read.
#[derive(Debug, Clone, Copy)]
pub struct DocumentOptions<'a> {
    /// The top-level field with the document's time.
    pub time_field: &'a str,
    /// The time of documents that have none.
    pub now_ns: i64,
}

/// Packs the JSON object `json` and gives its time. A time that cannot be read leaves the field as
/// it is and gives `now_ns`.
pub fn pack_json_document(
    json: &str,
    options: DocumentOptions<'_>,
    writer: &mut DocumentWriter<'_>,
) -> Result<i64, DocumentError> {
    let mut parser = Parser { text: json, bytes: json.as_bytes(), at: 0 };
    parser.space();
    parser.expect(b'{', "a document is a JSON object; expected {")?;
    let time_ns = parser.object(options, writer)?;
    parser.space();
    if parser.at < parser.bytes.len() {
        return Err(parser.error("something follows the document"));
    }
    Ok(time_ns)
}

/// Longest dotted path of a field, in bytes: paths are stored whole for every field.
const PATH_BYTES_MAX: usize = 8 << 10;

/// Values found within a list, by path: packed items.
type Found = BTreeMap<String, Vec<u8>>;

struct Parser<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Parser<'a> {
    fn error(&self, reason: &'static str) -> DocumentError {
        DocumentError { reason, at: self.at }
    }

    #[inline]
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    #[inline]
    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    #[inline]
    fn expect(&mut self, byte: u8, reason: &'static str) -> Result<(), DocumentError> {
        if self.peek() != Some(byte) {
            return Err(self.error(reason));
        }
        self.at += 1;
        Ok(())
    }

    /// The members of the document and of the objects in it, until the document's end.
    fn object(
        &mut self,
        options: DocumentOptions<'_>,
        writer: &mut DocumentWriter<'_>,
    ) -> Result<i64, DocumentError> {
        let (mut depth, mut time_ns) = (0_usize, options.now_ns);
        // Bytes of the open objects' keys, and where each began.
        let (mut path_bytes, mut path_ends) = (0_usize, Vec::new());
        let mut first = true;
        loop {
            self.space();
            if self.peek() == Some(b'}') && first {
                self.at += 1;
                if depth == 0 {
                    return Ok(time_ns);
                }
                depth -= 1;
                path_bytes = path_ends.pop().unwrap_or(0);
                writer.end_object();
            } else {
                let key = self.key()?;
                if path_bytes + key.len() > PATH_BYTES_MAX {
                    return Err(self.error("the name of a field is too long"));
                }
                if self.peek() == Some(b'{') {
                    self.at += 1;
                    depth += 1;
                    if depth > DOCUMENT_DEPTH_MAX {
                        return Err(self.error("the document is nested too deeply"));
                    }
                    path_ends.push(path_bytes);
                    path_bytes += key.len() + 1;
                    writer.begin_object(&key);
                    first = true;
                    continue;
                }
                if depth == 0 && key == options.time_field {
                    time_ns = self.time(&key, writer)?.unwrap_or(options.now_ns);
                } else {
                    self.value(&key, writer)?;
                }
            }
            // After a value or an object's end.
            loop {
                self.space();
                match self.peek() {
                    Some(b',') => {
                        self.at += 1;
                        first = false;
                        break;
                    }
                    Some(b'}') if depth == 0 => {
                        self.at += 1;
                        return Ok(time_ns);
                    }
                    Some(b'}') => {
                        self.at += 1;
                        depth -= 1;
                        path_bytes = path_ends.pop().unwrap_or(0);
                        writer.end_object();
                    }
                    _ => return Err(self.error("expected , or }")),
                }
            }
        }
    }

    /// A key, its colon, and the space around.
    #[inline]
    fn key(&mut self) -> Result<Cow<'a, str>, DocumentError> {
        self.space();
        self.expect(b'"', "expected a key")?;
        let key = self.string()?;
        self.space();
        self.expect(b':', "expected :")?;
        self.space();
        Ok(key)
    }

    /// The rest of a string after its quotation mark.
    #[inline]
    fn string(&mut self) -> Result<Cow<'a, str>, DocumentError> {
        let start = self.at;
        let rest = self.bytes.get(start..).unwrap_or_default();
        let Some(length) = memchr::memchr2(b'"', b'\\', rest) else {
            return Err(self.error("a string does not end"));
        };
        let plain = self.text.get(start..start + length).unwrap_or_default();
        if has_control(plain.as_bytes()) {
            return Err(self.error("a string holds a control character"));
        }
        self.at = start + length + 1;
        if rest.get(length) == Some(&b'"') {
            return Ok(Cow::Borrowed(plain));
        }
        let mut owned = plain.to_owned();
        self.escape(&mut owned)?;
        loop {
            let rest = self.text.get(self.at..).unwrap_or_default();
            let Some(length) = memchr::memchr2(b'"', b'\\', rest.as_bytes()) else {
                return Err(self.error("a string does not end"));
            };
            let plain = rest.get(..length).unwrap_or_default();
            if has_control(plain.as_bytes()) {
                return Err(self.error("a string holds a control character"));
            }
            owned.push_str(plain);
            self.at += length + 1;
            if rest.as_bytes().get(length) == Some(&b'"') {
                return Ok(Cow::Owned(owned));
            }
            self.escape(&mut owned)?;
        }
    }

    /// What follows a backslash.
    fn escape(&mut self, out: &mut String) -> Result<(), DocumentError> {
        let Some(byte) = self.peek() else { return Err(self.error("a string does not end")) };
        self.at += 1;
        out.push(match byte {
            b'"' | b'\\' | b'/' => char::from(byte),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let unit = self.hex()?;
                self.code_point(unit)?
            }
            _ => return Err(self.error("unknown escape")),
        });
        Ok(())
    }

    fn hex(&mut self) -> Result<u32, DocumentError> {
        let digits = self.bytes.get(self.at..self.at + 4);
        let value = digits.and_then(|digits| {
            digits.iter().try_fold(0, |value, digit| {
                char::from(*digit).to_digit(16).map(|digit| value << 4 | digit)
            })
        });
        let Some(value) = value else { return Err(self.error("\\u needs four hex digits")) };
        self.at += 4;
        Ok(value)
    }

    /// The character of a UTF-16 unit and, for a surrogate, the one after it. A lone surrogate
    /// becomes the replacement character.
    fn code_point(&mut self, unit: u32) -> Result<char, DocumentError> {
        if (0xd800..0xdc00).contains(&unit) && self.bytes.get(self.at..self.at + 2) == Some(b"\\u")
        {
            let before = self.at;
            self.at += 2;
            let low = self.hex()?;
            if (0xdc00..0xe000).contains(&low) {
                let point = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
                return Ok(char::from_u32(point).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            self.at = before;
        }
        Ok(char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn time(
        &mut self,
        key: &str,
        writer: &mut DocumentWriter<'_>,
    ) -> Result<Option<i64>, DocumentError> {
        match self.peek() {
            Some(b'"') => {
                self.at += 1;
                let text = self.string()?;
                if let Some((time_ns, format)) = parse_time_text(&text) {
                    write_time(writer, key, format);
                    return Ok(Some(time_ns));
                }
                writer.string(key, &text);
                Ok(parse_any_time(&text))
            }
            Some(b'-' | b'0'..=b'9') => {
                let text = self.number()?;
                writer.number(key, text);
                Ok(text.parse::<f64>().ok().map(|ms| (ms * 1e6) as i64))
            }
            _ => {
                self.value(key, writer)?;
                Ok(None)
            }
        }
    }

    #[inline]
    fn value(&mut self, key: &str, writer: &mut DocumentWriter<'_>) -> Result<(), DocumentError> {
        match self.peek() {
            Some(b'"') => {
                self.at += 1;
                let text = self.string()?;
                writer.string(key, &text);
            }
            Some(b'-' | b'0'..=b'9') => {
                let text = self.number()?;
                writer.number(key, text);
            }
            Some(b'[') => self.list(key, writer)?,
            _ => match self.word()? {
                Some(value) => writer.boolean(key, value),
                None => writer.null(key),
            },
        }
        Ok(())
    }

    /// true, false or null.
    fn word(&mut self) -> Result<Option<bool>, DocumentError> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        for (word, value) in [("true", Some(true)), ("false", Some(false)), ("null", None)] {
            if rest.starts_with(word.as_bytes()) {
                self.at += word.len();
                return Ok(value);
            }
        }
        Err(self.error("expected a value"))
    }

    #[inline]
    fn number(&mut self) -> Result<&'a str, DocumentError> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits(),
            _ => return Err(self.error("a number needs digits")),
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.some_digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.some_digits()?;
        }
        Ok(self.text.get(start..self.at).unwrap_or_default())
    }

    #[inline]
    fn digits(&mut self) {
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
    }

    fn some_digits(&mut self) -> Result<(), DocumentError> {
        let start = self.at;
        self.digits();
        if self.at == start { Err(self.error("a number needs digits")) } else { Ok(()) }
    }

    /// A list of scalars, or else the list as JSON and what is in it.
    fn list(&mut self, key: &str, writer: &mut DocumentWriter<'_>) -> Result<(), DocumentError> {
        let (start, position) = (self.at, writer.position());
        self.at += 1;
        writer.begin_list(key);
        self.space();
        if self.peek() == Some(b']') {
            self.at += 1;
            writer.end_list();
            return Ok(());
        }
        loop {
            self.space();
            if matches!(self.peek(), Some(b'{' | b'[')) {
                break;
            }
            self.scalar(|value| writer.item(value))?;
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    writer.end_list();
                    return Ok(());
                }
                _ => return Err(self.error("expected , or ]")),
            }
        }
        writer.truncate(position);
        self.at = start;
        let mut found = Found::new();
        self.nested(key, &mut found)?;
        writer.raw(key, self.text.get(start..self.at).unwrap_or_default());
        for (path, items) in found {
            writer.begin_hidden(&path);
            writer.packed(&items);
            writer.end_list();
        }
        Ok(())
    }

    fn scalar(&mut self, take: impl FnOnce(Scalar<'_>)) -> Result<(), DocumentError> {
        match self.peek() {
            Some(b'"') => {
                self.at += 1;
                take(Scalar::String(&self.string()?));
            }
            Some(b'-' | b'0'..=b'9') => take(Scalar::Number(self.number()?)),
            _ => take(self.word()?.map_or(Scalar::Null, Scalar::Boolean)),
        }
        Ok(())
    }

    /// Any value, whose scalars go to `found` by path. Open containers are on a stack of their own,
    /// each with the length of the path before it.
    fn nested(&mut self, key: &str, found: &mut Found) -> Result<(), DocumentError> {
        let mut path = key.to_owned();
        let mut open: Vec<(u8, usize)> = Vec::new();
        loop {
            self.space();
            let opens = self.peek().filter(|byte| matches!(byte, b'{' | b'['));
            if let Some(kind) = opens {
                self.at += 1;
                if open.len() >= DOCUMENT_DEPTH_MAX {
                    return Err(self.error("the document is nested too deeply"));
                }
                open.push((kind, path.len()));
                self.space();
                let end = if kind == b'{' { b'}' } else { b']' };
                if self.peek() != Some(end) {
                    self.member(kind, &mut path)?;
                    continue;
                }
            } else {
                let items = found.entry(path.clone()).or_default();
                self.scalar(|value| DocumentWriter::new(items).item(value))?;
            }
            loop {
                let Some((kind, length)) = open.last().copied() else { return Ok(()) };
                path.truncate(length);
                self.space();
                match (self.peek(), kind) {
                    (Some(b','), _) => {
                        self.at += 1;
                        self.member(kind, &mut path)?;
                        break;
                    }
                    // The loop ends when the outermost is closed.
                    (Some(b'}'), b'{') | (Some(b']'), b'[') => {
                        self.at += 1;
                        open.pop();
                    }
                    _ => return Err(self.error("expected , or the end of a list or an object")),
                }
            }
        }
    }

    /// Before a member of an object or list: its key is added to `path`.
    fn member(&mut self, kind: u8, path: &mut String) -> Result<(), DocumentError> {
        if kind == b'{' {
            let key = self.key()?;
            path.push('.');
            path.push_str(&key);
            if path.len() > PATH_BYTES_MAX {
                return Err(self.error("the name of a field is too long"));
            }
        }
        Ok(())
    }
}

fn write_time(writer: &mut DocumentWriter<'_>, key: &str, format: TimeFormat) {
    writer.time(key, format);
}

#[inline]
fn has_control(bytes: &[u8]) -> bool {
    bytes.iter().fold(false, |found, byte| found | (*byte < 0x20))
}

/// Reads any bytes as a document: for fuzzing.
pub(crate) fn fuzz(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut bytes = Vec::new();
    let options = DocumentOptions { time_field: "@timestamp", now_ns: 0 };
    if pack_json_document(text, options, &mut DocumentWriter::new(&mut bytes)).is_ok() {
        assert!(DocumentReader::new(&bytes).is_well_formed());
    }
}

#[cfg(test)]
mod tests;
