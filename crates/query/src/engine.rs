//! The engine: from a query's text to its answer.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::time::Instant;

use vigie_language::promql::{Expr, ValueType};
use vigie_store::{Budget, Select, SeriesSet, Snapshot};

use crate::active::ActiveQueries;
use crate::eval::{Evaluator, Grid};
use crate::plan::{Plan, PlanInput, build};
use crate::result::value;
use crate::{
    EngineOptions, Features, QueryError, QueryLimits, QueryOutput, QueryStats, QueryTimings,
    SelectorStats,
};

/// At which times a query is evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueryKind {
    /// Once.
    Instant {
        /// Milliseconds since the epoch.
        time_ms: i64,
    },
    /// At `start_ms`, and every `step_ms` from there until `end_ms`.
    Range {
        /// First step.
        start_ms: i64,
        /// No step after this.
        end_ms: i64,
        /// Distance of steps; more than 0.
        step_ms: i64,
    },
}

/// A query whose text has been parsed.
#[derive(Debug, Clone, Copy)]
pub struct QueryRequest<'a> {
    /// Its text: annotations tell positions in it.
    pub text: &'a str,
    /// Its tree.
    pub expr: &'a Expr,
    /// When it is evaluated.
    pub kind: QueryKind,
    /// What it may take.
    pub limits: QueryLimits,
}

/// Evaluates queries.
#[derive(Debug)]
pub struct Engine {
    options: EngineOptions,
    active: Arc<ActiveQueries>,
}

impl Engine {
    /// An engine with these options.
    pub fn new(options: EngineOptions) -> Self {
        Self { options, active: Arc::default() }
    }

    /// How it evaluates.
    pub const fn options(&self) -> &EngineOptions {
        &self.options
    }

    /// The queries that run.
    pub const fn active(&self) -> &Arc<ActiveQueries> {
        &self.active
    }

    /// Answers `request` from `snapshot`. Ends early with the budget, the timeout, or when the
    /// future is dropped.
    pub async fn evaluate(
        &self,
        snapshot: &Snapshot,
        request: QueryRequest<'_>,
    ) -> Result<QueryOutput, QueryError> {
        let started = Instant::now();
        let limits = request.limits;
        let options = &self.options;
        let samples_max =
            limits.samples_max.map_or(options.samples_max, |max| max.min(options.samples_max));
        let timeout = limits.timeout.map_or(options.timeout, |max| max.min(options.timeout));
        // Limits are on what is held at once, which the evaluator counts, not on what is read.
        let budget = Arc::new(Budget::new(u64::MAX));
        // Dropped with this future: what works for it elsewhere is cancelled then.
        let _guard = self.active.enter(request.text, &budget);
        let lookback_ms = limits.lookback_ms.unwrap_or(options.lookback_ms);
        let plan = self.plan(&request, lookback_ms)?;
        let prepared = Instant::now();
        let deadline = started + timeout;
        let (series, selectors) = select(snapshot, &plan, &budget, deadline).await?;
        let selected = Instant::now();
        let mut warnings: Vec<String> = Vec::new();
        for warning in series.iter().flat_map(SeriesSet::warnings) {
            if !warnings.contains(warning) {
                warnings.push(warning.clone());
            }
        }
        let work = Work {
            text: request.text.to_owned(),
            plan,
            series,
            budget: Arc::clone(&budget),
            samples_max,
            deadline,
            kind: request.kind,
            lookback_ms,
            features: options.features,
            annotations_max: options.annotations_max,
        };
        let mut output = run(work).await?;
        output.warnings.splice(0..0, warnings);
        output.stats.selectors = selectors;
        output.stats.timings = QueryTimings {
            prepare: prepared - started,
            select: selected - prepared,
            evaluate: selected.elapsed(),
            total: started.elapsed(),
        };
        Ok(output)
    }

    fn plan(&self, request: &QueryRequest<'_>, lookback_ms: i64) -> Result<Plan, QueryError> {
        let (start_ms, end_ms, step_ms) = match request.kind {
            QueryKind::Instant { time_ms } => (time_ms, time_ms, 0),
            QueryKind::Range { start_ms, end_ms, step_ms } => (start_ms, end_ms, step_ms),
        };
        let range = matches!(request.kind, QueryKind::Range { .. });
        let value_type = request.expr.value_type();
        if range && matches!(value_type, ValueType::Matrix | ValueType::String) {
            return Err(QueryError::BadData(format!(
                "invalid expression type {:?} for range query, must be Scalar or instant Vector",
                value_type.documented()
            )));
        }
        if range && step_ms <= 0 {
            return Err(QueryError::BadData("step must be more than 0".to_owned()));
        }
        let subquery_step_ms = self.options.subquery_step_ms;
        let input = PlanInput { start_ms, end_ms, step_ms, lookback_ms, subquery_step_ms };
        if request.text.len() <= PLAN_INLINE_BYTES_MAX {
            return build(request.expr, input);
        }
        std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().stack_size(DEEP_STACK_BYTES);
            let planned = thread.spawn_scoped(scope, || build(request.expr, input));
            let failed = || QueryError::Internal("query could not be planned".to_owned());
            planned.map_err(|_| failed())?.join().map_err(|_| failed())?
        })
    }
}

/// Finds the series of each selector.
async fn select(
    snapshot: &Snapshot,
    plan: &Plan,
    budget: &Budget,
    deadline: Instant,
) -> Result<(Vec<SeriesSet>, Vec<SelectorStats>), QueryError> {
    let find = async {
        let (mut found, mut stats) = (Vec::new(), Vec::new());
        for selector in &plan.selectors {
            let started = Instant::now();
            let select = Select { matchers: &selector.matchers, range: selector.range };
            let set = snapshot.select(select, budget).await?;
            let matchers: Vec<String> = selector.matchers.iter().map(ToString::to_string).collect();
            stats.push(SelectorStats {
                text: format!("{{{}}}", matchers.join(",")),
                range: selector.range,
                series: set.len(),
                took: started.elapsed(),
            });
            found.push(set);
        }
        Ok((found, stats))
    };
    tokio::time::timeout_at(deadline.into(), find).await.map_err(|_| QueryError::Timeout)?
}

/// A query whose series have been found: the rest is work for a processor.
struct Work {
    text: String,
    plan: Plan,
    series: Vec<SeriesSet>,
    budget: Arc<Budget>,
    samples_max: u64,
    deadline: Instant,
    kind: QueryKind,
    lookback_ms: i64,
    features: Features,
    annotations_max: usize,
}

/// Queries that read less than this many series are not worth a thread of their own.
const SERIES_INLINE_MAX: usize = 64;

/// Longer texts may be so deep that they are planned by a thread with a larger stack.
const PLAN_INLINE_BYTES_MAX: usize = 512;
/// Deeper plans are evaluated by a thread with a larger stack.
const DEPTH_INLINE_MAX: usize = 60;
/// Room for the deepest plan, without optimisation too.
const DEEP_STACK_BYTES: usize = 128 << 20;

async fn run(work: Work) -> Result<QueryOutput, QueryError> {
    if work.plan.depth > DEPTH_INLINE_MAX {
        return run_deep(work).await;
    }
    let series: usize = work.series.iter().map(SeriesSet::len).sum();
    if series <= SERIES_INLINE_MAX && matches!(work.kind, QueryKind::Instant { .. }) {
        return evaluate(&work);
    }
    let done = tokio::task::spawn_blocking(move || evaluate(&work)).await;
    done.map_err(|error| QueryError::Internal(format!("query ended unexpectedly: {error}")))?
}

async fn run_deep(work: Work) -> Result<QueryOutput, QueryError> {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let evaluate = move || {
        // Nobody listens when the query was cancelled.
        drop(sender.send(evaluate(&work)));
    };
    let thread = std::thread::Builder::new().stack_size(DEEP_STACK_BYTES).spawn(evaluate);
    if let Err(error) = thread {
        return Err(QueryError::Internal(format!("query could not be started: {error}")));
    }
    let done = receiver.await;
    done.map_err(|error| QueryError::Internal(format!("query ended unexpectedly: {error}")))?
}

fn evaluate(work: &Work) -> Result<QueryOutput, QueryError> {
    let grid = match work.kind {
        QueryKind::Instant { time_ms } => Grid::instant(time_ms),
        QueryKind::Range { start_ms, end_ms, step_ms } => Grid::new(start_ms, end_ms, step_ms),
    };
    let evaluator = Evaluator {
        plan: &work.plan,
        series: &work.series,
        budget: &work.budget,
        deadline: work.deadline,
        lookback_ms: work.lookback_ms,
        features: work.features,
        annotations: RefCell::default(),
        samples: Cell::new(0),
        held: Cell::new(0),
        held_peak: Cell::new(0),
        samples_max: work.samples_max,
    };
    let instant = matches!(work.kind, QueryKind::Instant { .. });
    let value = value(&evaluator, grid, instant)?;
    let samples = evaluator.samples.get();
    let samples_peak = evaluator.held_peak.get();
    let annotations = evaluator.annotations.into_inner();
    let (warnings, infos) = annotations.into_lists(work.annotations_max, &work.text);
    let stats = QueryStats { samples, samples_peak, ..QueryStats::default() };
    Ok(QueryOutput { value, warnings, infos, stats })
}
