//! Texts with fields and times in them: `%{[a][b]}`, `%{+YYYY.MM.dd}`, `%{{yyyy-MM-dd}}`.
//!
//! Taken apart once; who has an event puts it together.

use super::joda::JodaPattern;
use super::reference::FieldReference;
use crate::search::DateFormat;

/// A text, taken apart.
#[derive(Debug, Clone)]
pub struct Sprintf {
    pieces: Vec<Piece>,
    text: String,
}

/// A part of a text.
#[derive(Debug, Clone)]
pub enum Piece {
    /// As it stands.
    Literal(String),
    /// A field, and how it was written: that stays when the event has no such field.
    Field(FieldReference, String),
    /// The event's time, whole seconds since the epoch.
    EpochSeconds,
    /// The event's time in UTC, in Joda's pattern.
    Joda(JodaPattern),
    /// The event's time in UTC, in Java's pattern.
    Java(DateFormat),
    /// The time now.
    Now,
}

impl Sprintf {
    /// Takes `text` apart. The error names a pattern of dates that cannot be.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("%{") {
            let Some((piece, tail)) = piece(after)? else { break };
            literal.push_str(before);
            if !literal.is_empty() {
                pieces.push(Piece::Literal(std::mem::take(&mut literal)));
            }
            pieces.push(piece);
            rest = tail;
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            pieces.push(Piece::Literal(literal));
        }
        Ok(Self { pieces, text: text.to_owned() })
    }

    /// The parts, in order.
    pub fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The text when nothing in it depends on an event.
    pub fn as_literal(&self) -> Option<&str> {
        match self.pieces.as_slice() {
            [] => Some(""),
            [Piece::Literal(text)] => Some(text),
            _ => None,
        }
    }
}

/// What stands behind `%{`, and what follows; nothing when no brace closes it.
fn piece(after: &str) -> Result<Option<(Piece, &str)>, String> {
    let Some((inner, tail)) = after.split_once('}') else { return Ok(None) };
    if let (Some(pattern), Some(tail)) = (inner.strip_prefix('{'), tail.strip_prefix('}')) {
        let piece = if pattern == "TIME_NOW" {
            Piece::Now
        } else {
            Piece::Java(DateFormat::parse(pattern).map_err(|_| {
                format!("`{pattern}` is no pattern of Java's dates that is known here")
            })?)
        };
        return Ok(Some((piece, tail)));
    }
    let piece = match inner.strip_prefix('+') {
        Some("%s") => Piece::EpochSeconds,
        Some(pattern) => Piece::Joda(JodaPattern::parse(pattern)?),
        // What is no reference is no field of any event, and stays as it is.
        None => match FieldReference::parse(inner) {
            Ok(field) => Piece::Field(field, inner.to_owned()),
            Err(_) => Piece::Literal(format!("%{{{inner}}}")),
        },
    };
    Ok(Some((piece, tail)))
}
