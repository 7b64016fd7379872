//! The level of a line, as Loki detects it: from labels, from a field of the line, from words.

/// Names of labels and fields that hold a level.
pub(super) const LEVEL_NAMES: [&str; 4] = ["level", "severity", "lvl", "severity_text"];

/// Levels and how they are written.
const WORDS: [(&str, &[&str]); 7] = [
    ("trace", &["trace", "trc"]),
    ("debug", &["debug", "dbg"]),
    ("info", &["info", "inf", "information", "informational", "notice"]),
    ("warn", &["warn", "wrn", "warning"]),
    ("error", &["error", "err", "erro"]),
    ("critical", &["critical", "crit", "alert"]),
    ("fatal", &["fatal", "emerg", "emergency", "panic"]),
];

/// Bytes of a line in which a level is looked for.
const LOOKED_AT_BYTES: usize = 512;

/// The level that a value of a label says: one of Loki's names.
pub fn level_of(value: &str) -> Option<&'static str> {
    let value = value.trim();
    let found = WORDS.iter().find(|(_, words)| words.iter().any(|w| w.eq_ignore_ascii_case(value)));
    found.map(|(level, _)| *level)
}

/// Whether a label of this name holds a level.
pub(super) fn is_level_name(name: &str) -> bool {
    LEVEL_NAMES.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// The level of a line.
pub(super) fn level_of_line(line: &str) -> &'static str {
    let mut end = line.len().min(LOOKED_AT_BYTES);
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    let head = line.get(..end).unwrap_or("");
    named_level(head)
        .or_else(|| head.split(|c: char| !c.is_ascii_alphanumeric()).find_map(word))
        .unwrap_or("unknown")
}

/// The value of a field that says the level: `"level":"warn"`, `level=warn`.
fn named_level(head: &str) -> Option<&'static str> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut rest = head;
    while let Some(start) = rest.find(is_part) {
        rest = rest.get(start..)?;
        let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        rest = after;
        if is_level_name(name) {
            let value = after.trim_start_matches(['"', ' ']);
            if let Some(value) = value.strip_prefix([':', '=']) {
                let value = value.trim_start_matches(['"', ' ']);
                let end = value.find(|c| !is_part(c)).unwrap_or(value.len());
                return value.get(..end).and_then(level_of);
            }
        }
    }
    None
}

/// A word that is a level by itself; the short forms are too often something else.
fn word(text: &str) -> Option<&'static str> {
    if text.len() < 4 { None } else { level_of(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_found() {
        for (line, level) in [
            (r#"{"msg":"error here","level":"warn"}"#, "warn"),
            ("ts=1 lvl=dbg msg=error", "debug"),
            ("2024-01-01 ERROR something", "error"),
            ("[Warning] disk", "warn"),
            ("GET /info.html 200", "info"),
            ("nothing to say", "unknown"),
            ("severity: critical", "critical"),
            ("terror", "unknown"),
        ] {
            assert_eq!(level_of_line(line), level, "{line}");
        }
    }
}
