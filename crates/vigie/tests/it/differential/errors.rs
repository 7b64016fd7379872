//! Malformed queries and parameters: the same status, kind of error, place and words.

use super::peer::{Level, ask, start};
use crate::vigie;

/// Queries that are wrong, and some that look it.
const QUERIES: &[&str] = &[
    "sum(",
    "sum",
    "sum by",
    "sum by (",
    "sum by (a",
    "sum by (a b) (x)",
    "sum by (1) (x)",
    "sum by (a,) (x",
    "rate(x)",
    "rate(x[5m]",
    "rate(x[5])",
    "rate(x[5q])",
    "rate(x[])",
    "rate()",
    "rate(x[5m], 1)",
    "rate(1)",
    "rat(x[5m])",
    "x[",
    "x[5m",
    "x[5m:",
    "x[5m:1m",
    "x[0s]",
    "x[5m][5m]",
    "x[-5m]",
    "x{",
    "x{a",
    "x{a=",
    r#"x{a="b""#,
    r#"x{a="b" c="d"}"#,
    "x{a=b}",
    r#"x{a=~"("}"#,
    r#"x{a=~"*"}"#,
    r#"x{a=~"[z-a]"}"#,
    r#"x{a=~"a**"}"#,
    r#"x{a="b",,}"#,
    r#"x{1="b"}"#,
    r#"x{="b"}"#,
    "{}",
    r#"{a=""}"#,
    r#"{a=~".*"}"#,
    r#"x{a!"b"}"#,
    "x a",
    "x +",
    "+",
    "1 +",
    "x + + ",
    "x == bool",
    "1 == 1",
    "1 and 1",
    "x and 1",
    "x or bool y",
    "x bool + y",
    "x + bool y",
    "x + on y",
    "x + on (a",
    "x + on (a) group_left (a) y",
    "x and on (a) group_left () y",
    "x + on (1) y",
    "x group_left y",
    "x offset",
    "x offset y",
    "x offset 5",
    "x offset 5m offset 5m",
    "sum(x) offset 5m",
    "x @",
    "x @ y",
    "x @ 1e30",
    "x @ start",
    "x @ start(",
    "1 @ 5",
    "topk(x)",
    "topk(1)",
    r#"topk("a", x)"#,
    "topk(1, 2)",
    "quantile(x)",
    "quantile(x, x)",
    "count_values(1, x)",
    r#"count_values("a", 1)"#,
    r#"count_values("", x)"#,
    "sum(1)",
    "sum(x, y)",
    "sum(x[5m])",
    "abs(x[5m])",
    r#"abs("a")"#,
    "vector(x)",
    "scalar(1)",
    "time(1)",
    r#"label_replace(x, "a", "b", "c")"#,
    r#"label_replace(x, "a", "b", "c", "(")"#,
    r#"label_replace(x, "", "b", "c", "d")"#,
    r#"label_join(x, "a")"#,
    "histogram_quantile(0.9)",
    r#"histogram_quantile("a", x)"#,
    r#""a"#,
    "'a",
    "`a",
    r#""\q""#,
    r#""\x1""#,
    r#""a" + 1"#,
    r#""a" + "b""#,
    r#"-"a""#,
    "(",
    ")",
    "()",
    "(x",
    "x)",
    "x y",
    "1 2",
    "x[5m] + 1",
    "x[5m] ",
    "-x[5m]",
    "5m",
    "5mm",
    "1.2.3",
    "0x",
    "1e",
    "1__0",
    "#",
    "# comment",
    "x # comment",
    "!",
    "!x",
    "x ! y",
    "x =",
    "x = y",
    r#"x =~ "a""#,
    "x &",
    "x $",
    "é",
    r#"x{é="b"}"#,
    "x:y:",
    ":x",
    "sum(x) by",
    "sum(x) by (a) by (b)",
    "sum by (a) (x) by (b)",
    "sum without (a) without (b) (x)",
    "avg_over_time(x)",
    "predict_linear(x[5m])",
    "absent(1)",
    r#"round(x, "a")"#,
    "clamp(x, 1)",
    "day_of_week(1)",
    "x[5m:0s]",
    "x[1y1y]",
    "x[1d1y]",
    "x[1.5m]",
    "x offset 1.5m",
    r#"x{a="b"}{c="d"}"#,
    r#"x{__name__="y"}"#,
    "sort(1)",
    r#"sort_desc("a")"#,
    "limitk(1)",
    "unknown_aggregate by (a) (x)",
    "x unless group_right y",
    "x ^ on () group_right",
    "NaN[5m]",
    "start()",
    "x @ end",
    "group_left",
    "by",
    "on",
    "bool",
    "offset",
];

/// Parameters of the API that are wrong: path, and names with values.
const REQUESTS: &[(&str, &[(&str, &str)])] = &[
    ("query", &[]),
    ("query", &[("query", "")]),
    ("query", &[("query", "x"), ("time", "yesterday")]),
    ("query", &[("query", "x"), ("time", "1e400")]),
    ("query", &[("query", "x"), ("timeout", "soon")]),
    ("query", &[("query", "x"), ("timeout", "-1")]),
    ("query", &[("query", "x"), ("lookback_delta", "soon")]),
    ("query", &[("query", "label_replace(vector(1), \"a\", \"b\", \"c\", \"(\")")]),
    ("query", &[("query", "label_replace(vector(1), \"\", \"b\", \"c\", \"d\")")]),
    ("query", &[("query", "label_join(vector(1), \"\", \"b\", \"c\")")]),
    ("query", &[("query", "count_values(\"\", vector(1))")]),
    ("query", &[("query", "topk(NaN, vector(1))")]),
    ("query", &[("query", "topk(1e300, vector(1))")]),
    ("query", &[("query", "bottomk(-1e300, vector(1))")]),
    (
        "query",
        &[(
            "query",
            "vector(1) + on () (vector(1) or label_replace(vector(1), \"a\", \"b\", \"\", \"\"))",
        )],
    ),
    ("query_range", &[("query", "x")]),
    ("query_range", &[("query", "x"), ("start", "a"), ("end", "2"), ("step", "1")]),
    ("query_range", &[("query", "x"), ("start", "1"), ("end", "b"), ("step", "1")]),
    ("query_range", &[("query", "x"), ("start", "3"), ("end", "2"), ("step", "1")]),
    ("query_range", &[("query", "x"), ("start", "1"), ("end", "2"), ("step", "0")]),
    ("query_range", &[("query", "x"), ("start", "1"), ("end", "2"), ("step", "-1")]),
    ("query_range", &[("query", "x"), ("start", "1"), ("end", "2"), ("step", "often")]),
    ("query_range", &[("query", "x"), ("start", "1"), ("end", "2"), ("step", "1e300")]),
    ("query_range", &[("query", "x"), ("start", "0"), ("end", "20000"), ("step", "1")]),
    ("query_range", &[("query", "x[5m]"), ("start", "1"), ("end", "2"), ("step", "1")]),
    ("query_range", &[("query", "\"text\""), ("start", "1"), ("end", "2"), ("step", "1")]),
    ("query_exemplars", &[("query", "sum("), ("start", "1"), ("end", "2")]),
    ("query_exemplars", &[("query", "x"), ("start", "2"), ("end", "1")]),
    ("series", &[]),
    ("series", &[("match[]", "x{")]),
    ("series", &[("match[]", "{}")]),
    ("series", &[("match[]", "sum(x)")]),
    ("series", &[("match[]", "x"), ("start", "a")]),
    ("labels", &[("match[]", "x{a=~\"(\"}")]),
    ("labels", &[("end", "a")]),
];

/// The peer's words that are not ours, each by its reason: what the text contains.
const OLD_WORDS: &[(&str, &str)] = &[
    ("regexp", "the anchors are in the text of an older version"),
    ("duration", "durations are computed since"),
    ("unexpected number", "numbers are scanned differently since"),
    ("strconv.ParseFloat", "numbers are scanned differently since"),
    ("\"limitk\"", "limitk is new"),
    ("unexpected \"(\"", "start() is new"),
    ("no expression found", "no place is told of an empty query since"),
    ("Invalid time value", "the word is not capital since"),
    ("lookback delta", "the parameter is new"),
    ("overflows int64", "topk's limits are told differently since"),
    ("for range query, must be", "the parameter is named since"),
    ("deadline", "a timeout that has passed is told differently since"),
    ("timed out", "a timeout that has passed is told differently since"),
];

#[tokio::test]
async fn errors_are_prometheus() {
    let server = {
        let builder = vigie().arg("empty.yml");
        std::fs::write(builder.folder().join("empty.yml"), "scrape_configs: []\n").unwrap();
        builder.start().await.unwrap()
    };
    let Some(peer) = start("errors_are_prometheus", &server.client).await else { return };
    let mut differences = Vec::new();
    let one = |query: &str| vec![("query", query.to_owned()), ("time", "1000".to_owned())];
    let queries = QUERIES.iter().map(|query| ("query", one(query)));
    let others = REQUESTS.iter().map(|(path, parameters)| {
        let owned = |(name, value): &(&'static str, &str)| (*name, (*value).to_owned());
        (*path, parameters.iter().map(owned).collect())
    });
    let mut asked = 0;
    for (path, parameters) in queries.chain(others) {
        let path = format!("/api/v1/{path}");
        let theirs = ask(&peer.client, &peer.api, &path, &parameters).await;
        let ours = ask(&peer.client, &server.api, &path, &parameters).await;
        asked += 1;
        let told = |answer: &super::peer::Answer| {
            let text = |field: &str| answer.body[field].as_str().unwrap_or("").to_owned();
            (answer.status, text("errorType"), text("error"))
        };
        let (theirs, ours) = (told(&theirs), told(&ours));
        let is_known = |text: &str| OLD_WORDS.iter().any(|(word, _)| text.contains(word));
        if theirs != ours
            && !(peer.level == Level::Old && (is_known(&theirs.2) || is_known(&ours.2)))
        {
            differences
                .push(format!("{path} {parameters:?}\n    ours   {ours:?}\n    theirs {theirs:?}"));
        }
    }
    assert!(
        differences.is_empty(),
        "{} of {asked} differ:\n{}",
        differences.len(),
        differences.join("\n")
    );
}
