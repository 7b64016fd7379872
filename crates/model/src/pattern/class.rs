//! Sets of characters: `[a-z\d]`, `\pL`, `[:alpha:]`.

use super::PatternError;
use super::names::{self, Named};
use super::parse::escape;

/// The largest code point.
pub(super) const LAST: u32 = 0x10_FFFF;

/// First and last code point.
pub(super) type Range = (u32, u32);

/// A part of a set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Item {
    /// Code points from one to another.
    Range(Range),
    /// A set of ASCII characters such as `\d`, or all that is not in it.
    Group(&'static [Range], bool),
    /// A set with a name, or all that is not in it.
    Named(Named, bool),
}

/// A set of characters.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Class {
    /// `[^...]`
    pub(super) negated: bool,
    /// What is in it.
    pub(super) items: Vec<Item>,
}

const DIGIT: &[Range] = &[(48, 57)];
const SPACE: &[Range] = &[(9, 10), (12, 13), (32, 32)];
const WORD: &[Range] = &[(48, 57), (65, 90), (95, 95), (97, 122)];

/// The sets of POSIX.
const POSIX: [(&str, &[Range]); 14] = [
    ("alnum", &[(48, 57), (65, 90), (97, 122)]),
    ("alpha", &[(65, 90), (97, 122)]),
    ("ascii", &[(0, 127)]),
    ("blank", &[(9, 9), (32, 32)]),
    ("cntrl", &[(0, 31), (127, 127)]),
    ("digit", DIGIT),
    ("graph", &[(33, 126)]),
    ("lower", &[(97, 122)]),
    ("print", &[(32, 126)]),
    ("punct", &[(33, 47), (58, 64), (91, 96), (123, 126)]),
    ("space", &[(9, 13), (32, 32)]),
    ("upper", &[(65, 90)]),
    ("word", WORD),
    ("xdigit", &[(48, 57), (65, 70), (97, 102)]),
];

const BAD_RANGE: &str = "invalid character class range";

/// The set at the start of `text`, which is an opening bracket, and what follows it.
pub(super) fn parse(text: &str) -> Result<(Class, &str), PatternError> {
    let mut rest = text.strip_prefix('[').unwrap_or(text);
    let mut class = Class::default();
    if let Some(after) = rest.strip_prefix('^') {
        class.negated = true;
        rest = after;
    }
    // A closing bracket that comes first is a character.
    let mut is_first = true;
    loop {
        if let (Some(after), false) = (rest.strip_prefix(']'), is_first) {
            return Ok((class, after));
        }
        is_first = false;
        let (item, after) = match set(rest)? {
            Some(found) => found,
            None => range(rest, text)?,
        };
        class.items.push(item);
        rest = after;
    }
}

/// `[:alpha:]`, `\pL` or `\d` at the start of `text`.
fn set(text: &str) -> Result<Option<(Item, &str)>, PatternError> {
    if let Some(found) = posix(text)? {
        return Ok(Some(found));
    }
    if let Some(found) = unicode(text)? {
        return Ok(Some(found));
    }
    Ok(perl(text))
}

fn posix(text: &str) -> Result<Option<(Item, &str)>, PatternError> {
    let Some((name, rest)) = text.strip_prefix("[:").and_then(|inside| inside.split_once(":]"))
    else {
        return Ok(None);
    };
    let (plain, negated) = name.strip_prefix('^').map_or((name, false), |name| (name, true));
    match POSIX.iter().find(|(known, _)| *known == plain) {
        Some((_, ranges)) => Ok(Some((Item::Group(ranges, negated), rest))),
        None => Err(PatternError::new(BAD_RANGE, format!("[:{name}:]"))),
    }
}

/// `\d`, `\S`, ... at the start of `text`.
pub(super) fn perl(text: &str) -> Option<(Item, &str)> {
    let mut chars = text.strip_prefix('\\')?.chars();
    let (ranges, negated) = match chars.next()? {
        'd' => (DIGIT, false),
        'D' => (DIGIT, true),
        's' => (SPACE, false),
        'S' => (SPACE, true),
        'w' => (WORD, false),
        'W' => (WORD, true),
        _ => return None,
    };
    Some((Item::Group(ranges, negated), chars.as_str()))
}

/// `\pL`, `\P{Greek}`, ... at the start of `text`.
pub(super) fn unicode(text: &str) -> Result<Option<(Item, &str)>, PatternError> {
    let (after, big) = match (text.strip_prefix("\\p"), text.strip_prefix("\\P")) {
        (Some(after), _) => (after, false),
        (None, Some(after)) => (after, true),
        (None, None) => return Ok(None),
    };
    let mut chars = after.chars();
    let Some(first) = chars.next() else {
        return Err(PatternError::new(BAD_RANGE, text));
    };
    let (name, rest) = if first == '{' {
        chars.as_str().split_once('}').ok_or_else(|| PatternError::new(BAD_RANGE, text))?
    } else {
        after.split_at(first.len_utf8())
    };
    let (plain, caret) = name.strip_prefix('^').map_or((name, false), |name| (name, true));
    let Some(named) = names::find(plain) else {
        let sequence = text.get(..text.len() - rest.len()).unwrap_or(text);
        return Err(PatternError::new(BAD_RANGE, sequence));
    };
    Ok(Some((Item::Named(named, big != caret), rest)))
}

/// A character or a range of them at the start of `text`, which is within `whole`.
fn range<'a>(text: &'a str, whole: &str) -> Result<(Item, &'a str), PatternError> {
    let (low, rest) = character(text, whole)?;
    let Some(after) = rest.strip_prefix('-').filter(|after| !after.is_empty()) else {
        return Ok((Item::Range((low, low)), rest));
    };
    if after.starts_with(']') {
        return Ok((Item::Range((low, low)), rest));
    }
    let (high, rest) = character(after, whole)?;
    if high < low {
        let written = text.get(..text.len() - rest.len()).unwrap_or(text);
        return Err(PatternError::new(BAD_RANGE, written));
    }
    Ok((Item::Range((low, high)), rest))
}

fn character<'a>(text: &'a str, whole: &str) -> Result<(u32, &'a str), PatternError> {
    if text.starts_with('\\') {
        return escape(text);
    }
    let mut chars = text.chars();
    match chars.next() {
        Some(c) => Ok((u32::from(c), chars.as_str())),
        None => Err(PatternError::new("missing closing ]", whole)),
    }
}
