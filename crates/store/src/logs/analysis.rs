//! Cutting text into tokens as Elasticsearch's standard analyser does.
//!
//! Lucene's StandardTokenizer follows the word boundaries of Unicode's UAX #29. Here are the rules
//! that matter for words and numbers: letters, digits and underscores belong together; `.`, `'`
//! and `’` stay between letters and between digits; `:` and `·` between letters; `,` and `;`
//! between digits; an ideograph or a Hiragana character is a token of its own. Tokens are made
//! lowercase; longer ones than 255 characters are cut.

/// A token of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StandardToken<'a> {
    /// The token, lowercase.
    pub text: &'a str,
    /// Which token of the text, from 0.
    pub position: u32,
    /// First byte of the token in the text.
    pub start: usize,
    /// First byte after it.
    pub end: usize,
}

/// Longest token in characters, as in Elasticsearch.
const TOKEN_CHARS_MAX: usize = 255;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Class {
    Other,
    Letter,
    Digit,
    /// Joins to everything: underscore.
    Extend,
    /// Between letters or between digits.
    MidBoth,
    MidLetter,
    MidNumber,
    /// A token of its own.
    Single,
    /// Belongs to the character before.
    Mark,
}

const ASCII: [Class; 128] = {
    let mut table = [Class::Other; 128];
    let mut at = 0;
    while at < 128 {
        let byte = at as u8;
        table[at] = if byte.is_ascii_alphabetic() {
            Class::Letter
        } else if byte.is_ascii_digit() {
            Class::Digit
        } else {
            match byte {
                b'_' => Class::Extend,
                b'.' | b'\'' => Class::MidBoth,
                b':' => Class::MidLetter,
                b',' | b';' => Class::MidNumber,
                _ => Class::Other,
            }
        };
        at += 1;
    }
    table
};

fn class_of(c: char) -> Class {
    match c as u32 {
        point @ 0..128 => ASCII[point as usize],
        0x2019 | 0x2018 | 0x2024 | 0xfe52 | 0xff07 | 0xff0e => Class::MidBoth,
        0xb7 | 0x387 | 0x55f | 0x5f4 | 0x2027 | 0xfe13 | 0xfe55 | 0xff1a => Class::MidLetter,
        0x37e | 0x589 | 0x60c | 0x60d | 0x66c | 0x7f8 | 0x2044 | 0xfe10 | 0xfe14 => {
            Class::MidNumber
        }
        0x203f | 0x2040 | 0x2054 | 0xfe33 | 0xfe34 | 0xfe4d..=0xfe4f | 0xff3f => Class::Extend,
        0x3040..=0x309f
        | 0x3400..=0x4dbf
        | 0x4e00..=0x9fff
        | 0xf900..=0xfaff
        | 0x20000..=0x3ffff => Class::Single,
        0x300..=0x36f
        | 0x200d
        | 0xfe00..=0xfe0f
        | 0x1ab0..=0x1aff
        | 0x1dc0..=0x1dff
        | 0x20d0..=0x20ff => Class::Mark,
        _ if c.is_alphabetic() => Class::Letter,
        _ if c.is_numeric() => Class::Digit,
        _ => Class::Other,
    }
}

/// Hands the tokens of `text` to `each`, in order.
pub fn standard_tokens(text: &str, mut each: impl FnMut(StandardToken<'_>)) {
    let mut lowercase = String::new();
    let mut position = 0;
    token_ranges(text, |start, end| {
        let token = text.get(start..end).unwrap_or_default();
        let is_lowercase = token
            .bytes()
            .fold(true, |lower, byte| lower & byte.is_ascii() & !byte.is_ascii_uppercase());
        let token = if is_lowercase {
            token
        } else {
            lowercase.clear();
            lowercase.extend(token.chars().flat_map(char::to_lowercase));
            &lowercase
        };
        each(StandardToken { text: token, position, start, end });
        position += 1;
    });
}

/// Hands the byte ranges of the tokens of `text` to `each`, in order.
#[inline]
pub(crate) fn token_ranges(text: &str, mut each: impl FnMut(usize, usize)) {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let class = if byte.is_ascii() {
            ASCII[usize::from(byte & 0x7f)]
        } else {
            char_at(text, at).map_or(Class::Other, class_of)
        };
        match class {
            Class::Letter | Class::Digit | Class::Extend => at = token(text, at, class, &mut each),
            Class::Single => {
                let end = next(text, at);
                each(at, end);
                at = end;
            }
            _ => at = next(text, at),
        }
    }
}

fn char_at(text: &str, at: usize) -> Option<char> {
    text.get(at..).and_then(|rest| rest.chars().next())
}

fn next(text: &str, at: usize) -> usize {
    at + char_at(text, at).map_or(1, char::len_utf8)
}

/// Reads the token that begins at `start` with a character of class `last`; gives its end.
#[inline]
fn token(text: &str, start: usize, first: Class, each: &mut impl FnMut(usize, usize)) -> usize {
    let bytes = text.as_bytes();
    let (mut start, mut at, mut last) = (start, start, first);
    let (mut chars, mut word) = (0, false);
    loop {
        // `at` is at a character that belongs to the token.
        word |= last != Class::Extend;
        chars += 1;
        let end = if bytes.get(at).is_some_and(u8::is_ascii) { at + 1 } else { next(text, at) };
        if chars == TOKEN_CHARS_MAX {
            each(start, end);
            (start, chars) = (end, 0);
        }
        let class = class_at(text, end);
        match class {
            Class::Letter | Class::Digit | Class::Extend => (at, last) = (end, class),
            Class::Mark => at = end,
            Class::MidBoth | Class::MidLetter | Class::MidNumber => {
                let after = next(text, end);
                let following = class_at(text, after);
                let joins = match last {
                    Class::Letter => class != Class::MidNumber && following == Class::Letter,
                    Class::Digit => class != Class::MidLetter && following == Class::Digit,
                    _ => false,
                };
                if !joins {
                    return finish(start, end, word, each);
                }
                chars += 1;
                (at, last) = (after, following);
            }
            Class::Other | Class::Single => return finish(start, end, word, each),
        }
    }
}

fn finish(start: usize, end: usize, word: bool, each: &mut impl FnMut(usize, usize)) -> usize {
    // Underscores alone are no token.
    if end > start && word {
        each(start, end);
    }
    end
}

#[inline]
fn class_at(text: &str, at: usize) -> Class {
    match text.as_bytes().get(at) {
        None => Class::Other,
        Some(byte) if byte.is_ascii() => ASCII[usize::from(byte & 0x7f)],
        Some(_) => char_at(text, at).map_or(Class::Other, class_of),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> Vec<String> {
        let mut found = Vec::new();
        standard_tokens(text, |token| {
            assert!(text.get(token.start..token.end).is_some());
            assert_eq!(token.position as usize, found.len());
            found.push(token.text.to_owned());
        });
        found
    }

    /// Expected tokens as Elasticsearch's documentation and UAX #29 give them.
    #[test]
    fn text_is_cut_as_the_standard_analyser_cuts_it() {
        for (text, expected) in [
            (
                "The 2 QUICK Brown-Foxes jumped over the lazy dog's bone.",
                "the 2 quick brown foxes jumped over the lazy dog's bone",
            ),
            (
                "10.0.212.81:8080 a.b example.com. x,y 1,000.5;7",
                "10.0.212.81 8080 a.b example.com x y 1,000.5;7",
            ),
            ("key=value foo_bar _x_ ___ a1.b2 3.a a.3", "key value foo_bar _x_ a1 b2 3 a a 3"),
            ("TID 1836) blk_-38 [ERROR] /var/log/x.log", "tid 1836 blk_ 38 error var log x.log"),
            ("Ünïcode ÉCOLE 日本語 ひら カタカナ", "ünïcode école 日 本 語 ひ ら カタカナ"),
            ("", ""),
            ("...", ""),
            ("a:b c:1", "a:b c 1"),
        ] {
            assert_eq!(tokens(text).join(" "), expected, "{text}");
        }
    }

    #[test]
    fn long_tokens_are_cut() {
        let text = "x".repeat(600);
        assert_eq!(tokens(&text).iter().map(String::len).collect::<Vec<_>>(), [255, 255, 90]);
    }
}
