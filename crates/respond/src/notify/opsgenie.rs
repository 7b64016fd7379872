//! Opsgenie, and Jira Service Management, which has its API under an address of its own.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};
use vigie_dial::Method;
use vigie_language::yaml::Secret;

use super::NotifyError;
use super::message::Message;
use super::payload::Object;
use super::post::{Post, Request};
use super::provider::Provider;
use crate::config::{OpsgenieConfig, Url};

const MESSAGE_CHARACTERS_MAX: usize = 130;

/// Opsgenie.
#[derive(Debug)]
pub(super) struct Opsgenie(pub(super) OpsgenieConfig);

impl Opsgenie {
    fn url(&self, path: &str) -> String {
        let base = self.0.api_url.as_ref().map_or("", Url::as_str);
        format!("{base}v2/alerts{path}")
    }

    fn create(&self, message: &Message<'_>) -> Result<Json, NotifyError> {
        let config = &self.0;
        let mut details: BTreeMap<String, String> = message.data().common_labels.clone();
        for (name, value) in &config.details {
            details.insert(name.clone(), message.text(value)?);
        }
        Ok(Object::new()
            .put("alias", message.key_hash())
            .put("message", message.short(&config.message, MESSAGE_CHARACTERS_MAX)?)
            .put_some("description", message.text(&config.description)?)
            .put("details", json!(details))
            .put("source", message.text(&config.source)?)
            .put_some("responders", self.responders(message)?)
            .put_some("tags", split(&message.text(&config.tags)?))
            .put_some("note", message.text(&config.note)?)
            .put_some("priority", message.text(&config.priority)?)
            .put_some("entity", message.text(&config.entity)?)
            .put_some("actions", split(&message.text(&config.actions)?))
            .json())
    }

    fn responders(&self, message: &Message<'_>) -> Result<Vec<Json>, NotifyError> {
        let mut responders = Vec::new();
        for responder in &self.0.responders {
            let kind = message.text(&responder.kind)?;
            let name = message.text(&responder.name)?;
            let (id, user) = (message.text(&responder.id)?, message.text(&responder.username)?);
            if kind == "teams" {
                let teams = split(&name);
                responders.extend(teams.iter().map(|team| json!({"name": team, "type": "team"})));
            } else if !(kind.is_empty() && name.is_empty() && id.is_empty() && user.is_empty()) {
                let responder = Object::new()
                    .put_some("id", id)
                    .put_some("name", name)
                    .put_some("username", user)
                    .put("type", kind);
                responders.push(responder.json());
            }
        }
        Ok(responders)
    }
}

/// Between commas, without what is empty.
fn split(list: &str) -> Vec<String> {
    list.trim().split(',').filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

impl Provider for Opsgenie {
    fn requests(&self, message: &Message<'_>, post: &Post) -> Result<Vec<Request>, NotifyError> {
        let config = &self.0;
        let alias = message.key_hash();
        let at = |path: &str| self.url(&format!("/{alias}/{path}?identifierType=alias"));
        let mut requests = Vec::new();
        if message.is_firing() {
            let create = self.create(message)?;
            requests.push(Request::json(self.url(""), &create));
            if config.update_alerts {
                for field in ["message", "description"] {
                    let value = create.get(field).cloned();
                    let update = Object::new().put_some(field, value.unwrap_or(Json::Null));
                    let mut request = Request::json(at(field), &update.json());
                    request.method = Method::PUT;
                    requests.push(request);
                }
            }
        } else {
            let source = message.text(&config.source)?;
            requests.push(Request::json(at("close"), &json!({"source": source})));
        }
        let key = post.secret(config.api_key.reveal(), &config.api_key_file)?;
        let key = message.text(&key)?.trim().to_owned();
        for request in &mut requests {
            request.headers.push(("authorization", Secret::new(format!("GenieKey {key}"))));
            request.secrets.push(key.clone());
        }
        Ok(requests)
    }

    fn retried(&self) -> &'static [u16] {
        &[429]
    }
}
