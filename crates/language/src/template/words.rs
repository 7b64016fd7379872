//! Title case, as `golang.org/x/text/cases` has it.

/// The first letter of each word in upper case, the others in lower case unless `keep`.
pub(super) fn title(text: &str, keep: bool) -> String {
    let mut titled = String::with_capacity(text.len());
    let mut in_word = false;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c.is_alphabetic() {
            if !in_word {
                titled.extend(c.to_uppercase());
            } else if keep {
                titled.push(c);
            } else {
                titled.extend(c.to_lowercase());
            }
            in_word = true;
            continue;
        }
        titled.push(c);
        let next_is_letter = chars.peek().is_some_and(|next| next.is_alphabetic());
        in_word = match c {
            // Joins letters, numbers and itself.
            '_' => in_word,
            '\'' | '.' | ':' | '\u{b7}' | '\u{2019}' | '\u{2018}' | '\u{2024}' => {
                in_word && next_is_letter
            }
            c if c.is_numeric() => in_word,
            _ => false,
        };
    }
    titled
}
