//! What Ruby's expressions match, from Onigmo's documentation.

use super::*;

fn first(pattern: &str, text: &str) -> Option<String> {
    let compiled =
        RubyPattern::compile(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}"));
    let spans = compiled.find(text, 0).unwrap()?;
    let (start, end) = spans[0].unwrap();
    Some(text[start..end].to_owned())
}

#[test]
fn expressions_match_as_in_ruby() {
    for (pattern, text, expected) in [
        ("^b$", "a\nb\nc", Some("b")),
        (r"\Ab", "a\nb", None),
        ("a.b", "a\nb", None),
        ("(?m)a.b", "a\nb", Some("a\nb")),
        (r"\h+", "xyzBEEF", Some("BEEF")),
        (r"\w+", "é_a1", Some("_a1")),
        ("[[:alpha:]_]+", "1é_a", Some("é_a")),
        ("[[[:alnum:]]_%!$@:.,+~-]+", " a-b~c%", Some("a-b~c%")),
        ("[a-z&&[^aeiou]]+", "aeixyz", Some("xyz")),
        (r"[\w.-]+", " a.b-c ", Some("a.b-c")),
        (r"[+-]?\d{,3}", "-1234", Some("-123")),
        ("a{x", "a{x", Some("a{x")),
        (r"\<a\>", "<a>", Some("<a>")),
        ("(?i:AB)c", "abc", Some("abc")),
        ("(?x) a b # c\n c", "abc", Some("abc")),
        (r"\x41\u0042", "AB", Some("AB")),
        ("(?<n>a)(b)", "ab", Some("ab")),
        // Look-around: a check that holds, one that refuses, one within a repeat.
        (r"(?<![0-9])\d+", "a12", Some("12")),
        (r"\d(?![0-9])", "123", Some("3")),
        (r"(?<=\[)\w+(?=\])", "x [ab]", Some("ab")),
        (r"(?:a(?=b)b)+", "ababa", Some("abab")),
        ("(?!x).a", "xaya", Some("ya")),
        (r"(a)\1", "abaa", Some("aa")),
        (r"(?<q>['\x22]).*?\k<q>", "a 'b\" c'", Some("'b\" c'")),
        (r"(?>a+)b", "aab", Some("aab")),
        ("a++b", "aab", Some("aab")),
    ] {
        assert_eq!(first(pattern, text).as_deref(), expected, "{pattern} on {text}");
    }
    // The greedy part gives back until the look-behind holds, as in Ruby.
    let pattern = RubyPattern::compile(r"(.*)(?<![0-9])([0-9]+)").unwrap();
    let spans = pattern.find("abc123", 0).unwrap().unwrap();
    assert_eq!(spans[2], Some((3, 6)));
    assert!(pattern.is_linear());
}

#[test]
fn what_is_no_expression_is_refused() {
    for pattern in ["(", ")", "a)", "[a", "*", "(?<>a)", r"\k<x>", "(?~a)", r"\X", r"\", "(?q)"] {
        assert!(RubyPattern::compile(pattern).is_err(), "{pattern}");
    }
    assert!(RubyPattern::compile(&"(".repeat(10_000)).is_err());
}

#[test]
fn backtracking_ends() {
    let pattern = RubyPattern::compile(r"^(?:(a|aa)+)\1c$").unwrap();
    assert_eq!(pattern.is_match(&("a".repeat(60) + "b")), Err(Exhausted));
}

#[test]
fn matches_are_replaced() {
    for (pattern, text, replacement, expected) in [
        ("/", "a/b/c", "_", "a_b_c"),
        (r"(\w+)=(\w+)", "a=1, b=2", r"\2<\1>", "1<a>, 2<b>"),
        (r"(?<k>\w)", "ab", r"[\k<k>]", "[a][b]"),
        ("x*", "aé", "-", "-a-é-"),
        (r"[\\?#-]", r"a\b?c#d-e", ".", "a.b.c.d.e"),
        ("a", "aa", r"\\\0", r"\a\a"),
    ] {
        let pattern = RubyPattern::compile(pattern).unwrap();
        assert_eq!(pattern.replace_all(text, replacement).unwrap(), expected, "{text}");
    }
}
