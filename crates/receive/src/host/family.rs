//! Metric families as a collector fills them, and their text form.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write;

/// What a family's samples are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only grows, until it starts again.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Nobody said.
    Untyped,
    /// Buckets, a sum and a count (from text files only).
    Histogram,
    /// Quantiles, a sum and a count (from text files only).
    Summary,
}

impl Kind {
    /// The word of a `# TYPE` line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Untyped => "untyped",
            Self::Histogram => "histogram",
            Self::Summary => "summary",
        }
    }
}

/// One value of a family.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// What follows the family's name: empty, `_bucket`, `_sum` or `_count`.
    pub suffix: &'static str,
    /// Labels, sorted by name.
    pub labels: Vec<(Cow<'static, str>, String)>,
    /// The value.
    pub value: f64,
}

/// Samples of one name.
#[derive(Debug, Clone, PartialEq)]
pub struct Family {
    /// The metric's name.
    pub name: Cow<'static, str>,
    /// What it means, for people.
    pub help: Cow<'static, str>,
    /// What its samples are.
    pub kind: Kind,
    /// The samples.
    pub samples: Vec<Sample>,
}

/// What one collection gave, by name.
#[derive(Debug, Clone, Default)]
pub struct Families {
    by_name: BTreeMap<Cow<'static, str>, Family>,
}

impl Families {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Families, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = &Family> {
        self.by_name.values()
    }

    /// The family of that name.
    pub fn get(&self, name: &str) -> Option<&Family> {
        self.by_name.get(name)
    }

    /// How many families there are.
    pub fn len(&self) -> usize {
        self.by_name.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    /// The family of that name, made when it is not there. The first help and kind stay.
    pub(super) fn family(
        &mut self,
        kind: Kind,
        name: impl Into<Cow<'static, str>>,
        help: impl Into<Cow<'static, str>>,
    ) -> &mut Family {
        let name = name.into();
        self.by_name.entry(name.clone()).or_insert_with(|| Family {
            name,
            help: help.into(),
            kind,
            samples: Vec::new(),
        })
    }

    /// Adds a sample.
    pub(super) fn add(
        &mut self,
        kind: Kind,
        name: impl Into<Cow<'static, str>>,
        help: impl Into<Cow<'static, str>>,
        labels: &[(&'static str, &str)],
        value: f64,
    ) {
        let mut labels: Vec<(Cow<'static, str>, String)> = labels
            .iter()
            .map(|(name, value)| (Cow::Borrowed(*name), (*value).to_owned()))
            .collect();
        labels.sort_by(|left, right| left.0.cmp(&right.0));
        self.family(kind, name, help).samples.push(Sample { suffix: "", labels, value });
    }

    /// Adds a gauge's sample.
    pub(super) fn gauge(
        &mut self,
        name: impl Into<Cow<'static, str>>,
        help: impl Into<Cow<'static, str>>,
        labels: &[(&'static str, &str)],
        value: f64,
    ) {
        self.add(Kind::Gauge, name, help, labels, value);
    }

    /// Adds a counter's sample.
    pub(super) fn counter(
        &mut self,
        name: impl Into<Cow<'static, str>>,
        help: impl Into<Cow<'static, str>>,
        labels: &[(&'static str, &str)],
        value: f64,
    ) {
        self.add(Kind::Counter, name, help, labels, value);
    }

    /// Takes over another's families; samples of a name that both have are put together.
    pub(super) fn merge(&mut self, other: Self) {
        for (name, family) in other.by_name {
            match self.by_name.get_mut(&name) {
                Some(ours) => ours.samples.extend(family.samples),
                None => {
                    self.by_name.insert(name, family);
                }
            }
        }
    }

    /// Puts samples in the original's order (by label values) and drops repeated ones, so that a
    /// reader never finds one series twice.
    pub(super) fn finish(&mut self) {
        for family in self.by_name.values_mut() {
            if matches!(family.kind, Kind::Histogram | Kind::Summary) {
                continue;
            }
            family.samples.sort_by(|left, right| {
                let values = |sample: &Sample| sample.labels.len();
                values(left).cmp(&values(right)).then_with(|| {
                    let left = left.labels.iter().map(|(_, value)| value);
                    left.cmp(right.labels.iter().map(|(_, value)| value))
                })
            });
            family.samples.dedup_by(|later, first| later.labels == first.labels);
        }
    }

    /// The Prometheus text form, version 0.0.4.
    pub fn to_text(&self) -> String {
        let mut text = String::with_capacity(self.by_name.len() * 160);
        for family in self.by_name.values() {
            write_family(&mut text, family);
        }
        text
    }
}

fn write_family(text: &mut String, family: &Family) {
    if family.samples.is_empty() {
        return;
    }
    text.push_str("# HELP ");
    text.push_str(&family.name);
    text.push(' ');
    push_escaped(text, &family.help, false);
    text.push_str("\n# TYPE ");
    text.push_str(&family.name);
    text.push(' ');
    text.push_str(family.kind.as_str());
    text.push('\n');
    for sample in &family.samples {
        text.push_str(&family.name);
        text.push_str(sample.suffix);
        let mut opening = '{';
        for (name, value) in &sample.labels {
            text.push(opening);
            opening = ',';
            text.push_str(name);
            text.push_str("=\"");
            push_escaped(text, value, true);
            text.push('"');
        }
        if opening == ',' {
            text.push('}');
        }
        text.push(' ');
        push_value(text, sample.value);
        text.push('\n');
    }
}

fn push_escaped(text: &mut String, value: &str, quotes: bool) {
    for character in value.chars() {
        match character {
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '"' if quotes => text.push_str("\\\""),
            other => text.push(other),
        }
    }
}

/// Writes a number as Go's `strconv.FormatFloat(v, 'g', -1, 64)` does, which is what the original
/// shows: the shortest digits, with an exponent below -4 and from 6 on.
fn push_value(text: &mut String, value: f64) {
    if value.is_nan() {
        return text.push_str("NaN");
    }
    if value.is_infinite() {
        return text.push_str(if value > 0.0 { "+Inf" } else { "-Inf" });
    }
    let scientific = format!("{value:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let written = if (-4..6).contains(&exponent) {
        write!(text, "{value}")
    } else {
        let sign = if exponent < 0 { '-' } else { '+' };
        write!(text, "{digits}e{sign}{:02}", exponent.unsigned_abs())
    };
    debug_assert!(written.is_ok(), "writing to a string cannot fail");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_go_writes_them() {
        for (value, expected) in [
            (0.0, "0"),
            (262_144.0, "262144"),
            (1_052_672.0, "1.052672e+06"),
            (25_276_510_208.0, "2.5276510208e+10"),
            (0.01, "0.01"),
            (0.000_166_551, "0.000166551"),
            (0.000_016_06, "1.606e-05"),
            (1e100, "1e+100"),
            (-1.5, "-1.5"),
            (f64::NEG_INFINITY, "-Inf"),
            (f64::NAN, "NaN"),
        ] {
            let mut text = String::new();
            push_value(&mut text, value);
            assert_eq!(text, expected);
        }
    }

    #[test]
    fn samples_are_sorted_and_no_series_is_told_twice() {
        let mut families = Families::new();
        families.gauge("b", "B \\ \n.", &[("z", "2"), ("a", "x\"y")], 1.0);
        families.gauge("b", "B", &[("a", "x\"y"), ("z", "1")], 2.0);
        families.gauge("b", "B", &[("a", "x\"y"), ("z", "1")], 3.0);
        families.counter("a_total", "A", &[], 4.0);
        families.finish();
        assert_eq!(
            families.to_text(),
            "# HELP a_total A\n# TYPE a_total counter\na_total 4\n\
             # HELP b B \\\\ \\n.\n# TYPE b gauge\nb{a=\"x\\\"y\",z=\"1\"} 2\n\
             b{a=\"x\\\"y\",z=\"2\"} 1\n"
        );
    }
}
