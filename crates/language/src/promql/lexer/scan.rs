//! How far a number or a duration goes: the same steps as in Prometheus, so that a text that is
//! neither is cut off at the same place in the error.

/// Bytes of `text` that were looked at.
struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Scan<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn accept(&mut self, among: &[u8]) -> bool {
        let found = self.peek().is_some_and(|byte| among.contains(&byte));
        self.at += usize::from(found);
        found
    }

    fn accept_run(&mut self, among: &[u8]) {
        while self.accept(among) {}
    }

    fn is_part_of_word(&self) -> bool {
        self.peek().is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    }
}

const DIGITS: &[u8] = b"0123456789";

/// How many bytes at the start of `text` were taken for a number, and whether they are one.
pub(super) fn number(text: &str) -> (usize, bool) {
    let mut scan = Scan { bytes: text.as_bytes(), at: 0 };
    let is_number = scan_number(&mut scan).is_some();
    (scan.at, is_number && !scan.is_part_of_word())
}

/// `None` where the text cannot go on as a number.
fn scan_number(scan: &mut Scan<'_>) -> Option<()> {
    let mut digits = DIGITS;
    if scan.accept(b"0") && scan.accept(b"xX") {
        scan.accept(b"_");
        digits = b"0123456789abcdefABCDEF";
    }
    let is_hexadecimal = digits.len() > 10;
    scan.accept(b".");
    scan.accept(digits);
    let (mut has_dot, mut has_exponent) = (false, false);
    while scan.peek().is_some_and(|byte| digits.contains(&byte) || b"._eE".contains(&byte)) {
        let repeats = match scan.peek() {
            Some(b'.') => has_dot,
            Some(b'e' | b'E') => has_exponent,
            _ => false,
        };
        if repeats {
            scan.at += 1;
            return None;
        }
        if scan.accept(b".") {
            has_dot = true;
            if scan.accept(b"_.") || is_hexadecimal {
                return None;
            }
        } else if !is_hexadecimal && scan.accept(b"eE") {
            has_exponent = true;
            scan.accept(b"+-");
            if scan.accept(b"._eE") || scan.peek().is_none() {
                return None;
            }
        } else if scan.accept(b"_") {
            if scan.accept(b"._eE") || scan.peek().is_none() {
                return None;
            }
        } else {
            scan.accept_run(digits);
        }
    }
    (scan.at > 0).then_some(())
}

/// How many bytes of `text`, which follows digits, belong to a duration, and whether it is one.
/// When a letter comes too many, it is among them.
pub(super) fn duration(text: &str) -> (usize, bool) {
    let mut scan = Scan { bytes: text.as_bytes(), at: 0 };
    if !scan.accept(b"smhdwy") {
        return (scan.at, false);
    }
    scan.accept(b"s");
    while scan.accept(DIGITS) {
        scan.accept_run(DIGITS);
        if !scan.accept(b"smhdw") {
            return (scan.at, false);
        }
        scan.accept(b"s");
    }
    let too_many = scan.is_part_of_word();
    (scan.at + usize::from(too_many), !too_many)
}
