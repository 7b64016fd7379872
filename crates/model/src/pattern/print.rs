//! From the tree to the syntax of the `regex` crate.

use std::fmt::Write as _;

use super::class::{Class, Item, LAST, Range};
use super::names::Named;
use super::parse::{Look, Node};

/// A set that no character is in.
const NOTHING: &str = r"[^\x00-\x{10FFFF}]";
/// Code points that are no characters, which no text of ours can hold.
const SURROGATES: Range = (0xD800, 0xDFFF);

/// What binds looser than what stands around needs parentheses.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Alternation,
    Concatenation,
    Atom,
}

struct Printer {
    out: String,
    names: Vec<String>,
}

/// `node` as the `regex` crate reads it.
pub(super) fn print(node: &Node) -> String {
    let mut printer = Printer { out: String::new(), names: Vec::new() };
    printer.node(node, Level::Alternation);
    printer.out
}

impl Printer {
    fn node(&mut self, node: &Node, level: Level) {
        match node {
            Node::Char(c, fold) => self.characters(&[*c], *fold),
            Node::Dot(true) => self.out.push_str("(?s:.)"),
            Node::Dot(false) => self.out.push_str(r"[^\n]"),
            Node::Class(class, fold) => self.folded(*fold, |printer| printer.class(class)),
            Node::Look(look) => self.out.push_str(match look {
                Look::TextStart => r"\A",
                Look::TextEnd => r"\z",
                Look::LineStart => "(?m:^)",
                Look::LineEnd => "(?m:$)",
                Look::WordBoundary => r"(?-u:\b)",
                Look::NoWordBoundary => r"(?-u:\B)",
            }),
            Node::Capture(name, node) => self.capture(name.as_deref(), node),
            Node::Concat(parts) => {
                self.grouped(level > Level::Concatenation, |printer| printer.concat(parts));
            }
            Node::Alternate(parts) => self.grouped(level > Level::Alternation, |printer| {
                for (at, part) in parts.iter().enumerate() {
                    if at > 0 {
                        printer.out.push('|');
                    }
                    printer.node(part, Level::Concatenation);
                }
            }),
            Node::Repeat { node, min, max, greedy } => {
                // A repetition of a repetition needs parentheses too.
                self.grouped(level == Level::Atom, |printer| {
                    printer.node(node, Level::Atom);
                    printer.counts(*min, *max);
                    if !greedy {
                        printer.out.push('?');
                    }
                });
            }
        }
    }

    fn grouped(&mut self, is_needed: bool, inside: impl FnOnce(&mut Self)) {
        if is_needed {
            self.out.push_str("(?:");
        }
        inside(self);
        if is_needed {
            self.out.push(')');
        }
    }

    fn folded(&mut self, fold: bool, inside: impl FnOnce(&mut Self)) {
        if fold {
            self.out.push_str("(?i:");
        }
        inside(self);
        if fold {
            self.out.push(')');
        }
    }

    /// Runs of characters share one `(?i:...)`.
    fn concat(&mut self, parts: &[Node]) {
        let mut run: Vec<u32> = Vec::new();
        let mut folds = false;
        for part in parts {
            match part {
                Node::Char(c, fold) => {
                    if *fold != folds {
                        self.characters(&std::mem::take(&mut run), folds);
                        folds = *fold;
                    }
                    run.push(*c);
                }
                other => {
                    self.characters(&std::mem::take(&mut run), folds);
                    self.node(other, Level::Concatenation);
                }
            }
        }
        self.characters(&run, folds);
    }

    fn characters(&mut self, characters: &[u32], fold: bool) {
        if characters.is_empty() {
            return;
        }
        self.folded(fold, |printer| {
            for c in characters {
                match char::from_u32(*c) {
                    Some(c) if c.is_alphanumeric() || c == '_' => printer.out.push(c),
                    Some(c) => printer.code(u32::from(c)),
                    None => printer.out.push_str(NOTHING),
                }
            }
        });
    }

    fn code(&mut self, code: u32) {
        // Writing to a String cannot fail.
        write!(self.out, "\\x{{{code:X}}}").ok();
    }

    fn capture(&mut self, name: Option<&str>, node: &Node) {
        match name {
            // The crate wants a name to be given once and not to begin with a digit.
            Some(name) if is_taken(name) && !self.names.iter().any(|known| known == name) => {
                self.names.push(name.to_owned());
                write!(self.out, "(?P<{name}>").ok();
            }
            _ => self.out.push('('),
        }
        self.node(node, Level::Alternation);
        self.out.push(')');
    }

    fn counts(&mut self, min: u32, max: Option<u32>) {
        match (min, max) {
            (0, None) => self.out.push('*'),
            (1, None) => self.out.push('+'),
            (0, Some(1)) => self.out.push('?'),
            (min, None) => {
                write!(self.out, "{{{min},}}").ok();
            }
            (min, Some(max)) if min == max => {
                write!(self.out, "{{{min}}}").ok();
            }
            (min, Some(max)) => {
                write!(self.out, "{{{min},{max}}}").ok();
            }
        }
    }

    fn class(&mut self, class: &Class) {
        let start = self.out.len();
        self.out.push('[');
        if class.negated {
            self.out.push('^');
        }
        let inside = self.out.len();
        for item in &class.items {
            self.item(item);
        }
        if self.out.len() > inside {
            self.out.push(']');
            return;
        }
        // Brackets around nothing would take the next character in.
        self.out.truncate(start);
        self.out.push_str(if class.negated { "(?s:.)" } else { NOTHING });
    }

    fn item(&mut self, item: &Item) {
        match item {
            Item::Range(range) => self.range(*range),
            Item::Group(ranges, negated) => {
                self.out.push_str(if *negated { "[^" } else { "" });
                ranges.iter().for_each(|range| self.range(*range));
                self.out.push_str(if *negated { "]" } else { "" });
            }
            Item::Named(named, negated) => self.named(*named, *negated),
        }
    }

    fn named(&mut self, named: Named, negated: bool) {
        let (name, negated) = match named {
            Named::Any if negated => return,
            Named::Surrogates if !negated => return,
            Named::Any | Named::Surrogates => return self.range((0, LAST)),
            Named::Ascii if negated => return self.range((0x80, LAST)),
            Named::Ascii => return self.range((0, 0x7F)),
            Named::Assigned => ("gc=Cn", !negated),
            Named::Category(name) | Named::Script(name) => (name, negated),
        };
        let kind = match named {
            Named::Category(_) => "gc=",
            Named::Script(_) => "sc=",
            _ => "",
        };
        let letter = if negated { 'P' } else { 'p' };
        write!(self.out, "\\{letter}{{{kind}{name}}}").ok();
    }

    /// A range without the surrogates in it.
    fn range(&mut self, (low, high): Range) {
        for (low, high) in [(low, high.min(SURROGATES.0 - 1)), (low.max(SURROGATES.1 + 1), high)] {
            if low > high {
                continue;
            }
            self.code(low);
            if low < high {
                self.out.push('-');
                self.code(high);
            }
        }
    }
}

/// Whether the crate takes `name` for a group.
fn is_taken(name: &str) -> bool {
    !name.starts_with(|c: char| c.is_ascii_digit())
}
