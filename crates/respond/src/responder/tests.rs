//! The responder as a whole: restarts, outages and a simulated week.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::BoxFuture;
use vigie_language::yaml::Source;
use vigie_model::Labels;
use vigie_world::{ManualClock, Random, SimDisk};

use super::*;
use crate::config::{ConfigOptions, parse};
use crate::notify::{
    Integration, Notifier, NotifyAlert, NotifyContext, NotifyError, NotifyReceipt, Rendered,
};
use crate::{MatcherSyntax, Now, SilenceRequest};

/// Writes down what it is told.
#[derive(Debug, Default, Clone)]
struct Sink(Arc<Mutex<Vec<String>>>);

impl Notifier for Sink {
    fn notify<'a>(
        &'a self,
        context: &'a NotifyContext,
        alerts: &'a [NotifyAlert],
    ) -> BoxFuture<'a, Result<NotifyReceipt, NotifyError>> {
        let text = format!("{} {}", context.reason.as_str(), alerts.len());
        self.0.lock().push(text);
        Box::pin(async move {
            assert!(context.receiver != "panics", "on purpose");
            if context.receiver == "hangs" {
                std::future::pending::<()>().await;
            }
            Ok(NotifyReceipt::default())
        })
    }

    fn render(
        &self,
        context: &NotifyContext,
        alerts: &[NotifyAlert],
    ) -> Result<Rendered, NotifyError> {
        let text = format!("{} of {}", alerts.len(), context.group_key);
        Ok(Rendered { parts: vec![("text".to_owned(), text)] })
    }
}

struct Bench {
    clock: Arc<ManualClock>,
    world: World,
    sink: Sink,
}

fn yaml(receiver: &str) -> String {
    format!(
        "route: {{receiver: {receiver}, group_by: [a], group_wait: 10s, group_interval: 1m, repeat_interval: 1h}}\nreceivers: [{{name: {receiver}}}]\n"
    )
}

impl Bench {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::at(1_780_000_000_000));
        let world = World {
            clock: Arc::clone(&clock) as _,
            disk: Arc::new(SimDisk::from_seed(1)),
            random: Arc::new(Random::from_seed(1)),
        };
        Self { clock, world, sink: Sink::default() }
    }

    fn running(&self, receiver: &str) -> Running {
        let config = parse(&yaml(receiver), &Source::default(), ConfigOptions::default()).unwrap();
        let integration = Integration {
            kind: "webhook",
            index: 0,
            sends_resolved: true,
            notifier: Arc::new(self.sink.clone()),
        };
        Running {
            config: Arc::new(config),
            integrations: Arc::new(BTreeMap::from([(receiver.to_owned(), vec![integration])])),
        }
    }

    fn start(&self, receiver: &str) -> Arc<Responder> {
        let options = ResponderOptions {
            data: "/data/respond".into(),
            limits: Limits::default(),
            times: EngineTimes::default(),
        };
        Responder::start(self.running(receiver), options, self.world.clone()).unwrap()
    }

    /// Moves the clock by steps, and lets tasks do what is due after each.
    async fn pass(&self, seconds: u64) {
        for _ in 0..seconds {
            settle().await;
            self.clock.advance(Duration::from_secs(1));
        }
        settle().await;
    }

    fn told(&self) -> Vec<String> {
        std::mem::take(&mut self.sink.0.lock())
    }
}

async fn settle() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

fn fire(responder: &Responder, tenant: &str, value: &str) {
    let alert = Alert {
        labels: Labels::from_pairs([("a", value)]),
        annotations: BTreeMap::new(),
        starts_at_ms: None,
        ends_at_ms: None,
        generator_url: String::new(),
    };
    responder.send(&TenantId::new(tenant).unwrap(), vec![alert]);
}

#[tokio::test]
async fn tenants_are_told_apart_and_hours_pass_in_no_time() {
    let bench = Bench::new();
    let responder = bench.start("r");
    fire(&responder, "default", "1");
    fire(&responder, "other", "1");
    bench.pass(9).await;
    assert!(bench.told().is_empty());
    bench.pass(2).await;
    assert_eq!(bench.told(), ["first notification 1", "first notification 1"]);
    bench.pass(400).await;
    assert_eq!(bench.told(), ["all alerts resolved 1", "all alerts resolved 1"]);
    responder.stop().await;
}

#[tokio::test]
async fn silences_and_what_was_told_survive_a_restart() {
    let bench = Bench::new();
    let responder = bench.start("r");
    let tenant = responder.tenant(&TenantId::default()).unwrap();
    let request = SilenceRequest {
        matchers: MatcherSyntax::Fallback.parse_list("a=2").unwrap().matchers,
        ends_at_ms: tenant.now().wall_ms + 3_600_000,
        created_by: "me".into(),
        ..SilenceRequest::default()
    };
    let silence = tenant.set_silence(request).await.unwrap();
    fire(&responder, "default", "1");
    fire(&responder, "default", "2");
    bench.pass(20).await;
    assert_eq!(bench.told(), ["first notification 1"]);
    drop(tenant);
    responder.stop().await;
    drop(responder);

    let responder = bench.start("r");
    let tenant = responder.tenant(&TenantId::default()).unwrap();
    assert_eq!(tenant.ask(|engine, _| engine.silence(&silence.id).cloned()), Some(silence.clone()));
    fire(&responder, "default", "1");
    fire(&responder, "default", "2");
    bench.pass(200).await;
    assert!(bench.told().is_empty(), "not again");
    tenant.expire_silence(&silence.id).await.unwrap();
    bench.pass(70).await;
    assert_eq!(bench.told(), ["first notification 1"]);
    let timelines = tenant.ask(|engine, _| engine.timelines().count());
    assert_eq!(timelines, 2);
    responder.stop().await;
}

#[tokio::test]
async fn an_integration_that_panics_or_hangs_ends_its_attempt_only() {
    for receiver in ["panics", "hangs"] {
        let bench = Bench::new();
        let responder = bench.start(receiver);
        fire(&responder, "default", "1");
        bench.pass(150).await;
        let told = bench.told().len();
        assert_eq!(told, 3, "{receiver}: at 10, 70 and 130 seconds");
        let tenant = responder.tenant(&TenantId::default()).unwrap();
        let failures = tenant.ask(|engine, _| {
            let stats = engine.stats().deliveries.values().next().cloned().unwrap();
            (stats.failed.values().sum::<u64>(), stats.last_error.unwrap().1)
        });
        assert!(failures.0 >= 2, "{failures:?}");
        let expected =
            if receiver == "panics" { "panicked" } else { "no answer before the deadline" };
        assert!(failures.1.contains(expected), "{failures:?}");
        tokio::time::timeout(Duration::from_secs(20), responder.stop()).await.unwrap();
    }
}

#[tokio::test]
async fn an_acknowledged_group_is_not_repeated() {
    let bench = Bench::new();
    let responder = bench.start("r");
    let tenant = responder.tenant(&TenantId::default()).unwrap();
    let keep_firing = async |seconds: u64| {
        for _ in 0..seconds / 100 {
            fire(&responder, "default", "1");
            bench.pass(100).await;
        }
    };
    keep_firing(100).await;
    assert_eq!(bench.told().len(), 1);
    let key = "{}:{a=\"1\"}";
    let until = tenant.now().wall_ms + 5_000_000;
    tenant.acknowledge(key, "me".into(), String::new(), until).await.unwrap();
    assert!(tenant.acknowledge("{}:{}", String::new(), String::new(), until).await.is_err());
    keep_firing(4_500).await;
    assert!(bench.told().is_empty(), "somebody takes care");
    keep_firing(1_000).await;
    assert_eq!(bench.told(), ["repeat interval elapsed 1"]);
    responder.stop().await;
}

#[tokio::test]
async fn a_silence_that_ends_reminds_its_owner() {
    let bench = Bench::new();
    let responder = bench.start("r");
    let tenant = responder.tenant(&TenantId::default()).unwrap();
    let request = SilenceRequest {
        matchers: MatcherSyntax::Fallback.parse_list("a=2").unwrap().matchers,
        ends_at_ms: tenant.now().wall_ms + 600_000,
        annotations: BTreeMap::from([("remind_before".to_owned(), "5m".to_owned())]),
        ..SilenceRequest::default()
    };
    tenant.set_silence(request).await.unwrap();
    bench.pass(290).await;
    assert!(bench.told().is_empty());
    bench.pass(60).await;
    assert_eq!(bench.told(), ["first notification 1"]);
    let names = tenant.ask(|engine, now| {
        let views = engine.alerts(&crate::AlertFilter::default(), now);
        views.iter().map(|view| view.alert.labels.to_string()).collect::<Vec<_>>()
    });
    assert!(names[0].contains("SilenceExpiring"), "{names:?}");
    responder.stop().await;
}

#[tokio::test]
async fn a_preview_says_where_an_alert_would_go() {
    let bench = Bench::new();
    let labels = Labels::from_pairs([("a", "1"), ("b", "2")]);
    let now = Now::of(&*bench.world.clock);
    let previews = preview(&bench.running("r"), &labels, &BTreeMap::new(), now);
    assert_eq!(previews.len(), 1);
    assert_eq!(previews[0].group_key, "{}:{a=\"1\"}");
    let message = previews[0].messages[0].message.as_ref().unwrap();
    assert_eq!(message.parts[0].1, "1 of {}:{a=\"1\"}");
}
