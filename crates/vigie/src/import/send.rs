//! Sends batches to a server and waits until they are durable there.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use vigie_formats::compression::compress_snappy;
use vigie_formats::remote_write::encode_v2;
use vigie_model::MetricBatch;

/// How often a request is tried while the server has no room or does not answer.
const TRIES_MAX: u32 = 8;
const REFUSALS_TOLD_MAX: usize = 5;

/// Sends to one server.
#[derive(Debug)]
pub(super) struct Sender {
    client: reqwest::Client,
    url: String,
    tenant: Option<String>,
    samples: u64,
    requests_with_refusals: u64,
    refusals: Vec<String>,
}

impl Sender {
    pub(super) fn new(server: &str, tenant: Option<&str>) -> Result<Self> {
        let client = reqwest::Client::builder().timeout(Duration::from_mins(2)).build()?;
        Ok(Self {
            client,
            url: format!("{server}/api/v1/write"),
            tenant: tenant.map(str::to_owned),
            samples: 0,
            requests_with_refusals: 0,
            refusals: Vec::new(),
        })
    }

    /// Samples sent so far.
    pub(super) const fn samples(&self) -> u64 {
        self.samples
    }

    /// Sends `batch` and empties it. Returns when everything of it is durable or refused for good.
    pub(super) async fn send(&mut self, batch: &mut MetricBatch) -> Result<()> {
        let count = batch.sample_count() as u64;
        if count == 0 {
            return Ok(());
        }
        let mut encoded = Vec::new();
        encode_v2(batch, &mut encoded);
        let body = compress_snappy(&encoded)?;
        batch.clear();
        let mut wait = Duration::from_millis(200);
        for attempt in 1..=TRIES_MAX {
            match self.post(body.clone()).await {
                Ok((status, _)) if status.is_success() => {
                    self.samples += count;
                    return Ok(());
                }
                Ok((status, text)) if status == reqwest::StatusCode::BAD_REQUEST => {
                    self.note_refusal(&text);
                    self.samples += count;
                    return Ok(());
                }
                Ok((status, text)) if !status.is_server_error() && status.as_u16() != 429 => {
                    bail!("{} answered {status}: {}", self.url, text.trim());
                }
                Ok((status, text)) if attempt == TRIES_MAX => {
                    bail!("{} answered {status}: {}", self.url, text.trim());
                }
                Err(error) if attempt == TRIES_MAX => {
                    return Err(error).with_context(|| format!("sending to {}", self.url));
                }
                _ => {}
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(Duration::from_secs(10));
        }
        Ok(())
    }

    async fn post(&self, body: Vec<u8>) -> reqwest::Result<(reqwest::StatusCode, String)> {
        let mut request = self
            .client
            .post(&self.url)
            .header("Content-Type", "application/x-protobuf;proto=io.prometheus.write.v2.Request")
            .header("Content-Encoding", "snappy")
            .header("X-Prometheus-Remote-Write-Version", "2.0.0")
            .body(body);
        if let Some(tenant) = &self.tenant {
            request = request.header("X-Scope-OrgID", tenant);
        }
        let answer = request.send().await?;
        Ok((answer.status(), answer.text().await.unwrap_or_default()))
    }

    fn note_refusal(&mut self, text: &str) {
        self.requests_with_refusals += 1;
        if self.refusals.len() < REFUSALS_TOLD_MAX {
            self.refusals.push(text.trim().to_owned());
        }
    }

    /// What became of it, for people.
    pub(super) fn summary(&self) -> String {
        let mut text = format!("{} samples sent", self.samples);
        if self.requests_with_refusals > 0 {
            let count = self.requests_with_refusals;
            text.push_str(&format!("; {count} requests had samples that were not taken:"));
            for refusal in &self.refusals {
                text.push_str("\n  ");
                text.push_str(&refusal.replace('\n', "\n  "));
            }
        }
        text
    }
}
