//! Jira.

use std::collections::BTreeMap;

use vigie_dial::HttpConfig;
use vigie_language::section;
use vigie_language::yaml::{ConfigError, DurationMs, Field, Node, Opaque, Out, Source, Value};

use crate::config::url::Url;

section! {
    /// Tells by an issue in Jira.
    pub struct JiraConfig("config.plain", check = check) {
        /// Whether to tell of resolved alerts.
        send_resolved: bool = true,
        /// How to talk to it.
        http_config: Option<HttpConfig> = None,
        /// Where it is.
        api_url: Option<Url> = None,
        /// `auto`, `cloud` or `datacenter`.
        api_type: String = "auto".to_owned(),
        /// Project.
        project: String = String::new(),
        /// Summary.
        summary: JiraField = JiraField::of("{{ template \"jira.default.summary\" . }}"),
        /// Description.
        description: JiraField = JiraField::of("{{ template \"jira.default.description\" . }}"),
        /// Labels.
        labels: Vec<String> = Vec::new(),
        /// Priority.
        priority: String = "{{ template \"jira.default.priority\" . }}".to_owned(),
        /// Type of issue.
        issue_type: String = String::new(),
        /// How a closed issue is opened again.
        reopen_transition: String = String::new(),
        /// How an issue is closed.
        resolve_transition: String = String::new(),
        /// Resolution of issues that are not opened again.
        wont_fix_resolution: String = String::new(),
        /// How long after its closing an issue is opened again.
        reopen_duration: DurationMs = DurationMs(0),
        /// More fields.
        fields: BTreeMap<String, Opaque> = BTreeMap::new(),
    }
}

/// A field's template, and whether it is written again when the issue is there already.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JiraField {
    /// The template.
    pub template: String,
    /// Whether it is written again.
    pub enable_update: Option<bool>,
}

section! {
    /// The longer form of a field.
    pub struct JiraFieldObject("jira.plain") {
        /// The template.
        template: String = String::new(),
        /// Whether it is written again.
        enable_update: Option<bool> = None,
    }
}

impl JiraField {
    fn of(template: &str) -> Self {
        Self { template: template.to_owned(), enable_update: None }
    }

    /// Whether it is written again when the issue is there already.
    pub fn is_updated(&self) -> bool {
        self.enable_update.unwrap_or(true)
    }
}

impl Field for JiraField {
    fn read(node: &Node, source: &Source) -> Result<Self, ConfigError> {
        if let Value::Scalar(template, _) = &node.value {
            return Ok(Self::of(template));
        }
        let object = JiraFieldObject::read(node, source)?;
        Ok(Self { template: object.template, enable_update: object.enable_update })
    }

    fn write(&self) -> Option<Out> {
        if self.enable_update.is_none() {
            return self.template.write();
        }
        let (template, enable_update) = (self.template.clone(), self.enable_update);
        JiraFieldObject { template, enable_update }.write()
    }
}

fn check(config: &mut JiraConfig) -> Result<(), String> {
    for (name, value) in [("project", &config.project), ("issue_type", &config.issue_type)] {
        if value.is_empty() {
            return Err(format!("missing {name} in jira_config"));
        }
    }
    if !matches!(config.api_type.as_str(), "auto" | "cloud" | "datacenter") {
        return Err("unknown api_type on jira_config, must be auto, cloud or datacenter".into());
    }
    Ok(())
}
