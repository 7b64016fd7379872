//! The parser `logfmt`: `key=value key2="quoted value" flag`.

use std::borrow::Cow;

use vigie_language::logql::Extraction;

use crate::logql::labels::{LineLabels, label_name};

/// The error of a line that is no logfmt.
const LOGFMT_ERROR: &str = "LogfmtParserErr";
/// Labels of one line.
const LABELS_MAX: usize = 1_000;

/// A piece of a line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Pair<'l> {
    /// A key and its value; without one for a key alone.
    Value(&'l str, Option<Cow<'l, str>>),
    /// What is neither, and why.
    Malformed(&'static str),
}

/// Hands the pairs of `line` to `each` until it gives `false`.
pub(crate) fn pairs<'l>(line: &'l str, mut each: impl FnMut(Pair<'l>) -> bool) {
    let mut rest = line;
    loop {
        rest = rest.trim_start_matches(|c: char| c <= ' ');
        if rest.is_empty() {
            return;
        }
        let end = rest.find(|c: char| c <= ' ' || c == '=' || c == '"').unwrap_or(rest.len());
        let (key, after) = rest.split_at(end);
        let (piece, after) = match after.strip_prefix('=') {
            None if after.starts_with('"') => (Pair::Malformed("unexpected '\"'"), skip(after)),
            None => (Pair::Value(key, None), after),
            Some(after) if key.is_empty() => (Pair::Malformed("unexpected '='"), skip(after)),
            Some(after) => value(key, after),
        };
        rest = after;
        if !each(piece) {
            return;
        }
    }
}

/// What follows the next space.
fn skip(text: &str) -> &str {
    let end = text.find(|c: char| c <= ' ').unwrap_or(text.len());
    text.get(end..).unwrap_or("")
}

fn value<'l>(key: &'l str, text: &'l str) -> (Pair<'l>, &'l str) {
    let Some(inside) = text.strip_prefix('"') else {
        let end = text.find(|c: char| c <= ' ').unwrap_or(text.len());
        let (found, after) = text.split_at(end);
        if found.contains(['=', '"']) {
            return (Pair::Malformed("unexpected '=' or '\"' in a value"), after);
        }
        return (Pair::Value(key, Some(found.into())), after);
    };
    let mut escaped = false;
    let mut has_escape = false;
    for (at, byte) in inside.bytes().enumerate() {
        if escaped {
            escaped = false;
        } else if byte == b'\\' {
            escaped = true;
            has_escape = true;
        } else if byte == b'"' {
            let found = inside.get(..at).unwrap_or("");
            let after = inside.get(at + 1..).unwrap_or("");
            if !has_escape {
                return (Pair::Value(key, Some(found.into())), after);
            }
            // The escapes are those of JSON.
            let quoted = text.get(..at + 2).unwrap_or("");
            return match serde_json::from_str::<String>(quoted) {
                Ok(found) => (Pair::Value(key, Some(found.into())), after),
                Err(_) => (Pair::Malformed("invalid quoted value"), after),
            };
        }
    }
    (Pair::Malformed("unterminated quoted value"), "")
}

/// Makes labels of the pairs of `line`: of all, or of those that `wanted` names.
pub(super) fn extract(
    line: &str,
    (strict, keep_empty): (bool, bool),
    wanted: &[Extraction],
    labels: &mut LineLabels,
) {
    for extraction in wanted {
        labels.extract(&extraction.label, "");
    }
    let mut count = 0;
    pairs(line, |pair| {
        let (key, value) = match pair {
            Pair::Malformed(why) if strict => {
                labels.fail(LOGFMT_ERROR, &format!("logfmt syntax error: {why}"));
                return false;
            }
            Pair::Malformed(_) => return true,
            Pair::Value(key, value) => (key, value.unwrap_or_default()),
        };
        if value.is_empty() && !keep_empty {
            return true;
        }
        if wanted.is_empty() {
            labels.extract(&label_name(key), &value);
            count += 1;
        }
        for extraction in wanted.iter().filter(|extraction| extraction.expression == key) {
            labels.extract(&extraction.label, &value);
        }
        count < LABELS_MAX
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_found() {
        let mut found = Vec::new();
        let line =
            r#"at=info  method=GET path="/a b" msg="say \"hi\"\n" flag empty= =x a"b c=d=e end=1"#;
        pairs(line, |pair| {
            found.push(match pair {
                Pair::Value(key, value) => format!("{key}:{}", value.unwrap_or("-".into())),
                Pair::Malformed(_) => "!".to_owned(),
            });
            true
        });
        let expected = [
            "at:info",
            "method:GET",
            "path:/a b",
            "msg:say \"hi\"\n",
            "flag:-",
            "empty:",
            "!",
            "!",
            "!",
            "end:1",
        ];
        assert_eq!(found, expected);
    }
}
