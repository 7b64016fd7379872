//! Incidents of every tenant that has alerts.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use futures::future::BoxFuture;
use tokio_util::sync::CancellationToken;
use vigie_language::promql;
use vigie_language::runbook::Query;
use vigie_model::TenantId;
use vigie_query::{InstantSample, QueryKind, QueryLimits, QueryRequest, QueryValue, SampleValue};
use vigie_respond::desk::{Desk, DeskParts, DeskPlan, HttpCaller, HttpRequest, TenantPager};
use vigie_respond::incident::IncidentState;
use vigie_respond::runbook::{Answer, Evidence, EvidenceError, ROWS_MAX, Sample};
use vigie_respond::{Responder, Tenant};
use vigie_show::Telemetry;
use vigie_show::incidents::Desks;
use vigie_show::sql::SqlState;
use vigie_sql::SqlAnswer;
use vigie_world::{OutputSink, ProcessEnd, ProcessFuture, ProcessRequest, Processes, World};

/// How often it is looked whether a tenant has come.
const PAUSE: Duration = Duration::from_secs(1);
/// One query of a runbook takes no longer.
const QUERY_TIMEOUT: Duration = Duration::from_secs(30);

/// Runbooks are observed: their steps are evaluated and written down, and nobody asks for a program
/// or a request. Who did would get neither.
#[derive(Debug)]
struct Nothing;

impl Processes for Nothing {
    fn run(&self, _request: ProcessRequest, _sink: OutputSink) -> ProcessFuture {
        Box::pin(async { ProcessEnd::not_started("programs are not run") })
    }
}

impl HttpCaller for Nothing {
    fn call(&self, _: HttpRequest) -> BoxFuture<'_, Result<(u16, String), String>> {
        Box::pin(async { Err("requests are not made".to_owned()) })
    }
}

/// Answers the queries of runbooks by what is kept.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) sql: Arc<SqlState>,
}

impl Evidence for Kept {
    fn ask<'a>(
        &'a self,
        tenant: &'a TenantId,
        query: &'a Query,
        at_ms: i64,
    ) -> BoxFuture<'a, Result<Answer, EvidenceError>> {
        Box::pin(async move {
            let failed = |error: &dyn std::fmt::Display| EvidenceError::Failed(error.to_string());
            let text = match query {
                Query::Promql(text) => text,
                Query::Sql(text) => {
                    let answer = self.sql.engine.query(text, self.sql.tables(tenant)).await;
                    return Ok(table(answer.map_err(|error| failed(&error))?));
                }
            };
            let expr = promql::parse(text).map_err(|error| failed(&error))?;
            let kind = QueryKind::Instant { time_ms: at_ms };
            let limits = QueryLimits { timeout: Some(QUERY_TIMEOUT), ..QueryLimits::default() };
            let request = QueryRequest { text, expr: &expr, kind, limits };
            let snapshot = self.sql.store.snapshot(tenant);
            let answer = self.sql.promql.evaluate(&snapshot, request).await;
            answered(answer.map_err(|error| failed(&error))?.value)
        })
    }
}

fn table(answer: SqlAnswer) -> Answer {
    let text = |value: serde_json::Value| match value {
        serde_json::Value::Null => String::new(),
        serde_json::Value::String(text) => text,
        other => other.to_string(),
    };
    let row = |row: Vec<serde_json::Value>| row.into_iter().map(text).collect();
    Answer::Table {
        columns: answer.columns.into_iter().map(|column| column.name).collect(),
        rows: answer.rows.into_iter().take(ROWS_MAX).map(row).collect(),
    }
}

fn answered(value: QueryValue) -> Result<Answer, EvidenceError> {
    let samples = match value {
        QueryValue::Scalar { value, .. } => vec![Sample { labels: BTreeMap::new(), value }],
        QueryValue::Vector(samples) => {
            let number = |sample: InstantSample| match sample.value {
                SampleValue::Float(value) => {
                    let pairs = sample.labels.iter();
                    let labels = pairs.map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
                    Some(Sample { labels, value })
                }
                SampleValue::Histogram(_) => None,
            };
            samples.into_iter().filter_map(number).take(ROWS_MAX).collect()
        }
        _ => return Err(EvidenceError::Failed("the query gives no numbers".to_owned())),
    };
    Ok(Answer::Vector(samples))
}

/// The desks of all tenants.
#[derive(Debug)]
pub(super) struct Incidents {
    responder: Arc<Responder>,
    evidence: Arc<dyn Evidence>,
    folder: PathBuf,
    plan: DeskPlan,
    world: World,
    /// Only [`look`](Self::look) adds to them, and one task looks.
    desks: ArcSwap<HashMap<TenantId, Arc<Desk>>>,
}

impl Incidents {
    /// Incidents in `folder`, by `plan`, of the alerts that `responder` takes.
    pub(super) fn start(
        (responder, evidence): (Arc<Responder>, Arc<dyn Evidence>),
        folder: PathBuf,
        plan: DeskPlan,
        world: &World,
        stop: &CancellationToken,
    ) -> Arc<Self> {
        for ready in &plan.runbooks {
            let (runbook, file) = (&ready.runbook.name, &ready.file);
            tracing::info!(runbook, file, "runbook is observed, nothing of it is executed");
        }
        let (world, desks) = (world.clone(), ArcSwap::default());
        let incidents = Arc::new(Self { responder, evidence, folder, plan, world, desks });
        incidents.look();
        let (looking, stop) = (Arc::clone(&incidents), stop.clone());
        tokio::spawn(async move {
            let looks = async {
                loop {
                    looking.world.clock.sleep(PAUSE).await;
                    looking.look();
                }
            };
            stop.run_until_cancelled(looks).await;
        });
        incidents
    }

    /// Opens a desk for every tenant that has none.
    fn look(&self) {
        for (id, tenant) in self.responder.tenants() {
            let known = self.desks.load();
            if known.contains_key(&id) {
                continue;
            }
            match self.open(&id, &tenant) {
                Ok(desk) => {
                    desk.watch(tenant);
                    let mut desks = HashMap::clone(&known);
                    desks.insert(id, desk);
                    self.desks.store(Arc::new(desks));
                }
                Err(error) => tracing::error!(tenant = %id, %error, "incidents cannot be opened"),
            }
        }
    }

    fn open(&self, id: &TenantId, tenant: &Arc<Tenant>) -> std::io::Result<Arc<Desk>> {
        let nothing = Arc::new(Nothing);
        let parts = DeskParts {
            world: self.world.clone(),
            evidence: Arc::clone(&self.evidence),
            processes: Arc::clone(&nothing) as _,
            pager: Arc::new(TenantPager(Arc::clone(tenant))),
            http: nothing,
        };
        Desk::open(id, &self.folder.join(id.as_str()), self.plan.clone(), parts)
    }

    /// How many there are, for whoever watches Vigie.
    pub(super) fn register(self: &Arc<Self>, telemetry: &Telemetry) {
        let incidents = Arc::downgrade(self);
        telemetry.register(Box::new(move |text| {
            let Some(incidents) = incidents.upgrade() else { return };
            let desks = incidents.desks.load();
            let name = "vigie_respond_incidents";
            text.family(name, "gauge", "Incidents that are not over, by their state.");
            for state in
                [IncidentState::Triggered, IncidentState::Acknowledged, IncidentState::Mitigated]
            {
                let is_in = |desk: &Arc<Desk>| {
                    desk.ask(|all| {
                        all.book.iter().filter(|i| i.is_open() && i.state == state).count()
                    })
                };
                let count: usize = desks.values().map(is_in).sum();
                text.sample(name, &[("state", state.as_str())], count as f64);
            }
        }));
    }

    /// Ends; what was decided is on disk.
    pub(super) async fn stop(&self) {
        for desk in self.desks.load_full().values() {
            desk.close().await;
        }
    }
}

impl Desks for Incidents {
    fn desk(&self, tenant: &TenantId) -> Option<Arc<Desk>> {
        self.desks.load().get(tenant).cloned()
    }
}
