//! How much a name resembles what is searched for, from 0 (not at all) to 1 (it begins with it).

/// What is below the score of an exact match however much resembles it.
const INEXACT: f64 = 0.999;

/// The terms of a search; one that matches is enough.
#[derive(Debug)]
pub(super) struct Wanted {
    terms: Vec<String>,
    threshold: f64,
    is_jaro_winkler: bool,
    case_sensitive: bool,
}

impl Wanted {
    /// `threshold` from 0 to 1; empty terms ask for nothing.
    pub(super) fn new(
        terms: &[&str],
        threshold: f64,
        is_jaro_winkler: bool,
        case_sensitive: bool,
    ) -> Self {
        let terms = terms
            .iter()
            .filter(|term| !term.is_empty())
            .map(|term| if case_sensitive { (*term).to_owned() } else { term.to_lowercase() });
        Self { terms: terms.collect(), threshold, is_jaro_winkler, case_sensitive }
    }

    /// The best score that a term gives `name`; `None` when it is not wanted.
    pub(super) fn score(&self, name: &str) -> Option<f64> {
        if self.terms.is_empty() {
            return Some(1.0);
        }
        let lower;
        let name = if self.case_sensitive {
            name
        } else {
            lower = name.to_lowercase();
            &lower
        };
        let scores = self.terms.iter().filter_map(|term| self.score_of(term, name));
        scores.max_by(f64::total_cmp)
    }

    fn score_of(&self, term: &str, name: &str) -> Option<f64> {
        if name.starts_with(term) {
            return Some(1.0);
        }
        if !self.is_jaro_winkler {
            let score = subsequence(term, name);
            return (score > 0.0 && score >= self.threshold).then_some(score);
        }
        if let Some(score) = substring(term, name) {
            return Some(score);
        }
        let score = strsim::jaro_winkler(term, name);
        (self.threshold > 0.0 && score >= self.threshold).then_some(score)
    }
}

/// From 1 at the beginning of `name` to 0.1 at its end.
fn substring(term: &str, name: &str) -> Option<f64> {
    let (before, _) = name.split_once(term)?;
    let places = name.chars().count().saturating_sub(term.chars().count()).max(1);
    Some(1.0 - 0.9 * before.chars().count() as f64 / places as f64)
}

/// The letters of `term` in their order, wherever in `name`: runs of letters count by the square
/// of their length, gaps against them. The best of all places where the first letter is; from
/// there on the next letter is taken wherever it comes first.
fn subsequence(term: &str, name: &str) -> f64 {
    let (term, name): (Vec<char>, Vec<char>) = (term.chars().collect(), name.chars().collect());
    let Some(first) = term.first() else { return 1.0 };
    if term.len() > name.len() {
        return 0.0;
    }
    let starts = name.iter().enumerate().filter(|(_, letter)| *letter == first);
    let scores = starts.filter_map(|(start, _)| score_from(start, &term, &name));
    let best = scores.max_by(f64::total_cmp).unwrap_or(0.0);
    (best / (term.len() * term.len()) as f64).clamp(0.0, 1.0) * INEXACT
}

fn score_from(start: usize, term: &[char], name: &[char]) -> Option<f64> {
    let length = name.len() as f64;
    let mut score = 0.0;
    // One after the last letter that was taken; where the current run began.
    let (mut end, mut run) = (0, 0);
    let mut at = start;
    for letter in term {
        let skipped = name.get(at..)?.iter().position(|one| one == letter)?;
        at += skipped;
        if at != end || run == 0 {
            score += (run * run) as f64 - (at - end) as f64 / length;
            run = 0;
        }
        run += 1;
        at += 1;
        end = at;
    }
    score += (run * run) as f64;
    Some(score - (name.len() - end) as f64 / (2.0 * length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_resembles_more_scores_more() {
        let wanted = Wanted::new(&["http_req"], 0.0, false, true);
        let score = |name: &str| wanted.score(name);
        assert_eq!(score("http_requests_total"), Some(1.0));
        let (inside, scattered) =
            (score("my_http_requests").unwrap(), score("h_t_t_p_x_r_e_q").unwrap());
        assert!(inside > 0.9 && inside < 1.0 && scattered < 0.2, "{inside} {scattered}");
        assert_eq!(score("http_xeq"), None);
        assert_eq!(score("HTTP_REQ"), None);
        assert_eq!(Wanted::new(&["HTTP"], 0.0, false, false).score("http"), Some(1.0));
        // A run of two, a gap of one, a run of one; nothing after it: (4 - 1/4 + 1) / 9.
        let one = Wanted::new(&["abd"], 0.0, false, true).score("abcd").unwrap();
        assert!((one - 0.999 * 4.75 / 9.0).abs() < 1e-9, "{one}");
    }

    #[test]
    fn a_threshold_leaves_out_what_resembles_less() {
        let strict = Wanted::new(&["abd"], 0.6, false, true);
        assert_eq!(strict.score("abcd"), None);
        let jaro = |threshold| Wanted::new(&["nodde"], threshold, true, true).score("node");
        assert!(jaro(0.8).is_some() && jaro(0.0).is_none() && jaro(0.99).is_none());
        let inside = Wanted::new(&["de"], 0.0, true, true).score("node").unwrap();
        assert!((inside - 0.1).abs() < 1e-9);
    }
}
