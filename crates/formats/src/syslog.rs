//! Syslog's messages: RFC 5424, and what is written in the manner of RFC 3164.
//!
//! RFC 3164 describes what was seen, and whatever is no such message is one nevertheless: then all
//! of it is text. A message is never refused.

use std::borrow::Cow;

/// The highest priority: 24 facilities of 8 severities.
const PRIORITY_MAX: u8 = 191;
/// Parameters of structured data of one message; a message with more keeps them as text.
const PARAMETERS_MAX: usize = 256;
/// Longest name of a program, in bytes; what is longer is text that happens to have a colon.
const TAG_BYTES_MAX: usize = 128;

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Names of severities, by number.
pub const SEVERITIES: [&str; 8] =
    ["Emergency", "Alert", "Critical", "Error", "Warning", "Notice", "Informational", "Debug"];

/// Names of facilities, by number.
pub const FACILITIES: [&str; 24] = [
    "kernel",
    "user-level",
    "mail",
    "system",
    "security/authorization",
    "syslogd",
    "line printer",
    "network news",
    "UUCP",
    "clock",
    "security/authorization",
    "FTP",
    "NTP",
    "log audit",
    "log alert",
    "clock",
    "local0",
    "local1",
    "local2",
    "local3",
    "local4",
    "local5",
    "local6",
    "local7",
];

/// When a message was sent, as it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyslogTime<'a> {
    /// With everything: a text of RFC 3339.
    Full(&'a str),
    /// Without a zone, and mostly without the year.
    Local {
        /// Where it has one.
        year: Option<u16>,
        /// From 1.
        month: u8,
        /// From 1.
        day: u8,
        /// Hour, minute, second.
        clock: (u8, u8, u8),
    },
}

/// An element of structured data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyslogElement<'a> {
    /// `exampleSDID@32473`.
    pub id: &'a str,
    /// Names and values.
    pub parameters: Vec<(&'a str, Cow<'a, str>)>,
}

/// A message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SyslogMessage<'a> {
    /// Eight times the facility plus the severity; `None`: it is no syslog at all.
    pub priority: Option<u8>,
    /// Of the protocol, RFC 5424 only.
    pub version: Option<u8>,
    /// When it was sent.
    pub time: Option<SyslogTime<'a>>,
    /// Of whom.
    pub hostname: Option<&'a str>,
    /// Of which program.
    pub application: Option<&'a str>,
    /// Its process, mostly a number.
    pub process: Option<&'a str>,
    /// The kind of message, RFC 5424 only.
    pub message_id: Option<&'a str>,
    /// RFC 5424 only.
    pub elements: Vec<SyslogElement<'a>>,
    /// The text.
    pub message: &'a str,
}

/// Reads a message.
pub fn parse(text: &str) -> SyslogMessage<'_> {
    let text = text.trim_end_matches(['\n', '\r', '\0']);
    let Some((priority, rest)) = priority(text) else {
        return SyslogMessage { message: text, ..SyslogMessage::default() };
    };
    let message = rfc5424(rest).unwrap_or_else(|| rfc3164(rest));
    SyslogMessage { priority: Some(priority), ..message }
}

fn priority(text: &str) -> Option<(u8, &str)> {
    let (number, rest) = text.strip_prefix('<')?.split_once('>')?;
    let is_number = (1..=3).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit());
    let priority = number.parse().ok().filter(|priority| is_number && *priority <= PRIORITY_MAX)?;
    Some((priority, rest))
}

/// A word, and what comes after the space behind it.
fn word(text: &str) -> Option<(&str, &str)> {
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    (!word.is_empty()).then_some((word, rest))
}

/// The same, none for `-`.
fn field(text: &str) -> Option<(Option<&str>, &str)> {
    let (word, rest) = word(text)?;
    Some((Some(word).filter(|word| *word != "-"), rest))
}

fn rfc5424(text: &str) -> Option<SyslogMessage<'_>> {
    let (version, rest) = word(text)?;
    let version = version.parse().ok().filter(|version| (1..=99).contains(version))?;
    let (time, rest) = field(rest)?;
    if time.is_some_and(|time| !is_full_time(time)) {
        return None;
    }
    let (hostname, rest) = field(rest)?;
    let (application, rest) = field(rest)?;
    let (process, rest) = field(rest)?;
    let (message_id, rest) = field(rest)?;
    let (elements, rest) = elements(rest).unwrap_or((Vec::new(), rest));
    // Text in UTF-8 may say so with a mark at its beginning.
    let message = rest.strip_prefix(' ').unwrap_or(rest).trim_start_matches('\u{feff}');
    Some(SyslogMessage {
        version: Some(version),
        time: time.map(SyslogTime::Full),
        hostname,
        application,
        process,
        message_id,
        elements,
        message,
        ..SyslogMessage::default()
    })
}

/// `2023-10-11T22:14:15.003Z`, to be read by whoever knows calendars.
fn is_full_time(text: &str) -> bool {
    let bytes = text.as_bytes();
    let at = |index: usize| bytes.get(index).copied();
    bytes.iter().take(4).all(u8::is_ascii_digit) && at(4) == Some(b'-') && at(10) == Some(b'T')
}

fn elements(text: &str) -> Option<(Vec<SyslogElement<'_>>, &str)> {
    if let Some(rest) = text.strip_prefix('-') {
        return Some((Vec::new(), rest));
    }
    let (mut rest, mut elements, mut count) = (text, Vec::new(), 0);
    while let Some(inside) = rest.strip_prefix('[') {
        let end = inside.find([' ', ']'])?;
        let (id, mut inside) = inside.split_at(end);
        let mut parameters = Vec::new();
        while let Some(parameter) = inside.strip_prefix(' ') {
            let (name, value) = parameter.trim_start_matches(' ').split_once("=\"")?;
            let (value, after) = quoted(value)?;
            parameters.push((name, value));
            inside = after;
            count += 1;
            if count > PARAMETERS_MAX {
                return None;
            }
        }
        rest = inside.strip_prefix(']')?;
        elements.push(SyslogElement { id, parameters });
        count += 1;
    }
    (!elements.is_empty()).then_some((elements, rest))
}

/// The value before the closing quote; `\"`, `\\` and `\]` stand for the second of them.
fn quoted(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let mut value = String::new();
    let (mut copied, mut from) = (0, 0);
    loop {
        let at = from + text.get(from..)?.find(['"', '\\'])?;
        if text.as_bytes().get(at) == Some(&b'"') {
            let (last, rest) = (text.get(copied..at)?, text.get(at + 1..)?);
            if copied == 0 {
                return Some((Cow::Borrowed(last), rest));
            }
            value.push_str(last);
            return Some((Cow::Owned(value), rest));
        }
        let escaped = text.get(at + 1..)?.chars().next()?;
        if matches!(escaped, '"' | '\\' | ']') {
            value.push_str(text.get(copied..at)?);
            value.push(escaped);
            copied = at + 2;
        }
        from = at + 1 + escaped.len_utf8();
    }
}

fn rfc3164(text: &str) -> SyslogMessage<'_> {
    let Some((time, rest)) = time(text) else {
        // Without a time there is no header, and the first words are the text's.
        return SyslogMessage { message: text, ..SyslogMessage::default() };
    };
    let mut message = SyslogMessage { time: Some(time), message: rest, ..Default::default() };
    let rest = match word(rest) {
        // What is sent on the same machine has no host's name.
        Some((first, after)) if !first.ends_with(':') && !first.ends_with(']') => {
            message.hostname = Some(first);
            after
        }
        _ => rest,
    };
    message.message = rest;
    if let Some((application, process, text)) = tag(rest) {
        (message.application, message.process) = (Some(application), process);
        message.message = text;
    }
    message
}

/// `program[123]: text`, and without the number.
fn tag(text: &str) -> Option<(&str, Option<&str>, &str)> {
    let end = text.find([':', '[', ' '])?;
    let (name, rest) = text.split_at(end);
    if name.is_empty() || name.len() > TAG_BYTES_MAX {
        return None;
    }
    let (process, rest) = match rest.strip_prefix('[') {
        Some(inside) => {
            let (process, rest) = inside.split_once(']')?;
            (Some(process).filter(|process| !process.is_empty()), rest)
        }
        None => (None, rest),
    };
    let text = rest.strip_prefix(':')?;
    Some((name, process, text.strip_prefix(' ').unwrap_or(text)))
}

/// `Oct 11 22:14:15`, `Oct 11 2023 22:14:15`, or RFC 3339.
fn time(text: &str) -> Option<(SyslogTime<'_>, &str)> {
    let (first, rest) = word(text)?;
    if is_full_time(first) {
        return Some((SyslogTime::Full(first), rest));
    }
    let month = MONTHS.iter().position(|month| *month == first)? as u8 + 1;
    let (day, rest) = word(rest.trim_start_matches(' '))?;
    let day = day.parse().ok().filter(|day| (1..=31).contains(day))?;
    let (mut next, mut rest) = word(rest)?;
    let year: Option<u16> = Some(next).filter(|text| text.len() == 4).and_then(|t| t.parse().ok());
    if year.is_some() {
        (next, rest) = word(rest)?;
    }
    // Some devices end the time with a colon, some have fractions of a second.
    let next = next.trim_end_matches(':').split('.').next()?;
    let mut parts = next.split(':').map(|part| part.parse::<u8>().ok());
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
    let is_clock = parts.next().is_none() && hour < 24 && minute < 60 && second <= 60;
    let clock = (hour, minute, second);
    is_clock.then_some((SyslogTime::Local { year, month, day, clock }, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn local(month: u8, day: u8, clock: (u8, u8, u8)) -> SyslogTime<'static> {
        SyslogTime::Local { year: None, month, day, clock }
    }

    #[test]
    fn rfc_3164_and_what_is_seen() {
        let plain = SyslogMessage::default();
        let cases = [
            (
                "<34>Oct 11 22:14:15 mymachine su: 'su root' failed on /dev/pts/8\n",
                SyslogMessage {
                    priority: Some(34),
                    time: Some(local(10, 11, (22, 14, 15))),
                    hostname: Some("mymachine"),
                    application: Some("su"),
                    message: "'su root' failed on /dev/pts/8",
                    ..plain.clone()
                },
            ),
            (
                "<13>Feb  5 17:32:18 10.0.0.99 Use the BFG!",
                SyslogMessage {
                    priority: Some(13),
                    time: Some(local(2, 5, (17, 32, 18))),
                    hostname: Some("10.0.0.99"),
                    message: "Use the BFG!",
                    ..plain.clone()
                },
            ),
            (
                "<86>Dec 31 23:59:59 sshd[4711]: Accepted: yes",
                SyslogMessage {
                    priority: Some(86),
                    time: Some(local(12, 31, (23, 59, 59))),
                    application: Some("sshd"),
                    process: Some("4711"),
                    message: "Accepted: yes",
                    ..plain.clone()
                },
            ),
            (
                "<30>2024-02-03T04:05:06.123+01:00 web1 my-app/x[7]:text",
                SyslogMessage {
                    priority: Some(30),
                    time: Some(SyslogTime::Full("2024-02-03T04:05:06.123+01:00")),
                    hostname: Some("web1"),
                    application: Some("my-app/x"),
                    process: Some("7"),
                    message: "text",
                    ..plain.clone()
                },
            ),
            (
                "<189>Mar  1 2024 18:46:11.250: %SYS-5-CONFIG_I: done",
                SyslogMessage {
                    priority: Some(189),
                    time: Some(SyslogTime::Local {
                        year: Some(2024),
                        month: 3,
                        day: 1,
                        clock: (18, 46, 11),
                    }),
                    application: Some("%SYS-5-CONFIG_I"),
                    message: "done",
                    ..plain.clone()
                },
            ),
            (
                "<14>a message of Python: x\0",
                SyslogMessage {
                    priority: Some(14),
                    message: "a message of Python: x",
                    ..plain.clone()
                },
            ),
        ];
        for (text, message) in cases {
            assert_eq!(parse(text), message, "{text}");
        }
        for text in ["", "no syslog", "<192>x", "<>x", "<+1>x", "<0001>x", "<1x", "Oct 11 x"] {
            assert_eq!(parse(text), SyslogMessage { message: text, ..plain.clone() }, "{text}");
        }
        for text in ["Oct 32 22:14:15 h x", "Oct 11 24:00:00 h x", "Oct 11 1:2 h", "Oct", "", " "] {
            let whole = format!("<1>{text}");
            let message = SyslogMessage { priority: Some(1), message: text, ..plain.clone() };
            assert_eq!(parse(&whole), message, "{text}");
        }
    }

    #[test]
    fn rfc_5424() {
        let text = "<165>1 2003-10-11T22:14:15.003Z mymachine.example.com evntslog - ID47 \
            [exampleSDID@32473 iut=\"3\" eventSource=\"A \\\"b\\\" \\] \\\\ \\x\"][empty] \u{feff}An event";
        let message = parse(text);
        assert_eq!(message.priority, Some(165));
        assert_eq!(message.version, Some(1));
        assert_eq!(message.time, Some(SyslogTime::Full("2003-10-11T22:14:15.003Z")));
        assert_eq!(message.hostname, Some("mymachine.example.com"));
        assert_eq!(message.application, Some("evntslog"));
        assert_eq!(message.process, None);
        assert_eq!(message.message_id, Some("ID47"));
        let parameters = vec![("iut", "3".into()), ("eventSource", "A \"b\" ] \\ \\x".into())];
        let elements = [
            SyslogElement { id: "exampleSDID@32473", parameters },
            SyslogElement { id: "empty", parameters: Vec::new() },
        ];
        assert_eq!(message.elements, elements);
        assert_eq!(message.message, "An event");

        let least = parse("<0>1 - - - - - -");
        assert_eq!((least.version, least.time, least.message), (Some(1), None, ""));
        // Elements that do not end are text.
        let open = parse("<0>1 - - a 1 - [x y=\"z] text");
        assert_eq!((open.application, open.message), (Some("a"), "[x y=\"z] text"));
        // A number at the beginning does not make it one.
        assert_eq!(parse("<0>1 message of mine, truly so").message, "1 message of mine, truly so");
    }
}
