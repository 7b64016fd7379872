//! Mails as text (RFC 5322 and MIME): headers, addresses, quoted-printable parts.

use std::fmt::Write as _;

/// Characters of a line in quoted-printable, without the break.
const LINE_CHARACTERS_MAX: usize = 76;
/// Characters of an encoded word in a header (RFC 2047).
const WORD_CHARACTERS_MAX: usize = 75;

/// A header line. The value is on one line, whatever it was: a line break in it would begin
/// another header.
pub(super) fn header(name: &str, value: &str) -> String {
    let value = value.split(['\r', '\n']).map(str::trim).collect::<Vec<_>>().join(" ");
    let name: String = name.chars().filter(|c| c.is_ascii_graphic() && *c != ':').collect();
    format!("{name}: {}\r\n", encoded(value.trim()))
}

/// Plain where it is ASCII, else in encoded words.
fn encoded(value: &str) -> String {
    if value.chars().all(|c| c == ' ' || c.is_ascii_graphic()) {
        return value.to_owned();
    }
    let start = "=?utf-8?q?";
    let mut words = vec![start.to_owned()];
    for c in value.chars() {
        let mut piece = String::new();
        for byte in c.encode_utf8(&mut [0; 4]).bytes() {
            match byte {
                b' ' => piece.push('_'),
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'!' | b'*' | b'+' | b'/' => {
                    piece.push(char::from(byte));
                }
                byte => {
                    write!(piece, "={byte:02X}").ok();
                }
            }
        }
        let is_full = |word: &String| word.len() + piece.len() + 2 > WORD_CHARACTERS_MAX;
        if words.last().is_some_and(is_full) {
            words.push(start.to_owned());
        }
        if let Some(word) = words.last_mut() {
            word.push_str(&piece);
        }
    }
    words.iter().map(|word| format!("{word}?=")).collect::<Vec<_>>().join("\r\n ")
}

/// One part of a mail of several.
pub(super) fn part(boundary: &str, kind: &str, body: &str) -> String {
    format!(
        "--{boundary}\r\nContent-Transfer-Encoding: quoted-printable\r\n\
         Content-Type: {kind}; charset=UTF-8\r\n\r\n{}\r\n",
        quoted_printable(body)
    )
}

/// Quoted-printable (RFC 2045): lines of at most 76 characters, all in ASCII.
fn quoted_printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    for (index, line) in text.split('\n').enumerate() {
        if index > 0 {
            out.push_str("\r\n");
        }
        push_line(&mut out, line.strip_suffix('\r').unwrap_or(line));
    }
    out
}

fn push_line(out: &mut String, line: &str) {
    let mut length = 0;
    let count = line.len();
    for (index, byte) in line.bytes().enumerate() {
        let is_last = index + 1 == count;
        let is_plain = match byte {
            b' ' | b'\t' => !is_last,
            b'=' => false,
            byte => byte.is_ascii_graphic(),
        };
        let width = if is_plain { 1 } else { 3 };
        if length + width > LINE_CHARACTERS_MAX - 1 {
            out.push_str("=\r\n");
            length = 0;
        }
        if is_plain {
            out.push(char::from(byte));
        } else {
            write!(out, "={byte:02X}").ok();
        }
        length += width;
    }
}

/// The addresses of a list such as `Anna <anna@example.com>, b@example.com`.
pub(super) fn addresses(list: &str) -> Result<Vec<String>, String> {
    let mut addresses = Vec::new();
    for entry in split(list) {
        let entry = entry.trim();
        if entry.is_empty() {
            continue;
        }
        let address = match entry.rsplit_once('<') {
            Some((_, rest)) => rest.strip_suffix('>').unwrap_or(""),
            None => entry,
        };
        let is_valid = address.split_once('@').is_some_and(|(user, host)| {
            !user.is_empty() && !host.is_empty() && !host.contains('@')
        }) && address
            .chars()
            .all(|c| !c.is_control() && !c.is_whitespace() && !matches!(c, '<' | '>' | ','));
        if !is_valid {
            return Err(format!("not an address: {entry:?}"));
        }
        addresses.push(address.to_owned());
    }
    if addresses.is_empty() { Err("no address".to_owned()) } else { Ok(addresses) }
}

/// At commas outside of quotes.
fn split(list: &str) -> Vec<String> {
    let mut entries = vec![String::new()];
    let mut quoted = false;
    for c in list.chars() {
        quoted ^= c == '"';
        if c == ',' && !quoted {
            entries.push(String::new());
        } else if let Some(entry) = entries.last_mut() {
            entry.push(c);
        }
    }
    entries
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_stays_one_header() {
        assert_eq!(header("Subject", "\na\r\nBcc: x@y\n"), "Subject: a  Bcc: x@y\r\n");
        assert_eq!(header("Subject", "é"), "Subject: =?utf-8?q?=C3=A9?=\r\n");
        let long = header("Subject", &"é".repeat(40));
        assert!(long.lines().all(|line| line.len() <= 90), "{long}");
        assert_eq!(header("X\r\nBcc: a", "b"), "XBcca: b\r\n");
    }

    #[test]
    fn bodies_are_quoted() {
        assert_eq!(quoted_printable("a=é \nb"), "a=3D=C3=A9=20\r\nb");
        let long = quoted_printable(&"x".repeat(200));
        assert!(long.lines().all(|line| line.len() <= LINE_CHARACTERS_MAX), "{long}");
    }

    #[test]
    fn addresses_are_taken_out_of_names() {
        let list = "Anna <anna@example.com>, \"B, C\" <b@example.com>, c@example.com";
        let found = addresses(list).unwrap();
        assert_eq!(found, ["anna@example.com", "b@example.com", "c@example.com"]);
        for bad in ["", "anna", "a@b>\r\nDATA", "<a b@c>", "a@b@c"] {
            assert!(addresses(bad).is_err(), "{bad:?}");
        }
    }
}
