//! Pipelines over told buckets.

use serde_json::json;

use super::*;

fn run(kind: &str, options: &Value) -> Vec<Value> {
    let mut buckets: Vec<Value> = [(0, 4.0), (60_000, 1.0), (120_000, 7.0)]
        .into_iter()
        .map(|(key, value)| json!({"key": key, "doc_count": 2, "m": {"value": value}}))
        .collect();
    let options = Options::of(kind, options).unwrap();
    Pipeline::new("p".to_owned(), kind, options).unwrap().parent(&mut buckets);
    buckets.iter().map(|bucket| bucket["p"]["value"].clone()).collect()
}

#[test]
fn series() {
    assert_eq!(
        run("derivative", &json!({"buckets_path": "m"})),
        [Value::Null, json!(-3.0), json!(6.0)]
    );
    assert_eq!(
        run("cumulative_sum", &json!({"buckets_path": "m"})),
        [json!(4.0), json!(5.0), json!(12.0)]
    );
    assert_eq!(
        run("serial_diff", &json!({"buckets_path": "m", "lag": 2})),
        [Value::Null, Value::Null, json!(3.0)]
    );
    let script = json!({"buckets_path": "m", "window": 2, "script": "MovingFunctions.max(values)"});
    assert_eq!(run("moving_fn", &script), [Value::Null, json!(4.0), json!(4.0)]);
    let script =
        json!({"buckets_path": {"a": "m", "b": "_count"}, "script": "params.a / params.b"});
    assert_eq!(run("bucket_script", &script), [json!(2.0), json!(0.5), json!(3.5)]);
}

#[test]
fn buckets_are_selected_and_sorted() {
    let select = json!({"buckets_path": {"a": "m"}, "script": "params.a > 2"});
    assert_eq!(run("bucket_selector", &select).len(), 2);
    let mut buckets =
        vec![json!({"key": "a", "m": {"value": 1.0}}), json!({"key": "b", "m": {"value": 2.0}})];
    let options = json!({"sort": [{"m": {"order": "desc"}}], "size": 1});
    let pipeline =
        Pipeline::new("s".into(), "bucket_sort", Options::of("s", &options).unwrap()).unwrap();
    pipeline.parent(&mut buckets);
    assert_eq!(buckets, [json!({"key": "b", "m": {"value": 2.0}})]);
}

#[test]
fn siblings() {
    let beside = json!({"h": {"buckets": [
        {"key": 1, "doc_count": 1, "m": {"value": 3.0}},
        {"key": 2, "doc_count": 1, "m": {"value": 5.0}},
        {"key": 3, "doc_count": 0, "m": {"value": 0.0}},
    ]}});
    let tell = |kind: &str| {
        let options = json!({"buckets_path": "h>m"});
        let pipeline =
            Pipeline::new("p".into(), kind, Options::of(kind, &options).unwrap()).unwrap();
        pipeline.sibling(beside.as_object().unwrap()).unwrap()
    };
    assert_eq!(tell("avg_bucket"), json!({"value": 4.0}));
    assert_eq!(tell("max_bucket"), json!({"value": 5.0, "keys": ["2"]}));
    assert_eq!(tell("stats_bucket")["count"], 2);
}

#[test]
fn paths() {
    let bucket = json!({"doc_count": 3, "s": {"avg": 2.0}, "p": {"values": {"99.0": 7.0}}, "f": {"doc_count": 1, "m": {"value": 9.0}}});
    for (path, expected) in [
        ("_count", 3.0),
        ("s.avg", 2.0),
        ("p.99", 7.0),
        ("p[99.0]", 7.0),
        ("f>m", 9.0),
        ("f>_count", 1.0),
    ] {
        assert_eq!(number_at(&bucket, path), Some(expected), "{path}");
    }
}
