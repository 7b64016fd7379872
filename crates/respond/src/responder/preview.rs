//! What would be told of an alert, by whom, and what holds it back: also under a configuration
//! that does not run yet.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use vigie_model::Labels;

use crate::notify::{NotifyAlert, NotifyContext, NotifyReason, Rendered};
use crate::{Fingerprint, Now, Running};

/// A message as one integration would send it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenderedIntegration {
    /// Which.
    pub integration: String,
    /// The message, or why there would be none.
    pub message: Result<Rendered, String>,
}

/// Where an alert would go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// The route, from the root.
    pub route: Arc<str>,
    /// Its line in the configuration.
    pub route_line: u32,
    /// Who is told.
    pub receiver: Arc<str>,
    /// Key of the group.
    pub group_key: String,
    /// Labels of the group.
    pub group_labels: Labels,
    /// `group_wait` in milliseconds.
    pub group_wait_ms: u64,
    /// `group_interval` in milliseconds.
    pub group_interval_ms: u64,
    /// `repeat_interval` in milliseconds.
    pub repeat_interval_ms: u64,
    /// Names of the intervals that mute the route now.
    pub muted_by: Vec<String>,
    /// The messages.
    pub messages: Vec<RenderedIntegration>,
}

/// Where an alert with `labels` would go under `running`, and what would be said of it.
pub fn preview(
    running: &Running,
    labels: &Labels,
    annotations: &BTreeMap<String, String>,
    now: Now,
) -> Vec<Preview> {
    let alert = NotifyAlert {
        labels: labels.clone(),
        annotations: Arc::new(annotations.clone()),
        starts_at_ms: now.wall_ms,
        ends_at_ms: None,
        generator_url: Arc::from(""),
        fingerprint: Fingerprint::of(labels),
    };
    let routes = running.config.routes.matching(labels);
    let previews = routes.into_iter().map(|route| {
        let group_labels = route.grouping.labels_of(labels);
        let context = NotifyContext {
            group_key: route.group_key(&group_labels),
            receiver: route.receiver.to_string(),
            group_labels: group_labels.clone(),
            route_labels: Arc::clone(&route.labels),
            reason: NotifyReason::First,
            now_ms: now.wall_ms,
            timeout: Duration::from_secs(10),
            attempt: 1,
            remembered: BTreeMap::new(),
        };
        let integrations = running.integrations.get(&*route.receiver);
        let messages = integrations.into_iter().flatten().map(|integration| {
            let message = integration.notifier.render(&context, std::slice::from_ref(&alert));
            RenderedIntegration {
                integration: format!("{}[{}]", integration.kind, integration.index),
                message: message.map_err(|error| error.reason),
            }
        });
        Preview {
            messages: messages.collect(),
            route: Arc::clone(&route.id),
            route_line: route.line,
            receiver: Arc::clone(&route.receiver),
            group_key: context.group_key,
            group_labels,
            group_wait_ms: route.group_wait_ms,
            group_interval_ms: route.group_interval_ms,
            repeat_interval_ms: route.repeat_interval_ms,
            muted_by: crate::engine::muted_by(route, now.wall_ms)
                .map(|(names, _)| names)
                .unwrap_or_default(),
        }
    });
    previews.collect()
}
