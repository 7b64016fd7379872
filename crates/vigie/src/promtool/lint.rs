//! What is unusual in metrics: the conventions of Prometheus for names, units and types, as
//! client_golang's linter tells of them.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use vigie_formats::exposition::{Entry, Format, LabelPairs, MetadataLine, ParseOptions, Parser};
use vigie_model::MetricType;

/// Every line counts, those of histograms too.
pub(super) const OPTIONS: ParseOptions =
    ParseOptions { created_as_start: false, native_histograms: false, always_classic: true };

/// A metric family as far as its conventions go.
#[derive(Debug, Default)]
pub(super) struct Family {
    kind: Option<MetricType>,
    help: String,
    labels: BTreeSet<String>,
    /// How many series it has.
    pub(super) series: usize,
}

/// The families of `text` by name.
pub(super) fn read(text: &[u8]) -> Result<BTreeMap<String, Family>> {
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    let mut parser = Parser::new(Format::PrometheusText, text, OPTIONS)?;
    while let Some(entry) = parser.next()? {
        match entry {
            Entry::Metadata(metadata) => {
                let family = families.entry(metadata.name.into_owned()).or_default();
                match metadata.line {
                    MetadataLine::Type(kind) => family.kind = Some(kind),
                    MetadataLine::Help(help) => family.help = help.into_owned(),
                    MetadataLine::Unit(_) => {}
                }
            }
            Entry::Series(series) => {
                let mut labels = LabelPairs::new();
                series.labels(&mut labels)?;
                let name = labels.first().map(|(_, name)| name.clone()).unwrap_or_default();
                let key = family_of(&name, &families).to_owned();
                let family = families.entry(key).or_default();
                family.series += 1;
                let names = labels.iter().skip(1).map(|(name, _)| name.clone().into_owned());
                family.labels.extend(names);
            }
            Entry::Histogram(_) => {}
        }
    }
    // A line of metadata alone is no metric.
    families.retain(|_, family| family.series > 0);
    Ok(families)
}

/// The family that a series belongs to: that of its name without the suffix of a histogram's or
/// summary's parts.
fn family_of<'a>(name: &'a str, families: &BTreeMap<String, Family>) -> &'a str {
    for suffix in ["_bucket", "_count", "_sum"] {
        let Some(base) = name.strip_suffix(suffix) else { continue };
        let kind = families.get(base).and_then(|family| family.kind);
        let fits = match kind {
            Some(MetricType::Histogram) => true,
            Some(MetricType::Summary) => suffix != "_bucket",
            _ => false,
        };
        if fits {
            return base;
        }
    }
    name
}

/// What is unusual in each family, by name and text.
pub(super) fn problems(families: &BTreeMap<String, Family>) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (name, family) in families {
        let mut texts = Vec::new();
        of_family(name, family, &mut texts);
        texts.sort_unstable();
        found.extend(texts.into_iter().map(|text| (name.clone(), text)));
    }
    found
}

fn of_family(name: &str, family: &Family, found: &mut Vec<String>) {
    if family.help.is_empty() {
        found.push("no help text".to_owned());
    }
    units(name, found);
    let kind = family.kind.unwrap_or(MetricType::Unknown);
    counters(name, kind, found);
    reserved(name, kind, &family.labels, found);
    for kind in ["counter", "gauge", "histogram", "summary"] {
        if has_part(name, kind) {
            found.push(format!("metric name should not include type '{kind}'"));
        }
    }
    if name.contains(':') {
        found.push("metric names should not contain ':'".to_owned());
    }
    if is_camel_case(name) {
        found.push("metric names should be written in 'snake_case' not 'camelCase'".to_owned());
    }
    for _ in family.labels.iter().filter(|label| is_camel_case(label)) {
        found.push("label names should be written in 'snake_case' not 'camelCase'".to_owned());
    }
    let lower = name.to_lowercase();
    let short = ABBREVIATIONS.iter().filter(|short| has_part(&lower, short)).count();
    let abbreviated = || "metric names should not contain abbreviated units".to_owned();
    found.extend(std::iter::repeat_with(abbreviated).take(short));
}

/// Whether `part` is a part of `name` other than the first.
fn has_part(name: &str, part: &str) -> bool {
    name.split('_').skip(1).any(|one| one == part)
}

fn is_camel_case(name: &str) -> bool {
    name.as_bytes().windows(2).any(|two| {
        matches!(two, [small, large] if small.is_ascii_lowercase() && large.is_ascii_uppercase())
    })
}

fn counters(name: &str, kind: MetricType, found: &mut Vec<String>) {
    let is_total = name.ends_with("_total");
    match kind {
        MetricType::Counter if !is_total => {
            found.push("counter metrics should have \"_total\" suffix".to_owned());
        }
        MetricType::Counter | MetricType::Unknown => {}
        _ if is_total => {
            found.push("non-counter metrics should not have \"_total\" suffix".to_owned());
        }
        _ => {}
    }
}

/// Names and labels that belong to the parts of histograms and summaries.
fn reserved(name: &str, kind: MetricType, labels: &BTreeSet<String>, found: &mut Vec<String>) {
    if kind == MetricType::Unknown {
        return;
    }
    let is_histogram = kind == MetricType::Histogram;
    let is_summary = kind == MetricType::Summary;
    if !is_histogram && name.ends_with("_bucket") {
        found.push("non-histogram metrics should not have \"_bucket\" suffix".to_owned());
    }
    for suffix in ["_count", "_sum"] {
        if !is_histogram && !is_summary && name.ends_with(suffix) {
            found.push(format!(
                "non-histogram and non-summary metrics should not have \"{suffix}\" suffix"
            ));
        }
    }
    if !is_histogram && labels.contains("le") {
        found.push("non-histogram metrics should not have \"le\" label".to_owned());
    }
    if !is_summary && labels.contains("quantile") {
        found.push("non-summary metrics should not have \"quantile\" label".to_owned());
    }
}

fn units(name: &str, found: &mut Vec<String>) {
    let named: Vec<(&str, &str)> =
        name.split('_').filter_map(|part| Some((part, base_unit(part)?))).collect();
    // A name may tell what it measures besides its unit: `time_of_days_seconds`.
    if named.iter().any(|(part, base)| part == base) {
        return;
    }
    if let Some((part, base)) = named.first() {
        found.push(format!("use base unit \"{base}\" instead of \"{part}\""));
    }
}

/// The base unit of what `part` measures, if it names a unit.
fn base_unit(part: &str) -> Option<&'static str> {
    let of = |unit: &str| UNITS.iter().find(|(name, _)| *name == unit).map(|(_, base)| *base);
    if let Some(base) = of(part) {
        return Some(base);
    }
    PREFIXES.iter().find_map(|prefix| part.strip_prefix(prefix).and_then(of))
}

const ABBREVIATIONS: [&str; 14] =
    ["s", "ms", "us", "ns", "sec", "b", "kb", "mb", "gb", "tb", "pb", "m", "h", "d"];

const PREFIXES: [&str; 18] = [
    "pico", "nano", "micro", "milli", "centi", "deci", "deca", "hecto", "kilo", "kibi", "mega",
    "mibi", "giga", "gibi", "tera", "tebi", "peta", "pebi",
];

const UNITS: [(&str, &str); 25] = [
    ("amperes", "amperes"),
    ("bytes", "bytes"),
    ("celsius", "celsius"),
    ("grams", "grams"),
    ("joules", "joules"),
    ("kelvin", "kelvin"),
    ("meters", "meters"),
    ("metres", "metres"),
    ("moles", "moles"),
    ("seconds", "seconds"),
    ("volts", "volts"),
    ("minutes", "seconds"),
    ("hours", "seconds"),
    ("days", "seconds"),
    ("weeks", "seconds"),
    ("kelvins", "kelvin"),
    ("fahrenheit", "celsius"),
    ("rankine", "celsius"),
    ("inches", "meters"),
    ("yards", "meters"),
    ("miles", "meters"),
    ("bits", "bytes"),
    ("calories", "joules"),
    ("pounds", "grams"),
    ("ounces", "grams"),
];
