//! The stages of a pipeline.

use vigie_model::pattern::compile;

use super::Parser;
use crate::logql::ast::{
    BytesFilter, Comparison, Conversion, DurationFilter, Extraction, IpFilter, LabelFilter,
    LabelFormat, LabelSource, LineFilter, LineMatch, LineOp, NamedMatcher, NumberFilter, Stage,
    Unwrap,
};
use crate::logql::error::ParseError;
use crate::logql::lexer::TokenKind;
use crate::logql::pattern::Pattern;
use crate::promql::go_quote;

impl Parser<'_> {
    /// All stages that follow, up to `unwrap`.
    pub(super) fn stages(&mut self) -> Result<Vec<Stage>, ParseError> {
        let mut stages = Vec::new();
        loop {
            if let Some(op) = self.line_op() {
                self.advance();
                stages.push(Stage::LineFilter(self.line_filter(op)?));
            } else if self.is("|") && !matches!(self.next_kind(), TokenKind::Word("unwrap")) {
                self.advance();
                stages.push(self.stage()?);
            } else {
                return Ok(stages);
            }
        }
    }

    fn line_op(&self) -> Option<LineOp> {
        let TokenKind::Symbol(symbol) = self.kind() else { return None };
        // `!=` and `!~` end a range's log expression too, where a comparison follows.
        let follows = matches!(self.next_kind(), TokenKind::String(_) | TokenKind::Word("ip"));
        Some(match *symbol {
            "|=" => LineOp::Contains,
            "|~" => LineOp::Matches,
            "|>" => LineOp::Pattern,
            "!>" => LineOp::NotPattern,
            "!=" if follows => LineOp::NotContains,
            "!~" if follows => LineOp::NotMatches,
            _ => return None,
        })
    }

    fn line_filter(&mut self, op: LineOp) -> Result<LineFilter, ParseError> {
        let mut alternatives = vec![self.line_match(op)?];
        while self.take_word("or") {
            alternatives.push(self.line_match(op)?);
        }
        Ok(LineFilter { op, alternatives })
    }

    fn line_match(&mut self, op: LineOp) -> Result<LineMatch, ParseError> {
        if self.take_word("ip") {
            self.expect("(")?;
            let text = self.string()?;
            self.expect(")")?;
            if !matches!(op, LineOp::Contains | LineOp::NotContains) {
                let message = "invalid line filter operation for ip(): only |= and != are allowed";
                return Err(ParseError::nowhere(message));
            }
            return Ok(LineMatch { text, is_ip: true });
        }
        let text = self.string().map_err(|_| self.unexpected(&["STRING", "ip"]))?;
        match op {
            LineOp::Matches | LineOp::NotMatches => {
                compile(&text).map_err(|error| ParseError::nowhere(error.to_string()))?;
            }
            LineOp::Pattern | LineOp::NotPattern if !text.is_empty() => {
                Pattern::parse_filter(&text).map_err(ParseError::nowhere)?;
            }
            _ => {}
        }
        Ok(LineMatch { text, is_ip: false })
    }

    fn stage(&mut self) -> Result<Stage, ParseError> {
        let word = match self.kind() {
            TokenKind::Word(word) => *word,
            TokenKind::Identifier(_) | TokenKind::Symbol("(") => {
                return self.label_filter().map(Stage::LabelFilter);
            }
            _ => return Err(self.unexpected(&[])),
        };
        self.advance();
        match word {
            "json" => Ok(Stage::Json(self.extractions()?)),
            "logfmt" => self.logfmt(),
            "unpack" => Ok(Stage::Unpack),
            "regexp" => self.regexp(),
            "pattern" => {
                let text = self.string()?;
                Pattern::parse_named(&text)
                    .map_err(|error| stage_error("pattern", &text, &error))?;
                Ok(Stage::Pattern(text))
            }
            "line_format" => Ok(Stage::LineFormat(self.string()?)),
            "label_format" => self.label_format(),
            "decolorize" => Ok(Stage::Decolorize),
            "drop" => Ok(Stage::Drop(self.named_matchers()?)),
            "keep" => Ok(Stage::Keep(self.named_matchers()?)),
            _ => {
                self.at -= 1;
                Err(self.unexpected(&[]))
            }
        }
    }

    fn regexp(&mut self) -> Result<Stage, ParseError> {
        let text = self.string()?;
        let fail = |error: &str| stage_error("regexp", &text, error);
        let regex = compile(&text).map_err(|error| fail(&error.to_string()))?;
        let mut names: Vec<&str> = Vec::new();
        for name in regex.capture_names().flatten() {
            if names.contains(&name) {
                return Err(fail(&format!("duplicate extracted label name '{name}'")));
            }
            names.push(name);
        }
        if names.is_empty() {
            return Err(fail("at least one named capture must be supplied"));
        }
        Ok(Stage::Regexp(text))
    }

    fn logfmt(&mut self) -> Result<Stage, ParseError> {
        let (mut strict, mut keep_empty) = (false, false);
        while let TokenKind::Flag(flag) = self.kind() {
            if flag == "--strict" {
                strict = true;
            } else {
                keep_empty = true;
            }
            self.advance();
        }
        Ok(Stage::Logfmt { strict, keep_empty, extractions: self.extractions()? })
    }

    fn extractions(&mut self) -> Result<Vec<Extraction>, ParseError> {
        let mut found = Vec::new();
        if !matches!(self.kind(), TokenKind::Identifier(_)) {
            return Ok(found);
        }
        loop {
            let label = self.identifier()?;
            let expression = if self.take("=") { self.string()? } else { label.clone() };
            found.push(Extraction { label, expression });
            if !self.take(",") {
                return Ok(found);
            }
        }
    }

    fn label_format(&mut self) -> Result<Stage, ParseError> {
        let mut formats: Vec<LabelFormat> = Vec::new();
        loop {
            let label = self.identifier()?;
            self.expect("=")?;
            let source = match self.kind() {
                TokenKind::Identifier(name) => LabelSource::Label(name.clone()),
                TokenKind::String(text) => LabelSource::Template(text.clone()),
                _ => return Err(self.unexpected(&["IDENTIFIER", "STRING"])),
            };
            self.advance();
            if label == "__error__" {
                return Err(ParseError::nowhere("__error__ cannot be formatted"));
            }
            if formats.iter().any(|known| known.label == label) {
                let message = format!(
                    "multiple label name '{label}' not allowed in a single format operation"
                );
                return Err(ParseError::nowhere(message));
            }
            formats.push(LabelFormat { label, source });
            if !self.take(",") {
                return Ok(Stage::LabelFormat(formats));
            }
        }
    }

    fn named_matchers(&mut self) -> Result<Vec<NamedMatcher>, ParseError> {
        let mut found = Vec::new();
        loop {
            let name = self.identifier()?;
            let has_matcher = matches!(self.kind(), TokenKind::Symbol("=" | "!=" | "=~" | "!~"))
                && matches!(self.next_kind(), TokenKind::String(_));
            found.push(if has_matcher {
                NamedMatcher::Matcher(self.matcher(name)?)
            } else {
                NamedMatcher::Name(name)
            });
            if !self.take(",") {
                return Ok(found);
            }
        }
    }

    /// `or` binds less than `and`, a comma, or nothing at all between two conditions.
    pub(super) fn label_filter(&mut self) -> Result<LabelFilter, ParseError> {
        self.enter()?;
        let mut left = self.label_filter_and()?;
        while self.take_word("or") {
            let right = self.label_filter_and()?;
            left = LabelFilter::Or(Box::new(left), Box::new(right));
        }
        self.leave();
        Ok(left)
    }

    fn label_filter_and(&mut self) -> Result<LabelFilter, ParseError> {
        let mut left = self.label_condition()?;
        let mut count = 0;
        loop {
            let is_next = matches!(self.kind(), TokenKind::Identifier(_) | TokenKind::Symbol("("));
            if !self.take_word("and") && !self.take(",") && !is_next {
                return Ok(left);
            }
            // Conditions lean to the left: each is a level of the tree.
            count += 1;
            if count > super::DEPTH_MAX {
                return Err(ParseError::nowhere("the query is nested too deeply"));
            }
            let right = self.label_condition()?;
            left = LabelFilter::And(Box::new(left), Box::new(right));
        }
    }

    fn label_condition(&mut self) -> Result<LabelFilter, ParseError> {
        if self.take("(") {
            let inner = self.label_filter()?;
            self.expect(")")?;
            return Ok(inner);
        }
        let label = self.identifier()?;
        let comparison = match self.kind() {
            TokenKind::Symbol("=" | "==") => Comparison::Equal,
            TokenKind::Symbol("!=") => Comparison::NotEqual,
            TokenKind::Symbol(">") => Comparison::Greater,
            TokenKind::Symbol(">=") => Comparison::GreaterEqual,
            TokenKind::Symbol("<") => Comparison::Less,
            TokenKind::Symbol("<=") => Comparison::LessEqual,
            _ => return self.matcher(label).map(LabelFilter::Matcher),
        };
        let is_plain = matches!(self.kind(), TokenKind::Symbol("=" | "!="));
        match self.next_kind() {
            TokenKind::String(_) if is_plain => self.matcher(label).map(LabelFilter::Matcher),
            TokenKind::Word("ip") if is_plain => {
                self.at += 2;
                self.expect("(")?;
                let pattern = self.string()?;
                self.expect(")")?;
                let is_negative = comparison == Comparison::NotEqual;
                Ok(LabelFilter::Ip(IpFilter { label, is_negative, pattern }))
            }
            TokenKind::Duration(value_ns) => {
                let value_ns = *value_ns;
                self.at += 2;
                Ok(LabelFilter::Duration(DurationFilter { label, comparison, value_ns }))
            }
            TokenKind::Bytes(bytes) => {
                let bytes = *bytes;
                self.at += 2;
                Ok(LabelFilter::Bytes(BytesFilter { label, comparison, bytes }))
            }
            TokenKind::Number(_) | TokenKind::Symbol("+" | "-") => {
                self.advance();
                let value = self.signed_number()?;
                Ok(LabelFilter::Number(NumberFilter { label, comparison, value }))
            }
            _ => {
                self.advance();
                Err(self.unexpected(&[]))
            }
        }
    }

    /// `| unwrap bytes(label) | a > 5`
    pub(super) fn unwrap(&mut self) -> Result<Option<Unwrap>, ParseError> {
        if !self.is("|") || !matches!(self.next_kind(), TokenKind::Word("unwrap")) {
            return Ok(None);
        }
        self.at += 2;
        let conversion = match self.kind() {
            TokenKind::Word("bytes") => Some(Conversion::Bytes),
            TokenKind::Word("duration") => Some(Conversion::Duration),
            TokenKind::Word("duration_seconds") => Some(Conversion::DurationSeconds),
            _ => None,
        };
        let label = if conversion.is_some() {
            self.advance();
            self.expect("(")?;
            let label = self.identifier()?;
            self.expect(")")?;
            label
        } else {
            self.identifier()?
        };
        let mut filters = Vec::new();
        while self.take("|") {
            filters.push(self.label_filter()?);
        }
        Ok(Some(Unwrap { label, conversion, filters }))
    }
}

fn stage_error(name: &str, text: &str, error: &str) -> ParseError {
    ParseError::nowhere(format!("stage '| {name} {}' : {error}", go_quote(text)))
}
