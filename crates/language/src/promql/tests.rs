//! Expressions, what they are printed as, and what is wrong with others.

use super::*;

#[test]
fn expressions_print_as_prometheus_prints_them() {
    for (text, printed) in [
        ("1", "1"),
        ("0x1F + 017", "31 + 15"),
        ("1_000.5e-3", "1.0005"),
        ("-1 ^ 2", "-1 ^ 2"),
        ("1h30m", "1h30m"),
        ("sum by(job,\"a.b\")(up)", "sum by (job, \"a.b\") (up)"),
        ("sum(up)without(a)", "sum without (a) (up)"),
        ("topk(5,rate(x{a=\"b\"}[5m]))", "topk(5, rate(x{a=\"b\"}[5m]))"),
        ("a+on(b)group_left(c,d)e", "a + on (b) group_left (c, d) e"),
        ("a == bool b", "a == bool b"),
        ("a / ignoring(x) fill(0) b", "a / ignoring (x) fill (0) b"),
        ("a - fill_left(1) fill_right(-2) b", "a - fill_left (1) fill_right (-2) b"),
        ("x[5m] offset 1w @ 123.4", "x[5m] @ 123.400 offset 1w"),
        ("x offset -5m", "x offset -5m"),
        ("x[5m + step()*2]", "x[5m + step() * 2s]"),
        ("x[max_of(1m, range())] smoothed", "x[max_of(1m, range())] smoothed"),
        (
            "max_over_time(rate(x[5m])[1h:1m] @ start())",
            "max_over_time(rate(x[5m])[1h:1m] @ start())",
        ),
        ("x[1h:]", "x[1h:]"),
        ("{\"my.metric\",a!~\"b.*\"}", "{__name__=\"my.metric\",a!~\"b.*\"}"),
        ("foo:bar:rate5m{}", "foo:bar:rate5m"),
        ("histogram_fraction(0, 1, h) </ 5", "histogram_fraction(0, 1, h) </ 5"),
        ("sum", "sum"),
        ("offset", "offset"),
        ("'single \\' \\x41'", "\"single ' A\""),
        ("info(x, {a=~\".*\"})", "info(x, {a=~\".*\"})"),
        ("up # a comment\n+ 1", "up + 1"),
        ("a or b and c unless d", "a or b and c unless d"),
    ] {
        let expr = parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(expr.to_string(), printed, "{text}");
        let again = parse(printed).unwrap_or_else(|error| panic!("{printed}: {error}"));
        assert_eq!(again.to_string(), printed);
    }
}

#[test]
fn operators_bind_as_in_prometheus() {
    let shape = |text: &str| match parse(text) {
        Ok(Expr::Binary(binary)) => (binary.lhs.to_string(), binary.rhs.to_string()),
        other => panic!("{text}: {other:?}"),
    };
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    assert_eq!(shape("a + b * c"), pair("a", "b * c"));
    assert_eq!(shape("a - b - c"), pair("a - b", "c"));
    assert_eq!(shape("a ^ b ^ c"), pair("a", "b ^ c"));
    assert_eq!(shape("-a * b"), pair("-a", "b"));
    assert_eq!(shape("a == b or c > d"), pair("a == b", "c > d"));
    assert!(matches!(parse("-a ^ b"), Ok(Expr::Unary(_))));
}

#[test]
fn errors_say_what_and_where() {
    for (text, message) in [
        ("", "unknown position: parse error: no expression found in input"),
        ("sum(", "1:5: parse error: unclosed left parenthesis"),
        ("up{a=}", "1:6: parse error: unexpected \"}\" in label matching, expected string"),
        (
            "rate(up)",
            "1:6: parse error: expected type range vector in call to function \"rate\", got instant vector",
        ),
        ("{}", "1:1: parse error: vector selector must contain at least one non-empty matcher"),
        (
            "{a=~\".*\"}",
            "1:1: parse error: vector selector must contain at least one non-empty matcher",
        ),
        ("foo(up)", "1:1: parse error: unknown function with name \"foo\""),
        ("1 == 2", "1:3: parse error: comparisons between scalars must use BOOL modifier"),
        ("a + bool b", "1:3: parse error: bool modifier can only be used on comparison operators"),
        ("sum() by (a)", "1:1: parse error: no arguments for aggregate expression provided"),
        (
            "1 and a",
            "1:1: parse error: set operator \"and\" not allowed in binary scalar expression",
        ),
        (
            "sum(x) offset 5m",
            "1:1: parse error: offset modifier must be preceded by an instant vector selector or range vector selector or a subquery",
        ),
        ("a b", "1:3: parse error: unexpected identifier \"b\""),
        ("up[0s]", "1:4: parse error: duration must be greater than 0"),
        (
            "x{__name__=\"y\"}",
            "1:1: parse error: metric name must not be set twice: \"x\" or \"y\"",
        ),
        (
            "label_replace(x, \"a\")",
            "1:1: parse error: expected 5 argument(s) in call to \"label_replace\", got 2",
        ),
        ("\n\n  (", "3:4: parse error: unclosed left parenthesis"),
        (
            "a and on(x) group_left() b",
            "1:1: parse error: no grouping allowed for \"and\" operation",
        ),
        ("\"abc", "1:1: parse error: unterminated quoted string"),
    ] {
        match parse(text) {
            Err(error) => assert_eq!(error.to_string(), message, "{text}"),
            Ok(expr) => panic!("{text} was taken as {expr}"),
        }
    }
}

#[test]
fn depth_is_limited_and_never_overflows_the_stack() {
    for text in [
        "(".repeat(100_000),
        "-".repeat(100_000),
        format!("x[{}", "(".repeat(100_000)),
        format!("1{}", "^1".repeat(100_000)),
        format!("1{}", "+1".repeat(100_000)),
        "a{".repeat(1_000),
    ] {
        assert!(parse(&text).is_err());
    }
    let chain = format!("a{}", " or a".repeat(500));
    assert_eq!(parse(&chain).unwrap().to_string(), chain);
}

#[test]
fn long_expressions_break_over_lines() {
    let long = "x".repeat(60);
    let text = format!("sum by (job) (rate({long}[5m])) / on (job) sum(rate({long}[5m]))");
    let broken = pretty(&parse(&text).unwrap());
    assert_eq!(broken.lines().count(), 3, "{broken}");
    assert_eq!(parse(&broken).unwrap().to_string(), parse(&text).unwrap().to_string());
}

#[test]
fn selectors_alone() {
    assert_eq!(parse_selector("up{job=\"a\"}").unwrap().len(), 2);
    for text in ["", "up[5m]", "sum(up)", "{}", "up offset 5m", "up up"] {
        assert!(parse_selector(text).is_err(), "{text}");
    }
}

/// Every query of the conformance cases parses, unless its case expects that it does not.
#[test]
fn the_conformance_cases_parse() {
    let folder =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/conformance/promql");
    let Ok(entries) = std::fs::read_dir(&folder) else {
        eprintln!("skipped: the_conformance_cases_parse needs shared/conformance/promql");
        return;
    };
    let (mut parsed, mut refused) = (0, Vec::new());
    for path in entries
        .map(|entry| entry.unwrap().path())
        .filter(|p| p.extension().is_some_and(|e| e == "test"))
    {
        let text = std::fs::read_to_string(&path).unwrap();
        for (number, line) in text.lines().enumerate() {
            let Some(rest) = line.strip_prefix("eval") else { continue };
            let mut words =
                rest.trim_start_matches(|c: char| c == '_' || c.is_alphanumeric()).trim();
            if let Some(tail) = words.strip_prefix("instant at ") {
                words = tail.split_once(char::is_whitespace).map_or("", |(_, query)| query);
            } else if words.starts_with("range from") {
                words = words.splitn(8, char::is_whitespace).nth(7).unwrap_or("");
            }
            match parse(words.trim()) {
                Ok(_) => parsed += 1,
                Err(error) => {
                    let next: Vec<&str> = text.lines().skip(number + 1).take(3).collect();
                    let expected = line.starts_with("eval_fail")
                        || next.iter().any(|l| l.contains("expect fail"));
                    if !expected {
                        let file = path.file_name().unwrap().to_string_lossy().into_owned();
                        refused.push(format!("{file}:{}: {words}: {error}", number + 1));
                    }
                }
            }
        }
    }
    assert!(refused.is_empty(), "{} refused:\n{}", refused.len(), refused.join("\n"));
    assert!(parsed > 1_000, "only {parsed} queries were found");
}
