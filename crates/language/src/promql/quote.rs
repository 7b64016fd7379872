//! Quoted strings by Go's rules, which PromQL took over.

use std::fmt::Write as _;

/// The text in double quotes, escaped as Go's `strconv.Quote` does.
pub fn go_quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\u{7}' => quoted.push_str("\\a"),
            '\u{8}' => quoted.push_str("\\b"),
            '\u{c}' => quoted.push_str("\\f"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\u{b}' => quoted.push_str("\\v"),
            c if c < ' ' || c == '\u{7f}' => push_escape(&mut quoted, 'x', 2, c),
            c if is_printable(c) => quoted.push(c),
            c if u32::from(c) < 0x1_0000 => push_escape(&mut quoted, 'u', 4, c),
            c => push_escape(&mut quoted, 'U', 8, c),
        }
    }
    quoted.push('"');
    quoted
}

/// One character in single quotes, as Go's `%q` prints a rune.
pub(crate) fn go_quote_char(c: char) -> String {
    match c {
        '\'' => "'\\''".to_owned(),
        '"' => "'\"'".to_owned(),
        c => {
            let quoted = go_quote(c.encode_utf8(&mut [0; 4]));
            format!("'{}'", quoted.trim_start_matches('"').trim_end_matches('"'))
        }
    }
}

fn push_escape(quoted: &mut String, letter: char, width: usize, c: char) {
    // Writing to a String cannot fail.
    write!(quoted, "\\{letter}{:0width$x}", u32::from(c)).ok();
}

/// Whether Go prints the character as it is. Rust's debug escape knows the same Unicode
/// categories (it escapes what is not printable), save for grapheme extenders, which Go prints.
pub(crate) fn is_printable(c: char) -> bool {
    if c.is_ascii() {
        return c >= ' ' && c != '\u{7f}';
    }
    if c.is_control() || c.is_whitespace() {
        return false;
    }
    // A leading ASCII letter keeps `str`'s escape from treating the extender as standing alone.
    let text: String = ['a', c].iter().collect();
    let mut escaped = text.escape_debug();
    escaped.nth(1) != Some('\\')
}

/// Why a quoted string is ill formed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum QuoteError {
    /// The text ends within an escape.
    NotTerminated,
    /// After the backslash stands this.
    UnknownEscape(char),
    /// This is not a digit of the escape's base.
    IllegalCharacter(char),
    /// The number is not a character.
    InvalidCodePoint,
    /// Bytes written by escapes are not UTF-8.
    NotUtf8,
}

/// Unescapes the inside of a string in `quote`s (`"` or `'`; for a backquote it is taken as is).
///
/// For texts that must be UTF-8: bytes given by `\x` and octal escapes must make it up together.
pub(crate) fn unescape(inside: &str, quote: char) -> Result<String, QuoteError> {
    String::from_utf8(unescape_bytes(inside, quote)?).map_err(|_| QuoteError::NotUtf8)
}

/// As [`unescape`], but as in Go `\x` and octal escapes may give any bytes.
pub(super) fn unescape_bytes(inside: &str, quote: char) -> Result<Vec<u8>, QuoteError> {
    if quote == '`' || !inside.contains('\\') {
        return Ok(inside.as_bytes().to_vec());
    }
    let mut bytes = Vec::with_capacity(inside.len());
    let mut chars = inside.chars();
    while let Some(c) = chars.next() {
        if c == '\\' {
            unescape_one(&mut chars, quote, &mut bytes)?;
        } else {
            push_char(&mut bytes, c);
        }
    }
    Ok(bytes)
}

fn push_char(bytes: &mut Vec<u8>, c: char) {
    bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
}

fn unescape_one(
    chars: &mut std::str::Chars<'_>,
    quote: char,
    bytes: &mut Vec<u8>,
) -> Result<(), QuoteError> {
    let c = chars.next().ok_or(QuoteError::NotTerminated)?;
    let byte = match c {
        'a' => 7,
        'b' => 8,
        'f' => 12,
        'n' => b'\n',
        'r' => b'\r',
        't' => b'\t',
        'v' => 11,
        '\\' => b'\\',
        '0'..='7' => {
            let value = digits(chars, 2, 8, u32::from(c) - u32::from('0'), quote)?;
            u8::try_from(value).map_err(|_| QuoteError::InvalidCodePoint)?
        }
        'x' => digits(chars, 2, 16, 0, quote)? as u8,
        'u' | 'U' => {
            let value = digits(chars, if c == 'u' { 4 } else { 8 }, 16, 0, quote)?;
            push_char(bytes, char::from_u32(value).ok_or(QuoteError::InvalidCodePoint)?);
            return Ok(());
        }
        c if c == quote => quote as u8,
        c => return Err(QuoteError::UnknownEscape(c)),
    };
    bytes.push(byte);
    Ok(())
}

fn digits(
    chars: &mut std::str::Chars<'_>,
    count: usize,
    base: u32,
    first: u32,
    quote: char,
) -> Result<u32, QuoteError> {
    let mut value = first;
    for _ in 0..count {
        // After the last character comes the closing quote, which is no digit.
        let c = chars.next().unwrap_or(quote);
        let digit = c.to_digit(base).ok_or(QuoteError::IllegalCharacter(c))?;
        value = value.wrapping_mul(base).wrapping_add(digit);
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoting_is_gos() {
        for (text, quoted) in [
            ("a\"b\\", r#""a\"b\\""#),
            ("\u{7}\u{8}\n\t\u{b}\r\u{c}\0\u{1f}\u{7f}", r#""\a\b\n\t\v\r\f\x00\x1f\x7f""#),
            ("é☺e\u{301}", "\"é☺e\u{301}\""),
            ("\u{200b}\u{a0}\u{feff}", r#""\u200b\u00a0\ufeff""#),
            ("\u{e0001}", r#""\U000e0001""#),
        ] {
            assert_eq!(go_quote(text), quoted);
        }
    }

    #[test]
    fn escapes_are_gos() {
        assert_eq!(unescape(r#"\a\x41\101é☺\U0001F600\""#, '"').as_deref(), Ok("\u{7}AAé☺😀\""));
        assert_eq!(unescape(r"\xc3\xa9", '"').as_deref(), Ok("é"));
        assert_eq!(unescape(r"\n", '`').as_deref(), Ok(r"\n"));
        for (text, error) in [
            (r"\", QuoteError::NotTerminated),
            (r"\x1", QuoteError::IllegalCharacter('"')),
            (r"\'", QuoteError::UnknownEscape('\'')),
            (r"\xg0", QuoteError::IllegalCharacter('g')),
            (r"\ud800", QuoteError::InvalidCodePoint),
            (r"\777", QuoteError::InvalidCodePoint),
            (r"\xff", QuoteError::NotUtf8),
        ] {
            assert_eq!(unescape(text, '"'), Err(error), "{text}");
        }
    }
}
