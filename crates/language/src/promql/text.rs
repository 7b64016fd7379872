//! The value of a string literal, which need not be UTF-8: `"a\xc5z"` holds a byte of its own.

use super::quote::go_quote;

/// Bytes that are text nearly always.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    text: String,
    /// The bytes when they are not UTF-8.
    bytes: Option<Vec<u8>>,
}

impl Text {
    /// A text of these bytes.
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        match String::from_utf8(bytes) {
            Ok(text) => Self { text, bytes: None },
            Err(error) => {
                let bytes = error.into_bytes();
                Self { text: lossy(&bytes), bytes: Some(bytes) }
            }
        }
    }

    /// The text; for each byte that is none the replacement character, as Go writes it to JSON.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the bytes are UTF-8.
    pub const fn is_utf8(&self) -> bool {
        self.bytes.is_none()
    }

    /// The text in double quotes with Go's escapes, `\xc5` for a byte that is no text.
    pub fn quoted(&self) -> String {
        let Some(bytes) = &self.bytes else { return go_quote(&self.text) };
        let mut quoted = String::from("\"");
        for chunk in bytes.utf8_chunks() {
            let valid = go_quote(chunk.valid());
            quoted.push_str(valid.get(1..valid.len() - 1).unwrap_or(""));
            for byte in chunk.invalid() {
                quoted.push_str(&format!("\\x{byte:02x}"));
            }
        }
        quoted.push('"');
        quoted
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self { text, bytes: None }
    }
}

/// Rust's own replaces a run of bytes that begins like a character by one; Go each byte.
fn lossy(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_no_text_are_kept() {
        let text = Text::from_bytes(b"a\xc5z\xe2\x98\n".to_vec());
        assert_eq!(text.quoted(), r#""a\xc5z\xe2\x98\n""#);
        assert_eq!(text.as_str(), "a\u{fffd}z\u{fffd}\u{fffd}\n");
        assert!(!text.is_utf8());
        assert_eq!(Text::from_bytes(b"\xc3\xa9".to_vec()), Text::from("é".to_owned()));
    }
}
