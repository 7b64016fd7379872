//! Tags: their names, attributes and where values begin.

use super::place::{Attribute, Delimiter, Element, Place, State};

/// Attributes whose values are URLs.
const URLS: [&str; 18] = [
    "action",
    "archive",
    "background",
    "cite",
    "classid",
    "codebase",
    "data",
    "formaction",
    "href",
    "icon",
    "longdesc",
    "manifest",
    "poster",
    "profile",
    "src",
    "usemap",
    "xmlns",
    "ping",
];

pub(super) fn in_text(place: &mut Place, text: &str) -> usize {
    let mut from = 0;
    while let Some(found) = text.get(from..).and_then(|rest| rest.find('<')) {
        let at = from + found;
        let after = text.get(at + 1..).unwrap_or("");
        if after.starts_with("!--") {
            place.state = State::Comment;
            return at + 4;
        }
        let closes = after.starts_with('/');
        let name = after.get(usize::from(closes)..).unwrap_or("");
        let length = name_length(name);
        if length > 0 {
            let name = name.get(..length).unwrap_or("");
            place.state = State::Tag;
            place.element = if closes { Element::Other } else { element(name) };
            return at + 1 + usize::from(closes) + length;
        }
        from = at + 1;
    }
    text.len()
}

fn name_length(text: &str) -> usize {
    if !text.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return 0;
    }
    let rest = text.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == ':' || c == '-');
    text.len() - rest.len()
}

fn element(name: &str) -> Element {
    match name.to_ascii_lowercase().as_str() {
        "script" => Element::Script,
        "style" => Element::Style,
        "textarea" => Element::Textarea,
        "title" => Element::Title,
        _ => Element::Other,
    }
}

pub(super) fn in_comment(place: &mut Place, text: &str) -> usize {
    match text.find("-->") {
        Some(end) => {
            place.state = State::Text;
            end + 3
        }
        None => text.len(),
    }
}

/// Where the end tag of an element whose content is not HTML begins.
pub(super) fn find_end(text: &str, element: Element) -> Option<usize> {
    let name = element.name();
    let mut from = 0;
    while let Some(found) = text.get(from..)?.find("</") {
        let at = from + found;
        let after = text.get(at + 2..)?;
        let is_it = after.get(..name.len()).is_some_and(|word| word.eq_ignore_ascii_case(name));
        let next = after.get(name.len()..).and_then(|rest| rest.chars().next());
        if is_it && next.is_none_or(|c| c.is_ascii_whitespace() || matches!(c, '>' | '/')) {
            return Some(at);
        }
        from = at + 2;
    }
    None
}

fn spaces(text: &str) -> usize {
    text.len() - text.trim_start_matches(|c: char| c.is_ascii_whitespace()).len()
}

pub(super) fn in_tag(place: &mut Place, text: &str) -> usize {
    let start = spaces(text);
    let rest = text.get(start..).unwrap_or("");
    if rest.is_empty() {
        return text.len();
    }
    if rest.starts_with('>') {
        place.state = match place.element {
            Element::Other => State::Text,
            Element::Script => State::Script,
            Element::Style => State::Style,
            Element::Textarea | Element::Title => State::Rcdata,
        };
        return start + 1;
    }
    let length = attribute_length(rest).max(1);
    let name = rest.get(..length).unwrap_or("");
    place.attribute = attribute(name, place.element);
    let is_whole = start + length < text.len();
    place.state = if is_whole { State::AfterName } else { State::AttributeName };
    start + length
}

fn attribute_length(text: &str) -> usize {
    text.find(|c: char| c.is_ascii_whitespace() || matches!(c, '=' | '>' | '/'))
        .unwrap_or(text.len())
}

/// What an attribute's value is, by the attribute's name.
pub(super) fn attribute(name: &str, element: Element) -> Attribute {
    let name = name.to_ascii_lowercase();
    if element == Element::Script && name == "type" {
        return Attribute::ScriptType;
    }
    let plain = match name.strip_prefix("data-") {
        Some(plain) => plain,
        None => match name.split_once(':') {
            Some(("xmlns", _)) => return Attribute::Url,
            Some((_, local)) => local,
            None => &name,
        },
    };
    match plain {
        "style" => Attribute::Style,
        "srcset" | "imagesrcset" => Attribute::Srcset,
        plain if plain.starts_with("on") => Attribute::Script,
        plain if URLS.contains(&plain) => Attribute::Url,
        // Whatever somebody calls like one may be used as one.
        plain if ["src", "uri", "url"].iter().any(|word| plain.contains(word)) => Attribute::Url,
        _ => Attribute::Plain,
    }
}

pub(super) fn in_attribute_name(place: &mut Place, text: &str) -> usize {
    let length = attribute_length(text);
    if length < text.len() {
        place.state = State::AfterName;
    }
    if length == 0 { after_name(place, text) } else { length }
}

pub(super) fn after_name(place: &mut Place, text: &str) -> usize {
    let start = spaces(text);
    let rest = text.get(start..).unwrap_or("");
    if rest.is_empty() {
        return text.len();
    }
    if rest.starts_with('=') {
        place.state = State::BeforeValue;
        return start + 1;
    }
    place.state = State::Tag;
    place.attribute = Attribute::Plain;
    if start > 0 { start } else { in_tag(place, text) }
}

pub(super) fn before_value(place: &mut Place, text: &str) -> usize {
    let start = spaces(text);
    let rest = text.get(start..).unwrap_or("");
    let Some(first) = rest.chars().next() else { return text.len() };
    let (delimiter, length) = match first {
        '"' => (Delimiter::Double, 1),
        '\'' => (Delimiter::Single, 1),
        '>' => {
            place.state = State::Tag;
            place.attribute = Attribute::Plain;
            return start + in_tag(place, rest);
        }
        _ => (Delimiter::SpaceOrEnd, 0),
    };
    place.delimiter = delimiter;
    place.state = place.attribute.state();
    place.attribute = Attribute::Plain;
    if length == 0 && start == 0 { place.advance(text) } else { start + length }
}
