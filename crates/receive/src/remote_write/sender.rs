//! One remote's task: takes the oldest requests of its queue and sends them until they are taken.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use tokio_util::sync::CancellationToken;
use vigie_world::World;

use super::metrics::RemoteWriteMetrics;
use super::outgoing::{Version, assemble, samples_max};
use super::queue::{Peeked, Queue};
use crate::config::RemoteWriteConfig;
use crate::scrape::add;
use vigie_dial::{HttpClient, RequestLimits};

/// How long a sender goes on when it should stop, as long as the remote takes everything.
const DRAIN: Duration = Duration::from_secs(5);

/// The longest `Retry-After` that is honoured.
const RETRY_AFTER_MAX: Duration = Duration::from_mins(5);

/// How much of a refusal is read, and logged.
const ANSWER_BYTES_MAX: u64 = 64 << 10;

/// Sends what is in a queue.
#[derive(Debug)]
pub(super) struct Sender {
    /// Where to.
    pub config: RemoteWriteConfig,
    /// The protocol.
    pub version: Version,
    /// How.
    pub client: HttpClient,
    /// What.
    pub queue: Arc<Queue>,
    /// Own telemetry.
    pub metrics: Arc<RemoteWriteMetrics>,
    /// Time.
    pub world: World,
}

/// What became of a request.
enum Outcome {
    Taken,
    Refused(String),
    Again(String, Option<Duration>),
}

impl Sender {
    /// Runs until cancelled.
    pub(super) async fn run(self, cancel: CancellationToken) {
        let most = samples_max(&self.config);
        loop {
            tokio::select! {
                biased;
                () = cancel.cancelled() => break,
                () = self.wait(most) => {}
            }
            if let Some(peeked) = self.queue.peek(most)
                && !self.deliver(peeked, &cancel).await
            {
                break;
            }
        }
        // What is not taken now waits on disk for the next start.
        tokio::time::timeout(DRAIN, self.drain(most)).await.ok();
        self.queue.save();
    }

    /// Returns when there is a full request, or when something has waited long enough.
    async fn wait(&self, most: usize) {
        while self.queue.waiting().1 {
            self.queue.changed.notified().await;
        }
        let deadline = Duration::from_millis(self.config.queue_config.batch_send_deadline.0);
        let mut deadline = self.world.clock.sleep(deadline);
        while self.queue.waiting().0 < most as u64 {
            tokio::select! {
                () = &mut deadline => return,
                () = self.queue.changed.notified() => {}
            }
        }
    }

    async fn drain(&self, most: usize) {
        while let Some(peeked) = self.queue.peek(most) {
            let Some(body) = assemble(&peeked.records, self.version) else { return };
            if !matches!(self.send(body).await, Outcome::Taken) {
                return;
            }
            add(&self.metrics.samples_sent, peeked.samples);
            self.queue.advance(&peeked);
        }
    }

    /// Sends until it is taken or refused for good; false when cancelled before.
    async fn deliver(&self, mut peeked: Peeked, cancel: &CancellationToken) -> bool {
        let queue = &self.config.queue_config;
        let mut backoff = Duration::from_millis(queue.min_backoff.0.max(1));
        let backoff_max = Duration::from_millis(queue.max_backoff.0).max(backoff);
        loop {
            self.leave_out_old(&mut peeked);
            if peeked.records.is_empty() {
                break;
            }
            let samples = peeked.records.iter().map(|record| record.samples as usize).sum();
            let outcome = match assemble(&peeked.records, self.version) {
                Some(body) => self.send(body).await,
                None => Outcome::Refused("what was queued cannot be read".to_owned()),
            };
            let wait = match outcome {
                Outcome::Taken => {
                    add(&self.metrics.samples_sent, samples);
                    break;
                }
                Outcome::Refused(error) => {
                    let url = &self.config.url;
                    tracing::warn!(url, error, samples, "a remote refused samples for good");
                    add(&self.metrics.samples_failed, samples);
                    break;
                }
                Outcome::Again(error, after) => {
                    add(&self.metrics.requests_retried, 1);
                    tracing::debug!(url = self.config.url, error, "a remote takes nothing");
                    after.unwrap_or(backoff)
                }
            };
            tokio::select! {
                biased;
                () = cancel.cancelled() => return false,
                () = self.world.clock.sleep(wait) => {}
            }
            backoff = (backoff * 2).min(backoff_max);
        }
        self.queue.advance(&peeked);
        true
    }

    fn leave_out_old(&self, peeked: &mut Peeked) {
        let limit_ms = self.config.queue_config.sample_age_limit.0;
        if limit_ms == 0 {
            return;
        }
        let oldest_ms = self.world.clock.now_ms().saturating_sub_unsigned(limit_ms);
        peeked.records.retain(|record| {
            let kept = record.newest_ms >= oldest_ms;
            add(&self.metrics.samples_dropped, if kept { 0 } else { record.samples as usize });
            kept
        });
    }

    async fn send(&self, body: Vec<u8>) -> Outcome {
        let timeout = Duration::from_millis(self.config.remote_timeout.0);
        let limits = RequestLimits { body_bytes: ANSWER_BYTES_MAX, timeout };
        let answer = self.client.post(&self.config.url, self.headers(), body.into(), limits).await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => {
                return Outcome::Again(error.to_string().replacen("Get", "Post", 1), None);
            }
        };
        let status = answer.status;
        if status.is_success() {
            return Outcome::Taken;
        }
        let said = String::from_utf8_lossy(&answer.body);
        let said: String = said.trim().chars().take(300).collect();
        let error = format!("{status}: {said}");
        if status.is_server_error() || status.as_u16() == 429 {
            let after = answer.header("retry-after").trim().parse().ok().map(Duration::from_secs);
            return Outcome::Again(error, after.map(|after| after.min(RETRY_AFTER_MAX)));
        }
        Outcome::Refused(error)
    }

    fn headers(&self) -> HeaderMap {
        let (content_type, version) = match self.version {
            Version::V1 => ("application/x-protobuf", "0.1.0"),
            Version::V2 => ("application/x-protobuf;proto=io.prometheus.write.v2.Request", "2.0.0"),
        };
        let mut headers = HeaderMap::new();
        for (name, value) in &self.config.headers {
            if let (Ok(name), Ok(value)) =
                (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value))
            {
                headers.insert(name, value);
            }
        }
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("snappy"));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        let name = HeaderName::from_static("x-prometheus-remote-write-version");
        headers.insert(name, HeaderValue::from_static(version));
        headers
    }
}
