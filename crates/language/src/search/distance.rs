//! Edit distance, for fuzzy terms.

/// How far a term may be from the one asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fuzziness {
    /// By the length of the term: up to `low` characters none, up to `high` one edit, else two.
    Auto {
        /// Terms shorter than this must be equal.
        low: usize,
        /// Terms shorter than this may have one edit.
        high: usize,
    },
    /// So many edits, at most two.
    Edits(u8),
}

impl Fuzziness {
    /// `AUTO`: 3 and 6.
    pub const AUTO: Self = Self::Auto { low: 3, high: 6 };

    /// Reads `AUTO`, `AUTO:3,6`, `0`, `1`, `2`.
    pub fn parse(text: &str) -> Option<Self> {
        let upper = text.to_ascii_uppercase();
        if upper == "AUTO" {
            return Some(Self::AUTO);
        }
        if let Some(limits) = upper.strip_prefix("AUTO:") {
            let (low, high) = limits.split_once(',')?;
            return Some(Self::Auto {
                low: low.trim().parse().ok()?,
                high: high.trim().parse().ok()?,
            });
        }
        let edits: f64 = text.parse().ok()?;
        (0.0..=2.0).contains(&edits).then_some(Self::Edits(edits as u8))
    }

    /// The edits allowed for `term`.
    pub fn edits(self, term: &str) -> u8 {
        match self {
            Self::Edits(edits) => edits.min(2),
            Self::Auto { low, high } => match term.chars().count() {
                length if length < low => 0,
                length if length < high => 1,
                _ => 2,
            },
        }
    }
}

/// Whether `text` is at most `edits` insertions, deletions, substitutions or transpositions of
/// neighbours (when `transpositions`) away from `term`, the first `prefix_length` characters
/// being equal.
pub fn within_distance(
    term: &str,
    text: &str,
    edits: u8,
    prefix_length: usize,
    transpositions: bool,
) -> bool {
    let (a, b): (Vec<char>, Vec<char>) = (term.chars().collect(), text.chars().collect());
    let edits = usize::from(edits);
    if a.len().abs_diff(b.len()) > edits || a.len() > 1_000 {
        return false;
    }
    let prefix = prefix_length.min(a.len());
    if a.get(..prefix) != b.get(..prefix) {
        return false;
    }
    // Optimal string alignment, three rows.
    let mut before: Vec<usize> = Vec::new();
    let mut previous: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let at =
                |row: &[usize], index: usize| row.get(index).copied().unwrap_or(usize::MAX / 2);
            let mut best = (at(&previous, j) + usize::from(x != y))
                .min(at(&previous, j + 1) + 1)
                .min(at(&row, j) + 1);
            let is_swap = transpositions
                && i > 0
                && j > 0
                && a.get(i - 1) == Some(y)
                && b.get(j - 1) == Some(x);
            if is_swap {
                best = best.min(at(&before, j - 1) + 1);
            }
            row.push(best);
        }
        if row.iter().min().is_some_and(|least| *least > edits) {
            return false;
        }
        before = std::mem::replace(&mut previous, row);
    }
    previous.last().is_some_and(|distance| *distance <= edits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        for (a, b, edits, expected) in [
            ("error", "eror", 1, true),
            ("error", "erorr", 1, true),
            ("error", "mirrors", 2, false),
            ("kitten", "sitting", 2, false),
            ("abc", "abc", 0, true),
            ("timeout", "timeuot", 1, true),
        ] {
            assert_eq!(within_distance(a, b, edits, 0, true), expected, "{a} {b}");
        }
        assert!(!within_distance("abc", "xbc", 1, 1, true));
        assert!(!within_distance("ab", "ba", 1, 0, false));
    }

    #[test]
    fn fuzziness_by_length() {
        let auto = Fuzziness::parse("auto").unwrap();
        assert_eq!([auto.edits("ab"), auto.edits("abcde"), auto.edits("abcdef")], [0, 1, 2]);
        assert_eq!(Fuzziness::parse("AUTO:1,2").unwrap().edits("ab"), 2);
        assert_eq!(Fuzziness::parse("3"), None);
    }
}
