//! Texts, how they are understood, and where the wrong ones are wrong.

use super::{parse, parse_field, parse_unfinished};

/// Whether `text` is understood as `printed`, which is understood the same.
fn understood(text: &str, printed: &str) {
    let query = parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    assert_eq!(query.to_string(), printed, "{text}");
    let again = parse(printed).unwrap_or_else(|error| panic!("{printed}: {error}"));
    assert_eq!(again.to_string(), printed);
}

#[test]
fn queries_are_understood() {
    for (text, printed) in [
        ("{}", "{ true }"),
        ("{ .a = 1 }", "{ .a = 1 }"),
        (
            "{ span.http.status_code >= 200 && span.http.status_code < 300 } | count() > 2",
            "{ (span.http.status_code >= 200) && (span.http.status_code < 300) } | count() > 2",
        ),
        // Both bind equally strongly, to the left.
        ("{ .a || .b && .c }", "{ (.a || .b) && .c }"),
        ("{ 1 + 2 * 3 ^ 2 ^ 2 = 163 }", "{ (1 + (2 * (3 ^ (2 ^ 2)))) = 163 }"),
        ("{ !.a && !(.b = 1) }", "{ !(.a) && !(.b = 1) }"),
        ("{ -.a > -5s }", "{ -(.a) > -5000000000ns }"),
        (
            "{ span:duration > 100ms && trace:rootService != `x` }",
            "{ (duration > 100000000ns) && (rootServiceName != \"x\") }",
        ),
        ("{ span.\"a b\" = \"c\\\"d\" }", "{ span.\"a b\" = \"c\\\"d\" }"),
        (
            "{ span.attribute.\"name with space\" = 1 }",
            "{ span.\"attribute.name with space\" = 1 }",
        ),
        (
            "{ parent.span.a = nil && parent.resource.b != nil && parent.c = 1.5 && parent = nil }",
            "{ (((parent.span.a = nil) && (parent.resource.b != nil)) && (parent.c = 1.5)) && (parent = nil) }",
        ),
        (
            "{ status = error } | by(resource.service.name) | count() > 1 | coalesce() | select(span.a, name)",
            "{ status = error } | by(resource.service.name) | count() > 1 | coalesce() | select(span.a, name)",
        ),
        ("{.a} >> {.b} && {.c}", "(({ .a } >> { .b }) && { .c })"),
        ("{.a} !>> {.b} &<< {.c} !~ {.d}", "((({ .a } !>> { .b }) &<< { .c }) !~ { .d })"),
        (
            "({.a} | count() > 1) && ({.b} | avg(duration) > 1s)",
            "(({ .a } | count() > 1) && ({ .b } | avg(duration) > 1000000000ns))",
        ),
        (
            "({.a} | count()) > ({.b} | count()) + 1",
            "({ .a } | count()) > (({ .b } | count()) + 1)",
        ),
        ("{} | min(.a) + max(.a) = 2 * -1", "{ true } | (min(.a) + max(.a)) = (2 * -1)"),
        (
            "{ kind = server } // all\n | rate() by (name, .x) | topk(5) | bottomk(2)",
            "{ kind = server } | rate() by (name, .x) | topk(5) | bottomk(2)",
        ),
        (
            "{} | quantile_over_time(duration, .99, 0.5, 1) by (span.a)",
            "{ true } | quantile_over_time(duration, 0.99, 0.5, 1.0) by (span.a)",
        ),
        ("{} | histogram_over_time(.a) > 5", "{ true } | histogram_over_time(.a) > 5.0"),
        (
            "{} | compare({ status = error }, 5, 10, 20)",
            "{ true } | compare({ status = error }, 5, 10, 20)",
        ),
        ("{} | compare({ status = error })", "{ true } | compare({ status = error }, 10)"),
        (
            "{ .a =~ `x.*` } with (most_recent=true, sample=0.1)",
            "{ .a =~ \"x.*\" } with (most_recent=true, sample=0.1)",
        ),
        (
            "{ event:name = `e` && link:traceID = `1` && event.x = 1 && instrumentation:name = `i` }",
            "{ (((event:name = \"e\") && (link:traceID = \"1\")) && (event.x = 1)) && (instrumentation:name = \"i\") }",
        ),
        ("{nestedSetParent<0 && true} | rate()", "{ (nestedSetParent < 0) && true } | rate()"),
        ("{ .a = minInt || .a = maxInt }", "{ (.a = minInt) || (.a = 9223372036854775807) }"),
        ("count() > 10", "count() > 10"),
        ("{ .a = 1h30m }", "{ .a = 5400000000000ns }"),
        ("{ .x.y-z+1 = 2 }", "{ .x.y-z+1 = 2 }"),
    ] {
        understood(text, printed);
    }
}

#[test]
fn errors_say_where() {
    for (text, expected) in [
        ("", "line 1, col 1: syntax error: unexpected end of the query"),
        ("{ .a = }", "line 1, col 8: syntax error: unexpected }"),
        ("{ .a = 1", "line 1, col 9: syntax error: unexpected end of the query, expecting }"),
        ("{ .a = 1 }\n | nothing()", "line 2, col 4: syntax error: unexpected nothing"),
        ("{ .a = \"x }", "line 1, col 8: literal not terminated"),
        ("{ foo = 1 }", "line 1, col 3: syntax error: unexpected foo"),
        ("{ span: = 1 }", "unknown intrinsic"),
        ("{ 1 }", "must resolve to a boolean"),
        ("{ duration }", "must resolve to a boolean"),
        ("{ duration = `a` }", "must operate on the same type"),
        ("{ name > true }", "must operate on the same type"),
        ("{ status > error }", "illegal operation"),
        ("{ .a =~ `(` }", "invalid regular expression"),
        ("{ .a =~ 1 }", "a regular expression is a text"),
        ("{} | sum(name) > 1", "must resolve to a number"),
        ("{} | count()", "expecting a comparison"),
        ("{} + {}", "does not fit here"),
        ("{} > 1", "does not fit here"),
        ("{} | rate() | rate()", "expecting topk or bottomk"),
        ("rate()", "unexpected rate"),
        ("{} | topk(5)", "unexpected topk"),
        ("{} | quantile_over_time(duration, 2)", "between 0 and 1"),
        ("{} | rate() | topk(0)", "between 1 and"),
        ("{ .a = 99999999999999999999 }", "out of range"),
        ("{ .a = 5q }", "unexpected q"),
        ("{ . = 5 }", "the name of an attribute is missing"),
        ("{} §", "unexpected '§'"),
    ] {
        let error = parse(text).expect_err(text).to_string();
        assert!(error.contains(expected), "{text}: {error}");
    }
}

#[test]
fn what_is_deep_or_long_is_refused() {
    for text in [
        format!("{{ {}1=1{} }}", "(".repeat(10_000), ")".repeat(10_000)),
        format!("{{ {}.a }}", "!".repeat(10_000)),
        format!("{{ .a{} }}", " && .a".repeat(10_000)),
        "(".repeat(10_000),
        "{} | ".repeat(20_000),
        " ".repeat(1 << 20),
    ] {
        assert!(parse(&text).is_err());
    }
}

#[test]
fn fields_are_read_alone() {
    for text in ["duration", ".a.b", "resource.service.name", "event:name", "parent.x"] {
        assert_eq!(parse_field(text).unwrap().to_string(), text);
    }
    for text in ["", "x", ".a = 1", "5"] {
        assert!(parse_field(text).is_err(), "{text}");
    }
}

#[test]
fn what_is_still_typed_says_what_it_can() {
    for (text, expected) in [
        ("{ .a = 1 && .b = }", Some(".a = 1")),
        ("{ .a = 1 && .b", Some("(.a = 1) && .b")),
        ("{ .a = 1 || .b = }", None),
        ("{", None),
        ("", None),
        ("{ .a = 1 } && { .b = 1 }", None),
        ("{ .a = 1 || .b = 2 }", Some("(.a = 1) || (.b = 2)")),
    ] {
        let found = parse_unfinished(text).map(|expression| expression.to_string());
        assert_eq!(found.as_deref(), expected, "{text}");
    }
}
