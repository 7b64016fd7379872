//! Every filter against a plain reading of the same documents.

use super::*;
use crate::logs::LogPart;
use crate::logs::chunk::ChunkBuilder;
use crate::logs::column::Columns;
use crate::logs::part::{PartInput, PartReader, write_part};
use crate::part::PartCache;

fn documents() -> Vec<String> {
    let mut documents = Vec::new();
    for at in 0..800_u64 {
        let level = ["INFO", "WARN", "ERROR"][(at * 7 % 3) as usize];
        let user = at * 31 % 40;
        let extra = match at % 50 {
            0 => r#","flag":"on""#,
            1 => r#","flag":true"#,
            2 => r#","flag":3"#,
            3 => r#","tags":["red","green"]"#,
            4 => r#","tags":["red",5]"#,
            _ => "",
        };
        let message = match at % 4 {
            0 => format!("Connection refused for user{user} from 10.0.0.{user}"),
            1 => format!("request {at} took {}.5ms path=/api/v{user}/x", at % 97),
            2 => format!("Zürich ÉTÉ {user} 日本 done"),
            _ => format!("connection for admin closed ({at:08x})"),
        };
        documents.push(format!(
            r#"{{"@timestamp":{},"level":"{level}","user":{{"id":{user},"name":"user-{user}"}},"took":{}.{:02},"message":"{message}"{extra}}}"#,
            at * 10,
            at % 300,
            at % 100,
        ));
    }
    documents.extend(odd_documents());
    documents
}

/// All scalar values of a field, read from the JSON.
fn values(document: &Value, path: &str) -> Vec<Value> {
    fn walk(value: &Value, path: &str, out: &mut Vec<Value>) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| walk(item, path, out)),
            Value::Object(fields) => {
                for (key, value) in fields {
                    if key == path {
                        walk(value, "", out);
                    } else if let Some(rest) = path.strip_prefix(&format!("{key}.")) {
                        walk(value, rest, out);
                    }
                }
            }
            scalar if path.is_empty() => out.push(scalar.clone()),
            _ => {}
        }
    }
    let mut out = Vec::new();
    walk(document, path, &mut out);
    out
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
        other => Some(other.to_string()),
    }
}

type Reference = Box<dyn Fn(&Value) -> bool>;

fn any(path: &'static str, test: impl Fn(&str) -> bool + 'static) -> Reference {
    Box::new(move |document| {
        values(document, path).iter().filter_map(text_of).any(|text| test(&text))
    })
}

fn tokens_of(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    crate::logs::standard_tokens(text, |token| tokens.push(token.text.to_owned()));
    tokens
}

fn words(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

#[expect(clippy::too_many_lines, reason = "a table of questions")]
fn questions() -> Vec<(LogFilter, Reference)> {
    let field = LogFilter::field;
    let number = |text: &str| text.parse::<f64>().unwrap_or(f64::NAN);
    vec![
        (field("level", LogTest::Equals(vec!["ERROR".into()])), any("level", |t| t == "ERROR")),
        (
            field("level", LogTest::EqualsAnyCase(vec!["error".into()])),
            any("level", |t| t == "ERROR"),
        ),
        (field("level", LogTest::Equals(words("ERROR WARN"))), any("level", |t| t != "INFO")),
        (field("flag", LogTest::Exists), any("flag", |_| true)),
        (field("flag", LogTest::Equals(vec!["true".into()])), any("flag", |t| t == "true")),
        (field("flag", LogTest::Equals(vec!["3.0".into()])), any("flag", |t| t == "3")),
        (field("tags", LogTest::Equals(vec!["green".into()])), any("tags", |t| t == "green")),
        (field("tags", LogTest::Equals(vec!["5".into()])), any("tags", |t| t == "5")),
        (field("c", LogTest::Exists), any("c", |_| true)),
        (field("list.a", LogTest::Equals(vec!["2".into()])), any("list.a", |t| t == "2")),
        (field("o.p", LogTest::Equals(vec!["2".into()])), any("o.p", |t| t == "2")),
        (
            field("key2999", LogTest::Numbers { from: Some(("2999".into(), true)), to: None }),
            any("key2999", |_| true),
        ),
        (field("key7", LogTest::Exists), any("key7", |_| true)),
        (
            field(
                "user.id",
                LogTest::Numbers {
                    from: Some(("10".into(), false)),
                    to: Some(("20".into(), true)),
                },
            ),
            any("user.id", move |t| number(t) > 10.0 && number(t) <= 20.0),
        ),
        (
            field(
                "took",
                LogTest::Numbers {
                    from: Some(("99.5".into(), true)),
                    to: Some(("1e2".into(), false)),
                },
            ),
            any("took", move |t| number(t) >= 99.5 && number(t) < 100.0),
        ),
        (
            field("user.name", LogTest::Prefix("user-1".into())),
            any("user.name", |t| t.starts_with("user-1")),
        ),
        (
            field("user.name", LogTest::Texts { from: Some(("user-3".into(), false)), to: None }),
            any("user.name", |t| t > "user-3"),
        ),
        (
            field("user.name", LogTest::Matches("user-[12]".into())),
            any("user.name", |t| t == "user-1" || t == "user-2"),
        ),
        (
            field("message", LogTest::Contains("for user1".into())),
            any("message", |t| t.contains("for user1")),
        ),
        (field("message", LogTest::Contains("fu".into())), any("message", |t| t.contains("fu"))),
        (field("message", LogTest::Contains("/".into())), any("message", |t| t.contains('/'))),
        (
            field("message", LogTest::Contains("7.5ms path=/a".into())),
            any("message", |t| t.contains("7.5ms path=/a")),
        ),
        (field("message", LogTest::Contains("ÉT".into())), any("message", |t| t.contains("ÉT"))),
        (
            field("message", LogTest::Contains("onnection".into())),
            any("message", |t| t.contains("onnection")),
        ),
        (
            field("message", LogTest::Finds("took [0-9]\\.5ms".into())),
            any("message", |t| regex::Regex::new("took [0-9]\\.5ms").unwrap().is_match(t)),
        ),
        (
            field("message", LogTest::AllTokens(words("connection for"))),
            any("message", |t| words("connection for").iter().all(|w| tokens_of(t).contains(w))),
        ),
        (
            field("message", LogTest::AllTokens(words("10.0.0.7"))),
            any("message", |t| tokens_of(t).contains(&"10.0.0.7".to_owned())),
        ),
        (
            field("message", LogTest::AllTokens(words("été"))),
            any("message", |t| tokens_of(t).contains(&"été".to_owned())),
        ),
        (
            field("message", LogTest::AnyToken(words("closed 31.5ms user3"))),
            any("message", |t| {
                words("closed 31.5ms user3").iter().any(|w| tokens_of(t).contains(w))
            }),
        ),
        (
            field("message", LogTest::AnyToken(words("api"))),
            any("message", |t| tokens_of(t).contains(&"api".to_owned())),
        ),
        (
            field(
                "message",
                LogTest::Phrase { tokens: words("connection for"), slop: 0, last_is_prefix: false },
            ),
            any("message", |t| t.contains("connection for")),
        ),
        (
            field(
                "message",
                LogTest::Phrase { tokens: words("for user1"), slop: 0, last_is_prefix: true },
            ),
            any("message", |t| t.contains("for user1")),
        ),
        (
            field(
                "message",
                LogTest::Phrase {
                    tokens: words("refused for user7"),
                    slop: 0,
                    last_is_prefix: false,
                },
            ),
            any("message", |t| t.contains("refused for user7 ")),
        ),
        (
            field(
                "message",
                LogTest::Phrase {
                    tokens: words("connection admin"),
                    slop: 1,
                    last_is_prefix: false,
                },
            ),
            any("message", |t| t.contains("connection for admin")),
        ),
        (
            field("message", LogTest::Token(TokenPattern::Contains("fuse".into()))),
            any("message", |t| t.contains("refused")),
        ),
        (
            field("message", LogTest::Token(TokenPattern::Contains("0.0.3".into()))),
            any("message", |t| t.contains("0.0.3")),
        ),
        (
            field("message", LogTest::Token(TokenPattern::Prefix("user3".into()))),
            any("message", |t| t.contains("user3")),
        ),
        (
            field("message", LogTest::Token(TokenPattern::Matches("0000[0-9]+f".into()))),
            any("message", |t| {
                tokens_of(t).iter().any(|w| {
                    w.len() == 8
                        && w.starts_with("0000")
                        && w.ends_with('f')
                        && w[4..7].bytes().all(|b| b.is_ascii_digit())
                })
            }),
        ),
        (
            field("@timestamp", LogTest::Times { start_ns: 5_000_000_000, end_ns: 6_000_000_000 }),
            any("@timestamp", |t| t.parse::<u64>().is_ok_and(|t| (5_000..=6_000).contains(&t))),
        ),
        (field("nothing", LogTest::Exists), any("nothing", |_| true)),
        (field("long", LogTest::Contains("xx".into())), any("long", |t| t.contains("xx"))),
        (
            field("message", LogTest::Contains("and \u{0}".into())),
            any("message", |t| t.contains("and \u{0}")),
        ),
    ]
}

/// Asks everything, alone, negated and together, and compares with the reference.
pub(in crate::logs) fn check_all(snapshot: &LogSnapshot, documents: &[String]) {
    // The document with a key twice is no JSON value.
    let known: Vec<Value> = documents.iter().filter_map(|d| serde_json::from_str(d).ok()).collect();
    let questions = questions();
    let count = |filter: &LogFilter| snapshot.count(&LogQuery::new(filter.clone())).unwrap();
    for (filter, reference) in &questions {
        let expected = known.iter().filter(|document| reference(document)).count() as u64;
        assert_eq!(count(filter), expected, "{filter:?}");
        let not = LogFilter::Not(Box::new(filter.clone()));
        assert_eq!(count(&not), documents.len() as u64 - expected, "not {filter:?}");
        let hits =
            snapshot.hits(&LogQuery::new(filter.clone()), LogOrder::Newest, 10, None).unwrap();
        assert_eq!(hits.len() as u64, expected.min(10), "{filter:?}");
        for hit in hits {
            let document: Value = serde_json::from_str(&source(snapshot, &hit)).unwrap();
            assert!(reference(&document), "{filter:?} {document}");
        }
    }
    for (at, (first, reference)) in questions.iter().enumerate().step_by(3) {
        let (second, other) = &questions[(at * 5 + 1) % questions.len()];
        let both = |document: &&Value| reference(document) && other(document);
        let either = |document: &&Value| reference(document) || other(document);
        let pair = vec![first.clone(), second.clone()];
        assert_eq!(
            count(&LogFilter::And(pair.clone())),
            known.iter().filter(both).count() as u64,
            "and {pair:?}"
        );
        assert_eq!(
            count(&LogFilter::Or(pair.clone())),
            known.iter().filter(either).count() as u64,
            "or {pair:?}"
        );
    }
}

#[tokio::test]
async fn every_filter_finds_what_a_plain_reading_finds() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).await;
    let documents = documents();
    for some in documents.chunks(700) {
        let mut batch = LogBatch::new();
        some.iter().for_each(|document| push(&mut batch, LogAction::Index, None, document));
        write(&store, batch).await;
    }
    check_all(&store.log_snapshot(&tenant()), &documents);
    let fields = store.log_snapshot(&tenant()).fields().unwrap();
    let kinds = fields.iter().filter(|field| field.path == "flag").count();
    assert_eq!(kinds, 3, "text, number and boolean");
}

/// Documents as pieces of a head.
fn chunks(documents: &[String], rows: usize) -> Vec<PartInput> {
    let mut inputs = Vec::new();
    for (number, some) in documents.chunks(rows).enumerate() {
        let mut builder = ChunkBuilder::default();
        for (at, document) in some.iter().enumerate() {
            let mut batch = LogBatch::new();
            push(&mut batch, LogAction::Index, None, document);
            let operation = &batch.operations()[0];
            let sequence = (number * rows + at) as u64;
            let id = (at % 3 == 0).then(|| format!("id-{sequence}"));
            let place = (sequence, operation.time_ns);
            builder.push(&format!("logs-{}", at % 2), id.as_deref(), place, batch.body(operation));
        }
        inputs.push(PartInput { chunk: Arc::new(builder.chunk), deleted: None });
    }
    inputs
}

fn part(inputs: &[PartInput]) -> LogPart {
    let (bytes, meta) = write_part(inputs).unwrap().unwrap();
    let reader = PartReader::open(Arc::new(bytes), Arc::new(PartCache::new(1 << 20))).unwrap();
    assert_eq!(meta.rows, u64::from(reader.rows()));
    LogPart { columns: Arc::new(reader), deleted: None, bytes: meta.bytes, stored: None }
}

#[test]
fn a_part_answers_as_its_pieces_did_and_gives_the_same_documents() {
    let documents = documents();
    let inputs = chunks(&documents, 700);
    let part = part(&inputs);
    let snapshot = LogSnapshot::new(vec![part.clone()]);
    check_all(&snapshot, &documents);
    let mut found = sources(&snapshot, &all());
    let mut written = documents.clone();
    found.sort();
    written.sort();
    assert_eq!(found.len(), written.len());
    for (found, written) in found.iter().zip(&written) {
        assert!(same(found, written), "{found}\n{written}");
    }
    let indexes = snapshot.indexes().unwrap();
    assert_eq!(indexes.iter().map(|index| index.documents).sum::<u64>(), documents.len() as u64);
    for sequence in [0_usize, 3, 702] {
        let ids = LogQuery::new(LogFilter::Ids(vec![format!("id-{sequence}")]));
        let expected = usize::from((sequence % 700).is_multiple_of(3));
        let hits = snapshot.hits(&ids, LogOrder::Newest, 10, None).unwrap();
        assert_eq!(hits.len(), expected, "{sequence}");
        assert!(hits.iter().all(|hit| hit.sequence == sequence as u64));
    }
    let half = LogQuery { start_ns: 2_000_000_000, end_ns: 5_000_000_000, ..all() };
    let times = documents.iter().filter_map(|d| serde_json::from_str::<Value>(d).ok());
    let within =
        times.filter(|d| d["@timestamp"].as_u64().is_some_and(|t| (2_000..=5_000).contains(&t)));
    assert_eq!(snapshot.count(&half).unwrap(), within.count() as u64);
}

#[test]
fn a_damaged_part_is_refused_or_answers_without_a_panic() {
    let documents: Vec<_> = documents().into_iter().filter(|d| d.len() < 10_000).collect();
    let (bytes, _) = write_part(&chunks(&documents, 700)).unwrap().unwrap();
    let random = vigie_world::Random::from_seed(7);
    for _ in 0..60 {
        let mut damaged = bytes.to_vec();
        for _ in 0..=random.below(3) {
            let at = random.below(damaged.len() as u64) as usize;
            damaged[at] ^= 1 << random.below(8);
        }
        crate::logs::fuzz_part(damaged.into());
    }
    crate::logs::fuzz_part(bytes.slice(..bytes.len() / 2));
}
