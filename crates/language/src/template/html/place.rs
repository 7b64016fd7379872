//! Where in the HTML the output is.

use super::{css, script, tag, url};

/// A place. Attributes' values have a delimiter; what is in them is then also HTML.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Place {
    pub(super) state: State,
    pub(super) delimiter: Delimiter,
    pub(super) element: Element,
    pub(super) attribute: Attribute,
    pub(super) part: UrlPart,
    pub(super) slash: Slash,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum State {
    #[default]
    Text,
    Comment,
    /// Text of `<title>` and `<textarea>`.
    Rcdata,
    Tag,
    AttributeName,
    AfterName,
    BeforeValue,
    Attribute,
    Url,
    Srcset,
    Script,
    ScriptDouble,
    ScriptSingle,
    ScriptTemplate,
    ScriptRegexp,
    ScriptBlockComment,
    ScriptLineComment,
    Style,
    StyleDouble,
    StyleSingle,
    StyleUrlDouble,
    StyleUrlSingle,
    StyleUrl,
    StyleBlockComment,
    StyleLineComment,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Delimiter {
    #[default]
    None,
    Double,
    Single,
    SpaceOrEnd,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Element {
    #[default]
    Other,
    Script,
    Style,
    Textarea,
    Title,
}

impl Element {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Other => "",
            Self::Script => "script",
            Self::Style => "style",
            Self::Textarea => "textarea",
            Self::Title => "title",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Attribute {
    #[default]
    Plain,
    Script,
    ScriptType,
    Style,
    Url,
    Srcset,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum UrlPart {
    /// Nothing of the URL is there yet: its scheme is still open.
    #[default]
    Start,
    Path,
    Query,
}

/// What a slash would begin in a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Slash {
    #[default]
    Regexp,
    Divides,
}

impl State {
    pub(super) fn is_block_comment(self) -> bool {
        matches!(self, Self::ScriptBlockComment | Self::StyleBlockComment)
    }
}

impl Place {
    /// Whether this is a comment of a script or style.
    pub(super) fn is_comment(self) -> bool {
        self.state.is_block_comment()
            || matches!(self.state, State::ScriptLineComment | State::StyleLineComment)
    }

    /// Follows some of the text, and says how much.
    pub(super) fn advance(&mut self, text: &str) -> usize {
        if self.delimiter != Delimiter::None {
            return self.in_value(text);
        }
        self.advance_plain(text)
    }

    fn advance_plain(&mut self, text: &str) -> usize {
        if matches!(self.element, Element::Script | Element::Style)
            && !matches!(
                self.state,
                State::Tag | State::AttributeName | State::AfterName | State::BeforeValue
            )
            && self.delimiter == Delimiter::None
            && let Some(end) = tag::find_end(text, self.element)
        {
            if end == 0 {
                *self = Self::default();
                return self.advance_plain_text(text);
            }
            return self.inside(text.get(..end).unwrap_or(text));
        }
        self.inside(text)
    }

    fn advance_plain_text(&mut self, text: &str) -> usize {
        tag::in_text(self, text)
    }

    fn inside(&mut self, text: &str) -> usize {
        match self.state {
            State::Text => tag::in_text(self, text),
            State::Comment => tag::in_comment(self, text),
            State::Rcdata => match tag::find_end(text, self.element) {
                Some(0) => {
                    *self = Self::default();
                    tag::in_text(self, text)
                }
                Some(end) => end,
                None => text.len(),
            },
            State::Tag => tag::in_tag(self, text),
            State::AttributeName => tag::in_attribute_name(self, text),
            State::AfterName => tag::after_name(self, text),
            State::BeforeValue => tag::before_value(self, text),
            State::Attribute | State::Srcset => text.len(),
            State::Url => url::in_url(self, text),
            State::Script
            | State::ScriptDouble
            | State::ScriptSingle
            | State::ScriptTemplate
            | State::ScriptRegexp
            | State::ScriptBlockComment
            | State::ScriptLineComment => script::advance(self, text),
            State::Style
            | State::StyleDouble
            | State::StyleSingle
            | State::StyleUrlDouble
            | State::StyleUrlSingle
            | State::StyleUrl
            | State::StyleBlockComment
            | State::StyleLineComment => css::advance(self, text),
        }
    }

    /// An attribute's value: up to its delimiter what is in it, then the tag again.
    fn in_value(&mut self, text: &str) -> usize {
        let ends = |c: char| match self.delimiter {
            Delimiter::Double => c == '"',
            Delimiter::Single => c == '\'',
            _ => c.is_ascii_whitespace() || c == '>',
        };
        let end = text.find(ends);
        let length = end.unwrap_or(text.len());
        if length > 0 {
            let value = unescape(text.get(..length).unwrap_or(""));
            let mut rest = &*value;
            while !rest.is_empty() {
                let taken = self.inside(rest).clamp(1, rest.len());
                rest = rest.get(taken..).unwrap_or("");
            }
            return length;
        }
        // The delimiter itself; what ends an unquoted value belongs to the tag.
        let quoted = self.delimiter != Delimiter::SpaceOrEnd;
        *self = Self { state: State::Tag, element: self.element, ..Self::default() };
        if quoted { 1 } else { self.inside(text) }
    }

    /// What a value that is printed now is part of.
    pub(super) fn begin_value(&mut self) {
        match self.state {
            State::Tag | State::AfterName => self.state = State::AttributeName,
            State::BeforeValue => {
                self.state = self.attribute.state();
                self.delimiter = Delimiter::SpaceOrEnd;
                self.attribute = Attribute::Plain;
            }
            _ => {}
        }
    }
}

impl Attribute {
    /// The state of this attribute's value.
    pub(super) fn state(self) -> State {
        match self {
            Self::Plain | Self::ScriptType => State::Attribute,
            Self::Script => State::Script,
            Self::Style => State::Style,
            Self::Url => State::Url,
            Self::Srcset => State::Srcset,
        }
    }
}

/// The few entities that matter for finding the place: an attribute's value is HTML first.
fn unescape(text: &str) -> String {
    if !text.contains('&') {
        return text.to_owned();
    }
    [("&quot;", "\""), ("&#34;", "\""), ("&#39;", "'"), ("&lt;", "<"), ("&gt;", ">")]
        .iter()
        .fold(text.to_owned(), |text, (entity, c)| text.replace(entity, c))
        .replace("&amp;", "&")
}
