//! One Alertmanager's task: posts what waits, until it is taken.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use serde::Serialize;
use tokio_util::sync::CancellationToken;
use vigie_dial::{HttpClient, RequestLimits};
use vigie_model::Alert;
use vigie_world::World;

use super::metrics::Destination;
use super::queue::AlertQueue;

const BACKOFF_MIN: Duration = Duration::from_secs(1);
const BACKOFF_MAX: Duration = Duration::from_secs(30);

/// How long a sender goes on when it should stop.
const DRAIN: Duration = Duration::from_secs(5);

/// How much of an answer is read.
const ANSWER_BYTES_MAX: u64 = 64 << 10;

/// Sends what is in a queue.
#[derive(Debug)]
pub(super) struct Sender {
    pub(super) url: String,
    pub(super) timeout: Duration,
    pub(super) client: HttpClient,
    pub(super) queue: Arc<AlertQueue>,
    pub(super) destination: Arc<Destination>,
    pub(super) world: World,
}

/// An alert as Alertmanager's API takes it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PostedAlert<'a> {
    labels: BTreeMap<&'a str, &'a str>,
    annotations: &'a BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    starts_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ends_at: Option<String>,
    #[serde(rename = "generatorURL")]
    generator_url: &'a str,
}

impl Sender {
    /// Runs until cancelled.
    pub(super) async fn run(self, cancel: CancellationToken) {
        let mut backoff = BACKOFF_MIN;
        while !cancel.is_cancelled() {
            let batch = self.queue.take();
            if batch.is_empty() {
                tokio::select! {
                    () = cancel.cancelled() => {}
                    () = self.queue.changed.notified() => {}
                }
            } else if self.deliver(batch).await {
                backoff = BACKOFF_MIN;
            } else {
                tokio::select! {
                    () = cancel.cancelled() => {}
                    () = self.world.clock.sleep(backoff) => {}
                }
                backoff = (backoff * 2).min(BACKOFF_MAX);
            }
        }
        let drain = async {
            loop {
                let batch = self.queue.take();
                if batch.is_empty() || !self.deliver(batch).await {
                    return;
                }
            }
        };
        tokio::time::timeout(DRAIN, drain).await.ok();
    }

    /// Posts `batch`; false when it is to be tried again, and is back in the queue.
    async fn deliver(&self, batch: Vec<Alert>) -> bool {
        let count = batch.len() as u64;
        let started = self.world.clock.monotonic();
        let failed = self.post(&batch).await.err();
        let took = self.world.clock.monotonic().saturating_sub(started);
        let microseconds = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.destination.requests.fetch_add(1, Ordering::Relaxed);
        self.destination.request_duration_us.fetch_add(microseconds, Ordering::Relaxed);
        let Some((error, is_final)) = failed else {
            self.destination.sent.fetch_add(count, Ordering::Relaxed);
            return true;
        };
        self.destination.errors.fetch_add(count, Ordering::Relaxed);
        tracing::warn!(url = self.url, error, count, is_final, "alerts were not delivered");
        if is_final {
            self.destination.dropped.fetch_add(count, Ordering::Relaxed);
            return true;
        }
        self.queue.put_back(batch);
        false
    }

    /// The error, and whether trying again is of no use.
    async fn post(&self, batch: &[Alert]) -> Result<(), (String, bool)> {
        let body = body(batch).map_err(|error| (error.to_string(), true))?;
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let limits = RequestLimits { body_bytes: ANSWER_BYTES_MAX, timeout: self.timeout };
        let answer = self.client.post(&self.url, headers, body, limits).await;
        let answer = answer.map_err(|error| (error.to_string(), false))?;
        if answer.status.is_success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&answer.body);
        let said: String = said.trim().chars().take(300).collect();
        let is_final = answer.status.is_client_error() && answer.status.as_u16() != 429;
        Err((format!("{}: {said}", answer.status), is_final))
    }
}

fn body(alerts: &[Alert]) -> Result<Bytes, serde_json::Error> {
    let time = |time_ms: Option<i64>| {
        let time = jiff::Timestamp::from_millisecond(time_ms?).ok()?;
        Some(time.to_string())
    };
    let posted: Vec<PostedAlert<'_>> = alerts
        .iter()
        .map(|alert| PostedAlert {
            labels: alert.labels.iter().collect(),
            annotations: &alert.annotations,
            starts_at: time(alert.starts_at_ms),
            ends_at: time(alert.ends_at_ms),
            generator_url: &alert.generator_url,
        })
        .collect();
    serde_json::to_vec(&posted).map(Bytes::from)
}
