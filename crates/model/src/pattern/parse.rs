//! From Go's syntax to a tree, by a stack as deep as the expression is nested.

use super::PatternError;
use super::class::{self, Class, Item, LAST};
use super::flags::{self, Flags};

/// Repetitions of a thing, nested ones multiplied, are at most this many.
const REPEATS_MAX: u32 = 1_000;
/// How deep a tree may be.
const HEIGHT_MAX: usize = 1_000;

/// A place rather than a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    TextStart,
    TextEnd,
    LineStart,
    LineEnd,
    WordBoundary,
    NoWordBoundary,
}

/// An expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    /// A code point; the flag says whether in any case.
    Char(u32, bool),
    /// `.`; the flag says whether it matches newlines.
    Dot(bool),
    /// A set; the flag says whether in any case.
    Class(Class, bool),
    Look(Look),
    /// A group that captures.
    Capture(Option<String>, Box<Self>),
    Concat(Vec<Self>),
    Alternate(Vec<Self>),
    Repeat {
        node: Box<Self>,
        min: u32,
        max: Option<u32>,
        greedy: bool,
    },
}

/// A node, how deep it is, and how many copies of its innermost thing it asks for.
struct Built {
    node: Node,
    height: usize,
    copies: u32,
}

/// What a group is for.
enum GroupKind {
    /// Holding together.
    Plain,
    /// Capturing, maybe by a name.
    Capture(Option<String>),
}

/// A group whose end has not come yet.
struct Open {
    /// The flags to go back to.
    flags: Flags,
    kind: GroupKind,
    alternatives: Vec<Built>,
    parts: Vec<Built>,
}

struct Parser<'a> {
    whole: &'a str,
    rest: &'a str,
    flags: Flags,
    stack: Vec<Open>,
    alternatives: Vec<Built>,
    parts: Vec<Built>,
}

/// The tree of `text`.
pub(super) fn parse(text: &str) -> Result<Node, PatternError> {
    let mut parser = Parser {
        whole: text,
        rest: text,
        flags: Flags::default(),
        stack: Vec::new(),
        alternatives: Vec::new(),
        parts: Vec::new(),
    };
    // The text from the last repetition on, when it is the last thing read.
    let mut last_repeat = None;
    while let Some(c) = parser.rest.chars().next() {
        last_repeat = parser.step(c, last_repeat)?;
    }
    if !parser.stack.is_empty() {
        return Err(PatternError::new("missing closing )", text));
    }
    Ok(parser.alternation()?.node)
}

impl<'a> Parser<'a> {
    fn step(
        &mut self,
        c: char,
        last_repeat: Option<&'a str>,
    ) -> Result<Option<&'a str>, PatternError> {
        match c {
            '(' => self.open()?,
            ')' => self.close()?,
            '|' => self.bar()?,
            '^' => self.line_or_text(Look::LineStart, Look::TextStart),
            '$' => self.line_or_text(Look::LineEnd, Look::TextEnd),
            '.' => {
                self.advance(1);
                self.push(Node::Dot(self.flags.dot_newline));
            }
            '[' => {
                let (class, rest) = class::parse(self.rest)?;
                self.rest = rest;
                self.push(Node::Class(class, self.flags.fold_case));
            }
            '*' => return self.repeat(0, None, 1, last_repeat),
            '+' => return self.repeat(1, None, 1, last_repeat),
            '?' => return self.repeat(0, Some(1), 1, last_repeat),
            '{' => match counts(self.rest) {
                Some(found) => return self.counted(found, last_repeat),
                None => self.character(c),
            },
            '\\' => self.backslash()?,
            c => self.character(c),
        }
        Ok(None)
    }

    fn advance(&mut self, bytes: usize) {
        self.rest = self.rest.get(bytes..).unwrap_or("");
    }

    fn push(&mut self, node: Node) {
        self.parts.push(Built { node, height: 1, copies: 1 });
    }

    fn character(&mut self, c: char) {
        self.advance(c.len_utf8());
        self.push(Node::Char(u32::from(c), self.flags.fold_case));
    }

    fn line_or_text(&mut self, line: Look, text: Look) {
        self.look_at(1, if self.flags.multi_line { line } else { text });
    }

    fn look_at(&mut self, bytes: usize, look: Look) {
        self.advance(bytes);
        self.push(Node::Look(look));
    }

    fn too_deep(&self) -> PatternError {
        PatternError::new("expression nests too deeply", self.whole)
    }

    fn open(&mut self) -> Result<(), PatternError> {
        let (before, kind) = (self.flags, self.group_start()?);
        let Some(kind) = kind else { return Ok(()) };
        if self.stack.len() >= HEIGHT_MAX {
            return Err(self.too_deep());
        }
        self.stack.push(Open {
            flags: before,
            kind,
            alternatives: std::mem::take(&mut self.alternatives),
            parts: std::mem::take(&mut self.parts),
        });
        Ok(())
    }

    /// Reads `(`, `(?P<name>`, `(?i:`, `(?i)`; `None` when no group begins.
    fn group_start(&mut self) -> Result<Option<GroupKind>, PatternError> {
        let text = self.rest;
        let Some(inside) = text.strip_prefix("(?") else {
            self.advance(1);
            return Ok(Some(GroupKind::Capture(None)));
        };
        let named = inside.strip_prefix("P<").filter(|name| !name.is_empty());
        if let Some(name) =
            named.or_else(|| inside.strip_prefix('<').filter(|name| !name.is_empty()))
        {
            let bad = |text: &str| PatternError::new("invalid named capture", text);
            let (name, rest) = name.split_once('>').ok_or_else(|| bad(text))?;
            let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
            if name.is_empty() || !name.chars().all(is_part) {
                return Err(bad(text.get(..text.len() - rest.len()).unwrap_or(text)));
            }
            self.rest = rest;
            return Ok(Some(GroupKind::Capture(Some(name.to_owned()))));
        }
        match flags::parse(inside, self.flags) {
            Ok(group) => {
                self.advance(2 + group.len);
                self.flags = group.flags;
                Ok(group.opens.then_some(GroupKind::Plain))
            }
            Err(read) => {
                let what = "invalid or unsupported Perl syntax";
                Err(PatternError::new(what, text.get(..2 + read).unwrap_or(text)))
            }
        }
    }

    fn close(&mut self) -> Result<(), PatternError> {
        let Some(open) = self.stack.pop() else {
            return Err(PatternError::new("unexpected )", self.whole));
        };
        self.advance(1);
        let inside = self.alternation()?;
        self.flags = open.flags;
        (self.alternatives, self.parts) = (open.alternatives, open.parts);
        let GroupKind::Capture(name) = open.kind else {
            self.parts.push(inside);
            return Ok(());
        };
        let height = inside.height + 1;
        if height > HEIGHT_MAX {
            return Err(self.too_deep());
        }
        let node = Node::Capture(name, Box::new(inside.node));
        self.parts.push(Built { node, height, copies: inside.copies });
        Ok(())
    }

    fn bar(&mut self) -> Result<(), PatternError> {
        self.advance(1);
        let parts = std::mem::take(&mut self.parts);
        let alternative = self.join(parts, Node::Concat)?;
        self.alternatives.push(alternative);
        Ok(())
    }

    /// All that was read since the group around began.
    fn alternation(&mut self) -> Result<Built, PatternError> {
        let parts = std::mem::take(&mut self.parts);
        let last = self.join(parts, Node::Concat)?;
        let mut alternatives = std::mem::take(&mut self.alternatives);
        alternatives.push(last);
        self.join(alternatives, Node::Alternate)
    }

    fn join(
        &self,
        mut built: Vec<Built>,
        make: impl Fn(Vec<Node>) -> Node,
    ) -> Result<Built, PatternError> {
        if built.len() == 1
            && let Some(only) = built.pop()
        {
            return Ok(only);
        }
        let height = 1 + built.iter().map(|part| part.height).max().unwrap_or(0);
        if height > HEIGHT_MAX {
            return Err(self.too_deep());
        }
        let copies = built.iter().map(|part| part.copies).max().unwrap_or(1);
        let node = make(built.into_iter().map(|part| part.node).collect());
        Ok(Built { node, height, copies })
    }

    fn counted(
        &mut self,
        (min, max, len): Counts,
        last_repeat: Option<&'a str>,
    ) -> Result<Option<&'a str>, PatternError> {
        let is_valid = min <= REPEATS_MAX && max.is_none_or(|max| max <= REPEATS_MAX && min <= max);
        if !is_valid {
            let text = self.rest.get(..len).unwrap_or(self.rest);
            return Err(PatternError::new("invalid repeat count", text));
        }
        self.repeat(min, max, len, last_repeat)
    }

    /// Repeats what was read last. Returns the text from the repetition on.
    fn repeat(
        &mut self,
        min: u32,
        max: Option<u32>,
        len: usize,
        last_repeat: Option<&'a str>,
    ) -> Result<Option<&'a str>, PatternError> {
        let before = self.rest;
        self.advance(len);
        let mut greedy = !self.flags.swap_greed;
        if let Some(after) = self.rest.strip_prefix('?') {
            self.rest = after;
            greedy = !greedy;
        }
        let written = |from: &'a str| from.get(..from.len() - self.rest.len()).unwrap_or(from);
        if let Some(last) = last_repeat {
            return Err(PatternError::new("invalid nested repetition operator", written(last)));
        }
        let Some(sub) = self.parts.pop() else {
            let what = "missing argument to repetition operator";
            return Err(PatternError::new(what, written(before)));
        };
        let is_counted = before.starts_with('{');
        let times = if is_counted { max.unwrap_or(min).max(1) } else { 1 };
        let copies =
            if is_counted && max == Some(0) { 1 } else { sub.copies.saturating_mul(times) };
        if is_counted && times >= 2 && copies > REPEATS_MAX {
            return Err(PatternError::new("invalid repeat count", written(before)));
        }
        let height = sub.height + 1;
        if height > HEIGHT_MAX {
            return Err(self.too_deep());
        }
        let node = Node::Repeat { node: Box::new(sub.node), min, max, greedy };
        self.parts.push(Built { node, height, copies });
        Ok(Some(before))
    }

    fn backslash(&mut self) -> Result<(), PatternError> {
        match self.rest.as_bytes().get(1) {
            Some(b'A') => self.look_at(2, Look::TextStart),
            Some(b'z') => self.look_at(2, Look::TextEnd),
            Some(b'b') => self.look_at(2, Look::WordBoundary),
            Some(b'B') => self.look_at(2, Look::NoWordBoundary),
            Some(b'Q') => self.quoted(),
            _ => return self.set_or_character(),
        }
        Ok(())
    }

    /// `\Q...\E`: characters as they are, to the end when there is no `\E`.
    fn quoted(&mut self) {
        let inside = self.rest.get(2..).unwrap_or("");
        let (text, rest) = inside.split_once("\\E").unwrap_or((inside, ""));
        for c in text.chars() {
            self.push(Node::Char(u32::from(c), self.flags.fold_case));
        }
        self.rest = rest;
    }

    fn set_or_character(&mut self) -> Result<(), PatternError> {
        let set = match class::unicode(self.rest)? {
            Some(found) => Some(found),
            None => class::perl(self.rest),
        };
        if let Some((item, rest)) = set {
            self.rest = rest;
            self.push_set(item);
            return Ok(());
        }
        let (c, rest) = escape(self.rest)?;
        self.rest = rest;
        self.push(Node::Char(c, self.flags.fold_case));
        Ok(())
    }

    fn push_set(&mut self, item: Item) {
        let class = Class { negated: false, items: vec![item] };
        self.push(Node::Class(class, self.flags.fold_case));
    }
}

/// Fewest and most repetitions, and the length of the text.
type Counts = (u32, Option<u32>, usize);

/// `{2}`, `{2,}` or `{2,3}` at the start of `text`; anything else is a plain brace.
fn counts(text: &str) -> Option<Counts> {
    let inside = text.strip_prefix('{')?;
    let (min, rest) = count(inside)?;
    let (max, rest) = match rest.strip_prefix(',') {
        None => (Some(min), rest),
        Some(rest) if rest.starts_with('}') => (None, rest),
        Some(rest) => count(rest).map(|(max, rest)| (Some(max), rest))?,
    };
    let rest = rest.strip_prefix('}')?;
    Some((min, max, text.len() - rest.len()))
}

/// A number without leading zeros; one too large is the largest.
fn count(text: &str) -> Option<(u32, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    if digits.is_empty() || (digits.len() > 1 && digits.starts_with('0')) {
        return None;
    }
    Some((digits.parse().unwrap_or(u32::MAX), rest))
}

/// The character that the escape at the start of `text` stands for, and what follows.
pub(super) fn escape(text: &str) -> Result<(u32, &str), PatternError> {
    let after = text.strip_prefix('\\').unwrap_or(text);
    let mut chars = after.chars();
    let Some(c) = chars.next() else {
        return Err(PatternError::new("trailing backslash at end of expression", ""));
    };
    let rest = chars.as_str();
    let bad = |rest: &str| {
        let written = text.get(..text.len() - rest.len()).unwrap_or(text);
        PatternError::new("invalid escape sequence", written)
    };
    let value = match c {
        'a' => 7,
        'f' => 12,
        'n' => 10,
        'r' => 13,
        't' => 9,
        'v' => 11,
        'x' => return hexadecimal(rest).map_err(bad),
        '0' => return Ok(octal(after)),
        // One digit would be a reference to a group, which there is not.
        '1'..='7' if rest.starts_with(|c| matches!(c, '0'..='7')) => return Ok(octal(after)),
        c if c.is_ascii() && !c.is_ascii_alphanumeric() => u32::from(c),
        _ => return Err(bad(rest)),
    };
    Ok((value, rest))
}

fn octal(text: &str) -> (u32, &str) {
    let is_digit = |c: &u8| matches!(c, b'0'..=b'7');
    let len = text.bytes().take(3).take_while(is_digit).count();
    let (digits, rest) = text.split_at(len);
    (u32::from_str_radix(digits, 8).unwrap_or(0), rest)
}

/// The two digits or the braces after `\x`; an error is what was left when it was clear.
fn hexadecimal(text: &str) -> Result<(u32, &str), &str> {
    let mut chars = text.chars();
    let Some(first) = chars.next() else { return Err("") };
    if first != '{' {
        // Go reads two characters before it looks at them, and one alone is an error of UTF-8's.
        let Some(second) = chars.next() else { return Err("") };
        return match (first.to_digit(16), second.to_digit(16)) {
            (Some(high), Some(low)) => Ok((high * 16 + low, chars.as_str())),
            _ => Err(chars.as_str()),
        };
    }
    let (mut value, mut has_digits) = (0, false);
    loop {
        let Some(c) = chars.next() else { return Err("") };
        if c == '}' {
            break;
        }
        let Some(digit) = c.to_digit(16) else { return Err(chars.as_str()) };
        value = value * 16 + digit;
        if value > LAST {
            return Err(chars.as_str());
        }
        has_digits = true;
    }
    if has_digits { Ok((value, chars.as_str())) } else { Err(chars.as_str()) }
}
