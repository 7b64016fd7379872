//! Ruby's syntax into that of the two engines, in one walk.

use std::iter::Peekable;
use std::str::Chars;

use super::guard::GuardSource;
use super::{RubyPatternError, class};

const DEPTH_MAX: usize = 200;
const TEXT_BYTES_MAX: usize = 1 << 20;

/// The expression for both engines.
#[derive(Debug)]
pub(super) struct Translation {
    /// Without look-around; its places are empty groups.
    pub(super) linear: String,
    /// Whether the linear engine can be used.
    pub(super) is_linear: bool,
    /// With everything.
    pub(super) backtracking: String,
    /// Names of the groups; the first is the whole match.
    pub(super) names: Vec<Option<String>>,
    /// What the empty groups ask.
    pub(super) guards: Vec<GuardSource>,
}

/// The name that a group has in both engines.
pub(super) fn group_name(group: usize) -> String {
    format!("c{group}")
}

/// The name of a look-around's empty group.
pub(super) fn guard_name(guard: usize) -> String {
    format!("g{guard}")
}

/// A part of the expression in both syntaxes.
#[derive(Debug, Default)]
struct Part {
    linear: String,
    backtracking: String,
    has_guard: bool,
}

impl Part {
    fn same(text: &str) -> Self {
        Self { linear: text.to_owned(), backtracking: text.to_owned(), has_guard: false }
    }

    fn append(&mut self, other: &Self) {
        self.linear.push_str(&other.linear);
        self.backtracking.push_str(&other.backtracking);
        self.has_guard |= other.has_guard;
    }

    fn wrap(self, open: &str) -> Self {
        Self {
            linear: format!("{open}{})", self.linear),
            backtracking: format!("{open}{})", self.backtracking),
            has_guard: self.has_guard,
        }
    }
}

struct Translator<'a> {
    rest: Peekable<Chars<'a>>,
    depth: usize,
    is_linear: bool,
    has_names: bool,
    is_extended: bool,
    names: Vec<Option<String>>,
    guards: Vec<GuardSource>,
}

/// Translates `text`.
pub(super) fn translate(text: &str) -> Result<Translation, RubyPatternError> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(RubyPatternError("the expression is too long".to_owned()));
    }
    let mut translator = Translator {
        rest: text.chars().peekable(),
        depth: 0,
        is_linear: true,
        has_names: has_named_group(text),
        is_extended: false,
        names: vec![None],
        guards: Vec::new(),
    };
    let part = translator.alternation()?;
    if translator.rest.next().is_some() {
        return Err(RubyPatternError(format!("unmatched close parenthesis: /{text:.200}/")));
    }
    Ok(Translation {
        linear: part.linear,
        is_linear: translator.is_linear,
        backtracking: part.backtracking,
        names: translator.names,
        guards: translator.guards,
    })
}

fn has_named_group(text: &str) -> bool {
    text.match_indices("(?<").any(|(at, _)| {
        let after = text.get(at + 3..).unwrap_or_default();
        !after.starts_with(['=', '!']) && !text.get(..at).unwrap_or_default().ends_with('\\')
    }) || text.contains("(?P<")
        || text.contains("(?'")
}

fn refused(what: &str) -> RubyPatternError {
    RubyPatternError(format!("{what} is not supported in expressions here"))
}

impl Translator<'_> {
    fn alternation(&mut self) -> Result<Part, RubyPatternError> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(RubyPatternError("the expression nests too deeply".to_owned()));
        }
        let mut whole = Part::default();
        while let Some(&c) = self.rest.peek() {
            match c {
                ')' => break,
                '|' => {
                    self.rest.next();
                    whole.append(&Part::same("|"));
                }
                _ => {
                    let atom = self.atom()?;
                    let repeated = self.repeats(atom)?;
                    whole.append(&repeated);
                }
            }
        }
        self.depth -= 1;
        Ok(whole)
    }

    fn atom(&mut self) -> Result<Part, RubyPatternError> {
        let Some(c) = self.rest.next() else { return Ok(Part::default()) };
        Ok(match c {
            '(' => self.group()?,
            '[' => Part::same(&class::read(&mut self.rest, 0)?),
            '\\' => self.escape()?,
            '^' => Part::same("(?m:^)"),
            '$' => Part::same("(?m:$)"),
            '.' => Part::same("."),
            '*' | '+' | '?' => {
                return Err(RubyPatternError(
                    "target of repeat operator is not specified".to_owned(),
                ));
            }
            c if self.is_extended && c.is_ascii_whitespace() => Part::default(),
            '#' if self.is_extended => {
                for c in self.rest.by_ref() {
                    if c == '\n' {
                        break;
                    }
                }
                Part::default()
            }
            c => literal(c),
        })
    }

    /// The repeats that follow an atom.
    fn repeats(&mut self, atom: Part) -> Result<Part, RubyPatternError> {
        let mut part = atom;
        let mut is_repeated = false;
        loop {
            let (sign, is_braced) = match self.rest.peek() {
                Some('*') => ("*".to_owned(), false),
                Some('+') => ("+".to_owned(), false),
                Some('?') => ("?".to_owned(), false),
                Some('{') => match self.bounds() {
                    Some(bounds) => (bounds, true),
                    None => return Ok(part),
                },
                _ => return Ok(part),
            };
            if !is_braced {
                self.rest.next();
            }
            if part.linear.is_empty() && part.backtracking.is_empty() {
                return Ok(part);
            }
            if part.has_guard && sign != "?" {
                self.is_linear = false;
            }
            if is_repeated {
                part = part.wrap("(?:");
            }
            is_repeated = true;
            part.append(&Part::same(&sign));
            if self.rest.next_if_eq(&'?').is_some() {
                part.append(&Part::same("?"));
            } else if !is_braced && self.rest.next_if_eq(&'+').is_some() {
                part.backtracking.push('+');
            }
        }
    }

    /// `{n}`, `{n,}`, `{,m}`, `{n,m}`; nothing is read when it is none.
    fn bounds(&mut self) -> Option<String> {
        let mut ahead = self.rest.clone();
        ahead.next();
        let text: String = ahead.by_ref().take_while(|c| *c != '}').take(16).collect();
        let (low, high) = match text.split_once(',') {
            Some((low, high)) => (low, Some(high)),
            None => (text.as_str(), None),
        };
        let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let has_any = !low.is_empty() || high.is_some_and(|high| !high.is_empty());
        if text.len() > 12 || !has_any || !is_number(low) || !high.is_none_or(is_number) {
            return None;
        }
        self.rest = ahead;
        let low = if low.is_empty() { "0" } else { low };
        Some(match high {
            Some(high) => format!("{{{low},{high}}}"),
            None => format!("{{{low}}}"),
        })
    }

    fn group(&mut self) -> Result<Part, RubyPatternError> {
        if self.rest.next_if_eq(&'?').is_none() {
            if self.has_names {
                return self.closed("(?:");
            }
            return self.capture(None);
        }
        match self.rest.next() {
            Some(':') => self.closed("(?:"),
            Some('>') => self.atomic(),
            Some('=') => self.look(false, false),
            Some('!') => self.look(false, true),
            Some('#') => {
                for c in self.rest.by_ref() {
                    if c == ')' {
                        break;
                    }
                }
                Ok(Part::default())
            }
            Some('P') if self.rest.next_if_eq(&'<').is_some() => self.named('>'),
            Some('\'') => self.named('\''),
            Some('<') if self.rest.next_if_eq(&'=').is_some() => self.look(true, false),
            Some('<') if self.rest.next_if_eq(&'!').is_some() => self.look(true, true),
            Some('<') => self.named('>'),
            Some('~') => Err(refused("an absence operator (?~")),
            Some('(') => Err(refused("a conditional (?(")),
            Some(c) if c == '-' || c.is_ascii_lowercase() => self.flags(c),
            _ => Err(RubyPatternError("undefined group option".to_owned())),
        }
    }

    fn close(&mut self) -> Result<(), RubyPatternError> {
        let closed = self.rest.next_if_eq(&')');
        closed
            .map(|_| ())
            .ok_or_else(|| RubyPatternError("end pattern with unmatched parenthesis".to_owned()))
    }

    fn closed(&mut self, open: &str) -> Result<Part, RubyPatternError> {
        let was_extended = self.is_extended;
        let inner = self.alternation()?;
        self.is_extended = was_extended;
        self.close()?;
        Ok(inner.wrap(open))
    }

    fn capture(&mut self, name: Option<String>) -> Result<Part, RubyPatternError> {
        let group = self.names.len();
        self.names.push(name);
        self.closed(&format!("(?P<{}>", group_name(group)))
    }

    fn named(&mut self, end: char) -> Result<Part, RubyPatternError> {
        let name: String = self.rest.by_ref().take_while(|c| *c != end).collect();
        if name.is_empty() {
            return Err(RubyPatternError("group name is empty".to_owned()));
        }
        self.capture(Some(name))
    }

    fn atomic(&mut self) -> Result<Part, RubyPatternError> {
        let inner = self.alternation()?;
        self.close()?;
        Ok(Part {
            linear: format!("(?:{})", inner.linear),
            backtracking: format!("(?>{})", inner.backtracking),
            has_guard: inner.has_guard,
        })
    }

    fn look(&mut self, is_behind: bool, is_negative: bool) -> Result<Part, RubyPatternError> {
        let names_before = self.names.len();
        let inner = self.alternation()?;
        self.close()?;
        // Groups within, and look-around within, are the backtracking engine's.
        if inner.has_guard || self.names.len() != names_before {
            self.is_linear = false;
        }
        let guard = self.guards.len();
        self.guards.push(GuardSource { inner: inner.linear, is_behind, is_negative });
        let open = match (is_behind, is_negative) {
            (false, false) => "(?=",
            (false, true) => "(?!",
            (true, false) => "(?<=",
            (true, true) => "(?<!",
        };
        Ok(Part {
            linear: format!("(?P<{}>)", guard_name(guard)),
            backtracking: format!("{open}{})", inner.backtracking),
            has_guard: true,
        })
    }

    /// `(?i)`, `(?mi-x:...)`; Ruby's `m` is what others call `s`.
    fn flags(&mut self, first: char) -> Result<Part, RubyPatternError> {
        let mut flags = String::new();
        let mut is_off = false;
        let mut next = Some(first);
        loop {
            match next {
                Some('-') => {
                    is_off = true;
                    flags.push('-');
                }
                Some('i') => flags.push('i'),
                Some('m') => flags.push('s'),
                Some('x') => self.is_extended = !is_off,
                Some('a' | 'u' | 'd') => {}
                Some(end @ (':' | ')')) => {
                    let flags = flags.trim_end_matches('-');
                    if end == ':' {
                        return self.closed(&format!("(?{flags}:"));
                    }
                    let open = if flags.is_empty() { String::new() } else { format!("(?{flags})") };
                    return Ok(Part::same(&open));
                }
                _ => return Err(RubyPatternError("undefined group option".to_owned())),
            }
            next = self.rest.next();
        }
    }

    fn escape(&mut self) -> Result<Part, RubyPatternError> {
        let c =
            self.rest.next().ok_or_else(|| RubyPatternError("end pattern at escape".to_owned()))?;
        if let Some(members) = class::shorthand(c) {
            return Ok(Part::same(&format!("[{members}]")));
        }
        Ok(match c {
            'A' => Part::same("\\A"),
            'z' => Part::same("\\z"),
            'Z' => Part::same("(?:\\n?\\z)"),
            'b' => Part::same("\\b"),
            'B' => Part::same("\\B"),
            'R' => Part::same("(?:\\r\\n|[\\n\\x0b\\x0c\\r\\x{85}\\x{2028}\\x{2029}])"),
            'X' => return Err(refused("\\X")),
            'g' => return Err(refused("the call of a group \\g")),
            'K' | 'G' => {
                self.is_linear = false;
                Part::same(if c == 'K' { "\\K" } else { "\\G" })
            }
            '1'..='9' => {
                self.is_linear = false;
                Part::same(&format!("(?P=c{c})"))
            }
            'k' => self.back_reference()?,
            'p' | 'P' => {
                let members = class::property(&mut self.rest, c == 'P')
                    .ok_or_else(|| RubyPatternError("invalid character property".to_owned()))?;
                Part::same(&members)
            }
            c => literal(
                class::escaped_char(c, &mut self.rest)
                    .ok_or_else(|| RubyPatternError("invalid escape".to_owned()))?,
            ),
        })
    }

    fn back_reference(&mut self) -> Result<Part, RubyPatternError> {
        let invalid = || RubyPatternError("invalid backref number/name".to_owned());
        self.rest.next_if_eq(&'<').ok_or_else(invalid)?;
        let name: String = self.rest.by_ref().take_while(|c| *c != '>').collect();
        let index = self
            .names
            .iter()
            .position(|known| known.as_deref() == Some(&name))
            .or_else(|| name.parse().ok())
            .ok_or_else(invalid)?;
        self.is_linear = false;
        Ok(Part::same(&format!("(?P={})", group_name(index))))
    }
}

fn literal(c: char) -> Part {
    Part::same(&regex::escape(c.encode_utf8(&mut [0; 4])))
}
