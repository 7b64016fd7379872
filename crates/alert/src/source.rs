//! Where rules get their answers.
//!
//! A group asks through [`RuleSource`] and does not know who answers: metrics in the store are
//! one source; logs and traces, with languages of their own, may become others.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use vigie_language::promql::{self, Expr, ParseError};
use vigie_model::{Labels, Matcher, Points, TenantId, TimeRange};
use vigie_query::{
    Engine, InstantSample, QueryKind, QueryLimits, QueryRequest, QueryValue, SampleValue,
};
use vigie_store::{Budget, Select, Store};

/// What a rule asks: parsed once, evaluated many times.
#[derive(Debug, Clone)]
pub struct RuleExpression {
    /// As the language prints it.
    pub text: String,
    /// As it stands in the file.
    pub written: String,
    /// Its tree.
    pub tree: Arc<Expr>,
}

impl RuleExpression {
    /// Reads `written`.
    pub fn promql(written: &str) -> Result<Self, ParseError> {
        let tree = promql::parse(written)?;
        Ok(Self { text: tree.to_string(), written: written.to_owned(), tree: Arc::new(tree) })
    }
}

/// An answer, when it comes. The error is the source's text, shown as the rule's last error.
pub type SourceFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, String>> + Send + 'a>>;

/// Answers rules.
pub trait RuleSource: Send + Sync + fmt::Debug {
    /// The value of `expression` at one time, as series with one value each.
    fn query<'a>(
        &'a self,
        expression: &'a RuleExpression,
        time_ms: i64,
    ) -> SourceFuture<'a, Vec<InstantSample>>;

    /// The newest point in `range` of each float series that satisfies all `matchers`, stale
    /// markers included.
    fn newest<'a>(
        &'a self,
        matchers: &'a [Matcher],
        range: TimeRange,
    ) -> SourceFuture<'a, Vec<(Labels, i64, f64)>>;
}

/// Metrics of one tenant.
#[derive(Debug)]
pub struct StoreSource {
    store: Arc<Store>,
    engine: Arc<Engine>,
    tenant: TenantId,
}

impl StoreSource {
    /// Answers from `store`.
    pub const fn new(store: Arc<Store>, engine: Arc<Engine>, tenant: TenantId) -> Self {
        Self { store, engine, tenant }
    }

    async fn ask(&self, expression: &RuleExpression, time_ms: i64) -> Result<QueryValue, String> {
        let request = QueryRequest {
            text: &expression.text,
            expr: &expression.tree,
            kind: QueryKind::Instant { time_ms },
            limits: QueryLimits::default(),
        };
        let snapshot = self.store.snapshot(&self.tenant);
        let output = self.engine.evaluate(&snapshot, request).await;
        Ok(output.map_err(|error| error.to_string())?.value)
    }

    async fn read_newest(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
    ) -> Result<Vec<(Labels, i64, f64)>, String> {
        let budget = Budget::new(u64::MAX);
        let snapshot = self.store.snapshot(&self.tenant);
        let selected = snapshot.select(Select { matchers, range }, &budget).await;
        let set = selected.map_err(|error| error.to_string())?;
        let (mut found, mut points) = (Vec::new(), Points::default());
        for index in 0..set.len() {
            set.read(index, range, &mut points, &budget).map_err(|error| error.to_string())?;
            if let (Some(time_ms), Some(value)) =
                (points.timestamps_ms.last(), points.values.last())
            {
                found.push((set.labels(index).clone(), *time_ms, *value));
            }
        }
        Ok(found)
    }
}

impl RuleSource for StoreSource {
    fn query<'a>(
        &'a self,
        expression: &'a RuleExpression,
        time_ms: i64,
    ) -> SourceFuture<'a, Vec<InstantSample>> {
        Box::pin(async move {
            match self.ask(expression, time_ms).await? {
                QueryValue::Vector(samples) => Ok(samples),
                QueryValue::Scalar { time_ms, value } => Ok(vec![InstantSample {
                    labels: Labels::empty(),
                    timestamp_ms: time_ms,
                    value: SampleValue::Float(value),
                }]),
                QueryValue::String { .. } | QueryValue::Matrix(_) => {
                    Err("rule result is not a vector or scalar".to_owned())
                }
            }
        })
    }

    fn newest<'a>(
        &'a self,
        matchers: &'a [Matcher],
        range: TimeRange,
    ) -> SourceFuture<'a, Vec<(Labels, i64, f64)>> {
        Box::pin(self.read_newest(matchers, range))
    }
}
