//! One of a remote's senders: makes requests of the records it is given, in their order, and
//! sends each until it is taken.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use vigie_dial::{HttpClient, RequestLimits};
use vigie_world::World;

use super::metrics::RemoteWriteMetrics;
use super::outgoing::{Version, assemble, samples_max};
use super::record::Record;
use crate::config::RemoteWriteConfig;
use crate::scrape::add;

/// The longest `Retry-After` that is honoured.
const RETRY_AFTER_MAX: Duration = Duration::from_mins(5);

/// How much of a refusal is read, and logged.
const ANSWER_BYTES_MAX: u64 = 64 << 10;

/// A record on its way, and its number in the order of the queue.
#[derive(Debug)]
pub(super) struct Work {
    /// Its number.
    pub number: u64,
    /// The record.
    pub record: Record,
}

/// What a shard tells of one request.
#[derive(Debug)]
pub(super) struct Done {
    /// Which records it held.
    pub numbers: Vec<u64>,
    /// Samples in it.
    pub samples: usize,
    /// How long it took until it was taken, waits after failures left out.
    pub spent: Duration,
}

/// What all shards of a remote share.
#[derive(Debug)]
pub(super) struct Shard {
    /// Where to.
    pub config: RemoteWriteConfig,
    /// The protocol.
    pub version: Version,
    /// How.
    pub client: HttpClient,
    /// Own telemetry.
    pub metrics: Arc<RemoteWriteMetrics>,
    /// Time.
    pub world: World,
    /// Cancelled when nothing is waited for any more: what is full or not is sent at once, and
    /// what a remote does not take stays in the queue.
    pub stopping: CancellationToken,
}

/// What became of a request.
enum Outcome {
    Taken,
    Refused(String),
    Again(String, Option<Duration>),
}

impl Shard {
    /// Sends what comes by `work` and tells of it by `done`, until `work` is closed or, when
    /// stopping, until the remote does not take something.
    pub(super) async fn run(
        self: Arc<Self>,
        mut work: mpsc::UnboundedReceiver<Work>,
        done: mpsc::UnboundedSender<Done>,
    ) {
        let most = samples_max(&self.config);
        let mut next = None;
        while let Some(batch) = self.gather(&mut work, &mut next, most).await {
            let Some(told) = self.deliver(batch).await else { return };
            if done.send(told).is_err() {
                return;
            }
        }
    }

    /// Records of one request: full, or the first of them has waited long enough.
    async fn gather(
        &self,
        work: &mut mpsc::UnboundedReceiver<Work>,
        next: &mut Option<Work>,
        most: usize,
    ) -> Option<Vec<Work>> {
        let first = match next.take() {
            Some(first) => first,
            None => work.recv().await?,
        };
        let mut samples = first.record.samples as usize;
        let mut batch = vec![first];
        let deadline = Duration::from_millis(self.config.queue_config.batch_send_deadline.0);
        let mut deadline = self.world.clock.sleep(deadline);
        while samples < most {
            let more = match work.try_recv() {
                Ok(more) => Some(more),
                Err(mpsc::error::TryRecvError::Disconnected) => break,
                Err(mpsc::error::TryRecvError::Empty) => tokio::select! {
                    more = work.recv() => more,
                    () = &mut deadline => break,
                    () = self.stopping.cancelled() => break,
                },
            };
            let Some(more) = more else { break };
            if samples + more.record.samples as usize > most {
                *next = Some(more);
                break;
            }
            samples += more.record.samples as usize;
            batch.push(more);
        }
        Some(batch)
    }

    /// Sends until it is taken or refused for good; `None` when stopped before.
    async fn deliver(&self, batch: Vec<Work>) -> Option<Done> {
        let queue = &self.config.queue_config;
        let mut backoff = Duration::from_millis(queue.min_backoff.0.max(1));
        let backoff_max = Duration::from_millis(queue.max_backoff.0).max(backoff);
        let mut told = Done {
            numbers: batch.iter().map(|work| work.number).collect(),
            samples: 0,
            spent: Duration::ZERO,
        };
        let mut records: Vec<Record> = batch.into_iter().map(|work| work.record).collect();
        loop {
            self.leave_out_old(&mut records);
            if records.is_empty() {
                return Some(told);
            }
            let samples = records.iter().map(|record| record.samples as usize).sum();
            let began = self.world.clock.monotonic();
            let outcome = match assemble(&records, self.version) {
                Some(body) => self.send(body).await,
                None => Outcome::Refused("what was queued cannot be read".to_owned()),
            };
            let wait = match outcome {
                Outcome::Taken => {
                    add(&self.metrics.samples_sent, samples);
                    told.samples = samples;
                    told.spent = self.world.clock.monotonic().saturating_sub(began);
                    return Some(told);
                }
                Outcome::Refused(error) => {
                    let url = &self.config.url;
                    tracing::warn!(url, error, samples, "a remote refused samples for good");
                    add(&self.metrics.samples_failed, samples);
                    return Some(told);
                }
                Outcome::Again(error, after) => {
                    add(&self.metrics.requests_retried, 1);
                    tracing::debug!(url = self.config.url, error, "a remote takes nothing");
                    after.unwrap_or(backoff)
                }
            };
            tokio::select! {
                biased;
                () = self.stopping.cancelled() => return None,
                () = self.world.clock.sleep(wait) => {}
            }
            backoff = (backoff * 2).min(backoff_max);
        }
    }

    fn leave_out_old(&self, records: &mut Vec<Record>) {
        let limit_ms = self.config.queue_config.sample_age_limit.0;
        if limit_ms == 0 {
            return;
        }
        let oldest_ms = self.world.clock.now_ms().saturating_sub_unsigned(limit_ms);
        records.retain(|record| {
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
