//! Which alerts start which runbook, and with which values.

use std::collections::BTreeMap;

use vigie_language::runbook::Runbook;
use vigie_model::Labels;

use super::allow::anchored;
use crate::matcher::{AlertMatchers, MatcherSyntax};

/// Conditions on an alert.
#[derive(Debug, Clone, Default)]
pub struct Selector {
    /// One of these names; none: any.
    pub alerts: Vec<String>,
    /// All of these conditions on labels.
    pub matchers: Option<AlertMatchers>,
}

impl Selector {
    /// Conditions as a file has them; `None` when there are none.
    pub fn new(alerts: &[String], matchers: &[String]) -> Result<Option<Self>, String> {
        if alerts.is_empty() && matchers.is_empty() {
            return Ok(None);
        }
        let parsed = match matchers {
            [] => None,
            some => {
                let text = some.join(", ");
                let list = MatcherSyntax::Fallback.parse_list(&text);
                let list = list.map_err(|error| format!("{text:?}: {error}"))?;
                Some(AlertMatchers::new(list.matchers))
            }
        };
        Ok(Some(Self { alerts: alerts.to_vec(), matchers: parsed }))
    }

    /// Whether an alert with `labels` fits.
    pub fn takes(&self, labels: &BTreeMap<String, String>) -> bool {
        let name = labels.get("alertname").map_or("", String::as_str);
        let has_name = self.alerts.is_empty() || self.alerts.iter().any(|alert| alert == name);
        has_name
            && self
                .matchers
                .as_ref()
                .is_none_or(|matchers| matchers.matches(&Labels::from_pairs(labels)))
    }
}

/// Whether the alert asks for the runbook by its label `runbook` or annotation `runbook_url`: by
/// its name, or the name as it stands in addresses.
pub(crate) fn is_asked_for(
    runbook: &Runbook,
    labels: &BTreeMap<String, String>,
    annotations: &BTreeMap<String, String>,
) -> bool {
    let slug = slug(&runbook.name);
    let by_label = labels.get("runbook").is_some_and(|asked| {
        *asked == runbook.name || (!slug.is_empty() && self::slug(asked) == slug)
    });
    let by_url = annotations.get("runbook_url").is_some_and(|url| {
        let path = url.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
        let last = path.rsplit('/').next().unwrap_or_default();
        let last = last.trim_end_matches(".md").trim_end_matches(".html");
        let last = last.trim_end_matches(".yml").trim_end_matches(".yaml");
        !slug.is_empty() && self::slug(last) == slug
    });
    by_label || by_url
}

/// `Database Connection Pool` as `database-connection-pool`.
fn slug(text: &str) -> String {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect::<Vec<_>>().join("-")
}

/// The values of a runbook's inputs: given ones, else the label's, else the default.
pub fn inputs_of(
    runbook: &Runbook,
    labels: &BTreeMap<String, String>,
    given: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, String> {
    if let Some(unknown) = given.keys().find(|name| runbook.inputs.iter().all(|i| i.name != **name))
    {
        return Err(format!("there is no input {unknown:?}"));
    }
    let mut values = BTreeMap::new();
    for input in &runbook.inputs {
        let label = labels.get(&input.label).filter(|_| !input.label.is_empty());
        let value = given.get(&input.name).or(label).or(input.default.as_ref());
        let value = value.ok_or_else(|| format!("the input {:?} has no value", input.name))?;
        if !anchored(&input.pattern)?.is_match(value) {
            let shown = crate::desk::shortened(value.clone(), 60);
            return Err(format!("the input {:?} does not fit its pattern: {shown:?}", input.name));
        }
        values.insert(input.name.clone(), value.clone());
    }
    Ok(values)
}
