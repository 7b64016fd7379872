//! Regular expressions as Go reads them, for `match` and `reReplaceAll`.

use regex::{Regex, RegexBuilder};

use super::exec::TEXT_BYTES_MAX;
use crate::relabel::Expansion;

/// How large a compiled expression may be.
const COMPILED_BYTES_MAX: usize = 4 << 20;

/// Compiles an expression by Go's rules, where they differ from those of the regex crate: classes
/// such as `\d` are ASCII, `[` within a class and `{` without a count are themselves.
pub(super) fn compile(pattern: &str) -> Result<Regex, String> {
    RegexBuilder::new(&translate(pattern)).size_limit(COMPILED_BYTES_MAX).build().map_err(|_| {
        // The crate's own words span lines and show the translated text.
        format!("error parsing regexp: invalid or too large: `{pattern}`")
    })
}

/// Whether the expression matches anywhere.
pub(super) fn is_match(pattern: &str, text: &str) -> Result<bool, String> {
    Ok(compile(pattern)?.is_match(text))
}

/// Replaces all matches; `$1` and `${name}` stand for groups.
pub(super) fn replace_all(pattern: &str, replacement: &str, text: &str) -> Result<String, String> {
    let regex = compile(pattern)?;
    let expansion = Expansion::parse(replacement);
    let mut replaced = String::with_capacity(text.len());
    let mut end = 0;
    for groups in regex.captures_iter(text) {
        let Some(whole) = groups.get(0) else { continue };
        replaced.push_str(text.get(end..whole.start()).unwrap_or(""));
        replaced.push_str(&expansion.expand(&groups));
        end = whole.end();
        if replaced.len() > TEXT_BYTES_MAX {
            return Ok(replaced);
        }
    }
    replaced.push_str(text.get(end..).unwrap_or(""));
    Ok(replaced)
}

fn translate(pattern: &str) -> String {
    let mut translated = String::with_capacity(pattern.len());
    let mut rest = pattern;
    let mut in_class = false;
    let mut class_start = false;
    while let Some(c) = rest.chars().next() {
        let after = rest.get(c.len_utf8()..).unwrap_or("");
        let at_start = std::mem::take(&mut class_start);
        rest = after;
        match c {
            '\\' => rest = escape(&mut translated, after, in_class),
            '[' if !in_class => {
                in_class = true;
                class_start = true;
                translated.push('[');
                if let Some(negated) = after.strip_prefix('^') {
                    translated.push('^');
                    rest = negated;
                }
            }
            '[' if after.starts_with(':') => match after.split_once(":]") {
                Some((name, tail)) => {
                    translated.push_str(&format!("[{name}:]"));
                    rest = tail;
                }
                None => translated.push_str("\\["),
            },
            ']' if in_class && !at_start => {
                in_class = false;
                translated.push(']');
            }
            '[' | '&' | '~' if in_class => {
                translated.push('\\');
                translated.push(c);
            }
            ']' if in_class => translated.push_str("\\]"),
            '{' if !in_class && !is_count(after) => translated.push_str("\\{"),
            c => translated.push(c),
        }
    }
    translated
}

/// What follows a backslash.
fn escape<'p>(translated: &mut String, after: &'p str, in_class: bool) -> &'p str {
    let Some(c) = after.chars().next() else {
        translated.push('\\');
        return after;
    };
    let rest = after.get(c.len_utf8()..).unwrap_or("");
    if c == 'Q' {
        let (literal, rest) = rest.split_once("\\E").unwrap_or((rest, ""));
        translated.push_str(&regex::escape(literal));
        return rest;
    }
    let class = match c {
        'd' | 'D' => "0-9",
        'w' | 'W' => "0-9A-Za-z_",
        's' | 'S' => "\\t\\n\\f\\r ",
        'b' | 'B' if !in_class => {
            translated.push_str(&format!("(?-u:\\{c})"));
            return rest;
        }
        _ => {
            translated.push('\\');
            translated.push(c);
            return rest;
        }
    };
    let negated = c.is_ascii_uppercase();
    match (in_class, negated) {
        (true, false) => translated.push_str(class),
        (_, true) => translated.push_str(&format!("[^{class}]")),
        (false, false) => translated.push_str(&format!("[{class}]")),
    }
    rest
}

/// Whether `{` begins a repetition: `{2}`, `{2,}` or `{2,3}`.
fn is_count(after: &str) -> bool {
    let Some((inside, _)) = after.split_once('}') else { return false };
    let (least, most) = inside.split_once(',').unwrap_or((inside, ""));
    let digits = |text: &str| text.chars().all(|c| c.is_ascii_digit());
    !least.is_empty() && digits(least) && digits(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_gos() {
        for (pattern, text, matches) in [
            (r"^\d+$", "12", true),
            (r"^\d+$", "१२", false),
            (r"^\w+$", "é", false),
            (r"^[\w-]+$", "a-b", true),
            (r"^[^[]+$", "ab", true),
            (r"^[[:alpha:]_]+$", "a_b", true),
            (r"^[]a]+$", "]a", true),
            (r"a{,2}", "a{,2}", true),
            (r"^a{2}$", "aa", true),
            (r"\Qa.b\E", "axb", false),
            (r"\bfoo\b", "a foo b", true),
            (r"[a&&b]", "&", true),
        ] {
            assert_eq!(is_match(pattern, text), Ok(matches), "{pattern} {text}");
        }
        assert!(is_match("(", "").is_err());
        assert!(is_match("((a{100}){100}){100}", "").is_err());
    }

    #[test]
    fn groups_are_named_by_gos_rules() {
        let replaced = replace_all("(a)(?P<b>b)", "$2${1}x $b-$1x $$", "ab").unwrap();
        assert_eq!(replaced, "bax b- $");
    }
}
