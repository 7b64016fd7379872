//! The doctor: finds in rules what can never work, or not as meant, and says why.
//!
//! Everything here is told from the rules themselves and from what is known to be exposed; no
//! rule is evaluated. A finding has the place in the file, so that people can go there.

mod exposed;
mod labels;
mod place;
mod rule;
mod selectors;
#[cfg(test)]
mod tests;
mod texts;

use std::collections::BTreeMap;

pub use exposed::{Exposed, ExposedMetric};

use crate::{GroupDefinition, Place};

/// What a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FindingKind {
    /// Each series is divided by itself.
    DividedByItself,
    /// A quantile is asked of what is a histogram.
    QuantileOfHistogram,
    /// A label is asked for that the metric does not have.
    UnknownLabel,
    /// A metric is asked for that nothing exposes.
    UnknownMetric,
    /// `rate` and its kin over a gauge.
    RateOfGauge,
    /// An alert on an average where a histogram could tell a quantile.
    AverageOfHistogram,
    /// `for` is shorter than the time between two scrapes.
    ForShorterThanScrape,
    /// The alert goes silent when its series vanish, and no rule watches for that.
    MissingAbsent,
    /// A text uses a label that the expression has dropped.
    DroppedLabel,
    /// A `keep` or `drop` compares a label's value with the label's own name.
    RegexIsLabelName,
    /// A route that no alert can reach.
    UnreachableRoute,
    /// An inhibition whose target is its own source.
    InhibitsItself,
}

impl FindingKind {
    /// How it is called in output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DividedByItself => "divided-by-itself",
            Self::QuantileOfHistogram => "quantile-of-histogram",
            Self::UnknownLabel => "unknown-label",
            Self::UnknownMetric => "unknown-metric",
            Self::RateOfGauge => "rate-of-gauge",
            Self::AverageOfHistogram => "average-of-histogram",
            Self::ForShorterThanScrape => "for-shorter-than-scrape",
            Self::MissingAbsent => "missing-absent",
            Self::DroppedLabel => "dropped-label",
            Self::RegexIsLabelName => "regex-is-label-name",
            Self::UnreachableRoute => "unreachable-route",
            Self::InhibitsItself => "inhibits-itself",
        }
    }
}

/// Something that can never work, or not as meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What it is about.
    pub kind: FindingKind,
    /// The file.
    pub file: String,
    /// Where in it.
    pub place: Place,
    /// What is wrong, why, and what to write instead.
    pub message: String,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (line, column, kind) = (self.place.line, self.place.column, self.kind.as_str());
        write!(f, "{}:{line}:{column}: {} [{kind}]", self.file, self.message)
    }
}

/// What is known besides the rules.
#[derive(Debug, Clone, Default)]
pub struct Knowledge {
    /// What is exposed.
    pub exposed: Exposed,
    /// The longest time between two scrapes of a job, in milliseconds.
    pub scrape_interval_ms: Option<i64>,
    /// Texts of the rule files, to find places in them.
    pub texts: BTreeMap<String, String>,
}

/// Everything that is found in `groups`, by file and place.
pub fn examine_rules(groups: &[GroupDefinition], knowledge: &Knowledge) -> Vec<Finding> {
    let mut exposed = knowledge.exposed.clone();
    // What rules record is there too.
    for rule in groups.iter().flat_map(|group| &group.rules).filter(|rule| !rule.is_alerting()) {
        exposed.add_recorded(&rule.name);
    }
    let watched = selectors::watched_for_absence(groups);
    let mut findings = Vec::new();
    for group in groups {
        for rule in &group.rules {
            let text = knowledge.texts.get(&group.file).map(String::as_str);
            let examination = rule::Examination {
                file: &group.file,
                text,
                rule,
                exposed: &exposed,
                watched: &watched,
                scrape_interval_ms: knowledge.scrape_interval_ms,
            };
            examination.run(&mut findings);
        }
    }
    findings.sort_by(|one, two| {
        let key = |finding: &Finding| (finding.file.clone(), finding.place, finding.kind);
        key(one).cmp(&key(two))
    });
    findings.dedup();
    findings
}
