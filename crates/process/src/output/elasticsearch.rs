//! `elasticsearch`: documents in Vigie's own store, or in a real Elasticsearch.

use std::sync::Arc;

use vigie_language::logstash::{ConfigError, Sprintf};
use vigie_model::event::{
    DeliverFuture, Event, EventBatch, EventOrigin, EventSink, RefusalKind, Value,
};
use vigie_world::World;

use super::bulk::Bulk;
use super::{Output, OutputContext, set_aside};
use crate::build::{Context, Ecs};
use crate::dead_letters::DeadLetterQueue;
use crate::options::Options;
use crate::text;

/// What an event becomes: its index, its id, what is done.
#[derive(Debug)]
pub(super) struct Naming {
    pub(super) index: Sprintf,
    pub(super) id: Option<Sprintf>,
    pub(super) routing: Option<Sprintf>,
    pub(super) pipeline: Option<Sprintf>,
    pub(super) action: String,
}

#[derive(Debug)]
struct Own {
    naming: Naming,
    sink: Arc<dyn EventSink>,
    dead_letters: Option<Arc<DeadLetterQueue>>,
    world: World,
}

/// Options that say how a real Elasticsearch is set up, and mean nothing for documents.
const PASSED_OVER: [&str; 29] = [
    "manage_template",
    "template",
    "template_name",
    "template_overwrite",
    "template_api",
    "ilm_enabled",
    "ilm_pattern",
    "ilm_policy",
    "ilm_rollover_alias",
    "sniffing",
    "sniffing_delay",
    "sniffing_path",
    "resurrect_delay",
    "pool_max",
    "pool_max_per_route",
    "healthcheck_path",
    "bulk_path",
    "http_compression",
    "compression_level",
    "retry_initial_interval",
    "retry_max_interval",
    "retry_on_conflict",
    "timeout",
    "validate_after_inactivity",
    "silence_errors_in_log",
    "failure_type_logging_whitelist",
    "document_type",
    "custom_headers",
    "parameters",
];

pub(super) fn build(
    options: &Options<'_>,
    context: &mut Context<'_>,
    outputs: &OutputContext,
) -> Result<Box<dyn Output>, ConfigError> {
    let hosts = options.list("hosts")?.unwrap_or_else(|| vec!["127.0.0.1:9200".to_owned()]);
    let naming = naming(options, context)?;
    options.ignore(&PASSED_OVER);
    options.ignore(&[
        "data_stream_auto_routing",
        "data_stream_sync_fields",
        "dlq_on_failed_indexname_interpolation",
        "dlq_custom_codes",
    ]);
    let world = context.options.world.clone();
    if hosts.iter().all(|host| (outputs.is_own_host)(host)) {
        // Who may reach the pipeline may write: no password is asked for within the process.
        options.ignore(&[
            "user",
            "password",
            "api_key",
            "cloud_id",
            "cloud_auth",
            "ssl",
            "ssl_enabled",
            "cacert",
            "ssl_certificate_authorities",
            "ssl_certificate_verification",
            "ssl_verification_mode",
            "ssl_certificate",
            "ssl_key",
            "keystore",
            "keystore_password",
            "truststore",
            "truststore_password",
            "proxy",
            "path",
            "ca_trusted_fingerprint",
        ]);
        let (sink, dead_letters) = (Arc::clone(&outputs.own), outputs.dead_letters.clone());
        return Ok(Box::new(Own { naming, sink, dead_letters, world }));
    }
    Ok(Box::new(Bulk::build(options, &hosts, naming, outputs, world)?))
}

fn naming(options: &Options<'_>, context: &Context<'_>) -> Result<Naming, ConfigError> {
    let ecs = context.ecs(options)?;
    let given = options.text("index")?;
    let stream = options.choice("data_stream", &["true", "false", "auto"])?.unwrap_or("auto");
    let part = |name: &str, default: &str| -> Result<String, ConfigError> {
        Ok(options.text(name)?.unwrap_or_else(|| default.to_owned()))
    };
    let (kind, dataset, namespace) = (
        part("data_stream_type", "logs")?,
        part("data_stream_dataset", "generic")?,
        part("data_stream_namespace", "default")?,
    );
    let is_stream = stream == "true" || (stream == "auto" && given.is_none() && ecs == Ecs::V8);
    let index = match given {
        Some(index) if !is_stream => index,
        Some(_) => return Err(options.error("index: has no place beside data_stream => true")),
        None if is_stream => format!("{kind}-{dataset}-{namespace}"),
        None if ecs == Ecs::Disabled => "logstash-%{+yyyy.MM.dd}".to_owned(),
        None => "ecs-logstash-%{+yyyy.MM.dd}".to_owned(),
    };
    let default = if is_stream { "create" } else { "index" };
    let action = options.text("action")?.unwrap_or_else(|| default.to_owned());
    if !matches!(action.as_str(), "index" | "create") {
        return Err(options
            .error(&format!("action: `{action}` is refused: only index and create are served")));
    }
    for name in
        ["parent", "script", "upsert", "doc_as_upsert", "version", "version_type", "join_field"]
    {
        if options.text(name)?.is_some_and(|value| value != "false" && !value.is_empty()) {
            return Err(options.error(&format!("{name} is refused")));
        }
    }
    Ok(Naming {
        index: options.template(&index)?,
        id: options.sprintf("document_id")?,
        routing: options.sprintf("routing")?,
        pipeline: options.sprintf("pipeline")?,
        action,
    })
}

impl Output for Own {
    fn write(&self, events: Vec<Event>) -> DeliverFuture<'_> {
        Box::pin(async move {
            for batch in self.batches(events) {
                // Kept until the sink has answered, for the dead letters.
                let kept = self.dead_letters.is_some().then(|| batch.events.clone());
                let Err(refusal) = self.sink.deliver(batch).await else { continue };
                if refusal.kind == RefusalKind::Unavailable {
                    return Err(refusal);
                }
                let events = kept.unwrap_or_default().into_iter();
                let letters = events.map(|event| (event, refusal.message.clone())).collect();
                set_aside(self.dead_letters.as_ref(), "elasticsearch", letters)?;
            }
            Ok(())
        })
    }
}

impl Own {
    /// Events by their index.
    fn batches(&self, events: Vec<Event>) -> Vec<EventBatch> {
        let now_ns = self.world.clock.now_ms().saturating_mul(1_000_000);
        let mut batches: Vec<(String, EventBatch)> = Vec::new();
        for mut event in events {
            let index = text::render(&self.naming.index, &event, now_ns);
            event.metadata.remove("_id");
            if let Some(id) = &self.naming.id {
                let id = text::render(id, &event, now_ns);
                event.metadata.insert("_id", Value::String(id));
            }
            match batches.iter_mut().find(|(known, _)| *known == index) {
                Some((_, batch)) => batch.events.push(event),
                None => {
                    let origin = EventOrigin {
                        kind: "pipeline".into(),
                        index: Some(index.as_str().into()),
                        ..EventOrigin::default()
                    };
                    batches.push((index, EventBatch { origin, events: vec![event] }));
                }
            }
        }
        batches.into_iter().map(|(_, batch)| batch).collect()
    }
}
