//! Cuts a template's text into tokens: text outside of `{{ }}`, words and signs inside.

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Error,
    Bool,
    /// A sign without a meaning of its own, such as a comma.
    Sign,
    Character,
    Assign,
    Declare,
    End,
    Field,
    Word,
    LeftDelimiter,
    RightDelimiter,
    LeftParenthesis,
    RightParenthesis,
    Number,
    Pipe,
    RawText,
    Space,
    QuotedText,
    Text,
    Variable,
    Dot,
    Nil,
    Keyword(Keyword),
}

/// Words that begin an action of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keyword {
    Block,
    Break,
    Continue,
    Define,
    Else,
    End,
    If,
    Range,
    Template,
    With,
}

/// A piece of the text, with the line it begins on.
#[derive(Debug, Clone)]
pub(super) struct Token<'t> {
    pub(super) kind: Kind,
    pub(super) position: usize,
    pub(super) text: std::borrow::Cow<'t, str>,
    pub(super) line: usize,
}

const LEFT: &str = "{{";
const RIGHT: &str = "}}";

/// All tokens; the last is `End` or `Error`.
pub(super) fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut lexer =
        Lexer { text, start: 0, at: 0, line: 1, line_counted_to: 0, depth: 0, tokens: Vec::new() };
    while lexer.text_until_action() {
        while lexer.inside_action() {}
        if lexer.ended() {
            break;
        }
    }
    lexer.tokens
}

struct Lexer<'t> {
    text: &'t str,
    /// Where the token began.
    start: usize,
    at: usize,
    /// The line of `line_counted_to`.
    line: usize,
    line_counted_to: usize,
    /// Parentheses that are open.
    depth: usize,
    tokens: Vec<Token<'t>>,
}

impl<'t> Lexer<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn ended(&self) -> bool {
        matches!(self.tokens.last(), Some(Token { kind: Kind::Error | Kind::End, .. }))
    }

    /// The line `start` is on; starts only grow.
    fn start_line(&mut self) -> usize {
        let between = self.text.get(self.line_counted_to..self.start).unwrap_or("");
        self.line += between.matches('\n').count();
        self.line_counted_to = self.start;
        self.line
    }

    fn emit(&mut self, kind: Kind) {
        let line = self.start_line();
        let text = self.text.get(self.start..self.at).unwrap_or("").into();
        self.tokens.push(Token { kind, position: self.start, text, line });
        self.start = self.at;
    }

    fn error(&mut self, message: impl Into<String>) -> bool {
        let line = self.start_line();
        let text = message.into().into();
        self.tokens.push(Token { kind: Kind::Error, position: self.start, text, line });
        false
    }

    /// Text up to the next action, and its left delimiter. False at the end. A comment leaves no
    /// token; what follows it is text again.
    fn text_until_action(&mut self) -> bool {
        while let Some(found) = self.rest().find(LEFT) {
            let delimiter = self.at + found;
            let before = self.text.get(self.start..delimiter).unwrap_or("");
            let after = self.text.get(delimiter + LEFT.len()..).unwrap_or("");
            let trims = trims_left(after);
            let kept = if trims { before.trim_end_matches(is_space) } else { before };
            self.at = self.start + kept.len();
            if self.at > self.start {
                self.emit(Kind::Text);
            }
            self.start = delimiter;
            self.at = delimiter + LEFT.len();
            let marker = if trims { 2 } else { 0 };
            if after.get(marker..).is_some_and(|text| text.starts_with("/*")) {
                self.at += marker;
                self.start = self.at;
                if !self.comment() {
                    return false;
                }
                continue;
            }
            self.emit(Kind::LeftDelimiter);
            self.at += marker;
            self.start = self.at;
            self.depth = 0;
            return true;
        }
        self.at = self.text.len();
        if self.at > self.start {
            self.emit(Kind::Text);
        }
        self.emit(Kind::End);
        false
    }

    fn comment(&mut self) -> bool {
        let Some(end) = self.text.get(self.at + 2..).and_then(|text| text.find("*/")) else {
            return self.error("unclosed comment");
        };
        self.at += 2 + end + 2;
        let Some(trims) = self.right_delimiter() else {
            return self.error("comment ends before closing delimiter");
        };
        self.at += RIGHT.len() + if trims { 2 } else { 0 };
        self.after_right_delimiter(trims);
        true
    }

    fn after_right_delimiter(&mut self, trims: bool) {
        if trims {
            let rest = self.rest();
            self.at += rest.len() - rest.trim_start_matches(is_space).len();
        }
        self.start = self.at;
    }

    /// Whether the action ends here, and whether it trims what follows.
    fn right_delimiter(&self) -> Option<bool> {
        let rest = self.rest();
        if trims_right(rest) && rest.get(2..).is_some_and(|rest| rest.starts_with(RIGHT)) {
            return Some(true);
        }
        rest.starts_with(RIGHT).then_some(false)
    }

    /// One token of an action. False after its end, and after an error.
    fn inside_action(&mut self) -> bool {
        if let Some(trims) = self.right_delimiter() {
            if self.depth > 0 {
                return self.error("unclosed left paren");
            }
            if trims {
                self.at += 2;
                self.start = self.at;
            }
            self.at += RIGHT.len();
            self.emit(Kind::RightDelimiter);
            self.after_right_delimiter(trims);
            return false;
        }
        let Some(c) = self.next() else { return self.error("unclosed action") };
        match c {
            c if is_space(c) => self.space(),
            '=' => self.emit(Kind::Assign),
            ':' if self.next() == Some('=') => self.emit(Kind::Declare),
            ':' => return self.error("expected :="),
            '|' => self.emit(Kind::Pipe),
            '"' => return self.quoted('"', Kind::QuotedText, "unterminated quoted string"),
            '\'' => return self.quoted('\'', Kind::Character, "unterminated character constant"),
            '`' => return self.raw(),
            '$' => return self.field_or_variable(Kind::Variable, Kind::Variable),
            '.' if !self.peek().is_some_and(|c| c.is_ascii_digit()) => {
                if self.peek().is_none() {
                    // Go takes a last dot for the start of a number, without digits.
                    self.at -= 1;
                    return self.number();
                }
                return self.field_or_variable(Kind::Dot, Kind::Field);
            }
            '.' | '+' | '-' | '0'..='9' => {
                self.at -= 1;
                return self.number();
            }
            c if is_alphanumeric(c) => return self.word(),
            '(' => {
                self.depth += 1;
                self.emit(Kind::LeftParenthesis);
            }
            ')' => {
                let Some(depth) = self.depth.checked_sub(1) else {
                    return self.error("unexpected right paren");
                };
                self.depth = depth;
                self.emit(Kind::RightParenthesis);
            }
            c if c == ' ' || c.is_ascii_graphic() => self.emit(Kind::Sign),
            c => {
                let name = code_point(Some(c));
                return self.error(format!("unrecognized character in action: {name}"));
            }
        }
        true
    }

    /// A run of spaces, of which the last may belong to a trim marker.
    fn space(&mut self) {
        self.at -= 1;
        let rest = self.rest();
        let length = rest.len() - rest.trim_start_matches(is_space).len();
        let before_last = self.at + length - 1;
        self.at = before_last;
        if self.right_delimiter() == Some(true) {
            if before_last > self.start {
                self.emit(Kind::Space);
            }
            self.start = self.at;
            return;
        }
        self.at = before_last + 1;
        self.emit(Kind::Space);
    }

    fn word(&mut self) -> bool {
        self.skip_word();
        if !self.at_terminator() {
            let found = code_point(self.peek());
            return self.error(format!("bad character {found}"));
        }
        let kind = match self.text.get(self.start..self.at).unwrap_or("") {
            "block" => Kind::Keyword(Keyword::Block),
            "break" => Kind::Keyword(Keyword::Break),
            "continue" => Kind::Keyword(Keyword::Continue),
            "define" => Kind::Keyword(Keyword::Define),
            "else" => Kind::Keyword(Keyword::Else),
            "end" => Kind::Keyword(Keyword::End),
            "if" => Kind::Keyword(Keyword::If),
            "range" => Kind::Keyword(Keyword::Range),
            "template" => Kind::Keyword(Keyword::Template),
            "with" => Kind::Keyword(Keyword::With),
            "nil" => Kind::Nil,
            "true" | "false" => Kind::Bool,
            _ => Kind::Word,
        };
        self.emit(kind);
        true
    }

    fn skip_word(&mut self) {
        while self.peek().is_some_and(is_alphanumeric) {
            self.next();
        }
    }

    /// After a dot or a dollar sign: alone it is `alone`, with a name `named`.
    fn field_or_variable(&mut self, alone: Kind, named: Kind) -> bool {
        if self.at_terminator() {
            self.emit(alone);
            return true;
        }
        self.skip_word();
        if !self.at_terminator() {
            let found = code_point(self.peek());
            return self.error(format!("bad character {found}"));
        }
        self.emit(named);
        true
    }

    fn at_terminator(&self) -> bool {
        match self.peek() {
            None | Some('.' | ',' | '|' | ':' | ')' | '(') => true,
            Some(c) => is_space(c) || self.rest().starts_with(RIGHT),
        }
    }

    fn quoted(&mut self, quote: char, kind: Kind, error: &str) -> bool {
        loop {
            match self.next() {
                Some('\\') if !matches!(self.next(), None | Some('\n')) => {}
                None | Some('\n' | '\\') => return self.error(error),
                Some(c) if c == quote => break,
                Some(_) => {}
            }
        }
        self.emit(kind);
        true
    }

    fn raw(&mut self) -> bool {
        let Some(length) = self.rest().find('`') else {
            return self.error("unterminated raw quoted string");
        };
        self.at += length + 1;
        self.emit(Kind::RawText);
        true
    }

    fn number(&mut self) -> bool {
        let scanned = self.scan_number();
        let is_complex = scanned && matches!(self.peek(), Some('+' | '-'));
        if is_complex {
            self.scan_number();
        }
        if !scanned || is_complex {
            // Complex numbers, which nobody alerts on, are refused with the same words.
            let text = self.text.get(self.start..self.at).unwrap_or("");
            let text = crate::promql::go_quote(text);
            return self.error(format!("bad number syntax: {text}"));
        }
        self.emit(Kind::Number);
        true
    }

    fn scan_number(&mut self) -> bool {
        self.accept("+-");
        let mut digits = "0123456789_";
        if self.accept("0") {
            if self.accept("xX") {
                digits = "0123456789abcdefABCDEF_";
            } else if self.accept("oO") {
                digits = "01234567_";
            } else if self.accept("bB") {
                digits = "01_";
            }
        }
        self.accept_run(digits);
        if self.accept(".") {
            self.accept_run(digits);
        }
        let exponent = match digits.len() {
            11 => "eE",
            23 => "pP",
            _ => "",
        };
        if self.accept(exponent) {
            self.accept("+-");
            self.accept_run("0123456789_");
        }
        self.accept("i");
        if self.peek().is_some_and(is_alphanumeric) {
            self.next();
            return false;
        }
        true
    }

    fn accept(&mut self, valid: &str) -> bool {
        let accepted = self.peek().is_some_and(|c| valid.contains(c));
        if accepted {
            self.next();
        }
        accepted
    }

    fn accept_run(&mut self, valid: &str) {
        while self.accept(valid) {}
    }
}

pub(super) fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

fn is_alphanumeric(c: char) -> bool {
    // Go asks for letters and decimal digits; Rust counts other numbers as numeric as well, which
    // matters for characters such as ½ only.
    c == '_' || c.is_alphanumeric()
}

/// `- ` after the left delimiter.
fn trims_left(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next() == Some('-') && chars.next().is_some_and(is_space)
}

/// ` -` before the right delimiter.
fn trims_right(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(is_space) && chars.next() == Some('-')
}

/// As Go's `%#U` prints a character: `U+0022 '"'`. The end of the text is -1 there.
fn code_point(c: Option<char>) -> String {
    let Some(c) = c else { return "U+FFFFFFFFFFFFFFFF".to_owned() };
    let number = format!("U+{:04X}", u32::from(c));
    if c.is_control() || (c.is_whitespace() && c != ' ') {
        number
    } else {
        format!("{number} '{c}'")
    }
}
