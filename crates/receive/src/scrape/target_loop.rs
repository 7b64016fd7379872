//! One target's task: ask on schedule, take the answer, write it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use reqwest::header::{HeaderName, HeaderValue};
use tokio_util::sync::CancellationToken;
use vigie_model::{Acknowledge, Labels, MetricBatch, MetricSink, TenantId, stale_nan};
use vigie_world::World;

use super::exposition::{self, MetadataByMetric};
use super::failure_log::Failure;
use super::ingest::{Ingest, IngestCounts};
use super::local::LocalTargets;
use super::metrics::{ReceiveMetrics, add};
use super::report::{Report, ReportSeries};
use super::resolve::Resolver;
use super::series::SeriesCache;
use super::settings::JobSettings;
use super::status::TargetHealth;
use super::target::Target;
use crate::config::ScrapeConfig;
use vigie_dial::{HttpAnswer, HttpClient, HttpError, RequestLimits};

/// A scrape that begins this much late still gets the timestamp of its schedule, so that
/// timestamps of a series are evenly spaced (as Prometheus' `scrape.timestamp-tolerance`).
const TOLERANCE_MS_MAX: i64 = 2;

/// What all targets of a manager share.
#[derive(Debug, Clone)]
pub(super) struct Shared {
    /// Clock, files.
    pub world: World,
    /// Where samples go.
    pub sink: Arc<dyn MetricSink>,
    /// Who they belong to.
    pub tenant: TenantId,
    /// Which addresses Vigie itself is.
    pub local: Arc<LocalTargets>,
    /// Whether the system knows their names.
    pub resolver: Resolver,
    /// Own telemetry.
    pub metrics: Arc<ReceiveMetrics>,
    /// Spreads schedules of several servers.
    pub offset_seed: u64,
    /// Whether `_created` series become start timestamps.
    pub created_as_start: bool,
}

/// How a target's last scrape went.
#[derive(Debug, Clone, Default)]
pub(super) struct TargetState {
    /// How it is.
    pub health: TargetHealth,
    /// Why the last scrape failed.
    pub last_error: String,
    /// When it began.
    pub last_scrape_ms: i64,
    /// How long it took.
    pub last_duration_seconds: f64,
    /// What its metrics say of themselves.
    pub metadata: MetadataByMetric,
}

/// How a loop should end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The target is gone: its series end.
    Stale,
    /// Another loop goes on with the same series.
    HandOver,
}

/// A target that is being scraped.
#[derive(Debug)]
pub(super) struct RunningTarget {
    /// The target.
    pub target: Arc<Target>,
    /// How it is.
    pub state: Arc<Mutex<TargetState>>,
    end: Arc<Mutex<End>>,
    client_works: bool,
    cancel: CancellationToken,
    task: tokio::task::JoinHandle<Option<Vec<Labels>>>,
}

impl RunningTarget {
    /// Begins to scrape `target`; `inherited` are living series of an earlier loop.
    pub(super) fn start(
        target: Target,
        settings: &Arc<JobSettings>,
        client: Result<HttpClient, HttpError>,
        shared: &Shared,
        inherited: Option<Vec<Labels>>,
    ) -> Self {
        let client_works = client.is_ok();
        let target = Arc::new(target);
        let state = Arc::new(Mutex::new(TargetState::default()));
        let end = Arc::new(Mutex::new(End::Stale));
        let cancel = CancellationToken::new();
        let report = ReportSeries::new(&target.labels, &settings.config, target.timeout_ms);
        let work = TargetLoop {
            target: Arc::clone(&target),
            settings: Arc::clone(settings),
            client,
            shared: shared.clone(),
            took_over: inherited.is_some(),
            cache: SeriesCache::taking_over(inherited.unwrap_or_default()),
            report,
            state: Arc::clone(&state),
            cancel: cancel.clone(),
            end: Arc::clone(&end),
            last_timestamp_ms: i64::MIN,
        };
        let task = tokio::spawn(work.run());
        Self { target, state, end, client_works, cancel, task }
    }

    /// Whether the loop was started with a client that can ask.
    pub(super) const fn client_works(&self) -> bool {
        self.client_works
    }

    /// Ends the loop after the scrape under way, and returns the living series that it hands on:
    /// `None` when it ended them or nothing of this target was ever written.
    pub(super) async fn stop(self, end: End) -> Option<Vec<Labels>> {
        *self.end.lock() = end;
        self.cancel.cancel();
        self.task.await.unwrap_or_default()
    }
}

struct TargetLoop {
    target: Arc<Target>,
    settings: Arc<JobSettings>,
    client: Result<HttpClient, HttpError>,
    shared: Shared,
    cache: SeriesCache,
    /// Whether an earlier loop wrote series of this target.
    took_over: bool,
    report: ReportSeries,
    state: Arc<Mutex<TargetState>>,
    cancel: CancellationToken,
    end: Arc<Mutex<End>>,
    last_timestamp_ms: i64,
}

/// An answer before it is parsed.
struct Exposed {
    content_type: String,
    body: Bytes,
}

impl TargetLoop {
    async fn run(mut self) -> Option<Vec<Labels>> {
        let clock = Arc::clone(&self.shared.world.clock);
        let mut due_ms = self.first_due_ms(clock.now_ms());
        loop {
            let wait_ms = u64::try_from(due_ms - clock.now_ms()).unwrap_or(0);
            let cancelled = tokio::select! {
                biased;
                () = self.cancel.cancelled() => true,
                () = clock.sleep(Duration::from_millis(wait_ms)) => false,
            };
            if cancelled {
                return self.end().await;
            }
            let now_ms = clock.now_ms();
            let interval_ms = self.interval_ms();
            let tolerance_ms = TOLERANCE_MS_MAX.min(interval_ms / 100).max(0);
            let late_ms = now_ms - due_ms;
            let timestamp_ms = if (0..=tolerance_ms).contains(&late_ms) { due_ms } else { now_ms };
            self.scrape(timestamp_ms).await;
            due_ms += interval_ms;
            let behind_ms = clock.now_ms() - due_ms;
            if behind_ms > interval_ms / 2 {
                let skipped = behind_ms / interval_ms + 1;
                due_ms += skipped * interval_ms;
                add(&self.shared.metrics.scrapes_skipped, usize::try_from(skipped).unwrap_or(0));
            }
        }
    }

    fn interval_ms(&self) -> i64 {
        i64::try_from(self.target.interval_ms).unwrap_or(i64::MAX).max(1)
    }

    /// The first moment of this target's own place in the interval.
    fn first_due_ms(&self, now_ms: i64) -> i64 {
        let interval_ms = self.interval_ms();
        let hash = self.target.schedule_hash(self.shared.offset_seed);
        let offset_ms = (hash % interval_ms.unsigned_abs()) as i64;
        let due_ms = now_ms - now_ms.rem_euclid(interval_ms) + offset_ms;
        if due_ms < now_ms { due_ms + interval_ms } else { due_ms }
    }

    async fn scrape(&mut self, timestamp_ms: i64) {
        let clock = Arc::clone(&self.shared.world.clock);
        let started = clock.monotonic();
        let exposed = self.fetch().await;
        let fetched = clock.monotonic().saturating_sub(started);
        let (mut batch, counts, body_bytes, error) = self.take(timestamp_ms, exposed);
        let report = Report {
            up: error.is_none(),
            duration_seconds: fetched.as_secs_f64(),
            counts,
            body_bytes,
        };
        self.report.push(&mut batch, timestamp_ms, &report);
        self.last_timestamp_ms = timestamp_ms;
        self.note(timestamp_ms, &report, error);
        self.write(batch).await;
    }

    /// Parses what came, or marks everything as ended.
    fn take(
        &mut self,
        timestamp_ms: i64,
        exposed: Result<Exposed, HttpError>,
    ) -> (MetricBatch, IngestCounts, i64, Option<String>) {
        let mut ingest =
            Ingest::begin(&self.settings, &self.target.labels, &mut self.cache, timestamp_ms);
        let exposed = match exposed {
            Ok(exposed) => exposed,
            Err(error) => {
                let (batch, counts) = ingest.fail();
                let body_bytes = if error == HttpError::BodyTooLarge { -1 } else { 0 };
                return (batch, counts, body_bytes, Some(error.to_string()));
            }
        };
        let body_bytes = i64::try_from(exposed.body.len()).unwrap_or(i64::MAX);
        add(&self.shared.metrics.body_bytes, exposed.body.len());
        let mut metadata = std::mem::take(&mut self.state.lock().metadata);
        let read = exposition::read(
            &self.settings,
            &exposed.content_type,
            &exposed.body,
            &mut ingest,
            &mut metadata,
        );
        self.state.lock().metadata = metadata;
        let (batch, counts, error) = match read {
            Ok(()) => {
                let (batch, counts) = ingest.finish();
                (batch, counts, None)
            }
            Err(error) => {
                let (batch, counts) = ingest.fail();
                (batch, counts, Some(error.to_string()))
            }
        };
        (batch, counts, body_bytes, error)
    }

    /// The answer, or an error within the scrape's timeout, whatever part of it takes long.
    async fn fetch(&self) -> Result<Exposed, HttpError> {
        let timeout = Duration::from_millis(self.target.timeout_ms);
        match tokio::time::timeout(timeout, self.fetch_untimed(timeout)).await {
            Ok(exposed) => exposed,
            Err(_) => Err(HttpError::Timeout { url: self.target.url.clone() }),
        }
    }

    async fn fetch_untimed(&self, timeout: Duration) -> Result<Exposed, HttpError> {
        let (shared, address) = (&self.shared, &self.target.address);
        if let Some((part, unless_resolved)) = shared.local.get(address)
            && (!unless_resolved || !shared.resolver.resolves(address, &shared.world).await)
        {
            let part = Arc::clone(part);
            let exposed = tokio::task::spawn_blocking(move || part.expose()).await;
            let (content_type, body) =
                exposed.map_err(|error| HttpError::Body(format!("in process: {error}")))?;
            return within(&self.settings.config, Exposed { content_type, body });
        }
        let client = self.client.as_ref().map_err(Clone::clone)?;
        let mut headers = self.settings.headers.clone();
        if let Ok(value) = HeaderValue::from_str(&timeout.as_secs_f64().to_string()) {
            headers.insert(HeaderName::from_static("x-prometheus-scrape-timeout-seconds"), value);
        }
        let limits = RequestLimits { body_bytes: self.settings.config.body_size_limit.0, timeout };
        let answer = client.get(&self.target.url, headers, limits).await;
        let answer = answer.and_then(HttpAnswer::success)?;
        let content_type = answer.header("content-type").to_owned();
        Ok(Exposed { content_type, body: answer.body })
    }

    fn note(&self, timestamp_ms: i64, report: &Report, error: Option<String>) {
        let metrics = &self.shared.metrics;
        add(&metrics.scrapes, 1);
        add(&metrics.scrapes_failed, usize::from(error.is_some()));
        add(&metrics.samples, report.counts.scraped);
        add(&metrics.samples_duplicate, report.counts.duplicates);
        if let (Some(log), Some(error)) = (&self.settings.failure_log, &error) {
            let failure = Failure { timestamp_ms, target_url: &self.target.url, error };
            log.write(&failure, &self.shared.world);
        }
        let mut state = self.state.lock();
        state.last_scrape_ms = timestamp_ms;
        state.last_duration_seconds = report.duration_seconds;
        state.health = if report.up { TargetHealth::Up } else { TargetHealth::Down };
        if let Some(error) = &error
            && state.last_error != *error
        {
            tracing::debug!(target_url = self.target.url, error, "scrape failed");
        }
        state.last_error = error.unwrap_or_default();
    }

    async fn write(&self, batch: MetricBatch) {
        let metrics = &self.shared.metrics;
        match self.shared.sink.write(&self.shared.tenant, batch, Acknowledge::Logged).await {
            Ok(report) => add(&metrics.samples_rejected, report.rejected),
            Err(error) => {
                add(&metrics.writes_failed, 1);
                let url = &self.target.url;
                tracing::warn!(target_url = url, %error, "samples of a scrape were not kept");
            }
        }
    }

    async fn end(mut self) -> Option<Vec<Labels>> {
        let living = self.cache.take_living();
        if self.last_timestamp_ms == i64::MIN && !self.took_over {
            return None;
        }
        if *self.end.lock() == End::HandOver {
            return Some(living);
        }
        let now_ms = self.shared.world.clock.now_ms().max(self.last_timestamp_ms + 1);
        let mut batch = MetricBatch::new();
        for labels in &living {
            batch.push_series(labels).sample(now_ms, stale_nan());
        }
        self.report.push_stale(&mut batch, now_ms);
        self.write(batch).await;
        None
    }
}

fn within(config: &ScrapeConfig, exposed: Exposed) -> Result<Exposed, HttpError> {
    let limit = config.body_size_limit.0;
    if limit > 0 && exposed.body.len() as u64 > limit {
        return Err(HttpError::BodyTooLarge);
    }
    Ok(exposed)
}
