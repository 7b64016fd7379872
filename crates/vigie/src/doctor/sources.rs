//! Which metrics applications declare: Prometheus' client libraries in Python, Go and JavaScript.
//!
//! Declarations are found by their shape, not by running anything: names and labels must stand
//! there as literals, as they nearly always do.

use regex::Regex;
use vigie_alert::Exposed;
use vigie_model::MetricType;

/// A metric name is no longer than this in any declaration that is taken for one.
const NAME_BYTES_MAX: usize = 200;

/// Adds what `text`, a file named `file`, declares.
pub(super) fn read(extension: &str, text: &str, file: &str, exposed: &mut Exposed) {
    match extension {
        "py" => python(text, file, exposed),
        "go" => go(text, file, exposed),
        _ => javascript(text, file, exposed),
    }
}

fn regex(pattern: &str) -> Option<Regex> {
    // A pattern that does not compile finds nothing; the tests would tell.
    Regex::new(pattern).ok()
}

fn kind_of(name: &str) -> Option<MetricType> {
    match name {
        "Counter" => Some(MetricType::Counter),
        "Gauge" => Some(MetricType::Gauge),
        "Histogram" => Some(MetricType::Histogram),
        "Summary" => Some(MetricType::Summary),
        _ => None,
    }
}

/// Literals within quotes.
fn quoted(text: &str) -> Vec<String> {
    let found = regex(r#"["']([A-Za-z_][A-Za-z0-9_]*)["']"#);
    let captures = found.iter().flat_map(|regex| regex.captures_iter(text));
    captures.filter_map(|c| c.get(1)).map(|m| m.as_str().to_owned()).collect()
}

fn add(
    exposed: &mut Exposed,
    (name, kind): (&str, Option<MetricType>),
    labels: &[String],
    (text, file, at): (&str, &str, usize),
) {
    if name.is_empty() || name.len() > NAME_BYTES_MAX {
        return;
    }
    let line = text.get(..at).map_or(1, |before| before.matches('\n').count() + 1);
    exposed.add(name, kind, Some(labels), &format!("{file}:{line}"));
}

/// `Counter('name', 'help', ['label'])`
fn python(text: &str, file: &str, exposed: &mut Exposed) {
    let pattern = r#"\b(Counter|Gauge|Histogram|Summary)\(\s*(?:name\s*=\s*)?["']([A-Za-z_:][A-Za-z0-9_:]*)["']\s*,\s*(?:documentation\s*=\s*)?(?:"[^"]*"|'[^']*')\s*(?:,\s*(?:labelnames\s*=\s*)?[\[(]([^\])]*)[\])])?"#;
    for found in regex(pattern).iter().flat_map(|regex| regex.captures_iter(text)) {
        let get = |group: usize| found.get(group).map_or("", |m| m.as_str());
        let kind = kind_of(get(1));
        // The library ends the name of every counter so.
        let name = match kind {
            Some(MetricType::Counter) if !get(2).ends_with("_total") => format!("{}_total", get(2)),
            _ => get(2).to_owned(),
        };
        let at = found.get(0).map_or(0, |m| m.start());
        add(exposed, (&name, kind), &quoted(get(3)), (text, file, at));
    }
}

/// `prometheus.CounterOpts{Name: "name"}, []string{"label"}`
fn go(text: &str, file: &str, exposed: &mut Exposed) {
    let pattern = r"\b(Counter|Gauge|Histogram|Summary)Opts\s*\{([^}]*)\}\s*,?\s*(?:\[\]string\s*\{([^}]*)\})?";
    let value = |body: &str, field: &str| -> String {
        let pattern = format!(r#"\b{field}\s*:\s*"([^"]*)""#);
        let found = regex(&pattern).and_then(|regex| {
            regex.captures(body).and_then(|c| c.get(1)).map(|m| m.as_str().to_owned())
        });
        found.unwrap_or_default()
    };
    for found in regex(pattern).iter().flat_map(|regex| regex.captures_iter(text)) {
        let get = |group: usize| found.get(group).map_or("", |m| m.as_str());
        let parts = ["Namespace", "Subsystem", "Name"].map(|field| value(get(2), field));
        let parts: Vec<&str> = parts.iter().map(String::as_str).filter(|p| !p.is_empty()).collect();
        let at = found.get(0).map_or(0, |m| m.start());
        add(exposed, (&parts.join("_"), kind_of(get(1))), &quoted(get(3)), (text, file, at));
    }
}

/// `new client.Counter({ name: 'name', help: '...', labelNames: ['label'] })`
fn javascript(text: &str, file: &str, exposed: &mut Exposed) {
    let pattern = r"\bnew\s+(?:\w+\.)?(Counter|Gauge|Histogram|Summary)\s*\(\s*\{([^}]*)\}";
    let name = regex(r#"\bname\s*:\s*["'`]([A-Za-z_:][A-Za-z0-9_:]*)["'`]"#);
    let labels = regex(r"\blabelNames\s*:\s*\[([^\]]*)\]");
    for found in regex(pattern).iter().flat_map(|regex| regex.captures_iter(text)) {
        let get = |group: usize| found.get(group).map_or("", |m| m.as_str());
        let first = |regex: &Option<Regex>| {
            let captures = regex.as_ref().and_then(|regex| regex.captures(get(2)));
            captures.and_then(|c| c.get(1)).map_or_else(String::new, |m| m.as_str().to_owned())
        };
        let at = found.get(0).map_or(0, |m| m.start());
        add(exposed, (&first(&name), kind_of(get(1))), &quoted(&first(&labels)), (text, file, at));
    }
}

#[cfg(test)]
mod tests {
    use vigie_alert::{GroupDefinition, Knowledge, ReadOptions, examine_rules, parse_rule_file};

    use super::*;

    /// What is wrong with an alert on `expression`, given these sources.
    fn kinds(sources: &[(&str, &str)], expression: &str) -> Vec<String> {
        let mut exposed = Exposed::default();
        exposed.is_complete = true;
        for (extension, text) in sources {
            read(extension, text, "app", &mut exposed);
        }
        let text = format!("groups: [{{name: g, rules: [{{alert: A, expr: '{expression}'}}]}}]");
        let expander = vigie_alert::GoExpander::default();
        let options = ReadOptions {
            default_interval_ms: 1,
            ignore_unknown_fields: false,
            expander: &expander,
        };
        let groups: Vec<GroupDefinition> = parse_rule_file(&text, "r", options).unwrap();
        let knowledge = Knowledge { exposed, ..Knowledge::default() };
        examine_rules(&groups, &knowledge).iter().map(|f| f.kind.as_str().to_owned()).collect()
    }

    #[test]
    fn declarations_are_read_in_three_languages() {
        let python =
            "C = Counter('jobs', 'Jobs', labelnames=('kind',))\nG = Gauge(\"open\", \"x\")";
        let go = "prometheus.NewGaugeVec(prometheus.GaugeOpts{\n Namespace: \"app\",\n Name: \"queue\",\n}, []string{\"shard\"})";
        let js = "new client.Histogram({\n name: 'took_seconds',\n help: 'x',\n labelNames: ['route'],\n})";
        let sources = [("py", python), ("go", go), ("js", js)];
        for good in [
            "jobs_total{kind=\"a\"} > 1",
            "open > 1",
            "app_queue{shard=\"1\"} > 1",
            "took_seconds_bucket{route=\"/\", le=\"1\"} > 1",
        ] {
            assert_eq!(kinds(&sources, good), [""; 0], "{good}");
        }
        for (bad, kind) in [
            ("jobs > 1", "unknown-metric"),
            ("rate(open[1m]) > 1", "rate-of-gauge"),
            ("app_queue{kind=\"1\"} > 1", "unknown-label"),
            ("took_seconds{quantile=\"0.9\"} > 1", "quantile-of-histogram"),
        ] {
            assert_eq!(kinds(&sources, bad), [kind], "{bad}");
        }
    }
}
