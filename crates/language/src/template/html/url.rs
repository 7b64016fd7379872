//! URLs in attributes and styles.

use super::REFUSED;
use super::place::{Place, UrlPart};

pub(super) fn in_url(place: &mut Place, text: &str) -> usize {
    follow(place, text);
    text.len()
}

/// Which part of the URL comes after the text.
pub(super) fn follow(place: &mut Place, text: &str) {
    if text.contains(['#', '?']) {
        place.part = UrlPart::Query;
    } else if place.part == UrlPart::Start && !text.trim().is_empty() {
        place.part = UrlPart::Path;
    }
}

/// A URL whose scheme could run a script is not shown.
pub(super) fn filter(url: &str) -> String {
    let scheme = url.split_once(':').map(|(scheme, _)| scheme);
    match scheme {
        Some(scheme) if !scheme.contains('/') => {
            let known = ["http", "https", "mailto"];
            if known.iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
                url.to_owned()
            } else {
                format!("#{REFUSED}")
            }
        }
        _ => url.to_owned(),
    }
}

/// Escapes what may not stand in a URL, and leaves what has a meaning in one.
pub(super) fn normalize(url: &str) -> String {
    let bytes = url.as_bytes();
    let is_escape = |at: usize| {
        [1, 2].iter().all(|next| bytes.get(at + next).is_some_and(u8::is_ascii_hexdigit))
    };
    encode(url, |at, byte| match byte {
        b'!' | b'#' | b'$' | b'&' | b'*' | b'+' | b',' | b'/' | b':' | b';' | b'=' | b'?'
        | b'@' | b'[' | b']' => true,
        b'%' => is_escape(at),
        _ => false,
    })
}

/// Escapes everything that has a meaning in a URL: for one value in a query.
pub(super) fn escape(url: &str) -> String {
    encode(url, |_, _| false)
}

fn encode(url: &str, keeps: impl Fn(usize, u8) -> bool) -> String {
    let mut encoded = String::with_capacity(url.len());
    for (at, byte) in url.bytes().enumerate() {
        let plain = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
        if plain || keeps(at, byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02x}"));
        }
    }
    encoded
}

/// Each address of a `srcset`, with what describes it.
pub(super) fn srcset(list: &str) -> String {
    let entry = |entry: &str| {
        let trimmed = entry.trim();
        let (address, description) = trimmed.split_once(' ').unwrap_or((trimmed, ""));
        let plain =
            description.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, ' ' | '.'));
        if filter(address).starts_with('#') || !plain {
            return format!("#{REFUSED}");
        }
        let address = normalize(address);
        let start = entry.len() - entry.trim_start().len();
        let start = entry.get(..start).unwrap_or("");
        if description.is_empty() {
            format!("{start}{address}")
        } else {
            format!("{start}{address} {description}")
        }
    };
    list.split(',').map(entry).collect::<Vec<_>>().join(",")
}
