//! Series of scripts: `metric{label="value"} values`.

use vigie_model::{Labels, LabelsBuilder};

/// A metric at the beginning of `text`, and what follows it.
pub(crate) fn metric(text: &str) -> (Labels, &str) {
    let mut builder = LabelsBuilder::new();
    let name_end =
        text.find(|c: char| !(c.is_alphanumeric() || "_:.".contains(c))).unwrap_or(text.len());
    builder.set("__name__", &text[..name_end]);
    let mut rest = &text[name_end..];
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        loop {
            rest = rest.trim_start_matches([' ', ',', '\t']);
            if let Some(after) = rest.strip_prefix('}') {
                return (builder.build(), after);
            }
            let name;
            (name, rest) = name_or_text(rest);
            rest = rest.trim_start();
            match rest.strip_prefix('=') {
                Some(after) => {
                    let value;
                    (value, rest) = name_or_text(after.trim_start());
                    builder.set(&name, &value);
                }
                None => {
                    builder.set("__name__", &name);
                }
            }
        }
    }
    (builder.build(), rest)
}

fn name_or_text(text: &str) -> (String, &str) {
    if let Some('"' | '\'' | '`') = text.chars().next() {
        quoted(text)
    } else {
        let is_name = |c: char| c.is_alphanumeric() || "_:.".contains(c);
        let end = text.find(|c| !is_name(c)).unwrap_or(text.len());
        assert!(end > 0, "label in {text:?}");
        (text[..end].to_owned(), &text[end..])
    }
}

/// A quoted text at the beginning of `text`, and what follows it.
pub(crate) fn quoted(text: &str) -> (String, &str) {
    let quote = text.chars().next().expect("a quote");
    let (mut out, mut chars) = (String::new(), text.char_indices().skip(1));
    while let Some((at, c)) = chars.next() {
        if c == quote {
            return (out, &text[at + 1..]);
        }
        if c != '\\' || quote == '`' {
            out.push(c);
            continue;
        }
        match chars.next().map(|(_, c)| c) {
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some('r') => out.push('\r'),
            Some('x') => {
                let hex: String = chars.by_ref().take(2).map(|(_, c)| c).collect();
                let byte = u8::from_str_radix(&hex, 16).expect("two digits");
                out.push(char::from(byte));
            }
            Some(c) => out.push(c),
            None => break,
        }
    }
    panic!("text without end: {text:?}")
}
