//! Golden cases: a configuration and events in, events out; what cannot run; outputs.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use vigie_dial::HttpEnvironment;
use vigie_formats::event_json::parse_json_object;
use vigie_language::logstash;
use vigie_model::event::{
    DeliverFuture, Event, EventBatch, EventSink, Refusal, RefusalKind, Value,
};
use vigie_world::{ManualClock, Random, SimDisk, World};

use crate::codec::{event_of_json, json};
use crate::{
    BuildOptions, Built, DeadLetterQueue, DeadLetterReader, Ecs, OutputContext, PipelineSink,
    ProcessError, build,
};

/// 2025-11-26T12:00:00Z
const NOW_MS: i64 = 1_764_158_400_000;

/// Keeps what it is given, or refuses it.
#[derive(Debug, Default)]
struct Kept {
    batches: Mutex<Vec<EventBatch>>,
    refusal: Mutex<Option<RefusalKind>>,
}

impl EventSink for Kept {
    fn deliver(&self, batch: EventBatch) -> DeliverFuture<'_> {
        Box::pin(async move {
            if let Some(kind) = *self.refusal.lock() {
                return Err(Refusal::new(kind, "refused for the test"));
            }
            self.batches.lock().push(batch);
            Ok(())
        })
    }
}

#[derive(Debug)]
struct Setup {
    kept: Arc<Kept>,
    printed: Arc<Mutex<String>>,
    world: World,
}

impl Setup {
    fn new() -> Self {
        let world = World {
            clock: Arc::new(ManualClock::at(NOW_MS)),
            disk: Arc::new(SimDisk::from_seed(7)),
            random: Arc::new(Random::from_seed(7)),
        };
        Self { kept: Arc::default(), printed: Arc::default(), world }
    }

    fn build(&self, text: &str) -> Result<Built, ProcessError> {
        let config = logstash::parse(text)?;
        let options = BuildOptions {
            id: "main".to_owned(),
            ecs: Ecs::V8,
            geoip_database: None,
            folder: PathBuf::from("/"),
            world: self.world.clone(),
        };
        let printed = Arc::clone(&self.printed);
        let queue = DeadLetterQueue::open(Path::new("/dead"), 1 << 20, self.world.clone());
        let outputs = OutputContext {
            own: Arc::clone(&self.kept) as _,
            is_own_host: Arc::new(|host| host.contains("elasticsearch")),
            stdout: Arc::new(move |text| printed.lock().push_str(text)),
            dead_letters: Some(Arc::new(queue.unwrap())),
            http: HttpEnvironment::default(),
        };
        build(&config, &options, outputs)
    }
}

fn golden(file: &str) -> Vec<(String, String, String, String)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/logstash").join(file);
    let text = std::fs::read_to_string(path).unwrap();
    let mut cases = Vec::new();
    for case in text.split("\n=== ").skip(1) {
        let (name, rest) = case.split_once('\n').unwrap();
        let (config, rest) = rest.split_once("\n--- in\n").unwrap();
        let (events, expected) = rest.split_once("\n--- out\n").unwrap();
        cases.push([name, config, events, expected].map(str::to_owned).into());
    }
    cases
}

/// Without `@timestamp`, where the outcome does not name it; numbers as they are.
fn comparable(event: &Event, names_time: bool) -> serde_json::Value {
    let mut value: serde_json::Value = serde_json::from_str(&json(event)).unwrap();
    if !names_time {
        value.as_object_mut().unwrap().remove("@timestamp");
    }
    value
}

fn run_golden(file: &str) {
    let mut wrong = Vec::new();
    for (name, config, events, expected) in golden(file) {
        let setup = Setup::new();
        let built = setup.build(&config).unwrap_or_else(|error| panic!("{name}: {error}"));
        let events: Vec<_> =
            events.lines().map(|line| event_of_json(line, NOW_MS * 1_000_000)).collect();
        let out = built.pipeline.run(events);
        let expected: Vec<serde_json::Value> = expected
            .lines()
            .filter(|line| !line.trim().is_empty())
            .map(|line| {
                serde_json::from_str(line).unwrap_or_else(|e| panic!("{name}: {line}: {e}"))
            })
            .collect();
        let found: Vec<_> = out
            .iter()
            .enumerate()
            .map(|(at, event)| {
                let names_time =
                    expected.get(at).is_some_and(|one| one.get("@timestamp").is_some());
                comparable(event, names_time)
            })
            .collect();
        if found != expected {
            let lines = |all: &[serde_json::Value]| {
                all.iter().map(|one| format!("  {one}\n")).collect::<String>()
            };
            wrong.push(format!("{name}\n expected\n{} found\n{}", lines(&expected), lines(&found)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn filters_that_parse() {
    run_golden("parse.test");
}

#[test]
fn filters_that_change() {
    run_golden("change.test");
}

#[test]
fn what_cannot_run_is_refused_with_its_place() {
    for (config, expected) in [
        (
            "filter { ruby { code => 'x' } }",
            "filter ruby: is refused: code in Ruby is not run here; use mutate, translate, grok, \
             dissect, split, prune or a conditional at line 1, column 10",
        ),
        (
            "filter { mutate { nonsense => 1 } }",
            "Unknown setting 'nonsense' for mutate at line 1, column 19",
        ),
        (
            "filter { grok { match => { m => \"%{NOPE}\" } } }",
            "filter grok: match: `%{NOPE}`: pattern %{NOPE} not defined at line 1, column 10",
        ),
        (
            "filter { geoip { source => \"client_ip\" } }",
            "filter geoip: GeoIP Filter in ECS-Compatiblity mode requires a `target` when `source` \
             is not an `ip` sub-field, eg. [client][ip] at line 1, column 10",
        ),
        (
            "output {\n  kafka { topic_id => x1 } }",
            "output kafka: is refused: Vigie does not write to kafka; send to a collector that \
             does by `http` at line 2, column 3",
        ),
        (
            "filter { date { match => [\"t\"] } }",
            "filter date: match: needs a field and at least one format at line 1, column 10",
        ),
        (
            "filter { date { match => [\"t\", \"yyyy-ff\"] } }",
            "filter date: match: `yyyy-ff`: Illegal pattern component: ff at line 1, column 10",
        ),
        (
            "filter { if [a] =~ /(/ { drop { } } }",
            "the expression /(/: end pattern with unmatched parenthesis at line 1, column 10",
        ),
        (
            "filter { drop { percentage => many } }",
            "filter drop: percentage: `many` is no number at line 1, column 10",
        ),
    ] {
        let error = Setup::new().build(config).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
}

async fn deliver(built: &Arc<Built>, lines: &[&str]) -> Result<(), Refusal> {
    let events = lines.iter().map(|line| event_of_json(line, NOW_MS * 1_000_000)).collect();
    let sink = PipelineSink::new(Arc::clone(built));
    sink.deliver(EventBatch { events, ..EventBatch::default() }).await
}

#[tokio::test]
async fn the_seed_runs_verbatim() {
    let Some(path) = vigie_testkit::shared("the_seed_runs_verbatim", "seed/logstash.conf") else {
        return;
    };
    let setup = Setup::new();
    let built = Arc::new(setup.build(&std::fs::read_to_string(path).unwrap()).unwrap());
    let warnings: Vec<_> = built.warnings.iter().map(|warning| &warning.message).collect();
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    let line = r#"{"timestamp":"2023-11-10T14:30:45.123Z","message":"{\"token\":\"t\",\"inner\":1}","password":"p","secret":"s","level":"INFO"}"#;
    deliver(
        &built,
        &[line, r#"{"timestamp":"2023-11-11 00:00:00,000","message":"plain","token":"x"}"#],
    )
    .await
    .unwrap();
    let batches = setup.kept.batches.lock();
    let indexes: Vec<_> = batches.iter().map(|batch| batch.origin.index.as_deref()).collect();
    assert_eq!(indexes, [Some("logs-2023.11.10"), Some("logs-2023.11.11")]);
    let document = json(&batches[0].events[0]);
    for gone in ["password", "token", "secret"] {
        assert!(batches.iter().all(|batch| batch.events[0].fields.get(gone).is_none()), "{gone}");
    }
    assert!(document.contains(r#""inner":1"#), "{document}");
    assert!(document.contains(r#""tags":["_geoip_lookup_failure","processed"]"#), "{document}");
    assert!(json(&batches[1].events[0]).contains("_jsonparsefailure"));
    let printed = setup.printed.lock();
    assert!(printed.contains(r#""level" => "INFO""#), "{printed}");
    assert!(!printed.contains("password"));
}

#[tokio::test]
async fn outputs_route_by_conditions_and_name_their_documents() {
    let setup = Setup::new();
    let text = "output { if [level] == 'error' { elasticsearch { hosts => ['elasticsearch:9200'] \
                index => 'e-%{app}' document_id => '%{id}' } } else { null { } } \
                stdout { codec => line { format => '%{level}' } } }";
    let built = Arc::new(setup.build(text).unwrap());
    let lines = [
        r#"{"level":"error","app":"a","id":"7"}"#,
        r#"{"level":"info"}"#,
        r#"{"level":"error","app":"b"}"#,
    ];
    deliver(&built, &lines).await.unwrap();
    {
        let batches = setup.kept.batches.lock();
        assert_eq!(batches.len(), 2);
        assert_eq!(batches[0].origin.index.as_deref(), Some("e-a"));
        assert_eq!(batches[0].events[0].metadata.get("_id"), Some(&Value::from("7")));
        assert_eq!(*setup.printed.lock(), "error\ninfo\nerror\n");
    }
    // What the store cannot take now is refused to the sender; what it never takes is set aside.
    *setup.kept.refusal.lock() = Some(RefusalKind::Unavailable);
    assert_eq!(deliver(&built, &lines).await.unwrap_err().kind, RefusalKind::Unavailable);
    *setup.kept.refusal.lock() = Some(RefusalKind::Invalid);
    deliver(&built, &lines).await.unwrap();
    let files = setup.world.disk.list(Path::new("/dead")).unwrap();
    assert_eq!(files.len(), 1);
    let bytes = setup.world.disk.read(&Path::new("/dead").join(&files[0].name)).unwrap();
    let letters = String::from_utf8(bytes).unwrap();
    let first = parse_json_object(letters.lines().next().unwrap().as_bytes()).unwrap();
    assert_eq!(first.get("reason"), Some(&Value::from("refused for the test")));
    assert_eq!(letters.lines().count(), 2);
    // They are read again once: with their event, and why they are there; a torn line is left.
    let mut file = setup.world.disk.open_append(&Path::new("/dead").join(&files[0].name)).unwrap();
    file.append(b"nonsense\n{\"time\":").unwrap();
    let open = |all| DeadLetterReader::open(Path::new("/dead"), all, setup.world.clone()).unwrap();
    let mut reader = open(false);
    let kept = reader.read(1).unwrap();
    assert_eq!(kept[0].letter.event.fields.get("app"), Some(&Value::from("a")));
    assert!(matches!(kept[0].letter.event.fields.get("@timestamp"), Some(Value::Time(_))));
    let Some(Value::Object(why)) = kept[0].letter.event.metadata.get("dead_letter_queue") else {
        panic!("{kept:?}")
    };
    assert_eq!(why.get("reason"), Some(&Value::from("refused for the test")));
    reader.note().unwrap();
    let mut reader = open(false);
    assert_eq!(reader.read(10).unwrap().len(), 1);
    assert_eq!(reader.unreadable(), 1);
    reader.note().unwrap();
    assert!(open(false).read(10).unwrap().is_empty());
    assert_eq!(open(true).read(10).unwrap().len(), 2);
}

#[tokio::test]
async fn files_are_written_and_not_outside_of_their_folder() {
    let setup = Setup::new();
    let text = "output { file { path => '/logs/%{app}.log' codec => json_lines } }";
    let built = Arc::new(setup.build(text).unwrap());
    deliver(&built, &[r#"{"app":"a"}"#, r#"{"app":"../../etc/x"}"#, r#"{"app":"a"}"#])
        .await
        .unwrap();
    let read = |path: &str| setup.world.disk.read(Path::new(path)).unwrap();
    assert_eq!(String::from_utf8(read("/logs/a.log")).unwrap().lines().count(), 2);
    assert_eq!(String::from_utf8(read("/logs/_filepath_failures")).unwrap().lines().count(), 1);
}

#[test]
fn rubydebug_aligns_keys() {
    let event = event_of_json(
        r#"{"message":"a \"b\"\n","@timestamp":"2023-11-10T14:30:45.123Z","n":{"x":1.5,"list":[true,null]},"e":[]}"#,
        0,
    );
    let expected = "{
    \"@timestamp\" => 2023-11-10T14:30:45.123Z,
       \"message\" => \"a \\\"b\\\"\\n\",
             \"n\" => {
           \"x\" => 1.5,
        \"list\" => [
            [0] true,
            [1] nil
        ]
    },
             \"e\" => []
}";
    assert_eq!(crate::rubydebug(&event, false), expected);
}

mod stages {
    use std::time::Duration;

    use vigie_language::logstash::{FieldReference, Sprintf};

    use super::*;
    use crate::{Deduplicate, SampleRule, StageConfig, Stages, ValueLimit};

    fn rule(levels: &[&str], ratio: f64, key: Option<&str>, most: Option<u32>) -> SampleRule {
        SampleRule {
            levels: levels.iter().map(|&level| level.to_owned()).collect(),
            ratio,
            key: key.map(|key| Sprintf::parse(key).unwrap()),
            per_second_max: most,
        }
    }

    /// The lines that are kept.
    async fn kept(
        config: StageConfig,
        clock: &Arc<ManualClock>,
        batches: &[&[String]],
    ) -> Vec<String> {
        let setup = Setup::new();
        let world = World { clock: Arc::clone(clock) as _, ..setup.world.clone() };
        let stages = Stages::new(config, Arc::clone(&setup.kept) as _, world);
        for lines in batches {
            let events = lines.iter().map(|line| event_of_json(line, 0)).collect();
            stages.deliver(EventBatch { events, ..EventBatch::default() }).await.unwrap();
            clock.advance(Duration::from_secs(20));
        }
        let batches = setup.kept.batches.lock();
        batches.iter().flat_map(|batch| &batch.events).map(json).collect()
    }

    #[tokio::test]
    async fn lines_are_sampled_by_level_key_and_rate() {
        let clock = Arc::new(ManualClock::at(NOW_MS));
        let lines: Vec<String> = (0..400)
            .map(|at| {
                let level = if at % 2 == 0 { "DEBUG" } else { "error" };
                format!(r#"{{"level":"{level}","trace_id":"t{}","n":{at}}}"#, at / 4)
            })
            .collect();
        let config = StageConfig {
            samples: vec![
                rule(&["debug"], 0.0, None, None),
                rule(&[], 0.5, Some("%{trace_id}"), None),
            ],
            ..StageConfig::default()
        };
        let once = kept(config.clone(), &clock, &[&lines]).await;
        assert!(!once.iter().any(|line| line.contains("DEBUG")));
        assert!((60..140).contains(&once.len()), "{}", once.len());
        // Both lines of a trace, or none; and the same traces whoever decides.
        assert_eq!(once.len() % 2, 0);
        assert_eq!(kept(config, &clock, &[&lines]).await, once);
        let config = StageConfig {
            samples: vec![rule(&[], 1.0, Some("%{level}"), Some(3))],
            ..StageConfig::default()
        };
        assert_eq!(kept(config, &clock, &[&lines, &lines]).await.len(), 12);
    }

    #[tokio::test]
    async fn repeats_are_told_and_values_are_limited() {
        let clock = Arc::new(ManualClock::at(NOW_MS));
        let line = |user: usize| format!(r#"{{"message":"same","user":"u{user}"}}"#);
        let config = StageConfig {
            deduplicate: Some(Deduplicate {
                key: Sprintf::parse("%{message}").unwrap(),
                window_ms: 10_000,
            }),
            ..StageConfig::default()
        };
        let found = kept(config, &clock, &[&[line(1), line(2), line(3)], &[line(4)]]).await;
        assert_eq!(found.len(), 2);
        assert!(found[1].contains(r#""repeated":2"#), "{}", found[1]);
        let limits = vec![ValueLimit { field: FieldReference::of_name("user"), values_max: 2 }];
        let config = StageConfig { limits, ..StageConfig::default() };
        let found = kept(config, &clock, &[&[line(1), line(2), line(3), line(1)]]).await;
        let other = found.iter().filter(|line| line.contains("_other")).count();
        assert_eq!((found.len(), other), (4, 1));
    }
}
