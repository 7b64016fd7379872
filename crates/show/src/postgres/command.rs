//! Statements about the session itself, which drivers send around those that ask something.

use vigie_sql::POSTGRES_VERSION;

/// What clients are told of the server, and may ask with `SHOW`.
pub(super) const SETTINGS: [(&str, &str); 11] = [
    ("server_version", POSTGRES_VERSION),
    ("server_encoding", "UTF8"),
    ("client_encoding", "UTF8"),
    ("DateStyle", "ISO, YMD"),
    ("IntervalStyle", "postgres"),
    ("TimeZone", "UTC"),
    ("integer_datetimes", "on"),
    ("standard_conforming_strings", "on"),
    ("default_transaction_read_only", "on"),
    ("in_hot_standby", "off"),
    ("is_superuser", "off"),
];

/// Settings that are only asked for.
const ASKED: [(&str, &str); 5] = [
    ("transaction_isolation", "read committed"),
    ("transaction isolation level", "read committed"),
    ("transaction_read_only", "on"),
    ("search_path", "public"),
    ("statement_timeout", "0"),
];

/// A statement about the session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Command {
    /// Opens a transaction.
    Begin,
    /// Ends it.
    Commit,
    /// Ends it, whatever became of it.
    Rollback,
    /// Has no effect here; answered with this tag.
    Nothing(&'static str),
    /// Forgets one prepared statement, or all.
    Deallocate(Option<String>),
    /// Shows a setting: its name and value.
    Show(&'static str, &'static str),
}

/// The command that a statement is, if it is one.
pub(super) fn command(text: &str) -> Option<Command> {
    let words: Vec<&str> = text
        .split(|letter: char| letter.is_whitespace() || letter == ';')
        .filter(|word| !word.is_empty())
        .take(5)
        .collect();
    let is = |at: usize, word: &str| words.get(at).is_some_and(|w| w.eq_ignore_ascii_case(word));
    let first = words.first()?.to_ascii_uppercase();
    Some(match first.as_str() {
        "BEGIN" | "START" => Command::Begin,
        "COMMIT" | "END" => Command::Commit,
        "ROLLBACK" if is(1, "TO") || is(2, "TO") => Command::Nothing("ROLLBACK"),
        "ROLLBACK" | "ABORT" => Command::Rollback,
        "SAVEPOINT" => Command::Nothing("SAVEPOINT"),
        "RELEASE" => Command::Nothing("RELEASE"),
        "SET" => Command::Nothing("SET"),
        "RESET" => Command::Nothing("RESET"),
        "UNLISTEN" => Command::Nothing("UNLISTEN"),
        "CLOSE" if is(1, "ALL") => Command::Nothing("CLOSE CURSOR ALL"),
        "DISCARD" => Command::Deallocate(None),
        "DEALLOCATE" => {
            let name = words.get(if is(1, "PREPARE") { 2 } else { 1 })?;
            let is_all = name.eq_ignore_ascii_case("ALL");
            Command::Deallocate((!is_all).then(|| name.trim_matches('"').to_owned()))
        }
        "SHOW" => {
            let name = words.get(1..)?.join(" ");
            let mut known = SETTINGS.iter().chain(&ASKED);
            let (name, value) = known.find(|(known, _)| known.eq_ignore_ascii_case(&name))?;
            Command::Show(name, value)
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_of_drivers_are_known() {
        for (text, expected) in [
            ("BEGIN READ ONLY", Some(Command::Begin)),
            ("start transaction", Some(Command::Begin)),
            ("commit;", Some(Command::Commit)),
            ("ROLLBACK TO SAVEPOINT a", Some(Command::Nothing("ROLLBACK"))),
            ("rollback", Some(Command::Rollback)),
            ("SET extra_float_digits = 3", Some(Command::Nothing("SET"))),
            ("DEALLOCATE \"a1\"", Some(Command::Deallocate(Some("a1".to_owned())))),
            ("DEALLOCATE PREPARE ALL", Some(Command::Deallocate(None))),
            (
                "SHOW TRANSACTION ISOLATION LEVEL",
                Some(Command::Show("transaction isolation level", "read committed")),
            ),
            ("SHOW TABLES", None),
            ("SELECT 1", None),
            ("", None),
        ] {
            assert_eq!(command(text), expected, "{text}");
        }
    }
}
