//! Jira: one issue for a group, found again by a label, opened and closed by transitions.

use std::collections::BTreeMap;

use futures::future::BoxFuture;
use serde_json::{Map, Value as Json, json};
use vigie_dial::Method;

use super::message::{Message, MessageTemplates, wrong};
use super::payload::{Object, rendered};
use super::post::{Post, Request, judge, told};
use super::provider::{json, shown};
use super::{Notifier, NotifyAlert, NotifyContext, NotifyError, NotifyReceipt, Rendered};
use crate::config::{JiraConfig, Url};

const SUMMARY_CHARACTERS_MAX: usize = 255;
const DESCRIPTION_CHARACTERS_MAX: usize = 32_767;

/// Jira.
#[derive(Debug)]
pub(super) struct Jira {
    pub(super) config: JiraConfig,
    pub(super) post: Post,
    pub(super) templates: MessageTemplates,
}

/// An issue that is there.
struct Issue {
    key: String,
    is_done: bool,
}

impl Jira {
    fn url(&self, path: &str) -> String {
        let base = self.config.api_url.as_ref().map_or("", Url::as_str).trim_end_matches('/');
        format!("{base}/{path}")
    }

    /// Jira Cloud has given up the old search; Data Center does not have the new one yet.
    fn search_url(&self) -> String {
        let base = self.config.api_url.as_ref().map_or("", Url::as_str);
        let host = url::Url::parse(base).ok().and_then(|url| url.host_str().map(str::to_owned));
        let is_cloud = match self.config.api_type.as_str() {
            "cloud" => true,
            "datacenter" => false,
            _ => host.is_some_and(|host| host.ends_with("atlassian.net")),
        };
        if is_cloud {
            return self.url("search/jql").replacen("/rest/api/2/", "/rest/api/3/", 1);
        }
        self.url("search")
    }

    async fn ask(
        &self,
        context: &NotifyContext,
        request: &Request,
    ) -> Result<Option<Json>, NotifyError> {
        let answer = self.post.send(request, context.timeout).await?;
        judge(request, &answer, &[429])?;
        Ok(json(&answer))
    }

    fn query(&self, message: &Message<'_>) -> Result<String, NotifyError> {
        let config = &self.config;
        let mut query = String::new();
        let quoted = vigie_language::promql::go_quote;
        if !config.wont_fix_resolution.is_empty() {
            let resolution = quoted(&config.wont_fix_resolution);
            // An open issue has no resolution, which compares as unequal to nothing in JQL.
            query.push_str(&format!("(resolution is EMPTY or resolution != {resolution}) and "));
        }
        let minutes = config.reopen_duration.0 / 60_000;
        if message.is_firing() && !config.reopen_transition.is_empty() && minutes > 0 {
            query.push_str(&format!(
                "(resolutiondate is EMPTY OR resolutiondate >= -{minutes}m) and "
            ));
        } else {
            query.push_str("statusCategory != Done and ");
        }
        let project = quoted(&message.text(&config.project)?);
        let label = quoted(&label(message));
        query.push_str(&format!(
            "project={project} and labels={label} order by status ASC,resolutiondate DESC"
        ));
        Ok(query)
    }

    async fn find(&self, message: &Message<'_>) -> Result<Option<Issue>, NotifyError> {
        let body = json!({"jql": self.query(message)?, "maxResults": 2, "fields": ["status"]});
        let request = Request::json(self.search_url(), &body);
        let Some(found) = self.ask(message.context, &request).await? else {
            return Err(told(&request, false, "the answer of Jira's search is not JSON"));
        };
        let Some(issue) = found.pointer("/issues/0") else { return Ok(None) };
        let key = issue.get("key").and_then(Json::as_str).unwrap_or("").to_owned();
        let category = issue.pointer("/fields/status/statusCategory/key").and_then(Json::as_str);
        Ok(Some(Issue { key, is_done: category == Some("done") }))
    }

    fn fields(&self, message: &Message<'_>, is_update: bool) -> Result<Json, NotifyError> {
        let config = &self.config;
        let mut labels = Vec::new();
        for label in &config.labels {
            labels.push(message.text(label)?);
        }
        labels.push(label(message));
        labels.sort();
        let mut fields = Object::new()
            .put("project", json!({"key": message.text(&config.project)?}))
            .put("issuetype", json!({"name": message.text(&config.issue_type)?}))
            .put("labels", labels);
        if !is_update || config.summary.is_updated() {
            let summary = message.short(&config.summary.template, SUMMARY_CHARACTERS_MAX)?;
            fields = fields.put("summary", summary);
        }
        if !is_update || config.description.is_updated() {
            fields = fields.put_some("description", self.description(message)?);
        }
        let priority = message.text(&config.priority)?;
        if !priority.is_empty() {
            fields = fields.put("priority", json!({"name": priority}));
        }
        let mut fields = match fields.json() {
            Json::Object(fields) => fields,
            _ => Map::new(),
        };
        for (name, value) in &config.fields {
            fields.insert(name.clone(), rendered(&value.0, message)?);
        }
        Ok(json!({"fields": fields}))
    }

    /// Version 3 of the API takes a document of its own format, older ones take text.
    fn description(&self, message: &Message<'_>) -> Result<Json, NotifyError> {
        let template = &self.config.description.template;
        let text = message.short(template, DESCRIPTION_CHARACTERS_MAX)?;
        let base = self.config.api_url.as_ref().map_or("", Url::as_str);
        if !base.trim_end_matches('/').ends_with("/3") || text.trim().is_empty() {
            return Ok(text.into());
        }
        serde_json::from_str(&text)
            .map_err(|_| wrong("description template: invalid JSON for API v3"))
    }

    async fn transition(&self, message: &Message<'_>, issue: &Issue) -> Result<(), NotifyError> {
        let name = match (message.is_firing(), issue.is_done) {
            (true, true) => &self.config.reopen_transition,
            (false, false) => &self.config.resolve_transition,
            _ => return Ok(()),
        };
        if name.is_empty() {
            return Ok(());
        }
        let url = self.url(&format!("issue/{}/transitions", issue.key));
        let mut list = Request::json(&*url, &Json::Null);
        list.method = Method::GET;
        list.body = String::new();
        let known = self.ask(message.context, &list).await?.unwrap_or(Json::Null);
        let transitions = known.get("transitions").and_then(Json::as_array);
        let id = transitions.into_iter().flatten().find_map(|transition| {
            let is_it = transition.get("name").and_then(Json::as_str) == Some(name);
            is_it.then(|| transition.get("id").cloned()).flatten()
        });
        let Some(id) = id else {
            let reason = format!("can't find transition {name} for issue {}", issue.key);
            return Err(told(&list, false, &reason));
        };
        let request = Request::json(url, &json!({"transition": {"id": id}}));
        self.ask(message.context, &request).await.map(|_| ())
    }

    async fn tell(
        &self,
        context: &NotifyContext,
        alerts: &[NotifyAlert],
    ) -> Result<NotifyReceipt, NotifyError> {
        let message = Message::new(&self.templates, context, alerts);
        let issue = self.find(&message).await?;
        let Some(issue) = issue else {
            if !message.is_firing() {
                // There is nothing to close.
                return Ok(receipt("no issue is open", ""));
            }
            let request = Request::json(self.url("issue"), &self.fields(&message, false)?);
            let made = self.ask(context, &request).await?.unwrap_or(Json::Null);
            let key = made.get("key").and_then(Json::as_str).unwrap_or("");
            return Ok(receipt("made issue", key));
        };
        let url = self.url(&format!("issue/{}", issue.key));
        let mut request = Request::json(url, &self.fields(&message, true)?);
        request.method = Method::PUT;
        self.ask(context, &request).await?;
        self.transition(&message, &issue).await?;
        Ok(receipt("changed issue", &issue.key))
    }
}

fn label(message: &Message<'_>) -> String {
    format!("ALERT{{{}}}", message.key_hash())
}

fn receipt(what: &str, key: &str) -> NotifyReceipt {
    let mut remember = BTreeMap::new();
    if !key.is_empty() {
        remember.insert("issue".to_owned(), key.to_owned());
    }
    NotifyReceipt { remember, detail: format!("{what} {key}").trim().to_owned() }
}

impl Notifier for Jira {
    fn notify<'a>(
        &'a self,
        context: &'a NotifyContext,
        alerts: &'a [NotifyAlert],
    ) -> BoxFuture<'a, Result<NotifyReceipt, NotifyError>> {
        Box::pin(self.tell(context, alerts))
    }

    fn render(
        &self,
        context: &NotifyContext,
        alerts: &[NotifyAlert],
    ) -> Result<Rendered, NotifyError> {
        let message = Message::new(&self.templates, context, alerts);
        let request = Request::json(self.url("issue"), &self.fields(&message, false)?);
        Ok(shown(&[request]))
    }
}
