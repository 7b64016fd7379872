//! `config.support_escapes`: what a backslash means in a quoted text, when it means anything.

/// `text` with `\"`, `\'`, `\\`, `\r`, `\n`, `\t`, `\0`, `\/` replaced; any other backslash stays.
pub(super) fn process(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        let replaced = match chars.peek() {
            Some(&kept @ ('"' | '\'' | '\\' | '/')) => kept,
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('0') => '\0',
            _ => {
                out.push('\\');
                continue;
            }
        };
        chars.next();
        out.push(replaced);
    }
    out
}
