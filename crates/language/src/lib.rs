//! What people write, as trees: PromQL, relabel rules, YAML, Lucene's and Elasticsearch's
//! notations, Go templates; printer and positions of errors.
//!
//! Text enters, trees leave, and errors say where in the text. Nothing here evaluates a query,
//! reads a file or knows the store.

pub mod promql;
pub mod relabel;
pub mod search;
pub mod template;
pub mod yaml;

/// Entry points of the fuzz targets.
#[doc(hidden)]
pub mod fuzzing {
    use crate::{promql, search};

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
