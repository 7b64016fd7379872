//! Where in a JSON text a key's value begins, for errors that say line and column.

/// Line and column (from 1) of the first character of the value of the first key `key`.
pub(super) fn value_of(body: &[u8], key: &str) -> Option<(usize, usize)> {
    let text = std::str::from_utf8(body).ok()?;
    let quoted = serde_json::to_string(key).ok()?;
    let mut from = 0;
    loop {
        let found = from + text.get(from..)?.find(&quoted)?;
        let after = found + quoted.len();
        let rest = text.get(after..)?;
        let trimmed = rest.trim_start();
        if let Some(value) = trimmed.strip_prefix(':') {
            let value = value.trim_start();
            let at = text.len() - value.len();
            let before = text.get(..at)?;
            let line = before.matches('\n').count() + 1;
            let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
            return Some((line, column));
        }
        from = after;
    }
}

#[cfg(test)]
mod tests {
    use super::value_of;

    #[test]
    fn values_are_found() {
        assert_eq!(value_of(br#"{"query":{"foo":{}}}"#, "foo"), Some((1, 17)));
        assert_eq!(value_of(b"{\n \"a\": \"foo\",\n \"foo\" : 1}", "foo"), Some((3, 10)));
        assert_eq!(value_of(b"{}", "foo"), None);
    }
}
