//! What Go 1.26 says and means, row by row.

use super::*;

fn error(pattern: &str) -> String {
    compile(pattern).map_or_else(|error| error.to_string(), |_| "no error".to_owned())
}

/// What Go 1.26 says, in its order of discovery.
#[test]
fn errors_are_gos() {
    for (pattern, what, text) in [
        ("a(", "missing closing )", "a("),
        ("a)", "unexpected )", "a)"),
        ("a[b", "missing closing ]", "[b"),
        ("[a-", "missing closing ]", "[a-"),
        ("[]", "missing closing ]", "[]"),
        ("[^]", "missing closing ]", "[^]"),
        ("[z-a]", "invalid character class range", "z-a"),
        ("[a-\\d]", "invalid escape sequence", r"\d"),
        ("[[:foo:]]", "invalid character class range", "[:foo:]"),
        ("\\p{Foo}", "invalid character class range", r"\p{Foo}"),
        ("\\p{Latn}", "invalid character class range", r"\p{Latn}"),
        ("\\p{Alphabetic}", "invalid character class range", r"\p{Alphabetic}"),
        ("\\p{L", "invalid character class range", r"\p{L"),
        ("\\p", "invalid character class range", r"\p"),
        ("*", "missing argument to repetition operator", "*"),
        ("(?i)*", "missing argument to repetition operator", "*"),
        ("(|*)", "missing argument to repetition operator", "*"),
        ("a**", "invalid nested repetition operator", "**"),
        ("a*?+", "invalid nested repetition operator", "*?+"),
        ("a{2}{3}", "invalid nested repetition operator", "{2}{3}"),
        ("a{1001}", "invalid repeat count", "{1001}"),
        ("a{3,2}", "invalid repeat count", "{3,2}"),
        ("a{99999999999}", "invalid repeat count", "{99999999999}"),
        ("(a{100}){11}", "invalid repeat count", "{11}"),
        ("\\", "trailing backslash at end of expression", ""),
        ("\\C", "invalid escape sequence", r"\C"),
        ("\\Z", "invalid escape sequence", r"\Z"),
        ("\\1", "invalid escape sequence", r"\1"),
        ("\\8", "invalid escape sequence", r"\8"),
        ("\\é", "invalid escape sequence", r"\é"),
        ("\\xg0", "invalid escape sequence", r"\xg0"),
        ("\\x{110000}", "invalid escape sequence", r"\x{110000"),
        ("[\\b]", "invalid escape sequence", r"\b"),
        ("(?=a)", "invalid or unsupported Perl syntax", "(?="),
        ("(?!a)", "invalid or unsupported Perl syntax", "(?!"),
        ("(?P=n)", "invalid or unsupported Perl syntax", "(?P"),
        ("(?i-)", "invalid or unsupported Perl syntax", "(?i-)"),
        ("(?<=a)", "invalid named capture", "(?<=a)"),
        ("(?P<n", "invalid named capture", "(?P<n"),
        ("(?P<n-x>a)", "invalid named capture", "(?P<n-x>"),
    ] {
        let expected = format!("error parsing regexp: {what}: `{text}`");
        assert_eq!(error(pattern), expected, "{pattern}");
    }
}

/// Where the `regex` crate alone would mean something else, or refuse.
#[test]
fn the_meaning_is_gos() {
    for (pattern, matching, others) in [
        ("\\d+", vec!["12"], vec!["٣", "a"]),
        ("\\w", vec!["a", "_"], vec!["é", "-"]),
        ("\\s", vec![" ", "\n"], vec!["\u{b}", "\u{a0}"]),
        ("[[:space:]]", vec![" ", "\u{b}"], vec!["\u{a0}"]),
        ("é\\b1", vec!["é1"], vec!["é"]),
        ("[a&&b]", vec!["a", "&", "b"], vec!["c"]),
        ("[a~~b]", vec!["~"], vec!["-"]),
        ("[[a]", vec!["[", "a"], vec!["]"]),
        ("[[a]]", vec!["[]", "a]"], vec!["a"]),
        ("[--a]", vec!["-", "A"], vec!["b"]),
        ("[]a]", vec!["]"], vec!["b"]),
        ("a{", vec!["a{"], vec!["a"]),
        ("a{,2}", vec!["a{,2}"], vec!["aa"]),
        ("{", vec!["{"], vec![""]),
        ("\\Qa.b\\E", vec!["a.b"], vec!["axb"]),
        ("\\Q(\\E", vec!["("], vec![""]),
        ("\\101\\x41\\x{41}", vec!["AAA"], vec!["A"]),
        ("(?i)k", vec!["k", "K", "\u{212a}"], vec!["x"]),
        ("(?i)\\w", vec!["\u{212a}", "ſ"], vec!["é"]),
        ("(?i)\\W", vec!["é"], vec!["\u{212a}", "ſ"]),
        ("a(?i)*", vec!["", "aa"], vec!["A"]),
        ("a(?i)b|c", vec!["aB", "C"], vec!["AB"]),
        ("(?)a(?ii)b", vec!["aB"], vec!["AB"]),
        ("a.b", vec!["a\nb"], vec!["ab"]),
        ("(?-s)a.b", vec!["axb"], vec!["a\nb"]),
        ("(?m)a$\n^b", vec!["a\nb"], vec!["ab"]),
        ("a$\nb", vec![], vec!["a\nb"]),
        ("(?P<n>a)(?<m>b)(?P<n>c)", vec!["abc"], vec!["ab"]),
        ("\\p{Greek}|\\pN|\\p{^L}|\\p{lowercase_letter}", vec!["α", "٣", "-", "é"], vec!["É"]),
        ("[\\p{Cs}]", vec![], vec!["a", ""]),
        ("[\\P{Cs}]", vec!["a"], vec![""]),
        ("[^\\x00-\\x{10FFFF}]", vec![], vec!["a", ""]),
        ("\\x{D800}", vec![], vec!["a", ""]),
        ("(a*)*|(b{0})", vec!["", "aaa"], vec!["b"]),
        ("^*a$?", vec!["a"], vec!["aa"]),
        // The anchors bind to the alternatives at the ends.
        ("a)|(?:b", vec!["a", "axx", "b", "xxb"], vec!["xa"]),
    ] {
        let regex = compile_anchored(pattern).unwrap();
        for text in matching {
            assert!(regex.is_match(text), "{pattern} should match {text:?}");
        }
        for text in others {
            assert!(!regex.is_match(text), "{pattern} should not match {text:?}");
        }
    }
}

#[test]
fn groups_are_counted_and_greed_is_kept() {
    let regex = compile("(?P<a>x+?)(?:y)(?U:(z+))(z*)").unwrap();
    let groups = regex.captures("xxyzzz").unwrap();
    assert_eq!(&groups["a"], "xx");
    assert_eq!((&groups[2], &groups[3]), ("z", "zz"));
}

#[test]
fn what_is_too_deep_or_too_large_is_refused() {
    let nested = |depth: usize| format!("{}a{}", "(".repeat(depth), ")".repeat(depth));
    assert_eq!(error(&nested(100)), "no error");
    for depth in [500, 5_000, 400_000] {
        assert!(error(&nested(depth)).contains("expression nests too deeply"), "{depth}");
    }
    assert!(error("((\\pL{31}){31}x{31}){31}").contains("invalid repeat count"));
    assert!(error("\\pL{1000}\\pL{1000}").contains("expression too large"));
    assert!(error(&"a".repeat(PATTERN_BYTES_MAX + 1)).contains("expression too large"));
}

proptest::proptest! {
    #[test]
    fn whatever_translates_is_well_formed(pattern in "[a(|)?:PU<>\\[\\]^$.*+{},0-9\\\\pdwQEiLé-]{0,24}") {
        if let Ok(translated) = translate(&pattern) {
            Regex::new(&translated).map_err(|error| {
                proptest::test_runner::TestCaseError::fail(format!("{pattern}: {error}"))
            })?;
        }
    }
}
