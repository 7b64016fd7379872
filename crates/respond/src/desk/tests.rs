//! The desk with a simulated disk, clock, programs and receivers.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use parking_lot::Mutex;
use vigie_language::runbook::{Mode, Query};
use vigie_language::yaml::Source;
use vigie_model::TenantId;
use vigie_world::{
    ManualClock, ProcessEnd, ProcessStatus, Random, SimDisk, SimProcesses, SimulatedRun, World,
};

use super::*;
use crate::incident::Incident;
use crate::runbook::{
    AllowedProgram, Answer, EvidenceError, Run, RunState, Sample, StepStatus, anchored,
};

const BOOK: &str = r#"
runbook:
  name: Pool
  author: bob
  investigation:
    - {name: logs, query: "SELECT * FROM logs"}
  remediation:
    - name: restart
      action: "kubectl rollout restart deployment/web-api"
      condition: "connections > 80% of max_connections"
    - name: enlarge
      action: "kubectl patch configmap app-config"
      condition: "manual_approval_required"
    - name: scale
      action: "kubectl scale deployment web-api --replicas=10"
      condition: "cpu_usage > 70% AND memory_usage > 70%"
"#;

/// Metrics with one value each; no SQL.
#[derive(Debug)]
struct Metrics(Mutex<BTreeMap<String, f64>>);

impl Evidence for Metrics {
    fn ask<'a>(
        &'a self,
        _: &'a TenantId,
        query: &'a Query,
        _: i64,
    ) -> BoxFuture<'a, Result<Answer, EvidenceError>> {
        let answer = match query {
            Query::Sql(_) => Err(EvidenceError::Failed("no SQL engine".to_owned())),
            Query::Promql(text) => {
                let value = self.0.lock().get(text).copied();
                let sample = |value| Sample { labels: BTreeMap::new(), value };
                Ok(Answer::Vector(value.map(sample).into_iter().collect()))
            }
        };
        Box::pin(async move { answer })
    }
}

/// Tells nobody.
#[derive(Debug)]
struct Nobody;

impl Pager for Nobody {
    fn tell<'a>(&'a self, _: &'a str, _: &'a Page) -> BoxFuture<'a, Result<String, String>> {
        Box::pin(async { Ok("told".to_owned()) })
    }

    fn acknowledged<'a>(
        &'a self,
        _: &'a Incident,
        _: &'a str,
        _: &'a str,
    ) -> BoxFuture<'a, Vec<Result<String, String>>> {
        Box::pin(async { Vec::new() })
    }
}

impl HttpCaller for Nobody {
    fn call(&self, _: HttpRequest) -> BoxFuture<'_, Result<(u16, String), String>> {
        Box::pin(async { Err("nobody is asked".to_owned()) })
    }
}

struct Stage {
    disk: SimDisk,
    clock: Arc<ManualClock>,
    processes: SimProcesses,
    metrics: Arc<Metrics>,
    mode: Mode,
}

impl Stage {
    fn new(mode: Mode, takes: Duration, metrics: &[(&str, f64)]) -> Self {
        let clock = Arc::new(ManualClock::at(1_000_000));
        let script: vigie_world::Script = Arc::new(move |_| SimulatedRun {
            takes,
            end: ProcessEnd {
                status: ProcessStatus::Exited(0),
                output: b"done password=hunter2".to_vec(),
                is_truncated: false,
            },
        });
        let metrics = metrics.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
        Self {
            disk: SimDisk::from_seed(1),
            processes: SimProcesses::new(Arc::clone(&clock) as _, script),
            clock,
            metrics: Arc::new(Metrics(Mutex::new(metrics))),
            mode,
        }
    }

    fn open(&self) -> Arc<Desk> {
        let mut plan = DeskPlan::default();
        plan.options.mode = self.mode;
        plan.options.approvers = vec!["alice".to_owned(), "bob".to_owned(), "carol".to_owned()];
        plan.options.allow.programs.push(AllowedProgram {
            program: PathBuf::from("/usr/bin/kubectl"),
            arguments: vec![anchored("rollout|patch|scale").unwrap()],
            rest: Some(anchored("[a-z0-9/=-]+").unwrap()),
            scripts: Vec::new(),
        });
        let books = vigie_language::runbook::parse(BOOK, &Source::default()).unwrap();
        plan.add("runbook.yml", books).unwrap();
        let world = World {
            clock: Arc::clone(&self.clock) as _,
            disk: Arc::new(self.disk.clone()),
            random: Arc::new(Random::from_seed(1)),
        };
        let parts = DeskParts {
            world,
            evidence: Arc::clone(&self.metrics) as _,
            processes: Arc::new(self.processes.clone()),
            pager: Arc::new(Nobody),
            http: Arc::new(Nobody),
        };
        Desk::open(&TenantId::default(), Path::new("/data/incidents"), plan, parts).unwrap()
    }
}

async fn start(desk: &Arc<Desk>) -> u64 {
    let request = StartRequest { runbook: "Pool".to_owned(), ..StartRequest::default() };
    desk.start(request, &Who::claimed("carol")).await.unwrap()
}

/// The run once nothing moves any more by itself.
async fn settled(desk: &Desk, id: u64) -> Run {
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
    desk.ask(|state| state.runs[&id].clone())
}

fn statuses(run: &Run) -> Vec<StepStatus> {
    run.steps.iter().map(|step| step.status).collect()
}

const FULL: [(&str, f64); 4] = [
    ("connections", 90.0),
    ("max_connections", 100.0),
    ("cpu_usage", 80.0),
    ("memory_usage", 75.0),
];

#[tokio::test]
async fn nothing_is_run_in_observe_and_what_would_be_is_shown() {
    let stage = Stage::new(Mode::Observe, Duration::ZERO, &FULL);
    let desk = stage.open();
    let id = start(&desk).await;
    let run = settled(&desk, id).await;
    use StepStatus::{Failed, WouldRun};
    assert_eq!(statuses(&run), [Failed, WouldRun, WouldRun, WouldRun], "{run:#?}");
    assert_eq!(run.steps[0].detail, "no SQL engine");
    assert!(run.steps[2].detail.contains("would wait for approval"));
    assert!(stage.processes.started().is_empty());
}

#[tokio::test]
async fn steps_run_only_when_their_conditions_hold_and_approvals_pin_them() {
    let stage = Stage::new(Mode::Execute, Duration::ZERO, &FULL);
    let desk = stage.open();
    let id = start(&desk).await;
    let run = settled(&desk, id).await;
    assert_eq!(run.state, RunState::Waiting, "{run:#?}");
    assert_eq!(stage.processes.started().len(), 1);
    assert!(run.steps[1].output.contains("<secret>") && !run.steps[1].output.contains("hunter2"));
    let hash = run.steps[2].hash.clone();
    for (who, hash) in [("bob", &*hash), ("carol", &hash), ("mallory", &hash), ("alice", "x")] {
        desk.approve(id, (2, hash), &Who::claimed(who), "").await.unwrap_err();
    }
    desk.approve(id, (2, &hash), &Who::claimed("alice"), "").await.unwrap();
    let run = settled(&desk, id).await;
    assert_eq!(run.state, RunState::Succeeded, "{run:#?}");
    let started = stage.processes.started();
    let verbs: Vec<&str> = started.iter().map(|request| &*request.arguments[0]).collect();
    assert_eq!(verbs, ["rollout", "patch", "scale"]);
    desk.approve(id, (2, &hash), &Who::claimed("alice"), "").await.unwrap_err();
    assert_eq!(stage.processes.started().len(), 3, "a replayed approval runs nothing");
}

#[tokio::test]
async fn no_data_and_values_below_the_limit_run_nothing() {
    let cases: [(&[(&str, f64)], StepStatus); 3] = [
        (&[], StepStatus::Undecided),
        (&[("connections", 90.0)], StepStatus::Undecided),
        (&[("connections", 80.0), ("max_connections", 100.0)], StepStatus::Skipped),
    ];
    for (metrics, expected) in cases {
        let stage = Stage::new(Mode::Execute, Duration::ZERO, metrics);
        let desk = stage.open();
        let id = start(&desk).await;
        let run = settled(&desk, id).await;
        assert_eq!(run.steps[1].status, expected, "{metrics:?}: {run:#?}");
        assert!(stage.processes.started().is_empty(), "{metrics:?}");
    }
}

#[tokio::test]
async fn a_step_that_runs_at_a_crash_is_unknown_and_not_run_again() {
    let stage = Stage::new(Mode::Execute, Duration::from_secs(30), &FULL);
    let desk = stage.open();
    let id = start(&desk).await;
    assert_eq!(settled(&desk, id).await.steps[1].status, StepStatus::Running);
    stage.disk.crash();
    desk.stop.cancel();
    let desk = stage.open();
    desk.drive_run(id);
    let run = settled(&desk, id).await;
    assert_eq!((run.state, run.steps[1].status), (RunState::Unknown, StepStatus::Unknown));
    assert_eq!(stage.processes.started().len(), 1);
    desk.settle(id, 1, &Who::claimed("alice"), true).await.unwrap();
    let run = settled(&desk, id).await;
    assert_eq!((run.state, run.steps[2].status), (RunState::Waiting, StepStatus::Waiting));
}

#[tokio::test]
async fn the_switch_stops_what_runs_and_what_would() {
    let stage = Stage::new(Mode::Execute, Duration::from_secs(30), &FULL);
    let desk = stage.open();
    let id = start(&desk).await;
    settled(&desk, id).await;
    desk.stop_all(&Who::claimed("alice"), "enough").await.unwrap();
    let run = settled(&desk, id).await;
    assert_eq!((run.state, run.steps[1].status), (RunState::Aborted, StepStatus::Aborted));
    let request = StartRequest { runbook: "Pool".to_owned(), ..StartRequest::default() };
    desk.start(request, &Who::claimed("carol")).await.unwrap_err();
    assert_eq!(stage.processes.started().len(), 1);
}
