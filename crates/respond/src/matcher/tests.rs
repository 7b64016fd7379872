//! Matchers of both syntaxes.

use vigie_model::Labels;

use super::*;

fn printed(syntax: MatcherSyntax, text: &str) -> String {
    match syntax.parse_list(text) {
        Ok(parsed) => {
            let written: Vec<String> = parsed.matchers.iter().map(ToString::to_string).collect();
            let mark = if parsed.warning.is_some() { " (warned)" } else { "" };
            format!("{}{mark}", written.join(","))
        }
        Err(error) => format!("error: {error}"),
    }
}

#[test]
fn lists_read_in_each_syntax() {
    use MatcherSyntax::{Classic, Fallback, Utf8};
    // Checked against Alertmanager 0.34's two parsers.
    let cases = [
        (Classic, r#"{foo = "bar", dings != "bums", }"#, r#"foo="bar",dings!="bums""#),
        (Classic, "foo=bar,dings!=bums", r#"foo="bar",dings!="bums""#),
        (Classic, r#"{quote="She said: \"Hi, ladies!\""}"#, r#"quote="She said: \"Hi, ladies!\"""#),
        (Classic, r#"a=~"5..""#, r#"a=~"5..""#),
        (Classic, r"a=\d", r#"a="\\d""#),
        (Classic, r#"a="b"#, "error: matcher value contains unescaped double quote: \"b"),
        (Classic, r#"a=b"c"#, "error: matcher value contains unescaped double quote: b\"c"),
        (Classic, "a", "error: bad matcher format: a"),
        (Classic, "", ""),
        (Utf8, "", ""),
        (Utf8, "{}", ""),
        (Utf8, "{a=b,}", r#"a="b""#),
        (Utf8, r#"{"weird name"="ü,}"}"#, r#""weird name"="ü,}""#),
        (Utf8, "🙂=🙂", "🙂=\"🙂\""),
        (Utf8, r#"a="\u00e9\n\"""#, r#"a="é\n\"""#),
        (Utf8, "{a=b", "error: 0:4: end of input: expected close brace"),
        (Utf8, "a=b}", "error: 3:4: }: expected opening brace"),
        (Utf8, "a=b c", "error: 4:5: c: expected a comma or close brace"),
        (Utf8, "a=", "error: 2:2: end of input: expected label value"),
        (Utf8, "a=\"b", "error: 2:4: \"b: missing end \""),
        (Utf8, "!a", "error: 0:1: !: expected one of '=~'"),
        (Fallback, r"a=\d", r#"a="\\d" (warned)"#),
        (Fallback, r#"a=~"\\d+""#, r#"a=~"\\d+""#),
        (Fallback, r#"a="\t""#, r#"a="\\t" (warned)"#),
        (Fallback, r#""a b"=c"#, r#""a b"="c""#),
        (Fallback, "a=~[", "error: error parsing regexp: unclosed character class: `[`"),
    ];
    for (syntax, text, expected) in cases {
        assert_eq!(printed(syntax, text), expected, "{syntax:?} {text}");
    }
}

#[test]
fn an_absent_label_is_the_empty_text() {
    let labels = Labels::from_pairs([("a", "1")]);
    let cases = [
        ("a=1", true),
        ("b=\"\"", true),
        ("b!=1", true),
        ("b=~\".*\"", true),
        ("b=~\".+\"", false),
        ("a=~\"1|2\"", true),
        ("a!~\"1|2\"", false),
        ("a=~\"\"", false),
    ];
    for (text, expected) in cases {
        let matcher = MatcherSyntax::Fallback.parse_one(text).unwrap();
        assert_eq!(matcher.matches(&labels), expected, "{text}");
    }
}

#[test]
fn one_is_one() {
    for text in ["{a=b}", "", "a"] {
        assert!(MatcherSyntax::Fallback.parse_one(text).is_err(), "{text}");
    }
    // The classic syntax takes the rest as the value, and goes before.
    let matcher = MatcherSyntax::Fallback.parse_one("a=b,c=d").unwrap();
    assert_eq!(matcher.to_string(), "a=\"b,c=d\"");
    assert!(MatcherSyntax::Utf8.parse_one("a=b,c=d").is_err());
}

proptest::proptest! {
    #[test]
    fn nothing_panics_and_what_is_printed_reads_back(text in "[ -~é\n]{0,40}") {
        for syntax in [MatcherSyntax::Fallback, MatcherSyntax::Utf8, MatcherSyntax::Classic] {
            let Ok(parsed) = syntax.parse_list(&text) else { continue };
            for matcher in parsed.matchers {
                let again = MatcherSyntax::Fallback.parse_one(&matcher.to_string());
                assert_eq!(again.as_ref(), Ok(&matcher), "{text:?}");
            }
        }
    }
}
