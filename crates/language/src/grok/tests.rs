//! What the standard patterns find in lines of the programs they are named after.

use super::*;

fn find(names: FieldNames, expression: &str, text: &str) -> Option<String> {
    let library = GrokLibrary::standard(names);
    let grok = Grok::compile(expression, &library, true).unwrap();
    let captures = grok.captures(text).unwrap()?;
    let shown = captures.iter().filter(|capture| !capture.text.is_empty());
    Some(
        shown
            .map(|capture| format!("{}={}", capture.field, capture.text))
            .collect::<Vec<_>>()
            .join(" "),
    )
}

#[test]
fn every_pattern_compiles_and_is_linear() {
    for names in [FieldNames::Ecs, FieldNames::Legacy] {
        let library = GrokLibrary::standard(names);
        for name in library.names() {
            let grok = Grok::compile(&format!("%{{{name}}}"), &library, true);
            let grok = grok.unwrap_or_else(|error| panic!("{name}: {error}"));
            assert!(grok.is_linear(), "{name}");
        }
    }
}

#[test]
fn simple_patterns_find_what_they_are_named_after() {
    for (expression, text, expected) in [
        ("%{IP:a}", "from 192.168.1.100 to", "a=192.168.1.100"),
        ("%{IP:a}", "x fe80::1ff:fe23:4567:890a y", "a=fe80::1ff:fe23:4567:890a"),
        ("%{IP:a}", "[2001:db8::1]:80", "a=2001:db8::1"),
        ("^%{IPV4:a}$", "1.2.3.4", "a=1.2.3.4"),
        ("%{NUMBER:a} %{NUMBER:b}", "took -12.5 7", "a=-12.5 b=7"),
        ("%{GREEDYDATA:a}%{NUMBER:b}", "abc123", "a=abc b=123"),
        ("%{EMAILADDRESS:a}", "<jane.doe+x@mail.example.org>", "a=jane.doe+x@mail.example.org"),
        (
            "%{UUID:a}",
            "id 01234567-89ab-cdef-0123-456789abcdef",
            "a=01234567-89ab-cdef-0123-456789abcdef",
        ),
        ("%{MAC:a}", "aa:bb:cc:dd:ee:0f", "a=aa:bb:cc:dd:ee:0f"),
        (
            "%{URI:a}",
            "GET https://u:p@example.com:8443/x/y?z=1&w=2 HTTP",
            "a=https://u:p@example.com:8443/x/y?z=1&w=2",
        ),
        (
            "%{TIMESTAMP_ISO8601:a}",
            "at 2023-11-10T14:30:45.123+01:00 x",
            "a=2023-11-10T14:30:45.123+01:00",
        ),
        ("%{QS:a}", r#"say "a \"b\" c" now"#, r#"a="a \"b\" c""#),
        ("%{LOGLEVEL:a}", "a WARNING", "a=WARNING"),
        ("%{PATH:a}", "in /var/log/x-1.log:", "a=/var/log/x-1.log:"),
        ("%{HOSTPORT:a}", "db1.example.com:5432", "a=db1.example.com:5432"),
        ("%{DATA:a} %{WORD:b}$", "x y z", "a=x y b=z"),
    ] {
        assert_eq!(
            find(FieldNames::Ecs, expression, text).as_deref(),
            Some(expected),
            "{expression}"
        );
    }
    for (expression, text) in [
        ("^%{IPV4:a}$", "256.1.1.1"),
        ("%{MONTH:a}", "x"),
        ("%{POSINT:a}", "0"),
        ("^%{TIME:a}$", "24:00:00"),
        ("%{UUID}", "01234567-89ab"),
    ] {
        assert_eq!(find(FieldNames::Ecs, expression, text), None, "{expression}");
    }
}

#[test]
fn lines_of_logs_are_taken_apart() {
    let combined = r#"10.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] "GET /a?b=1 HTTP/1.0" 200 2326 "http://e.com/s" "Mozilla/4.08""#;
    assert_eq!(
        find(FieldNames::Ecs, "%{COMBINEDAPACHELOG}", combined).as_deref(),
        Some(
            "[source][address]=10.0.0.1 [user][name]=frank timestamp=10/Oct/2000:13:55:36 -0700 \
             [http][request][method]=GET [url][original]=/a?b=1 [http][version]=1.0 \
             [http][response][status_code]=200 [http][response][body][bytes]=2326 \
             [http][request][referrer]=http://e.com/s [user_agent][original]=Mozilla/4.08"
        )
    );
    assert_eq!(
        find(FieldNames::Legacy, "%{COMBINEDAPACHELOG}", combined).as_deref(),
        Some(
            "clientip=10.0.0.1 ident=- auth=frank timestamp=10/Oct/2000:13:55:36 -0700 verb=GET \
             request=/a?b=1 httpversion=1.0 response=200 bytes=2326 referrer=\"http://e.com/s\" \
             agent=\"Mozilla/4.08\""
        )
    );
    let syslog = "Nov 10 14:30:45 web1 sshd[4721]: Accepted publickey for x";
    assert_eq!(
        find(FieldNames::Ecs, "%{SYSLOGLINE}", syslog).as_deref(),
        Some(
            "timestamp=Nov 10 14:30:45 [host][hostname]=web1 [process][name]=sshd \
             [process][pid]=4721 message=Accepted publickey for x"
        )
    );
    let ruby = "E, [2023-11-10T14:30:45.123456 #17] ERROR -- prog: it broke";
    assert_eq!(
        find(FieldNames::Legacy, "%{RUBY_LOGGER}", ruby).as_deref(),
        Some(
            "timestamp=2023-11-10T14:30:45.123456 pid=17 loglevel=ERROR progname=prog message=it broke"
        )
    );
}

#[test]
fn own_patterns_types_and_errors() {
    let mut library = GrokLibrary::standard(FieldNames::Ecs);
    library.add_file("# mine\nPOSTFIX_QUEUEID [0-9A-F]{10,11}\n\nLOOP a%{LOOP}\n");
    let grok = Grok::compile(
        "%{POSTFIX_QUEUEID:[queue][id]}: (?<rest>[a-z]+)=%{NUMBER:n:int} %{NUMBER:f:float}",
        &library,
        true,
    );
    let grok = grok.unwrap();
    let captures = grok.captures("BEF25A72965: size=12 1.5").unwrap().unwrap();
    let kinds: Vec<_> = captures.iter().map(|capture| (capture.field, capture.kind)).collect();
    assert_eq!(
        kinds,
        [
            ("[queue][id]", CaptureType::Text),
            ("rest", CaptureType::Text),
            ("n", CaptureType::Integer),
            ("f", CaptureType::Float)
        ]
    );
    let all = Grok::compile("%{INT} %{WORD:w}", &library, false).unwrap();
    let captures = all.captures("7 x").unwrap().unwrap();
    assert_eq!(captures.iter().map(|c| c.field).collect::<Vec<_>>(), ["INT", "w"]);
    let error = |expression: &str| Grok::compile(expression, &library, true).unwrap_err();
    assert_eq!(error("%{NOPE:x}").to_string(), "pattern %{NOPE} not defined");
    assert_eq!(error("%{LOOP}"), GrokError::Unbounded("LOOP".into()));
    assert!(matches!(error("(%{INT}"), GrokError::Expression(_)));
}
