//! Query strings, read.

use super::*;

/// The tree in Lucene's own way of printing.
fn print(node: &Node) -> String {
    let at = |field: &Option<String>| field.as_ref().map_or(String::new(), |f| format!("{f}:"));
    match node {
        Node::Bool(clauses) => {
            let parts: Vec<String> = clauses
                .iter()
                .map(|clause| {
                    let sign = match clause.occur {
                        Occur::Must => "+",
                        Occur::Should => "",
                        Occur::MustNot => "-",
                    };
                    format!("{sign}{}", print(&clause.node))
                })
                .collect();
            format!("({})", parts.join(" "))
        }
        Node::Term { field, text } => format!("{}{text}", at(field)),
        Node::Phrase { field, text, slop } => format!("{}\"{text}\"~{slop}", at(field)),
        Node::Wildcard { field, pattern } => format!("{}w'{}'", at(field), pattern.to_regex()),
        Node::Regexp { field, expression } => format!("{}/{expression}/", at(field)),
        Node::Fuzzy { field, text, fuzziness } => format!("{}{text}~{fuzziness:?}", at(field)),
        Node::Range { field, lower, upper, includes_lower, includes_upper } => format!(
            "{}{}{} TO {}{}",
            at(field),
            if *includes_lower { '[' } else { '{' },
            lower.as_deref().unwrap_or("*"),
            upper.as_deref().unwrap_or("*"),
            if *includes_upper { ']' } else { '}' },
        ),
        Node::Exists { field } => format!("exists({field})"),
        Node::MatchAll => "*:*".to_owned(),
        Node::Boost { node, boost } => format!("{}^{boost}", print(node)),
    }
}

#[test]
fn trees_are_lucenes() {
    for (text, or, and) in [
        ("a b", "(a b)", "(+a +b)"),
        ("a AND b", "(+a +b)", "(+a +b)"),
        ("a OR b", "(a b)", "(a b)"),
        ("a AND b OR c", "(+a +b c)", "(+a b c)"),
        ("a OR b AND c", "(a +b +c)", "(a +b +c)"),
        ("NOT a", "(-a)", "(-a)"),
        ("a -b +c", "(a -b +c)", "(+a -b +c)"),
        ("a && !b", "(+a -b)", "(+a -b)"),
        ("(a OR b) AND c", "(+(a b) +c)", "(+(a b) +c)"),
        ("level:ERROR", "level:ERROR", "level:ERROR"),
        ("level:(ERROR OR WARN)", "(level:ERROR level:WARN)", "(level:ERROR level:WARN)"),
        ("\"connection pool\"~2", "\"connection pool\"~2", "\"connection pool\"~2"),
        ("status:[400 TO 499]", "status:[400 TO 499]", "status:[400 TO 499]"),
        ("status:[400 TO *}", "status:[400 TO *}", "status:[400 TO *}"),
        ("status:>=500", "status:[500 TO *]", "status:[500 TO *]"),
        ("status:<-5", "status:[* TO -5}", "status:[* TO -5}"),
        ("time*", "w'time(?s:.*)'", "w'time(?s:.*)'"),
        ("/tim[eo]ut/", "/tim[eo]ut/", "/tim[eo]ut/"),
        ("eror~1", "eror~Some(Edits(1))", "eror~Some(Edits(1))"),
        ("eror~", "eror~None", "eror~None"),
        ("a^2", "a^2", "a^2"),
        ("*", "*:*", "*:*"),
        ("*:*", "*:*", "*:*"),
        ("field:*", "exists(field)", "exists(field)"),
        ("_exists_:user.id", "exists(user.id)", "exists(user.id)"),
        (r"a\:b\ c", "a:b c", "a:b c"),
        (r"\u0041bc", "Abc", "Abc"),
        ("foo-bar", "foo-bar", "foo-bar"),
        ("path:\\/api\\/users", "path:/api/users", "path:/api/users"),
        ("http/1.1", "http/1.1", "http/1.1"),
        ("", "()", "()"),
        ("ORDER ANDY", "(ORDER ANDY)", "(+ORDER +ANDY)"),
        (
            "@timestamp:[\"2025-01-01\" TO now]",
            "@timestamp:[2025-01-01 TO now]",
            "@timestamp:[2025-01-01 TO now]",
        ),
    ] {
        assert_eq!(print(&parse(text, Operator::Or).unwrap()), or, "{text} OR");
        assert_eq!(print(&parse(text, Operator::And).unwrap()), and, "{text} AND");
    }
}

#[test]
fn errors_say_where() {
    for text in [
        "(a", "a)", "a AND", "AND a", "\"a", "a:", "[a TO", "[a b]", "a^", "a \\", "/x", "a~7", "]",
    ] {
        let error = parse(text, Operator::Or).unwrap_err().to_string();
        assert!(error.starts_with(&format!("Cannot parse '{text}': ")), "{error}");
        assert!(error.contains("at line 1, column "), "{error}");
    }
    assert!(parse(&"(".repeat(100_000), Operator::Or).is_err());
    assert!(parse(&"a ".repeat(5_000), Operator::Or).is_err());
}
