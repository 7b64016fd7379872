//! From OpenTelemetry's names to Prometheus', by the rules of OpenTelemetry's "Prometheus and
//! OpenMetrics compatibility" and of Prometheus' own OTLP receiver: units as suffixes, `_total` for
//! counters, and what no classic name may hold becomes `_`.

/// How names are translated: Prometheus' `otlp.translation_strategy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TranslationStrategy {
    /// Classic names, with units and types as suffixes.
    #[default]
    UnderscoreEscapingWithSuffixes,
    /// Classic names, without suffixes.
    UnderscoreEscapingWithoutSuffixes,
    /// Names as they are, with units and types as suffixes.
    NoUtf8EscapingWithSuffixes,
    /// Names as they are.
    NoTranslation,
}

impl TranslationStrategy {
    /// The strategy with this name in `prometheus.yml`.
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "UnderscoreEscapingWithSuffixes" => Self::UnderscoreEscapingWithSuffixes,
            "UnderscoreEscapingWithoutSuffixes" => Self::UnderscoreEscapingWithoutSuffixes,
            "NoUTF8EscapingWithSuffixes" => Self::NoUtf8EscapingWithSuffixes,
            "NoTranslation" => Self::NoTranslation,
            _ => return None,
        })
    }

    const fn escapes(self) -> bool {
        matches!(
            self,
            Self::UnderscoreEscapingWithSuffixes | Self::UnderscoreEscapingWithoutSuffixes
        )
    }

    const fn has_suffixes(self) -> bool {
        matches!(self, Self::UnderscoreEscapingWithSuffixes | Self::NoUtf8EscapingWithSuffixes)
    }
}

/// Which suffixes a metric's type asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NameKind {
    Gauge,
    Counter,
    Other,
}

/// The name of a metric of this unit and kind.
pub(super) fn metric_name(
    strategy: TranslationStrategy,
    name: &str,
    unit: &str,
    kind: NameKind,
) -> String {
    if !strategy.has_suffixes() {
        return if strategy.escapes() { classic(name) } else { name.to_owned() };
    }
    let (main, per) = unit_words(unit);
    if !strategy.escapes() {
        return with_suffixes(name, &main, &per, unit, kind);
    }
    let mut words: Vec<&str> = name
        .split(|c: char| !(c.is_ascii_alphanumeric() || c == ':'))
        .filter(|word| !word.is_empty())
        .collect();
    let has = |words: &[&str], suffix: &str| words.contains(&suffix);
    let (main, per) = (classic_words(&main), classic_words(&per));
    if !main.is_empty() && !has(&words, &main) {
        words.push(&main);
    }
    if !per.is_empty() && !has(&words, &per) {
        words.push(&per);
    }
    if kind == NameKind::Counter {
        words.retain(|word| *word != "total");
        words.push("total");
    }
    if unit == "1" && kind == NameKind::Gauge {
        words.retain(|word| *word != "ratio");
        words.push("ratio");
    }
    let joined = words.join("_");
    if joined.starts_with(|c: char| c.is_ascii_digit()) { format!("_{joined}") } else { joined }
}

fn with_suffixes(name: &str, main: &str, per: &str, unit: &str, kind: NameKind) -> String {
    let mut out = name.to_owned();
    let mut append = |suffix: &str| {
        if !suffix.is_empty() && !out.ends_with(suffix) {
            out.push('_');
            out.push_str(suffix);
        }
    };
    append(main);
    append(per);
    if kind == NameKind::Counter {
        append("total");
    }
    if unit == "1" && kind == NameKind::Gauge {
        append("ratio");
    }
    out
}

/// `name` with `_` for what no classic name may hold.
fn classic(name: &str) -> String {
    let mut out: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || c == '_' || c == ':' { c } else { '_' })
        .collect();
    if out.starts_with(|c: char| c.is_ascii_digit()) {
        out.insert(0, '_');
    }
    out
}

fn classic_words(text: &str) -> String {
    let words: Vec<&str> =
        text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
    words.join("_")
}

/// A unit of UCUM as words: what it is, and `per_` what.
fn unit_words(unit: &str) -> (String, String) {
    let (main, per) = unit.split_once('/').unwrap_or((unit, ""));
    let (main, per) = (main.trim(), per.trim());
    // Annotations such as `{requests}` are for people.
    let main = if main.contains(['{', '}']) { "" } else { main_unit(main) };
    let per = if per.is_empty() || per.contains(['{', '}']) {
        String::new()
    } else {
        format!("per_{}", per_unit(per))
    };
    (main.to_owned(), per)
}

fn main_unit(unit: &str) -> &str {
    match unit {
        "d" => "days",
        "h" => "hours",
        "min" => "minutes",
        "s" => "seconds",
        "ms" => "milliseconds",
        "us" => "microseconds",
        "ns" => "nanoseconds",
        "By" => "bytes",
        "KiBy" => "kibibytes",
        "MiBy" => "mebibytes",
        "GiBy" => "gibibytes",
        "TiBy" => "tibibytes",
        "KBy" => "kilobytes",
        "MBy" => "megabytes",
        "GBy" => "gigabytes",
        "TBy" => "terabytes",
        "m" => "meters",
        "V" => "volts",
        "A" => "amperes",
        "J" => "joules",
        "W" => "watts",
        "g" => "grams",
        "Cel" => "celsius",
        "Hz" => "hertz",
        "%" => "percent",
        "1" => "",
        other => other,
    }
}

fn per_unit(unit: &str) -> &str {
    match unit {
        "s" => "second",
        "m" => "minute",
        "h" => "hour",
        "d" => "day",
        "w" => "week",
        "mo" => "month",
        "y" => "year",
        other => other,
    }
}

/// The name of a label.
pub(super) fn label_name(strategy: TranslationStrategy, name: &str) -> String {
    if !strategy.escapes() || name.is_empty() {
        return name.to_owned();
    }
    let out: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' }).collect();
    let starts_with_digit = out.starts_with(|c: char| c.is_ascii_digit());
    if starts_with_digit {
        format!("key_{out}")
    } else if out.starts_with('_') && !out.starts_with("__") {
        format!("key{out}")
    } else {
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_prometheus() {
        use NameKind::{Counter, Gauge, Other};
        let cases = [
            ("system.filesystem.usage", "By", Gauge, "system_filesystem_usage_bytes"),
            ("system.io", "foo/bar", Counter, "system_io_foo_per_bar_total"),
            ("http.server.duration", "s", Other, "http_server_duration_seconds"),
            ("requests_total", "{request}", Counter, "requests_total"),
            ("cpu.utilization", "1", Gauge, "cpu_utilization_ratio"),
            ("network.transmit", "By/s", Gauge, "network_transmit_bytes_per_second"),
            ("process_seconds", "s", Other, "process_seconds"),
            ("3d.errors", "", Gauge, "_3d_errors"),
            ("a::b.c", "", Gauge, "a::b_c"),
        ];
        for (name, unit, kind, expected) in cases {
            let strategy = TranslationStrategy::default();
            assert_eq!(metric_name(strategy, name, unit, kind), expected);
        }
        let strategy = TranslationStrategy::NoUtf8EscapingWithSuffixes;
        assert_eq!(metric_name(strategy, "a.b", "s", Counter), "a.b_seconds_total");
        let strategy = TranslationStrategy::NoTranslation;
        assert_eq!(metric_name(strategy, "a.b", "s", Counter), "a.b");
    }

    #[test]
    fn labels_are_prometheus() {
        for (name, expected) in
            [("http.method", "http_method"), ("1st", "key_1st"), ("_x", "key_x"), ("__x", "__x")]
        {
            assert_eq!(label_name(TranslationStrategy::default(), name), expected);
        }
    }
}
