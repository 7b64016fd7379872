//! Streams of Loki: the labels of a line as text, and where they are in a document.

use crate::{Labels, LabelsBuilder};

/// The field that holds the labels of a stream as [`write_stream_text`] writes them. It can be
/// found, and is no part of the document.
pub const STREAM_FIELD: &str = "_stream";
/// The field that holds the line.
pub const LINE_FIELD: &str = "message";
/// Labels of one stream.
const LABELS_MAX: usize = 1_000;

/// Writes `{app="web", env="prod"}`.
pub fn write_stream_text(labels: &Labels) -> String {
    let mut out = String::from("{");
    for (at, (name, value)) in labels.iter().enumerate() {
        if at > 0 {
            out.push_str(", ");
        }
        out.push_str(name);
        out.push_str("=\"");
        for c in value.chars() {
            match c {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                c if c < ' ' || c == '\u{7f}' => {
                    out.push_str(&format!("\\x{:02x}", u32::from(c)));
                }
                c => out.push(c),
            }
        }
        out.push('"');
    }
    out.push('}');
    out
}

/// Reads what [`write_stream_text`] and Loki's clients write; says what is wrong where.
pub fn parse_stream_text(text: &str) -> Result<Labels, String> {
    let mut rest = text.trim_start().strip_prefix('{').ok_or("expected \"{\"")?.trim_start();
    let mut labels = LabelsBuilder::new();
    let mut count = 0;
    loop {
        if let Some(after) = rest.strip_prefix('}') {
            let after = after.trim();
            return if after.is_empty() {
                Ok(labels.build())
            } else {
                Err(format!("unexpected {:?} after the labels", head(after)))
            };
        }
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(format!("expected a label name, found {:?}", head(rest)));
        }
        let after = after.trim_start();
        let after = after
            .strip_prefix('=')
            .ok_or_else(|| format!("expected \"=\" after {name}, found {:?}", head(after)))?;
        let (value, after) = quoted(after.trim_start())?;
        if labels.get(name).is_some() {
            return Err(format!("label {name} is there twice"));
        }
        count += 1;
        if count > LABELS_MAX {
            return Err(format!("more than {LABELS_MAX} labels"));
        }
        // An empty value is the same as none.
        if !value.is_empty() {
            labels.set(name, &value);
        }
        let after = after.trim_start();
        rest = match after.strip_prefix(',') {
            Some(after) => after.trim_start(),
            None if after.starts_with('}') => after,
            None => return Err(format!("expected \",\" or \"}}\", found {:?}", head(after))),
        };
    }
}

fn head(text: &str) -> String {
    text.chars().take(16).collect()
}

/// A quoted text at the beginning, and what follows it.
fn quoted(text: &str) -> Result<(String, &str), String> {
    if let Some(inside) = text.strip_prefix('`') {
        let (value, after) = inside.split_once('`').ok_or("unterminated quoted string")?;
        return Ok((value.to_owned(), after));
    }
    let inside = text
        .strip_prefix('"')
        .ok_or_else(|| format!("expected a quoted string, found {:?}", head(text)))?;
    let mut bytes = Vec::new();
    let mut chars = inside.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => {
                let value = String::from_utf8(bytes).map_err(|_| "invalid UTF-8")?;
                return Ok((value, inside.get(at + 1..).unwrap_or("")));
            }
            '\\' => escape(&mut chars, &mut bytes)?,
            c => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    Err("unterminated quoted string".to_owned())
}

fn escape(chars: &mut std::str::CharIndices<'_>, bytes: &mut Vec<u8>) -> Result<(), String> {
    let wrong = || "invalid escape sequence".to_owned();
    let (_, c) = chars.next().ok_or_else(wrong)?;
    let mut digits = |count: usize, radix: u32, first: u32| {
        let mut value = first;
        for _ in 0..count {
            let digit = chars.next().and_then(|(_, c)| c.to_digit(radix)).ok_or_else(wrong)?;
            value = value.wrapping_mul(radix).wrapping_add(digit);
        }
        Ok::<_, String>(value)
    };
    let byte = match c {
        'n' => b'\n',
        'r' => b'\r',
        't' => b'\t',
        'a' => 7,
        'b' => 8,
        'f' => 12,
        'v' => 11,
        '\\' | '"' | '\'' => c as u8,
        'x' => digits(2, 16, 0)? as u8,
        '0'..='7' => {
            let first = u32::from(c) - u32::from('0');
            u8::try_from(digits(2, 8, first)?).map_err(|_| wrong())?
        }
        'u' | 'U' => {
            let value = digits(if c == 'u' { 4 } else { 8 }, 16, 0)?;
            let c = char::from_u32(value).ok_or_else(wrong)?;
            bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            return Ok(());
        }
        _ => return Err(wrong()),
    };
    bytes.push(byte);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_come_back_as_they_were_written() {
        for pairs in [
            vec![],
            vec![("app", "web")],
            vec![("app", "a\"b\\c\nd\te\u{1}"), ("env", "é ☺ `{}` ,=")],
        ] {
            let labels = Labels::from_pairs(pairs);
            let text = write_stream_text(&labels);
            assert_eq!(parse_stream_text(&text), Ok(labels), "{text}");
        }
        let sorted =
            parse_stream_text(r#" { b = "1",a=`2` , c="\u00e9\x41\101", d="" } "#).unwrap();
        assert_eq!(write_stream_text(&sorted), r#"{a="2", b="1", c="éAA"}"#);
    }

    #[test]
    fn what_is_no_stream_is_refused() {
        for text in [
            "",
            "app",
            "{",
            "{app}",
            "{app=web}",
            "{app=\"web}",
            "{1=\"a\"}",
            "{a=\"\\xff\"}",
            "{a=\"b\"} c",
            "{a=\"b\" c=\"d\"}",
            "{a=\"b\",a=\"c\"}",
            "{a=\"\\q\"}",
        ] {
            assert!(parse_stream_text(text).is_err(), "{text}");
        }
    }
}
