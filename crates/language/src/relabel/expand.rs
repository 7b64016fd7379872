//! `$1`, `${1}` and `$name` by Go's rules, which differ from those of the regex crate: a name after
//! `$` is as long as it can be, and a `$` that begins none of these stands for nothing.

use regex::Captures;

/// A text with references to groups.
#[derive(Debug, Clone)]
pub(crate) struct Template(Vec<Piece>);

#[derive(Debug, Clone)]
enum Piece {
    Text(String),
    Number(usize),
    Name(String),
}

impl Template {
    pub(crate) fn parse(template: &str) -> Self {
        let mut pieces = Vec::new();
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('$') {
            push_text(&mut pieces, before);
            if let Some(tail) = after.strip_prefix('$') {
                push_text(&mut pieces, "$");
                rest = tail;
                continue;
            }
            if let Some((name, tail)) = reference(after) {
                pieces.push(match name.parse() {
                    Ok(number) => Piece::Number(number),
                    Err(_) => Piece::Name(name.to_owned()),
                });
                rest = tail;
            } else {
                // Malformed: Go leaves the dollar sign as text.
                push_text(&mut pieces, "$");
                rest = after;
            }
        }
        push_text(&mut pieces, rest);
        Self(pieces)
    }

    pub(crate) fn expand(&self, groups: &Captures<'_>) -> String {
        let mut text = String::new();
        for piece in &self.0 {
            let group = match piece {
                Piece::Text(fixed) => {
                    text.push_str(fixed);
                    continue;
                }
                Piece::Number(number) => groups.get(*number),
                Piece::Name(name) => groups.name(name),
            };
            text.push_str(group.map_or("", |group| group.as_str()));
        }
        text
    }
}

fn push_text(pieces: &mut Vec<Piece>, text: &str) {
    if !text.is_empty() {
        pieces.push(Piece::Text(text.to_owned()));
    }
}

/// The name after a dollar sign, and what follows it.
fn reference(after: &str) -> Option<(&str, &str)> {
    let word = |text: &str| {
        text.char_indices()
            .find(|(_, c)| !c.is_alphanumeric() && *c != '_')
            .map_or(text.len(), |(at, _)| at)
    };
    let (name, tail) = if let Some(inside) = after.strip_prefix('{') {
        let (name, tail) = inside.split_once('}')?;
        (name, tail)
    } else {
        after.split_at_checked(word(after))?
    };
    (!name.is_empty() && word(name) == name.len()).then_some((name, tail))
}
