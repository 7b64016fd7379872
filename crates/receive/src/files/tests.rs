//! Inputs over real files that grow, move, shrink and come back.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use vigie_language::filebeat;
use vigie_language::yaml::Source;
use vigie_model::event::{
    DeliverFuture, Event, EventBatch, EventSink, Refusal, RefusalKind, Value,
};
use vigie_world::World;

use super::{Files, Registry, Shipper};

/// Keeps what comes, unless it is told to refuse.
#[derive(Debug, Default)]
struct Kept {
    events: Mutex<Vec<Event>>,
    refuses: AtomicBool,
}

impl EventSink for Kept {
    fn deliver(&self, batch: EventBatch) -> DeliverFuture<'_> {
        Box::pin(async move {
            if self.refuses.load(Ordering::Relaxed) {
                return Err(Refusal::new(RefusalKind::Unavailable, "stalled"));
            }
            self.events.lock().extend(batch.events);
            Ok(())
        })
    }
}

impl Kept {
    fn messages(&self) -> Vec<String> {
        let text = |event: &Event| {
            event.fields.get("message").and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        self.events.lock().iter().map(text).collect()
    }

    async fn wait_for(&self, count: usize) -> Vec<String> {
        for _ in 0..200 {
            if self.events.lock().len() >= count {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        self.messages()
    }
}

/// A running input over a folder of its own.
struct Fixture {
    folder: tempfile::TempDir,
    options: String,
    kept: Arc<Kept>,
    running: Option<(CancellationToken, JoinHandle<()>)>,
}

impl Fixture {
    /// `options` are lines of an input; its files are `*.log` of the folder unless they say.
    fn new(options: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { folder, options: options.to_owned(), kept: Arc::default(), running: None }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn start(&mut self) {
        let text = format!(
            "filebeat.inputs:\n- paths: ['{0}/*.log', '{0}/deep/**/*.txt']\n  scan_frequency: 100ms\n  {1}\n",
            self.folder.path().display(),
            self.options.replace('\n', "\n  ")
        );
        let config = filebeat::parse(&text, &Source::default(), &|_| None).unwrap();
        assert!(config.warnings.is_empty(), "{:?}", config.warnings);
        let world = World::real();
        let registry =
            Registry::open(Arc::clone(&world.disk), &self.folder.path().join("registry")).unwrap();
        let stop = CancellationToken::new();
        let files = Files::new(registry, world);
        let input = Arc::new(config.inputs.into_iter().next().unwrap());
        let shipper = Arc::new(Shipper { name: "here".into(), ..Shipper::default() });
        let sink = Arc::clone(&self.kept) as Arc<dyn EventSink>;
        let following = tokio::spawn(files.follow(input, shipper, sink, stop.clone()));
        self.running = Some((stop, following));
    }

    async fn stop(&mut self) {
        if let Some((stop, following)) = self.running.take() {
            stop.cancel();
            following.await.unwrap();
        }
    }
}

fn append(path: &Path, text: &str) {
    let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

fn field<'a>(event: &'a Event, path: &str) -> &'a Value {
    let mut parts = path.split('.');
    let mut value = event.fields.get(parts.next().unwrap()).unwrap_or(&Value::Null);
    for part in parts {
        value = value.as_object().and_then(|object| object.get(part)).unwrap_or(&Value::Null);
    }
    value
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_come_once_whatever_happens_to_their_files() {
    let mut fixture = Fixture::new("type: log\nfields: {service: shop}\ntags: [a]");
    let (log, moved) = (fixture.path("app.log"), fixture.path("app.old.log"));
    append(&log, "one\ntwo\nhal");
    fixture.start();
    assert_eq!(fixture.kept.wait_for(2).await, ["one", "two"]);
    append(&log, "f\r\n");
    assert_eq!(fixture.kept.wait_for(3).await[2], "half");

    // Renamed while it is written to, under a name that is followed too, and made anew.
    fs::rename(&log, &moved).unwrap();
    append(&moved, "after\n");
    append(&log, "new\n");
    let mut all = fixture.kept.wait_for(5).await;
    all.sort();
    assert_eq!(all, ["after", "half", "new", "one", "two"]);

    // Copied and cut.
    fs::write(fixture.path("copy.of"), fs::read(&log).unwrap()).unwrap();
    OpenOptions::new().write(true).truncate(true).open(&log).unwrap();
    append(&log, "cut and longer than before\n");
    assert_eq!(fixture.kept.wait_for(6).await[5], "cut and longer than before");
    // Of the very same length.
    fs::write(&log, "CUT and longer than before\n").unwrap();
    assert_eq!(fixture.kept.wait_for(7).await[6], "CUT and longer than before");

    // A restart goes on where it was; what came meanwhile is not lost.
    fixture.stop().await;
    append(&log, "while away\n");
    fs::create_dir_all(fixture.path("deep/er")).unwrap();
    append(&fixture.path("deep/er/x.txt"), "deep\n");
    fixture.start();
    let all = fixture.kept.wait_for(9).await;
    let mut last: Vec<_> = all[7..].to_vec();
    last.sort();
    assert_eq!(last, ["deep", "while away"]);
    fixture.stop().await;
    let events = fixture.kept.events.lock();
    assert_eq!(events.len(), 9);
    let half = events.iter().find(|e| field(e, "message").as_str() == Some("half")).unwrap();
    assert_eq!(*field(half, "log.offset"), Value::Integer(8));
    assert_eq!(field(half, "log.file.path").as_str(), log.to_str());
    assert_eq!(field(half, "fields.service").as_str(), Some("shop"));
    assert_eq!(field(half, "input.type").as_str(), Some("log"));
    assert_eq!(field(half, "host.name").as_str(), Some("here"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_taken_is_sent_again_and_not_lost() {
    let mut fixture = Fixture::new("type: filestream\nid: f");
    let log = fixture.path("a.log");
    fixture.kept.refuses.store(true, Ordering::Relaxed);
    append(&log, "one\n");
    fixture.start();
    tokio::time::sleep(Duration::from_millis(400)).await;
    // It never was taken: a restart begins with it again.
    fixture.stop().await;
    fixture.start();
    append(&log, "two\n");
    fixture.kept.refuses.store(false, Ordering::Relaxed);
    assert_eq!(fixture.kept.wait_for(2).await, ["one", "two"]);
    fixture.stop().await;
    // A file of the same inode that begins otherwise is another one.
    fs::write(&log, "other content, longer than what was read\n").unwrap();
    fixture.start();
    assert_eq!(fixture.kept.wait_for(3).await[2], "other content, longer than what was read");
    fixture.stop().await;
    assert_eq!(fixture.kept.messages().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_of_containers_are_taken_apart_and_joined() {
    let mut fixture = Fixture::new("type: container\nstream: stdout");
    append(
        &fixture.path("docker.log"),
        concat!(
            "{\"log\":\"one\\n\",\"stream\":\"stdout\",\"time\":\"2026-01-02T03:04:05.6Z\"}\n",
            "{\"log\":\"not wanted\\n\",\"stream\":\"stderr\",\"time\":\"2026-01-02T03:04:05Z\"}\n",
            "{\"log\":\"begin \",\"stream\":\"stdout\",\"time\":\"2026-01-02T03:04:06Z\"}\n",
            "{\"log\":\"end\\n\",\"stream\":\"stdout\",\"time\":\"2026-01-02T03:04:07Z\"}\n",
            "no JSON\n",
        ),
    );
    append(
        &fixture.path("cri.log"),
        concat!(
            "2026-01-02T03:04:08Z stdout F cri\n",
            "2026-01-02T03:04:09Z stdout P left\n",
            "2026-01-02T03:04:09Z stderr F other stream between\n",
            "2026-01-02T03:04:09Z stdout F  right\n",
        ),
    );
    fixture.start();
    let mut messages = fixture.kept.wait_for(5).await;
    fixture.stop().await;
    messages.sort();
    assert_eq!(messages, ["begin end", "cri", "left right", "no JSON", "one"]);
    let events = fixture.kept.events.lock();
    let one = events.iter().find(|e| field(e, "message").as_str() == Some("one")).unwrap();
    assert_eq!(one.time_ns(), Some(1_767_323_045_600_000_000));
    assert_eq!(field(one, "stream").as_str(), Some("stdout"));
}

#[tokio::test(flavor = "multi_thread")]
async fn several_lines_are_one_message() {
    let mut fixture = Fixture::new(
        "type: log\nmultiline: {pattern: '^\\s', match: after, timeout: 300ms, max_lines: 3}\nexclude_lines: ['^DEBUG']",
    );
    let log = fixture.path("trace.log");
    append(&log, "error\n at a\n at b\n at c\nDEBUG x\n y\nlast\n");
    fixture.start();
    let messages = fixture.kept.wait_for(2).await;
    assert_eq!(messages, ["error\n at a\n at b", "last"]);
    fixture.stop().await;

    // A message that was not whole when everything stopped comes whole.
    let mut fixture = Fixture::new("type: log\nmultiline: {pattern: '\\\\$', match: before}");
    let log = fixture.path("a.log");
    append(&log, "a \\\nb \\\n");
    fixture.start();
    tokio::time::sleep(Duration::from_millis(500)).await;
    fixture.stop().await;
    assert!(fixture.kept.messages().is_empty());
    append(&log, "c\nd\n");
    fixture.start();
    assert_eq!(fixture.kept.wait_for(2).await, ["a \\\nb \\\nc", "d"]);
    fixture.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn json_encodings_and_long_lines() {
    let mut fixture = Fixture::new(
        "type: log\njson: {keys_under_root: true, add_error_key: true, expand_keys: true}\nfields_under_root: true\nfields: {level: own}",
    );
    append(&fixture.path("a.log"), "{\"message\":\"m\",\"a.b\":1,\"level\":\"their\"}\nnot json\n");
    fixture.start();
    assert_eq!(fixture.kept.wait_for(2).await, ["m", "not json"]);
    fixture.stop().await;
    {
        let events = fixture.kept.events.lock();
        assert_eq!(*field(&events[0], "a.b"), Value::Integer(1));
        assert_eq!(field(&events[0], "level").as_str(), Some("own"));
        assert_eq!(field(&events[1], "error.type").as_str(), Some("json"));
    }
    let mut fixture = Fixture::new("type: log\nencoding: utf-16le\nmax_bytes: 20");
    let text: Vec<u8> = "é\u{a0a}x\r\na line that is far too long\nend\n"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    fs::write(fixture.path("a.log"), text).unwrap();
    fixture.start();
    assert_eq!(fixture.kept.wait_for(3).await, ["é\u{a0a}x", "a line tha", "end"]);
    fixture.stop().await;
    assert_eq!(
        *field(&fixture.kept.events.lock()[1], "log.flags"),
        Value::List(vec!["truncated".into()])
    );
}
