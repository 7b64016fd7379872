//! What people write, as trees: PromQL, LogQL, relabel rules, YAML, Lucene's and Elasticsearch's
//! notations, TraceQL, Go templates, runbooks; printer and positions of errors.
//!
//! Text enters, trees leave, and errors say where in the text. Nothing here evaluates a query,
//! reads a file or knows the store.

mod calendar_names;
pub mod filebeat;
pub mod grok;
pub mod logql;
pub mod logstash;
pub mod promql;
pub mod relabel;
pub mod ruby_pattern;
pub mod runbook;
pub mod search;
pub mod template;
pub mod traceql;
pub mod yaml;

/// Entry points of the fuzz targets.
#[doc(hidden)]
pub mod fuzzing {
    use crate::{filebeat, grok, logql, logstash, promql, ruby_pattern, search, traceql};

    /// Whatever parses prints as text that parses to the same.
    pub fn promql(data: &[u8]) {
        let Ok(text) = std::str::from_utf8(data) else { return };
        let Ok(expr) = promql::parse(text) else { return };
        let printed = expr.to_string();
        let again = promql::parse(&printed);
        let again = again.map(|expr| expr.to_string());
        assert_eq!(again.as_deref(), Ok(printed.as_str()), "{text}");
        promql::parse(&promql::pretty(&expr)).expect("a broken line parses as the whole one");
    }

    /// Never panics, whatever a `filebeat.yml` holds.
    pub fn filebeat(data: &[u8]) {
        let Ok(text) = std::str::from_utf8(data) else { return };
        let variable = |name: &str| (name == "HOME").then(|| "/home/a".to_owned());
        drop(filebeat::parse(text, &crate::yaml::Source::default(), &variable));
    }

    /// Whatever parses as LogQL prints as text that parses to the same.
    pub fn logql(data: &[u8]) {
        let Ok(text) = std::str::from_utf8(data) else { return };
        let Ok(expr) = logql::parse(text) else { return };
        let printed = expr.to_string();
        let again = logql::parse(&printed).map(|expr| expr.to_string());
        assert_eq!(again.as_deref(), Ok(printed.as_str()), "{text}");
    }

    /// Whatever parses prints as text that parses to the same.
    pub fn traceql(data: &[u8]) {
        let Ok(text) = std::str::from_utf8(data) else { return };
        drop(traceql::parse_unfinished(text));
        let Ok(query) = traceql::parse(text) else { return };
        let printed = query.to_string();
        let again = traceql::parse(&printed).map(|query| query.to_string());
        // What is printed has more brackets, of which there may be too many then.
        if let Ok(again) = again {
            assert_eq!(again, printed, "{text}");
        }
    }

    /// Never panics, whatever is typed into a search box.
    pub fn query_string(data: &[u8]) {
        let Ok(text) = std::str::from_utf8(data) else { return };
        for operator in [search::Operator::Or, search::Operator::And] {
            drop(search::parse_query_string(text, operator));
            drop(search::parse_simple_query_string(text, operator, &search::SimpleFlags::all()));
        }
        drop(search::translate_regexp(text));
        drop(search::resolve_index_expression(text, 1_700_000_000_000));
    }

    /// A configuration of Logstash is read or refused, with and without escapes; its texts too.
    pub fn logstash(data: &[u8]) {
        let Ok(text) = std::str::from_utf8(data) else { return };
        let found = logstash::parse(text);
        assert_eq!(found.is_ok(), logstash::parse_with_escapes(text).is_ok(), "{text}");
        if let Ok(mut config) = found {
            drop(logstash::substitute(&mut config, &|name| Some(name.to_owned())));
        }
        drop(logstash::Sprintf::parse(text));
        if let Ok(pattern) = logstash::joda::JodaPattern::parse(text) {
            pattern.write(1_700_000_000_000, &jiff::tz::TimeZone::UTC);
        }
        let (first, second) = text.split_once('\n').unwrap_or((text, ""));
        if let Ok(pattern) = logstash::joda::JodaPattern::parse(first) {
            pattern.read(second, &jiff::tz::TimeZone::UTC, 1_700_000_000_000);
        }
        logstash::joda::read_iso8601(text, &jiff::tz::TimeZone::UTC);
    }

    /// An expression of grok is compiled or refused; what it finds lies within the text.
    pub fn grok(data: &[u8]) {
        let Ok(text) = std::str::from_utf8(data) else { return };
        let (expression, line) = text.split_once('\n').unwrap_or((text, ""));
        // Large repeats make large automata: slow, but bounded.
        if expression.len() > 200 {
            return;
        }
        let library = grok::GrokLibrary::standard(grok::FieldNames::Ecs);
        if let Ok(grok) = grok::Grok::compile(expression, &library, false) {
            drop(grok.captures(line));
        }
        if let Ok(pattern) = ruby_pattern::RubyPattern::compile(expression) {
            drop(pattern.replace_all(line, "\\1"));
        }
    }

    /// Whatever a template says, parsing and executing it end.
    pub fn go_template(data: &[u8]) {
        use crate::template::{Limits, NoHost, Templates, alertmanager, prometheus};
        let Ok(text) = std::str::from_utf8(data) else { return };
        let labels = [("alertname", "Up"), ("a", "<b>")].map(|(n, v)| (n.into(), v.into()));
        let value = alertmanager::kv(&labels.into_iter().collect());
        let limits = Limits { steps: 20_000, depth: 100, output_bytes: 1 << 18 };
        let templates = Templates::new(&[alertmanager::FUNCTIONS, prometheus::FUNCTIONS]);
        templates.render(text, &value, &NoHost, limits).ok();
        templates.render_html(text, &value, &NoHost, limits).ok();
    }
}
