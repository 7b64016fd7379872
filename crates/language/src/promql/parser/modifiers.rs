//! What stands between and around operands: `bool`, `on`, `group_left`, `fill`, `by`, `without`.

use super::super::ast::{FillModifier, GroupSide, Matching};
use super::super::error::ParseError;
use super::super::lexer::TokenKind;
use super::super::quote::go_quote;
use super::Parser;

impl Parser<'_> {
    pub(super) fn binary_modifiers(&mut self) -> Result<(Option<Matching>, bool), ParseError> {
        let return_bool = self.take_word("bool");
        let mut matching = Matching {
            group: GroupSide::None,
            labels: Vec::new(),
            on: false,
            include: Vec::new(),
            fill: FillModifier::default(),
        };
        let mut written = false;
        if matches!(self.word().as_deref(), Some("on" | "ignoring")) {
            matching.on = self.take_word("on") || !self.take_word("ignoring");
            matching.labels = self.grouping_labels()?;
            written = true;
            let group = match self.word().as_deref() {
                Some("group_left") => GroupSide::Left,
                Some("group_right") => GroupSide::Right,
                _ => GroupSide::None,
            };
            if group != GroupSide::None {
                self.next();
                matching.group = group;
                if self.peek().kind == TokenKind::End {
                    return Err(self.unexpected("grouping opts", "\"(\""));
                }
                if self.is_symbol("(") {
                    matching.include = self.grouping_labels()?;
                }
            }
        }
        while let Some(word) = self.word().filter(|word| word.starts_with("fill")) {
            if !matches!(word.as_str(), "fill" | "fill_left" | "fill_right")
                || !self.next_is_symbol("(")
            {
                break;
            }
            self.next();
            let value = self.fill_value()?;
            if word != "fill_right" {
                matching.fill.left = Some(value);
            }
            if word != "fill_left" {
                matching.fill.right = Some(value);
            }
            written = true;
        }
        Ok((written.then_some(matching), return_bool))
    }

    fn fill_value(&mut self) -> Result<f64, ParseError> {
        self.expect_symbol("(", "fill modifier", "\"(\"")?;
        let negative = self.take_symbol("-");
        if !negative {
            self.take_symbol("+");
        }
        let value = match self.number() {
            Some(number) => number.value,
            None => return Err(self.unexpected("fill modifier", "number")),
        };
        self.expect_symbol(")", "fill modifier", "\")\"")?;
        Ok(if negative { -value } else { value })
    }

    fn grouping_labels(&mut self) -> Result<Vec<String>, ParseError> {
        const CONTEXT: &str = "grouping opts";
        self.expect_symbol("(", CONTEXT, "\"(\"")?;
        let mut labels = Vec::new();
        while !self.take_symbol(")") {
            let token = self.peek().clone();
            let (label, is_valid) = match token.kind {
                TokenKind::Identifier => {
                    let label = self.slice(token.position).to_owned();
                    let is_valid = !label.contains(':');
                    (label, is_valid)
                }
                TokenKind::String(value) => {
                    if !value.is_utf8() {
                        let quoted = value.quoted();
                        let message = format!("invalid label name for grouping: {quoted}");
                        return Err(self.error(token.position, message));
                    }
                    let is_valid = !value.as_str().is_empty();
                    (value.as_str().to_owned(), is_valid)
                }
                _ => return Err(self.unexpected(CONTEXT, "label")),
            };
            if !is_valid {
                let message = format!("invalid label name for grouping: {}", go_quote(&label));
                return Err(self.error(token.position, message));
            }
            self.next();
            labels.push(label);
            if !self.take_symbol(",") && !self.is_symbol(")") {
                return Err(self.unexpected(CONTEXT, "\",\" or \")\""));
            }
        }
        Ok(labels)
    }

    pub(super) fn aggregate_modifier(&mut self) -> Result<Option<(Vec<String>, bool)>, ParseError> {
        let without = match self.word().as_deref() {
            Some("by") => false,
            Some("without") => true,
            _ => return Ok(None),
        };
        self.next();
        Ok(Some((self.grouping_labels()?, without)))
    }
}
