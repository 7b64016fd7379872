//! Decides: rules on a schedule, over snapshots, become recorded series and alerts.
//!
//! Rule files enter; recorded samples leave through a `MetricSink`, alerts through an
//! [`AlertSink`](vigie_model::AlertSink). Nothing here knows who is notified, or how.

mod doctor;
mod file;
mod group;
mod instance;
mod lint;
mod manager;
mod metrics;
mod outlet;
mod reader;
mod rule;
mod source;
mod status;
mod template;
mod unit_test;

pub use doctor::{Exposed, ExposedMetric, Finding, FindingKind, Knowledge, examine_rules};
pub use file::{ReadOptions, RuleFileError, parse_rule_file};
pub use instance::{AlertInstance, AlertState};
pub use lint::{DuplicateRule, duplicate_rules};
pub use manager::{ManagerOptions, ManagerParts, RuleManager};
pub use metrics::{DurationSummary, GroupNumbers, RuleMetrics};
pub use outlet::AlertOutlet;
pub use rule::{GroupDefinition, Place, Rule, RuleKind};
pub use source::{RuleExpression, RuleSource, SourceFuture, StoreSource};
pub use status::{GroupStatus, RuleHealth, RuleStatus};
pub use template::{Answers, Expander, ExpanderError, GoExpander, TemplateContext};
pub use unit_test::{CaseReport, UnitTestOptions, UnitTestReport, run_unit_tests};

/// Where people see what a rule asks: Prometheus' `generatorURL`.
pub(crate) fn rule_link(external_url: &str, expression: &str) -> String {
    format!("{external_url}/graph?g0.expr={}&g0.tab=1", query_escape(expression))
}

/// As Go's `url.QueryEscape`.
fn query_escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                escaped.push(char::from(byte));
            }
            b' ' => escaped.push('+'),
            _ => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}
