//! One side of a comparison: a number with its unit, a percentage, a metric, a query in quotes.

use super::condition::{Operand, Query, Reader};

/// Units: durations are seconds, sizes are bytes.
const UNITS: [(&str, f64); 19] = [
    ("ms", 0.001),
    ("s", 1.0),
    ("m", 60.0),
    ("min", 60.0),
    ("h", 3_600.0),
    ("d", 86_400.0),
    ("w", 604_800.0),
    ("B", 1.0),
    ("kB", 1e3),
    ("KB", 1e3),
    ("MB", 1e6),
    ("GB", 1e9),
    ("TB", 1e12),
    ("KiB", 1_024.0),
    ("MiB", 1_048_576.0),
    ("GiB", 1_073_741_824.0),
    ("TiB", 1_099_511_627_776.0),
    ("k", 1e3),
    ("", 1.0),
];

/// Whether a query is a metric that can be written without quotes.
pub(super) fn is_plain(text: &str) -> bool {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || c == ':')
        && text.chars().all(is_name)
}

pub(super) fn read(reader: &mut Reader<'_>) -> Result<Operand, String> {
    reader.skip();
    let Some(first) = reader.rest().chars().next() else {
        return Err(reader.error("a metric, a number or a query in quotes was expected"));
    };
    match first {
        '0'..='9' | '.' | '-' | '+' => number(reader),
        '"' | '\'' | '`' => quoted(reader, first).map(Operand::Query),
        '$' => variable(reader),
        c if c.is_ascii_alphabetic() || c == '_' || c == ':' => metric(reader),
        _ => Err(reader.error("a metric, a number or a query in quotes was expected")),
    }
}

fn number(reader: &mut Reader<'_>) -> Result<Operand, String> {
    let rest = reader.rest();
    let mut end = 0;
    let bytes = rest.as_bytes();
    while let Some(byte) = bytes.get(end) {
        let is_exponent = matches!(byte, b'e' | b'E')
            && bytes.get(end + 1).is_some_and(|b| b.is_ascii_digit() || *b == b'-')
            && end > 0;
        let is_sign = matches!(byte, b'-' | b'+')
            && (end == 0 || matches!(bytes.get(end - 1), Some(b'e' | b'E')));
        if !(byte.is_ascii_digit() || *byte == b'.' || is_exponent || is_sign) {
            break;
        }
        end += 1;
    }
    let number: f64 = match rest.get(..end).unwrap_or("").parse() {
        Ok(number) => number,
        Err(_) => return Err(reader.error("a number was expected")),
    };
    let after = rest.get(end..).unwrap_or("");
    let unit_end = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
    let unit = after.get(..unit_end).unwrap_or("");
    let Some((_, factor)) = UNITS.iter().find(|(name, _)| *name == unit) else {
        reader.at += end;
        return Err(reader.error("a unit was expected (ms s m h d w, B kB MB GB TB KiB … TiB, %)"));
    };
    reader.at += end + unit_end;
    if unit.is_empty() && reader.sign("%") {
        return percent(reader, number);
    }
    Ok(Operand::Number(number * factor))
}

fn percent(reader: &mut Reader<'_>, percent: f64) -> Result<Operand, String> {
    let before = reader.at;
    reader.skip();
    let rest = reader.rest();
    let is_of = rest.get(..2).is_some_and(|word| word.eq_ignore_ascii_case("of"))
        && rest.get(2..).is_some_and(|after| after.starts_with(char::is_whitespace));
    if !is_of {
        reader.at = before;
        return Ok(Operand::Percent(percent));
    }
    reader.at += 2;
    let of = read(reader)?;
    if matches!(of, Operand::Percent(_) | Operand::PercentOf(..)) {
        return Err(reader.error("something that there can be a percentage of was expected"));
    }
    Ok(Operand::PercentOf(percent, Box::new(of)))
}

fn quoted(reader: &mut Reader<'_>, quote: char) -> Result<Query, String> {
    let rest = reader.rest();
    let inside = rest.get(1..).unwrap_or("");
    let mut text = String::new();
    let mut characters = inside.char_indices();
    while let Some((at, c)) = characters.next() {
        if c == quote {
            let parsed = Query::parse(&text);
            if parsed.is_ok() {
                reader.at += 1 + at + 1;
            }
            return parsed
                .map_err(|error| reader.error(&format!("a query was expected: {error};")));
        }
        // Only the quote itself is escaped; everything else is the query's own.
        if c == '\\' && quote != '`' && inside.get(at + 1..).is_some_and(|r| r.starts_with(quote)) {
            text.push(quote);
            characters.next();
        } else {
            text.push(c);
        }
    }
    Err(reader.error("the closing quote is missing; a query in quotes was expected"))
}

fn variable(reader: &mut Reader<'_>) -> Result<Operand, String> {
    let name: String = reader
        .rest()
        .chars()
        .skip(1)
        .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
        .collect();
    if name.is_empty() {
        return Err(reader.error("the name of a variable was expected"));
    }
    reader.at += 1 + name.len();
    Ok(Operand::Variable(name))
}

/// A metric with or without matchers in braces: `name{label="value"}`.
fn metric(reader: &mut Reader<'_>) -> Result<Operand, String> {
    let rest = reader.rest();
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let mut end = rest.find(|c: char| !is_name(c)).unwrap_or(rest.len());
    if rest.get(end..).is_some_and(|after| after.starts_with('{')) {
        end += braces(rest.get(end..).unwrap_or(""))
            .ok_or_else(|| reader.error("the closing brace is missing; a metric was expected"))?;
    }
    let after = rest.get(end..).unwrap_or("");
    if after.starts_with(['(', '[']) {
        return Err(reader.error("expressions are written in quotes; a metric was expected"));
    }
    let text = rest.get(..end).unwrap_or("");
    if let Err(error) = crate::promql::parse_selector(text) {
        return Err(reader.error(&format!("a metric was expected: {error};")));
    }
    reader.at += end;
    Ok(Operand::Query(Query::Promql(text.to_owned())))
}

/// The length of `{...}` with quotes in it.
fn braces(text: &str) -> Option<usize> {
    let mut quote = None;
    let mut is_escaped = false;
    for (at, c) in text.char_indices() {
        match quote {
            Some(_) if is_escaped => is_escaped = false,
            Some(_) if c == '\\' => is_escaped = true,
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if matches!(c, '"' | '\'' | '`') => quote = Some(c),
            None if c == '}' => return Some(at + 1),
            None => {}
        }
    }
    None
}
