//! Telling people and asking addresses, as values: real ones use the receivers of the
//! configuration.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use vigie_model::Labels;

use crate::Fingerprint;
use crate::incident::Incident;
use crate::notify::{NotifyAlert, NotifyContext, NotifyReason};
use crate::responder::Tenant;

/// How long one integration has to answer.
const TELL_TIMEOUT: Duration = Duration::from_secs(30);

/// What somebody is told.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// The incident it is about.
    pub incident: Option<Incident>,
    /// In one line.
    pub title: String,
    /// More.
    pub text: String,
    /// Who is meant, where a schedule says so.
    pub person: Option<String>,
    /// A link that acknowledges.
    pub acknowledge_url: Option<String>,
    /// Where the incident is.
    pub incident_url: Option<String>,
    /// Labels, where there is no incident.
    pub labels: BTreeMap<String, String>,
}

/// Tells receivers.
pub trait Pager: Send + Sync + fmt::Debug {
    /// Tells `receiver`; gives a line about it.
    fn tell<'a>(
        &'a self,
        receiver: &'a str,
        page: &'a Page,
    ) -> BoxFuture<'a, Result<String, String>>;

    /// Tells the providers that were told of an incident, other than `source`, that somebody
    /// takes care; gives a line for each.
    fn acknowledged<'a>(
        &'a self,
        incident: &'a Incident,
        by: &'a str,
        source: &'a str,
    ) -> BoxFuture<'a, Vec<Result<String, String>>>;
}

/// A request of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpRequest {
    /// The method.
    pub method: String,
    /// Where.
    pub url: String,
    /// Headers.
    pub headers: Vec<(String, String)>,
    /// What is sent.
    pub body: String,
    /// How long it may take.
    pub timeout_ms: u64,
}

/// Makes requests; gives the status and the body.
pub trait HttpCaller: Send + Sync + fmt::Debug {
    /// Makes one.
    fn call(&self, request: HttpRequest) -> BoxFuture<'_, Result<(u16, String), String>>;
}

/// Tells the receivers of a tenant's configuration.
#[derive(Debug)]
pub struct TenantPager(pub Arc<Tenant>);

impl TenantPager {
    fn context(receiver: &str, page: &Page, now_ms: i64) -> NotifyContext {
        let labels = Labels::from_pairs(shared_labels(page));
        let key = page.incident.as_ref().and_then(|i| i.group_keys.first().cloned());
        NotifyContext {
            // The group's own key: what a provider has already of it is the same thing there.
            group_key: key.unwrap_or_else(|| format!("incident:{}", page.title)),
            receiver: receiver.to_owned(),
            group_labels: labels,
            route_labels: Arc::default(),
            reason: NotifyReason::NewAlerts,
            now_ms,
            timeout: TELL_TIMEOUT,
            attempt: 1,
            remembered: BTreeMap::new(),
        }
    }
}

fn shared_labels(page: &Page) -> &BTreeMap<String, String> {
    page.incident.as_ref().map_or(&page.labels, |incident| &incident.labels)
}

/// The incident's alerts with what the receiver should know besides, as annotations.
fn alerts(page: &Page, now_ms: i64) -> Vec<NotifyAlert> {
    let mut extra = BTreeMap::from([("escalation".to_owned(), page.title.clone())]);
    let optional = [
        ("message", Some(&page.text).filter(|text| !text.is_empty())),
        ("on_call", page.person.as_ref()),
        ("acknowledge_url", page.acknowledge_url.as_ref()),
        ("incident_url", page.incident_url.as_ref()),
    ];
    for (name, value) in optional {
        if let Some(value) = value {
            extra.insert(name.to_owned(), value.clone());
        }
    }
    if let Some(incident) = &page.incident {
        extra.insert("incident".to_owned(), incident.id.to_string());
    }
    let alert = |labels: &BTreeMap<String, String>, annotations, starts_at_ms, url: &str| {
        let labels = Labels::from_pairs(labels);
        NotifyAlert {
            fingerprint: Fingerprint::of(&labels),
            labels,
            annotations: Arc::new(annotations),
            starts_at_ms,
            ends_at_ms: None,
            generator_url: Arc::from(url),
        }
    };
    let firing = page.incident.iter().flat_map(|incident| incident.alerts.values());
    let mut alerts: Vec<NotifyAlert> = firing
        .filter(|found| found.ends_ms.is_none())
        .take(50)
        .map(|found| {
            let mut annotations = found.annotations.clone();
            annotations.extend(extra.clone());
            alert(&found.labels, annotations, found.starts_ms, &found.generator_url)
        })
        .collect();
    if alerts.is_empty() {
        let mut labels = shared_labels(page).clone();
        labels.entry("alertname".to_owned()).or_insert_with(|| page.title.clone());
        extra.insert("summary".to_owned(), page.title.clone());
        alerts.push(alert(&labels, extra, now_ms, ""));
    }
    alerts
}

impl Pager for TenantPager {
    fn tell<'a>(
        &'a self,
        receiver: &'a str,
        page: &'a Page,
    ) -> BoxFuture<'a, Result<String, String>> {
        Box::pin(async move {
            let now_ms = self.0.now().wall_ms;
            let running = self.0.ask(|engine, _| engine.running().clone());
            let integrations = running.integrations.get(receiver).cloned().unwrap_or_default();
            if integrations.is_empty() {
                return Err(format!("there is no receiver {receiver:?} that tells anybody"));
            }
            let context = Self::context(receiver, page, now_ms);
            let alerts = alerts(page, now_ms);
            let (mut told, mut failed) = (Vec::new(), Vec::new());
            for integration in integrations {
                let name = format!("{}[{}]", integration.kind, integration.index);
                let telling = integration.notifier.notify(&context, &alerts);
                match tokio::time::timeout(TELL_TIMEOUT, telling).await {
                    Ok(Ok(receipt)) => told.push(format!("{name} {}", receipt.detail)),
                    Ok(Err(error)) => failed.push(format!("{name} {}", error.reason)),
                    Err(_) => failed.push(format!("{name} no answer")),
                }
            }
            // One way that worked is enough: the person knows.
            if told.is_empty() { Err(failed.join(", ")) } else { Ok(told.join(", ")) }
        })
    }

    fn acknowledged<'a>(
        &'a self,
        incident: &'a Incident,
        by: &'a str,
        source: &'a str,
    ) -> BoxFuture<'a, Vec<Result<String, String>>> {
        Box::pin(async move {
            let now_ms = self.0.now().wall_ms;
            let running = self.0.ask(|engine, _| engine.running().clone());
            // Who was told of the incident's groups, by the notification log.
            let told: Vec<_> = self.0.ask(|engine, _| {
                let keys = incident.group_keys.iter();
                keys.flat_map(|key| engine.told(key)).map(|(key, _)| key.clone()).collect()
            });
            let mut lines = Vec::new();
            for key in told {
                let integrations = running.integrations.get(&*key.receiver);
                let integration = integrations.and_then(|all| {
                    all.iter().find(|i| *i.kind == *key.integration && i.index == key.index)
                });
                let Some(integration) = integration.filter(|i| i.kind != source) else { continue };
                let page = Page { incident: Some(incident.clone()), ..Page::default() };
                let mut context = Self::context(&key.receiver, &page, now_ms);
                context.group_key = key.group_key.to_string();
                let alerts = alerts(&page, now_ms);
                let telling = integration.notifier.acknowledge(&context, &alerts, by);
                let Some(telling) = telling else { continue };
                let name = format!("{} {}[{}]", key.receiver, key.integration, key.index);
                lines.push(match tokio::time::timeout(TELL_TIMEOUT, telling).await {
                    Ok(Ok(receipt)) => Ok(format!("{name}: {}", receipt.detail)),
                    Ok(Err(error)) => Err(format!("{name}: {}", error.reason)),
                    Err(_) => Err(format!("{name}: no answer")),
                });
            }
            lines
        })
    }
}
