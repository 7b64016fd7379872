//! Remote read of others: what a query finds here is completed by what other servers have.
//!
//! The `remote_read` section of `prometheus.yml`. Each server is asked for what the store may not
//! have: times before its first sample, unless `read_recent` is set. A server that does not answer
//! is a warning beside the answers of the others.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::RwLock;
use reqwest::header::{
    ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue,
};
use vigie_dial::{HttpClient, HttpEnvironment, RequestLimits};
use vigie_formats::compression::{Compression, compress_snappy, decompress};
use vigie_formats::remote_read::{
    ReadQuery, ReadRequest, decode_read_results, encode_read_request,
};
use vigie_model::{
    LabelsBuilder, MatchOp, Matcher, MetricBatch, MetricSource, SourceAnswer, SourceFuture,
    TimeRange,
};
use vigie_world::World;

use crate::config::{Config, RemoteReadConfig};

/// The largest answer of one server, compressed and not.
const ANSWER_BYTES_MAX: usize = 256 << 20;

/// One server.
#[derive(Debug)]
struct Remote {
    config: RemoteReadConfig,
    client: HttpClient,
}

#[derive(Debug, Default)]
struct Remotes {
    all: Vec<Remote>,
    external_labels: BTreeMap<String, String>,
}

/// All servers of a configuration.
#[derive(Debug)]
pub struct RemoteReaders {
    world: World,
    environment: HttpEnvironment,
    remotes: RwLock<Arc<Remotes>>,
}

impl RemoteReaders {
    /// No servers yet.
    pub fn new(world: World, environment: HttpEnvironment) -> Self {
        Self { world, environment, remotes: RwLock::default() }
    }

    /// Asks the servers of `config` from now on. Fails before anything changed.
    pub fn apply(&self, config: &Config) -> Result<(), String> {
        let client = |entry: &RemoteReadConfig| {
            let client = HttpClient::new(&entry.http, &self.environment, &self.world);
            client.map_err(|error| format!("remote_read {:?}: {error}", entry.url))
        };
        let all: Result<Vec<_>, String> = (config.remote_read.iter())
            .map(|entry| Ok(Remote { client: client(entry)?, config: entry.clone() }))
            .collect();
        let external_labels = config.global.external_labels.clone();
        *self.remotes.write() = Arc::new(Remotes { all: all?, external_labels });
        Ok(())
    }
}

impl MetricSource for RemoteReaders {
    fn is_empty(&self) -> bool {
        self.remotes.read().all.is_empty()
    }

    fn read<'a>(
        &'a self,
        matchers: &'a [Matcher],
        range: TimeRange,
        local_start_ms: Option<i64>,
    ) -> SourceFuture<'a> {
        let remotes = Arc::clone(&self.remotes.read());
        Box::pin(async move {
            let asked = remotes.all.iter().filter_map(|remote| {
                let range = remote.range(range, local_start_ms)?;
                remote.is_responsible(matchers).then_some((remote, range))
            });
            let external = &remotes.external_labels;
            let answers = asked.map(|(remote, range)| async move {
                remote.read(matchers, range, external).await.unwrap_or_else(|error| SourceAnswer {
                    batch: MetricBatch::new(),
                    warnings: vec![format!("remote_read: {error}")],
                })
            });
            futures::future::join_all(answers).await
        })
    }
}

impl Remote {
    /// The part of `range` that this server is asked for.
    fn range(&self, range: TimeRange, local_start_ms: Option<i64>) -> Option<TimeRange> {
        let Some(local) = local_start_ms.filter(|_| !self.config.read_recent) else {
            return Some(range);
        };
        let end_ms = range.end_ms.min(local.saturating_sub(1));
        (range.start_ms <= end_ms).then(|| TimeRange::new(range.start_ms, end_ms))
    }

    /// Whether the query has all of the `required_matchers`.
    fn is_responsible(&self, matchers: &[Matcher]) -> bool {
        self.config.required_matchers.iter().all(|(name, value)| {
            let same = |matcher: &Matcher| {
                matcher.op == MatchOp::Equal && matcher.name == *name && matcher.value == *value
            };
            matchers.iter().any(same)
        })
    }

    async fn read(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
        external: &BTreeMap<String, String>,
    ) -> Result<SourceAnswer, String> {
        // The other server's samples carry our external labels if we have sent them there.
        let added: Vec<_> = (external.iter())
            .filter(|_| self.config.filter_external_labels)
            .filter(|(name, _)| matchers.iter().all(|matcher| matcher.name != **name))
            .collect();
        let mut asked = matchers.to_vec();
        asked.extend(added.iter().map(|(name, value)| Matcher::equal(*name, *value)));
        let query = ReadQuery { range, matchers: asked, hints: None };
        let mut message = Vec::new();
        // 0: in samples, which every server has.
        let request = ReadRequest { queries: vec![query], accepted_response_types: vec![0] };
        encode_read_request(&request, &mut message);
        let body = compress_snappy(&message).map_err(|error| error.to_string())?;
        let limits = RequestLimits {
            body_bytes: ANSWER_BYTES_MAX as u64,
            timeout: Duration::from_millis(self.config.remote_timeout.0),
        };
        let url = &self.config.url;
        let answer = self.client.post(url, self.headers(), body.into(), limits).await;
        let answer = answer.map_err(|error| {
            let text = error.to_string();
            format!("error sending request: {}", text.replacen("Get", "Post", 1))
        })?;
        if !answer.status.is_success() {
            let said = String::from_utf8_lossy(&answer.body);
            let said: String = said.trim().chars().take(300).collect();
            let status = answer.status;
            return Err(format!("remote server {url} returned http status {status}: {said}"));
        }
        let mut plain = Vec::new();
        decompress(Compression::Snappy, &answer.body, ANSWER_BYTES_MAX, &mut plain)
            .map_err(|error| format!("error reading response of {url}: {error}"))?;
        drop(answer);
        let decoded = tokio::task::spawn_blocking(move || decode_read_results(&plain)).await;
        let batch = decoded
            .map_err(|error| error.to_string())?
            .map_err(|error| format!("unable to unmarshal response of {url}: {error}"))?;
        let names: Vec<&str> = added.iter().map(|(name, _)| name.as_str()).collect();
        Ok(SourceAnswer { batch: without(batch, &names), warnings: Vec::new() })
    }

    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.config.headers {
            if let (Ok(name), Ok(value)) =
                (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value))
            {
                headers.insert(name, value);
            }
        }
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("snappy"));
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("snappy"));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
        let version = HeaderName::from_static("x-prometheus-remote-read-version");
        headers.insert(version, HeaderValue::from_static("0.1.0"));
        headers
    }
}

/// `batch` without the labels `names`.
fn without(batch: MetricBatch, names: &[&str]) -> MetricBatch {
    if names.is_empty() {
        return batch;
    }
    let mut out = MetricBatch::new();
    for series in batch.series() {
        let mut labels = LabelsBuilder::from_labels(&batch.labels(series));
        for name in names {
            labels.remove(name);
        }
        let mut builder = out.push_series(&labels.build());
        for row in series.samples.start as usize..series.samples.end as usize {
            if let (Some(at), Some(value)) = (batch.timestamps_ms.get(row), batch.values.get(row)) {
                builder.sample(*at, *value);
            }
        }
        let range = series.histograms.start as usize..series.histograms.end as usize;
        for point in batch.histograms.get(range).unwrap_or_default() {
            builder.histogram(point.clone());
        }
    }
    out
}
