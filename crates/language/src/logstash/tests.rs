//! The grammar, references, texts and variables.

use super::*;

fn condition(text: &str) -> Condition {
    let config = parse(&format!("filter {{ if {text} {{ drop {{ }} }} }}"))
        .unwrap_or_else(|error| panic!("{text}: {error}"));
    let Some(Statement::Branch(branch)) = config.filters.into_iter().next() else {
        panic!("{text}")
    };
    branch.arms.into_iter().next().unwrap().0
}

fn field(text: &str) -> Operand {
    Operand::Field(FieldReference::parse(text).unwrap())
}

#[test]
fn sections_plugins_and_values_are_read() {
    let config = parse(
        "# first\ninput { tcp { port => 5000 codec => json { charset => \"UTF-8\" } } stdin{} }\n\
         filter { \"mutate\" { add_field => { \"a\" => 'x \"y\"' b => [1, -2.5, c] 7 => {} } } }\n\
         output{stdout{codec=>rubydebug}}# last",
    )
    .unwrap();
    let Some(Statement::Plugin(tcp)) = config.inputs.first() else { panic!("{config:?}") };
    assert_eq!(tcp.get("port"), Some(&Value::Number("5000".into())));
    assert_eq!(tcp.position, Position { line: 2, column: 9 });
    let Some(Value::Plugin(codec)) = tcp.get("codec") else { panic!("{tcp:?}") };
    assert_eq!(codec.get("charset"), Some(&Value::Text("UTF-8".into())));
    let Some(Statement::Plugin(mutate)) = config.filters.first() else { panic!("{config:?}") };
    assert_eq!(mutate.name, "mutate");
    let list =
        vec![Value::Number("1".into()), Value::Number("-2.5".into()), Value::Text("c".into())];
    assert_eq!(
        mutate.get("add_field"),
        Some(&Value::Hash(vec![
            ("a".into(), Value::Text("x \"y\"".into())),
            ("b".into(), Value::List(list)),
            ("7".into(), Value::Hash(Vec::new())),
        ]))
    );
    assert_eq!((config.inputs.len(), config.outputs.len()), (2, 1));
}

#[test]
fn the_seed_is_read() {
    let Some(text) = vigie_testkit::shared("the_seed_is_read", "seed/logstash.conf") else {
        return;
    };
    let config = parse(&std::fs::read_to_string(text).unwrap()).unwrap();
    assert_eq!((config.inputs.len(), config.filters.len(), config.outputs.len()), (3, 5, 2));
}

#[test]
fn options_that_stand_twice_are_merged() {
    let config = parse(
        "filter { grok { match => { a => 'x' } match => { b => 'y' a => 'z' } tag => 1 tag => 2 \
         tag => 2 l => [1] l => [1, 2] same => x same => x } }",
    )
    .unwrap();
    let Some(Statement::Plugin(grok)) = config.filters.first() else { panic!("{config:?}") };
    let text = |text: &str| Value::Text(text.into());
    let number = |text: &str| Value::Number(text.into());
    assert_eq!(
        grok.get("match"),
        Some(&Value::Hash(vec![
            ("a".into(), Value::List(vec![text("x"), text("z")])),
            ("b".into(), text("y")),
        ]))
    );
    assert_eq!(grok.get("tag"), Some(&Value::List(vec![number("1"), number("2"), number("2")])));
    assert_eq!(grok.get("l"), Some(&Value::List(vec![number("1"), number("1"), number("2")])));
    assert_eq!(grok.get("same"), Some(&text("x")));
}

#[test]
fn all_operators_are_read() {
    for (text, comparison) in [
        ("==", Comparison::Equal),
        ("!=", Comparison::NotEqual),
        ("<", Comparison::Less),
        ("<=", Comparison::LessOrEqual),
        (">", Comparison::Greater),
        (">=", Comparison::GreaterOrEqual),
    ] {
        assert_eq!(
            condition(&format!("[a][b]{text} 5")),
            Condition::Compare { left: field("[a][b]"), comparison, right: Operand::Number(5.0) }
        );
    }
    let matches = Condition::Matches { value: field("[m]"), pattern: "^a/b\\.".into() };
    assert_eq!(condition("[m] =~ /^a\\/b\\./"), matches);
    assert_eq!(condition("[m] !~ \"^a/b\\.\""), Condition::Not(Box::new(matches)));
    let list = Operand::List(vec![Operand::Text("a".into()), Operand::Number(1.0)]);
    let within = Condition::In { item: field("[t]"), list };
    assert_eq!(condition("[t] in ['a', 1]"), within);
    assert_eq!(condition("[t] not  in [a, 1]"), Condition::Not(Box::new(within)));
    assert_eq!(
        condition("'x' in [tags]"),
        Condition::In { item: Operand::Text("x".into()), list: field("[tags]") }
    );
    assert_eq!(
        condition("'x' in ['x']"),
        Condition::In {
            item: Operand::Text("x".into()),
            list: Operand::List(vec![Operand::Text("x".into())])
        }
    );
    assert_eq!(condition("![a]"), Condition::Not(Box::new(Condition::Truthy(field("[a]")))));
}

#[test]
fn and_binds_tighter_than_or() {
    let truthy = |name: &str| Condition::Truthy(field(name));
    let both =
        |connective, left, right| Condition::Both(connective, Box::new(left), Box::new(right));
    assert_eq!(
        condition("[a] or [b] and [c] or [d]"),
        both(
            Connective::Or,
            both(
                Connective::Or,
                truthy("[a]"),
                both(Connective::And, truthy("[b]"), truthy("[c]"))
            ),
            truthy("[d]"),
        )
    );
    assert_eq!(
        condition("([a] xor [b]) and !([c] nand [d])"),
        both(
            Connective::And,
            both(Connective::Xor, truthy("[a]"), truthy("[b]")),
            Condition::Not(Box::new(both(Connective::Nand, truthy("[c]"), truthy("[d]")))),
        )
    );
}

#[test]
fn errors_say_where_and_what() {
    for (text, expected) in [
        (
            "inputs { }",
            "expected one of `input`, `filter`, `output`, `#`, found `inputs` at line 1, column 1",
        ),
        (
            "filter {\n  grok {\n    match = { }\n  }\n}",
            "expected `=>` after the option's name `match`, found `=` at line 3, column 11",
        ),
        (
            "filter { grok }",
            "expected `{` after the plugin's name `grok`, found `}` at line 1, column 15",
        ),
        (
            "filter {\n mutate { add_tag => [\"é\" \"b\"] } }",
            "expected `,` or `]`, found `\"b\"]` at line 2, column 27",
        ),
        (
            "filter { mutate { replace => { a => b, c => d } } }",
            "expected a key or `}` (no comma in a hash), found `,` at line 1, column 38",
        ),
        (
            "filter { if [a] = 1 { } }",
            "expected an operator: ==, !=, <, <=, >, >=, =~, !~, in, found `=` at line 1, column 17",
        ),
        ("filter { if [a] ", "expected `{`, found the end of the text at line 1, column 17"),
        (
            "filter { mutate { add_tag => \"x } }",
            "the text that begins here has no closing \" at line 1, column 30",
        ),
        (
            "filter { x { a => { b => 1 b => 2 } } }",
            "the key `b` stands twice in this hash at line 1, column 28",
        ),
    ] {
        assert_eq!(parse(text).unwrap_err().to_string(), expected, "{text}");
    }
    let deep = format!("filter {{ x {{ a => {}", "[".repeat(100_000));
    assert!(parse(&deep).unwrap_err().message.contains("too deeply"));
    let deep = format!("filter {{ if {}", "(".repeat(100_000));
    assert!(parse(&deep).unwrap_err().message.contains("too deeply"));
}

#[test]
fn escapes_are_off_unless_asked_for() {
    let text = r#"filter { x { a => "a\n\"b\" \d" } }"#;
    let value = |config: Config| match config.filters.first() {
        Some(Statement::Plugin(plugin)) => plugin.get("a").cloned(),
        _ => None,
    };
    assert_eq!(value(parse(text).unwrap()), Some(Value::Text(r#"a\n\"b\" \d"#.into())));
    assert_eq!(value(parse_with_escapes(text).unwrap()), Some(Value::Text("a\n\"b\" \\d".into())));
}

#[test]
fn references_are_read() {
    for (text, expected) in [
        ("a", Some("[a]")),
        ("@timestamp", Some("[@timestamp]")),
        ("a.b", Some("[a.b]")),
        ("[a][b c]", Some("[a][b c]")),
        ("[[a][b]][c]", Some("[a][b][c]")),
        ("a[b]", None),
        ("[a", None),
        ("[a]]", None),
        ("[]", None),
        ("[a]b", None),
        ("", None),
    ] {
        let parsed = FieldReference::parse(text).ok().map(|field| field.to_string());
        assert_eq!(parsed.as_deref(), expected, "{text}");
    }
}

#[test]
fn variables_are_replaced() {
    let lookup = |name: &str| match name {
        "HOSTS" => Some("[\"a:9200\", b:9200]".to_owned()),
        "LEVEL" => Some("warn".to_owned()),
        _ => None,
    };
    let mut config = parse(
        "output { if [level] == \"${LEVEL}\" { elasticsearch { hosts => \"${HOSTS}\" \
         index => \"x-${NAME:none}-${LEVEL:info}$\" } } }",
    )
    .unwrap();
    substitute(&mut config, &lookup).unwrap();
    let Some(Statement::Branch(branch)) = config.outputs.first() else { panic!("{config:?}") };
    let (asked, body) = &branch.arms[0];
    let Condition::Compare { right, .. } = asked else { panic!("{asked:?}") };
    assert_eq!(*right, Operand::Text("warn".into()));
    let Statement::Plugin(plugin) = &body[0] else { panic!("{body:?}") };
    assert_eq!(plugin.get("index"), Some(&Value::Text("x-none-warn$".into())));
    let hosts = ["a:9200", "b:9200"].map(|host| Value::Text(host.into()));
    assert_eq!(plugin.get("hosts"), Some(&Value::List(hosts.to_vec())));
    let mut config = parse("input { tcp {\n port => \"${PORT}\" } }").unwrap();
    let error = substitute(&mut config, &lookup).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the variable `PORT` is not set and `${PORT}` names no default at line 2, column 2"
    );
}

#[test]
fn texts_are_taken_apart() {
    let text = "a-%{[b][c]}-%{+YYYY.MM.dd}%{+%s}%{{yyyy}}%{{TIME_NOW}} %{a[} %{open";
    let pieces = Sprintf::parse(text).unwrap();
    let shown: Vec<_> = pieces
        .pieces()
        .iter()
        .map(|piece| match piece {
            Piece::Literal(text) => text.clone(),
            Piece::Field(field, raw) => format!("{field}={raw}"),
            Piece::EpochSeconds => "epoch".to_owned(),
            Piece::Joda(pattern) => pattern.as_str().to_owned(),
            Piece::Java(format) => format.as_str().to_owned(),
            Piece::Now => "now".to_owned(),
        })
        .collect();
    assert_eq!(
        shown,
        ["a-", "[b][c]=[b][c]", "-", "YYYY.MM.dd", "epoch", "yyyy", "now", " ", "%{a[}", " %{open"]
    );
    assert!(Sprintf::parse("%{+nonsense}").is_err());
    assert_eq!(Sprintf::parse("plain").unwrap().as_literal(), Some("plain"));
}
