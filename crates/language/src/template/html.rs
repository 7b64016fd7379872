//! Escaping by the place in HTML, as Go's `html/template` does it.
//!
//! The text of the templates is trusted; it is followed, as it is written, by a small machine that
//! knows where in the HTML it is: in text, a tag, an attribute's value that is a URL, a script, a
//! style. What an action prints is escaped for that place. Go decides this before anything is
//! executed, and refuses templates whose branches end in different places; here the place is known
//! when it is reached, so that such templates work, and are as safe.

mod css;
mod place;
mod script;
mod tag;
mod url;
mod write;

use std::borrow::Cow;

use place::{Delimiter, Place, Slash, State};

use super::value::{Mark, Value};

/// Follows the output and escapes what actions print.
#[derive(Debug, Default)]
pub(super) struct Escaper {
    place: Place,
}

/// What replaces a value that cannot be made safe in its place; Go's word.
pub(super) const REFUSED: &str = "ZgotmplZ";

impl Escaper {
    /// Text of the template. Comments are left out, and a `<` that begins no tag is escaped.
    pub(super) fn text(&mut self, text: &str, output: &mut String) {
        let mut rest = text;
        while !rest.is_empty() {
            let before = self.place;
            let taken = self.place.advance(rest).clamp(1, rest.len());
            let taken = (taken..=rest.len()).find(|at| rest.is_char_boundary(*at));
            let (piece, after) =
                rest.split_at_checked(taken.unwrap_or(rest.len())).unwrap_or((rest, ""));
            rest = after;
            self.push(before, piece, output);
        }
    }

    /// A piece that led from `before` to here.
    fn push(&self, before: Place, piece: &str, output: &mut String) {
        let comment = |place: Place| place.delimiter == Delimiter::None && place.is_comment();
        match before.state {
            State::Comment => {}
            _ if comment(before) => {
                // Of a comment stays what it separates.
                let is_block = before.state.is_block_comment();
                if piece.contains('\n') {
                    output.push('\n');
                } else if is_block {
                    output.push(' ');
                }
            }
            _ if comment(self.place) => {
                // The piece ends in the comment's beginning.
                let start = piece.strip_suffix("/*").or_else(|| piece.strip_suffix("//"));
                output.push_str(start.unwrap_or(piece));
            }
            State::Text if self.place.state == State::Comment => {
                push_text(output, piece.strip_suffix("<!--").unwrap_or(piece));
            }
            State::Text if self.place.state == State::Text => push_text(output, piece),
            State::Text => {
                let tag = piece.rfind('<').unwrap_or(0);
                push_text(output, piece.get(..tag).unwrap_or(""));
                output.push_str(piece.get(tag..).unwrap_or(""));
            }
            _ => output.push_str(piece),
        }
    }

    /// What an action prints.
    pub(super) fn value(&mut self, value: &Value, output: &mut String) {
        self.place.begin_value();
        let written = write::escaped(self.place, value);
        let written: Cow<'_, str> = match self.place.delimiter {
            Delimiter::None => written,
            Delimiter::SpaceOrEnd => match value {
                Value::Marked(Mark::Html, _) if self.place.state == State::Attribute => {
                    write::without_spaces(&write::attribute(value), true).into()
                }
                _ => write::without_spaces(&written, false).into(),
            },
            Delimiter::Double | Delimiter::Single => match self.place.state {
                State::Attribute => write::attribute(value).into(),
                _ => write::html(&written).into(),
            },
        };
        output.push_str(&written);
        if self.place.state == State::Script {
            // A slash after a value divides.
            self.place.slash = Slash::Divides;
        }
    }

    /// Where the output would end inside of something, what that is.
    pub(super) fn unfinished(&self) -> Option<String> {
        (self.place.state != State::Text).then(|| format!("{:?}", self.place.state))
    }
}

/// Text between tags: `<` without a name is itself.
fn push_text(output: &mut String, text: &str) {
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('<') {
        output.push_str(before);
        let is_doctype = after.get(..8).is_some_and(|word| word.eq_ignore_ascii_case("!doctype"));
        output.push_str(if is_doctype { "<" } else { "&lt;" });
        rest = after;
    }
    output.push_str(rest);
}
