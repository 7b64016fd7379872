//! Runs commands against the engine.

use std::sync::Arc;

use regex::Regex;
use vigie_language::promql;
use vigie_model::{Acknowledge, HistogramPoint, MetricBatch, MetricSink, TenantId};
use vigie_query::{
    Engine, EngineOptions, QueryKind, QueryLimits, QueryOutput, QueryRequest, QueryValue,
    SampleValue,
};
use vigie_store::{Store, StoreOptions};
use vigie_world::World;

use crate::compare;
use crate::script::{Command, Evaluation, LoadedSeries, When, parse};
use crate::value::Value;

/// (cases that passed, descriptions of those that did not)
pub(crate) async fn run_script(name: &str, text: &str) -> (usize, Vec<String>) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut options = StoreOptions::new(folder.path());
    options.retention = None;
    let store = Store::open(options, World::real()).await.expect("a store");
    let engine = Engine::new(EngineOptions::default());
    let (mut passed, mut failures, mut segment) = (0, Vec::new(), 0);
    for command in parse(text) {
        let tenant = TenantId::new(&format!("segment-{segment}")).expect("a tenant");
        match command {
            Command::Clear => segment += 1,
            Command::Load { gap_ms, series } => {
                let batch = batch(gap_ms, &series);
                let report = store.write(&tenant, batch, Acknowledge::Logged).await;
                match report {
                    Ok(report) if report.rejected == 0 => {}
                    other => failures.push(format!("{name}: load: {other:?}")),
                }
            }
            Command::Evaluate(evaluation) => {
                let session = Session { store: &store, tenant: &tenant, engine: &engine };
                match session.check(&evaluation).await {
                    Ok(()) => passed += 1,
                    Err(error) => failures.push(format!(
                        "{name}:{}: {}\n    {error}",
                        evaluation.line, evaluation.query
                    )),
                }
            }
        }
    }
    store.close().await.expect("the store closes");
    (passed, failures)
}

fn batch(gap_ms: i64, series: &[LoadedSeries]) -> MetricBatch {
    let mut batch = MetricBatch::new();
    for one in series {
        let mut builder = batch.push_series(&one.labels);
        for (at, value) in one.values.iter().enumerate() {
            let timestamp_ms = at as i64 * gap_ms;
            let start = one.starts.get(at).copied().flatten();
            let start_timestamp_ms = start.map_or(0, |start| timestamp_ms + start);
            match value {
                None => {}
                Some(Value::Float(value)) => {
                    builder.sample_started(timestamp_ms, *value, start_timestamp_ms);
                }
                Some(Value::Histogram(histogram)) => {
                    let histogram = Arc::clone(histogram);
                    builder.histogram(HistogramPoint {
                        timestamp_ms,
                        start_timestamp_ms,
                        histogram,
                    });
                }
            }
        }
    }
    batch
}

struct Session<'a> {
    store: &'a Store,
    tenant: &'a TenantId,
    engine: &'a Engine,
}

impl Session<'_> {
    async fn evaluate(&self, text: &str, when: When) -> Result<QueryOutput, String> {
        let expr = promql::parse(text).map_err(|error| error.to_string())?;
        let kind = match when {
            When::Instant(time_ms) => QueryKind::Instant { time_ms },
            When::Range { start_ms, end_ms, step_ms } => {
                QueryKind::Range { start_ms, end_ms, step_ms }
            }
        };
        let limits = QueryLimits::default();
        let snapshot = self.store.snapshot(self.tenant);
        let request = QueryRequest { text, expr: &expr, kind, limits };
        self.engine.evaluate(&snapshot, request).await.map_err(|error| error.to_string())
    }

    async fn check(&self, evaluation: &Evaluation) -> Result<(), String> {
        let output = self.evaluate(&evaluation.query, evaluation.when).await;
        if !evaluation.fails.is_empty() {
            return match output {
                Ok(output) => Err(format!("expected to fail, got {:?}", output.value)),
                Err(error) => match evaluation.fails.iter().find(|p| !p.matches(&error)) {
                    Some(pattern) => Err(format!("failed with {error:?}, expected {pattern:?}")),
                    None => Ok(()),
                },
            };
        }
        compare::output(evaluation, &output?)?;
        self.check_in_range(evaluation).await.map_err(|error| format!("in range mode: {error}"))
    }

    /// An instant query has the same answer as the middle step of a range query.
    async fn check_in_range(&self, evaluation: &Evaluation) -> Result<(), String> {
        let absolute = Regex::new(r"\b(start|end|range|step)\(\)").expect("a pattern");
        let When::Instant(time_ms) = evaluation.when else { return Ok(()) };
        if evaluation.ordered
            || evaluation.matrix.is_some()
            || evaluation.string.is_some()
            || absolute.is_match(&evaluation.query)
        {
            return Ok(());
        }
        let (start_ms, end_ms) = (time_ms - 60_000, time_ms + 60_000);
        let when = When::Range { start_ms, end_ms, step_ms: 60_000 };
        let output = self.evaluate(&evaluation.query, when).await?;
        let QueryValue::Matrix(series) = output.value else {
            return Err("not a matrix".to_owned());
        };
        let samples = compare::at_time(&series, time_ms);
        match evaluation.scalar {
            None => compare::vector(evaluation, &samples, false),
            Some(expected) => match samples.first().map(|sample| &sample.value) {
                Some(SampleValue::Float(value)) if compare::close(expected, *value) => Ok(()),
                other => Err(format!("got {other:?}, expected {expected}")),
            },
        }
    }
}
