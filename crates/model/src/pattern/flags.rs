//! `(?i)`, `(?s-m:` and the like.

/// Which flags are on at a place of the expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Flags {
    /// `i`
    pub(super) fold_case: bool,
    /// `m`: `^` and `$` match at lines.
    pub(super) multi_line: bool,
    /// `s`: `.` matches newlines.
    pub(super) dot_newline: bool,
    /// `U`: repetitions take as little as they can.
    pub(super) swap_greed: bool,
}

/// What stands between `(?` and its end.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct FlagGroup {
    /// The flags from here on.
    pub(super) flags: Flags,
    /// Whether a group begins (`:`); else they hold for the rest of the one around.
    pub(super) opens: bool,
    /// How many bytes were read.
    pub(super) len: usize,
}

/// Reads the flags at the start of `text`, which follows `(?`; an error holds how many bytes were
/// read before it was clear that there are none.
pub(super) fn parse(text: &str, before: Flags) -> Result<FlagGroup, usize> {
    let mut flags = before;
    let (mut on, mut saw_one) = (true, false);
    let mut read = 0;
    for c in text.chars() {
        read += c.len_utf8();
        let flag = match c {
            'i' => &mut flags.fold_case,
            'm' => &mut flags.multi_line,
            's' => &mut flags.dot_newline,
            'U' => &mut flags.swap_greed,
            '-' if on => {
                (on, saw_one) = (false, false);
                continue;
            }
            ':' | ')' if on || saw_one => {
                return Ok(FlagGroup { flags, opens: c == ':', len: read });
            }
            _ => return Err(read),
        };
        *flag = on;
        saw_one = true;
    }
    Err(read)
}
