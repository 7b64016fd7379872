//! JSON written straight into a byte buffer: the answers of queries are mostly numbers and
//! labels, for which building a tree first would cost more than the query.

use vigie_model::Labels;

/// Appends `text` as a JSON string.
pub(crate) fn push_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let mut plain_from = 0;
    for (at, byte) in text.bytes().enumerate() {
        if byte >= b' ' && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.extend_from_slice(text.get(plain_from..at).unwrap_or_default().as_bytes());
        plain_from = at + 1;
        push_escape(out, byte);
    }
    out.extend_from_slice(text.get(plain_from..).unwrap_or_default().as_bytes());
    out.push(b'"');
}

fn push_escape(out: &mut Vec<u8>, byte: u8) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    match byte {
        b'"' => out.extend_from_slice(b"\\\""),
        b'\\' => out.extend_from_slice(b"\\\\"),
        b'\n' => out.extend_from_slice(b"\\n"),
        b'\r' => out.extend_from_slice(b"\\r"),
        b'\t' => out.extend_from_slice(b"\\t"),
        _ => {
            let digit = |n: u8| HEX.get(usize::from(n & 0xf)).copied().unwrap_or(b'0');
            out.extend_from_slice(&[b'\\', b'u', b'0', b'0', digit(byte >> 4), digit(byte)]);
        }
    }
}

/// Appends labels as an object.
pub(crate) fn push_labels(out: &mut Vec<u8>, labels: &Labels) {
    out.push(b'{');
    for (at, (name, value)) in labels.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        push_string(out, name);
        out.push(b':');
        push_string(out, value);
    }
    out.push(b'}');
}

/// Appends what `push` makes of each item as an array.
pub(crate) fn push_array<T>(
    out: &mut Vec<u8>,
    items: impl IntoIterator<Item = T>,
    mut push: impl FnMut(&mut Vec<u8>, T),
) {
    out.push(b'[');
    for (at, item) in items.into_iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        push(out, item);
    }
    out.push(b']');
}

/// Appends an array of strings.
pub(crate) fn push_strings<T: AsRef<str>>(out: &mut Vec<u8>, items: impl IntoIterator<Item = T>) {
    push_array(out, items, |out, item| push_string(out, item.as_ref()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_read_back_the_same() {
        for text in ["", "plain", "a\"b\\c\nd\re\tf", "\u{0}\u{1f}\u{7f}é😀", "\\", "ends\n"] {
            let mut out = Vec::new();
            push_string(&mut out, text);
            assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text);
        }
    }

    #[test]
    fn labels_are_an_object() {
        let mut out = Vec::new();
        push_labels(&mut out, &Labels::from_pairs([("a", "1"), ("__name__", "x")]));
        assert_eq!(out, br#"{"__name__":"x","a":"1"}"#);
    }
}
