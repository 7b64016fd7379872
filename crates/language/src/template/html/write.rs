//! What a value becomes in each place.

use std::borrow::Cow;

use super::place::{Attribute, Element, Place, State, UrlPart};
use super::{REFUSED, css, script, tag, url};
use crate::template::format;
use crate::template::value::{Mark, Value};

/// A value for its place, before the attribute around it, if there is one, escapes it again.
pub(super) fn escaped(place: Place, value: &Value) -> Cow<'_, str> {
    let mark = match value {
        Value::Marked(mark, _) => Some(*mark),
        _ => None,
    };
    let text = || format::display_action(value);
    match place.state {
        State::Text => match mark {
            Some(Mark::Html) => text().into(),
            _ => html(&text()).into(),
        },
        State::Rcdata => match mark {
            Some(Mark::Html) => normalized(&text()).into(),
            _ => html(&text()).into(),
        },
        State::Comment
        | State::ScriptBlockComment
        | State::ScriptLineComment
        | State::StyleBlockComment
        | State::StyleLineComment => "".into(),
        State::Tag | State::AttributeName | State::AfterName | State::BeforeValue => {
            name(mark, &text()).into()
        }
        State::Attribute => text().into(),
        State::Srcset => match mark {
            Some(Mark::Srcset) => text().into(),
            Some(Mark::Url) => url::normalize(&text()).replace(',', "%2c").into(),
            _ => url::srcset(&text()).into(),
        },
        State::Url | State::StyleUrl | State::StyleUrlDouble | State::StyleUrlSingle => {
            url_part(place.part, mark, &text()).into()
        }
        State::StyleDouble | State::StyleSingle => {
            let text = text();
            let safe = if place.part == UrlPart::Start && mark != Some(Mark::Url) {
                url::filter(&text)
            } else {
                text
            };
            if place.part == UrlPart::Query { url::escape(&safe) } else { css::text(&safe) }.into()
        }
        State::Style => match mark {
            Some(Mark::Css) => text().into(),
            _ => css::value(&text()).into(),
        },
        State::Script => script::value(value).into(),
        State::ScriptDouble | State::ScriptSingle => {
            script::text(&text(), mark == Some(Mark::JsText)).into()
        }
        State::ScriptTemplate => script::template(&text()).into(),
        State::ScriptRegexp => script::regexp(&text()).into(),
    }
}

fn url_part(part: UrlPart, mark: Option<Mark>, text: &str) -> String {
    match part {
        _ if mark == Some(Mark::Url) => url::normalize(text),
        UrlPart::Start => url::normalize(&url::filter(text)),
        UrlPart::Path => url::normalize(text),
        UrlPart::Query => url::escape(text),
    }
}

/// An attribute's name: a word that makes its value nothing special.
fn name(mark: Option<Mark>, text: &str) -> String {
    if mark == Some(Mark::Attribute) {
        return text.to_owned();
    }
    let is_word = !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric());
    if is_word && tag::attribute(text, Element::Other) == Attribute::Plain {
        return text.to_ascii_lowercase();
    }
    REFUSED.to_owned()
}

/// For text and quoted values.
pub(super) fn html(text: &str) -> String {
    replaced(text, false)
}

/// As [`html`], but entities that are there stay.
fn normalized(text: &str) -> String {
    replaced(text, true)
}

fn replaced(text: &str, keeps_entities: bool) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\0' => escaped.push('\u{fffd}'),
            '"' => escaped.push_str("&#34;"),
            '&' if !keeps_entities => escaped.push_str("&amp;"),
            '\'' => escaped.push_str("&#39;"),
            '+' => escaped.push_str("&#43;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            c => escaped.push(c),
        }
    }
    escaped
}

/// A plain attribute's value: of HTML the text only.
pub(super) fn attribute(value: &Value) -> String {
    match value {
        Value::Marked(Mark::Html, text) => normalized(&without_tags(text)),
        value => html(&format::display_action(value)),
    }
}

fn without_tags(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('<') {
        kept.push_str(before);
        let begins = after.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '!'));
        match after.split_once('>') {
            Some((_, tail)) if begins => rest = tail,
            _ => {
                kept.push('<');
                rest = after;
            }
        }
    }
    kept.push_str(rest);
    kept
}

/// For values without quotes, which a space would end; entities may be there already.
pub(super) fn without_spaces(text: &str, keeps_entities: bool) -> String {
    if text.is_empty() {
        return REFUSED.to_owned();
    }
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\0' => escaped.push_str("&#xfffd;"),
            '\t' | '\n' | '\u{b}' | '\u{c}' | '\r' | ' ' | '"' | '\'' | '+' | '=' | '`' => {
                escaped.push_str(&format!("&#{};", u32::from(c)));
            }
            '&' if !keeps_entities => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            c => escaped.push(c),
        }
    }
    escaped
}
