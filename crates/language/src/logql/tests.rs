//! What is read, how it is printed, and what is refused with which words.

use proptest::prelude::*;

use super::parse;

/// Queries and how they print; `=` for the same.
const GOOD: &[(&str, &str)] = &[
    (r#"{app="web"}"#, "="),
    (r#"{ app = "web" , env !~ `dev|test` }"#, r#"{app="web", env!~"dev|test"}"#),
    (r#"({app="web"})"#, r#"{app="web"}"#),
    (r#"{app="web"} |= "a" != "b" |~ "c.*" !~ "d""#, "="),
    (r#"{app="web"} |= "a" or "b" or "c" |> "<_> x" !> "y""#, "="),
    (r#"{app="web"} |= ip("10.0.0.0/8") != ip("10.0.0.1-10.0.0.9")"#, "="),
    (
        r#"{app="web"}|json|logfmt --strict --keep-empty"#,
        r#"{app="web"} | json | logfmt --strict --keep-empty"#,
    ),
    (
        r#"{app="web"} | json first="a.b[0]", second | logfmt a, b="c""#,
        r#"{app="web"} | json first="a.b[0]",second="second" | logfmt a="a",b="c""#,
    ),
    (r#"{app="web"} | regexp "(?P<m>\\w+)" | pattern "<ip> - <_>" | unpack | decolorize"#, "="),
    (r#"{app="web"} | line_format "{{.a}}" | label_format b=c,d="{{.e}}""#, "="),
    (r#"{app="web"} | drop a,b="c" | keep d,e=~"f""#, "="),
    (r#"{app="web"} | a = "b""#, r#"{app="web"} | a="b""#),
    (
        r#"{app="web"} | a > 5 | b >= 5.5 | c < 10s | d != 20KB | e == -1"#,
        r#"{app="web"} | a>5 | b>=5.5 | c<10s | d!=20kB | e==-1"#,
    ),
    (r#"{app="web"} | a="b" or c=5 and d<1h"#, r#"{app="web"} | ( a="b" or ( c==5 , d<1h0m0s ) )"#),
    (r#"{app="web"} | a="b", c="d" e="f""#, r#"{app="web"} | ( ( a="b" , c="d" ) , e="f" )"#),
    (
        r#"{app="web"} | (a="b" or c="d") and e=ip("::1")"#,
        r#"{app="web"} | ( ( a="b" or c="d" ) , e=ip("::1") )"#,
    ),
    (r#"count_over_time({app="web"}[5m])"#, "="),
    (
        r#"COUNT_OVER_TIME({app="web"} |= "x" [1h30m])"#,
        r#"count_over_time({app="web"} |= "x"[1h30m])"#,
    ),
    (r#"rate({app="web"}[5m] |= "x" | json)"#, r#"rate({app="web"} |= "x" | json[5m])"#),
    (
        r#"rate(({app="web"} |= "x")[5m] offset 1h)"#,
        r#"rate({app="web"} |= "x"[5m] offset 1h0m0s)"#,
    ),
    (r#"rate({app="web"}[5m] offset -30s)"#, "="),
    (r#"bytes_rate(({app="web"}[1m]))"#, r#"bytes_rate({app="web"}[1m])"#),
    (r#"sum_over_time({app="web"} | unwrap size[5m])"#, "="),
    (
        r#"sum_over_time({app="web"}[5m] | json | unwrap duration(took) | __error__="")"#,
        r#"sum_over_time({app="web"} | json | unwrap duration(took) | __error__=""[5m])"#,
    ),
    (
        r#"quantile_over_time(0.99, {app="web"} | json | unwrap bytes(size)[5m]) by (host)"#,
        r#"quantile_over_time(0.99,{app="web"} | json | unwrap bytes(size)[5m]) by(host)"#,
    ),
    (r#"sum by (a, b) (rate({app="web"}[5m]))"#, r#"sum by(a,b) (rate({app="web"}[5m]))"#),
    (r#"sum(rate({app="web"}[5m])) without (a)"#, r#"sum without(a) (rate({app="web"}[5m]))"#),
    (
        r#"topk(5, sum by () (rate({app="web"}[5m])))"#,
        r#"topk(5,sum by() (rate({app="web"}[5m])))"#,
    ),
    (r#"approx_topk(5, rate({app="web"}[5m]))"#, r#"approx_topk(5,rate({app="web"}[5m]))"#),
    (r#"sort_desc(avg(rate({app="web"}[5m])))"#, "="),
    ("vector(1)+vector(1)", "(vector(1.000000) + vector(1.000000))"),
    ("1 + 2 * 3 ^ 2", "19"),
    ("-5 / 2", "-2.5"),
    (
        r#"rate({a="b"}[1m]) / on (x) group_left (y) rate({c="d"}[1m]) > bool 5"#,
        r#"((rate({a="b"}[1m]) / on (x) group_left (y) rate({c="d"}[1m])) > bool 5)"#,
    ),
    (
        r#"rate({a="b"}[1m]) and ignoring (x) rate({c="d"}[1m]) or vector(0)"#,
        r#"((rate({a="b"}[1m]) and ignoring (x) rate({c="d"}[1m])) or vector(0.000000))"#,
    ),
    (
        r#"label_replace(rate({a="b"}[1m]), "x", "$1", "y", "(.*)")"#,
        r#"label_replace(rate({a="b"}[1m]),"x","$1","y","(.*)")"#,
    ),
    ("# a comment\n{app=\"web\"} # another\n|= \"x\"", r#"{app="web"} |= "x""#),
    // Names of functions are labels where no parenthesis follows.
    (
        r#"{rate="a", sum=~"b.+"} | count > 5 | duration="x""#,
        r#"{rate="a", sum=~"b.+"} | count>5 | duration="x""#,
    ),
    (
        r#"sum by (count, ip) (rate({app="web"}[5m]))"#,
        r#"sum by(count,ip) (rate({app="web"}[5m]))"#,
    ),
];

#[test]
fn queries_are_read_and_printed_as_loki_does() {
    for (text, printed) in GOOD {
        let expr = parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        let expected = if *printed == "=" { text } else { printed };
        assert_eq!(expr.to_string(), *expected, "{text}");
        assert_eq!(parse(&expr.to_string()).unwrap().to_string(), *expected, "again: {text}");
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn errors_are_lokis() {
    let no_stream = "parse error : queries require at least one regexp or equality matcher";
    for (text, error) in [
        ("", "parse error : syntax error: unexpected $end"),
        (
            "{",
            "parse error at line 1, col 2: syntax error: unexpected $end, expecting IDENTIFIER or }",
        ),
        (
            r#"{app"web"}"#,
            "parse error at line 1, col 5: syntax error: unexpected STRING, expecting = or =~ or !~ or !=",
        ),
        (
            r#"{app="web""#,
            "parse error at line 1, col 11: syntax error: unexpected $end, expecting } or ,",
        ),
        (
            r#"{app=web}"#,
            "parse error at line 1, col 6: syntax error: unexpected IDENTIFIER, expecting STRING",
        ),
        (
            "{app=\"web\"}\n| foo bar",
            "parse error at line 2, col 7: syntax error: unexpected IDENTIFIER, expecting = or =~ or !~ or !=",
        ),
        (r#"{app="web} "#, "parse error at line 1, col 6: literal not terminated"),
        (
            r#"{app="web"} foo"#,
            "parse error at line 1, col 13: syntax error: unexpected IDENTIFIER",
        ),
        ("{}", no_stream),
        (r#"{app=~".*"}"#, no_stream),
        (r#"{app!="a"}"#, no_stream),
        (r#"{app=~"("}"#, "parse error : error parsing regexp: missing closing ): `"),
        (
            r#"count_over_time({app="web"})"#,
            "parse error at line 1, col 28: syntax error: unexpected )",
        ),
        (
            r#"count_over_time({app="web"}[5])"#,
            "parse error at line 1, col 28: not a valid duration string: \"5\"",
        ),
        (
            r#"count_over_time({app="web"}[5m)"#,
            "parse error at line 1, col 28: missing closing ']' in duration",
        ),
        (r#"sum({app="web"})"#, "parse error at line 1, col 16: syntax error: unexpected )"),
        (
            r#"sum_over_time({app="web"}[5m])"#,
            "parse error : invalid aggregation sum_over_time without unwrap",
        ),
        (
            r#"count_over_time({app="web"} | unwrap x [5m])"#,
            "parse error : invalid aggregation count_over_time with unwrap",
        ),
        (
            r#"rate({app="web"}[5m]) by (x)"#,
            "parse error : grouping not allowed for rate aggregation",
        ),
        (
            r#"quantile_over_time({app="web"} | unwrap x [5m])"#,
            "parse error : parameter required for operation quantile_over_time",
        ),
        (r#"topk(rate({app="web"}[5m]))"#, "parse error : parameter required for operation topk"),
        (
            r#"topk(0, rate({app="web"}[5m]))"#,
            "parse error : invalid parameter (must be greater than 0) topk(0",
        ),
        (
            r#"sum(5, rate({app="web"}[5m]))"#,
            "parse error : unsupported parameter for operation sum(5,",
        ),
        (
            r#"{app="web"} + 1"#,
            "parse error : unexpected type for left leg of binary operation (+): *syntax.MatchersExpr",
        ),
        (
            r#"1 and rate({app="web"}[5m])"#,
            "parse error : unexpected literal for left leg of logical/set binary operation (and): 1.000000",
        ),
        (
            r#"{app="web"} | pattern "x""#,
            "parse error : stage '| pattern \"x\"' : at least one capture is required",
        ),
        (
            r#"{app="web"} | regexp "x""#,
            "parse error : stage '| regexp \"x\"' : at least one named capture must be supplied",
        ),
        (
            r#"{app="web"} | label_format a=b,a=c"#,
            "parse error : multiple label name 'a' not allowed in a single format operation",
        ),
        (
            r#"sort by (a) (rate({app="web"}[5m]))"#,
            "parse error : sort and sort_desc doesn't allow grouping by ",
        ),
    ] {
        let found = parse(text).expect_err(text).to_string();
        assert!(found.starts_with(error), "{text}: {found}");
    }
}

#[test]
fn what_is_nested_too_deeply_or_too_long_is_refused() {
    let deep = format!("{}1{}", "(".repeat(100_000), ")".repeat(100_000));
    assert!(parse(&deep[..90_000]).is_err());
    assert!(parse(&"(".repeat(60_000)).is_err());
    assert!(parse(&format!("1{}", "+vector(1)".repeat(12_000))).is_err());
    assert!(parse(&format!("{{a=\"b\"}} | {}", "x=1,".repeat(20_000))).is_err());
    assert!(parse(&" ".repeat(131_072)).unwrap_err().message.starts_with("input size too long"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]
    #[test]
    fn changed_queries_never_panic_and_print_what_reads_the_same(
        seed in 0..GOOD.len(),
        cuts in prop::collection::vec((any::<prop::sample::Index>(), 0..16_usize), 0..4),
    ) {
        const PIECES: [&str; 16] = [
            "", "|", "(", ")", "{", "}", "[5m]", "\"", " or ", ",", "-", "1", "!=", " by (a) ",
            "é", "#",
        ];
        let mut text = GOOD[seed].0.to_owned();
        for (at, piece) in cuts {
            let places: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
            if places.is_empty() {
                break;
            }
            let at = places[at.index(places.len())];
            let end = at + text[at..].chars().next().map_or(0, char::len_utf8);
            text.replace_range(at..end, PIECES[piece]);
        }
        crate::fuzzing::logql(text.as_bytes());
    }
}
