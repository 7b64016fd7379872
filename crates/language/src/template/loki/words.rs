//! Texts cut, aligned and repeated, with a bound on what they become.

use super::super::exec::TEXT_BYTES_MAX;

fn too_long<T>() -> Result<T, String> {
    Err("the text becomes too long".to_owned())
}

/// Replaces up to `count` places.
pub(super) fn replace(text: &str, old: &str, new: &str, count: usize) -> Result<String, String> {
    let places = text.matches(old).count().min(count);
    if text.len().saturating_add(places.saturating_mul(new.len())) > TEXT_BYTES_MAX {
        return too_long();
    }
    Ok(text.replacen(old, new, count))
}

/// Without the characters of `set` at both ends.
pub(super) fn trim<'t>(text: &'t str, set: &str) -> &'t str {
    text.trim_matches(|c| set.contains(c))
}

/// The first `count` characters, or the last for a negative count.
pub(super) fn truncated(count: i64, text: &str) -> String {
    let length = text.chars().count();
    let wanted = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    if wanted >= length {
        text.to_owned()
    } else if count < 0 {
        text.chars().skip(length - wanted).collect()
    } else {
        text.chars().take(wanted).collect()
    }
}

/// The characters from `start` to `end`; a negative bound is none.
pub(super) fn part(start: i64, end: i64, text: &str) -> String {
    let start = usize::try_from(start).unwrap_or(0);
    let end = usize::try_from(end).unwrap_or(usize::MAX);
    text.chars().skip(start).take(end.saturating_sub(start)).collect()
}

/// In exactly `count` characters: cut, or filled with spaces.
pub(super) fn aligned(count: i64, text: &str, right: bool) -> Result<String, String> {
    let Ok(count) = usize::try_from(count) else { return Ok(text.to_owned()) };
    if count > TEXT_BYTES_MAX {
        return too_long();
    }
    let length = text.chars().count();
    Ok(match (right, length > count) {
        (false, true) => text.chars().take(count).collect(),
        (true, true) => text.chars().skip(length - count).collect(),
        (false, false) => format!("{text}{}", " ".repeat(count - length)),
        (true, false) => format!("{}{text}", " ".repeat(count - length)),
    })
}

/// Every line behind `count` spaces.
pub(super) fn indented(count: i64, text: &str, before: &str) -> Result<String, String> {
    let count = usize::try_from(count).unwrap_or(0);
    let lines = text.matches('\n').count() + 1;
    if lines.saturating_mul(count).saturating_add(text.len()) > TEXT_BYTES_MAX {
        return too_long();
    }
    let space = " ".repeat(count);
    Ok(format!("{before}{space}{}", text.replace('\n', &format!("\n{space}"))))
}

/// `count` times.
pub(super) fn repeated(count: i64, text: &str) -> Result<String, String> {
    let count = usize::try_from(count).unwrap_or(0);
    if count.saturating_mul(text.len()) > TEXT_BYTES_MAX {
        return too_long();
    }
    Ok(text.repeat(count))
}
