//! Lucene's regular expressions as those of the `regex` crate.
//!
//! Source: the documentation of Lucene's `RegExp` class. Both are anchored at the ends of a term
//! when used; a regex here runs in linear time, so that nothing explodes that does elsewhere.
//! `&` (intersection) and `~` (complement) have no counterpart and are refused.

/// Longest expression taken, Elasticsearch's `index.max_regex_length`.
const LENGTH_MAX: usize = 1_000;
/// How many values of `<1-100>` are written out.
const INTERVAL_MAX: u64 = 1_000;

/// Why an expression is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegexpError {
    /// Longer than allowed.
    #[error(
        "The length of regex [{0}] used in the Regexp Query request has exceeded the allowed \
         maximum of [{LENGTH_MAX}]. This maximum can be set by changing the \
         [index.max_regex_length] index level setting."
    )]
    TooLong(usize),
    /// An operator that is not served.
    #[error("the regular expression operator [{0}] is not supported")]
    Unsupported(char),
    /// Not an expression.
    #[error("{0}")]
    Invalid(String),
}

/// The expression for the `regex` crate, without anchors, and checked to compile.
pub fn translate(text: &str) -> Result<String, RegexpError> {
    let length = text.chars().count();
    if length > LENGTH_MAX {
        return Err(RegexpError::TooLong(length));
    }
    let mut out = String::with_capacity(text.len() + 16);
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\\' => push_escaped(&mut out, rest.next()),
            '"' => {
                let literal: String = rest.by_ref().take_while(|c| *c != '"').collect();
                out.push_str(&format!("(?:{})", regex::escape(&literal)));
            }
            '.' => out.push_str("(?s:.)"),
            '@' => out.push_str("(?s:.*)"),
            '#' => out.push_str("[^\\s\\S]"),
            '[' => push_class(&mut out, &mut rest)?,
            '<' => push_interval(&mut out, &mut rest)?,
            '~' | '&' => return Err(RegexpError::Unsupported(c)),
            // Not anchors in Lucene.
            '^' | '$' => {
                out.push('\\');
                out.push(c);
            }
            '(' if rest.peek() == Some(&'?') => {
                return Err(RegexpError::Invalid(format!("expected a group in [{text}]")));
            }
            other => out.push(other),
        }
    }
    let size_max = 4 << 20;
    match regex::RegexBuilder::new(&format!("^(?:{out})$")).size_limit(size_max).build() {
        Ok(_) => Ok(out),
        Err(error) => Err(RegexpError::Invalid(describe(text, &error))),
    }
}

fn describe(text: &str, error: &regex::Error) -> String {
    let what = match error {
        regex::Error::CompiledTooBig(_) => "Determinizing the automaton would require too much",
        _ => "it is not a valid regular expression",
    };
    format!("cannot use [{text}]: {what}")
}

fn push_escaped(out: &mut String, escaped: Option<char>) {
    match escaped {
        // Lucene 9 knows these classes; every other character stands for itself.
        Some(class @ ('d' | 'D' | 's' | 'S' | 'w' | 'W')) => {
            out.push_str(match class {
                'd' => "[0-9]",
                'D' => "[^0-9]",
                's' => "[ \\t\\n\\r]",
                'S' => "[^\\s]",
                'w' => "[a-zA-Z0-9_]",
                _ => "[^a-zA-Z0-9_]",
            });
        }
        Some(other) => out.push_str(&regex::escape(&other.to_string())),
        None => out.push_str("\\\\"),
    }
}

type Rest<'a> = std::iter::Peekable<std::str::Chars<'a>>;

fn push_class(out: &mut String, rest: &mut Rest<'_>) -> Result<(), RegexpError> {
    let unclosed = || RegexpError::Invalid("expected ']'".to_owned());
    out.push('[');
    if rest.next_if_eq(&'^').is_some() {
        out.push('^');
    }
    let mut is_empty = true;
    loop {
        match rest.next().ok_or_else(unclosed)? {
            ']' if !is_empty => break,
            '\\' => match rest.next().ok_or_else(unclosed)? {
                class @ ('d' | 'w' | 's') => out.push_str(&format!("\\{class}")),
                other => push_class_literal(out, other),
            },
            '-' => out.push('-'),
            other => push_class_literal(out, other),
        }
        is_empty = false;
    }
    out.push(']');
    Ok(())
}

fn push_class_literal(out: &mut String, c: char) {
    if matches!(c, '[' | ']' | '&' | '~' | '^' | '\\' | '-') {
        out.push('\\');
    }
    out.push(c);
}

/// `<1-100>`: a number between the two, with leading zeros when both ends are equally long.
fn push_interval(out: &mut String, rest: &mut Rest<'_>) -> Result<(), RegexpError> {
    let text: String = rest.by_ref().take_while(|c| *c != '>').collect();
    let invalid = || RegexpError::Invalid(format!("interval syntax error in <{text}>"));
    let (from, to) = text.split_once('-').ok_or_else(invalid)?;
    let low: u64 = from.parse().map_err(|_| invalid())?;
    let high: u64 = to.parse().map_err(|_| invalid())?;
    let (low, high) = (low.min(high), low.max(high));
    if high - low > INTERVAL_MAX {
        return Err(RegexpError::Invalid(format!("the interval <{text}> is too wide")));
    }
    let width = if from.len() == to.len() { from.len().min(20) } else { 0 };
    let numbers: Vec<String> = (low..=high).map(|n| format!("{n:0width$}")).collect();
    out.push_str(&format!("(?:{})", numbers.join("|")));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_match_as_in_lucene() {
        let cases = [
            ("ab?c*", "ac", true),
            ("a.c", "abc", true),
            ("a.c", "xabc", false),
            ("[0-9]{3}", "123", true),
            ("<1-12>", "12", true),
            ("<01-12>", "3", false),
            ("\"a.b\"", "a.b", true),
            ("\"a.b\"", "axb", false),
            ("^a$", "^a$", true),
            (r"\d+", "42", true),
            (r"a\.b", "axb", false),
            ("@", "anything", true),
            ("#", "", false),
            ("[^a-c]", "d", true),
        ];
        for (expression, text, expected) in cases {
            let translated = translate(expression).unwrap();
            let regex = regex::Regex::new(&format!("^(?:{translated})$")).unwrap();
            assert_eq!(regex.is_match(text), expected, "{expression} {text} {translated}");
        }
    }

    #[test]
    fn what_cannot_be_served_is_refused() {
        assert_eq!(translate("~a"), Err(RegexpError::Unsupported('~')));
        assert_eq!(translate(&"a".repeat(1_001)), Err(RegexpError::TooLong(1_001)));
        for expression in ["(", "[a", "a{5", "<1-x>", "<0-99999999>", "((a{999}){999}){999}"] {
            assert!(translate(expression).is_err(), "{expression}");
        }
    }
}
