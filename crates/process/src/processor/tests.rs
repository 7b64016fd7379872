//! Processors on documents, as JSON before and after.

use vigie_formats::event_json::parse_json_object;
use vigie_language::filebeat;
use vigie_model::event::write_object_json;

use super::*;

fn built(yaml: &str) -> Result<(Processors, Vec<Warning>), String> {
    let source = Source::default();
    let text = format!("processors:\n{yaml}");
    let config = filebeat::parse(&text, &source, &|_| None).map_err(|error| error.to_string())?;
    let context = ProcessorContext { world: World::real(), http: HttpEnvironment::default() };
    let mut warnings = config.warnings;
    let processors = Processors::build(&config.processors, &source, &context, &mut warnings)
        .map_err(|error| error.to_string())?;
    Ok((processors, warnings))
}

/// What the processors make of a document; `None`: it is dropped.
async fn run(yaml: &str, document: &str) -> Option<String> {
    let (processors, warnings) = built(yaml).unwrap();
    assert!(warnings.is_empty(), "{warnings:?}");
    let fields = parse_json_object(document.as_bytes()).unwrap();
    let mut events = vec![Event { fields, ..Event::default() }];
    processors.run(&mut events).await;
    events.first().map(|event| {
        let mut out = Vec::new();
        write_object_json(&event.fields, &mut out);
        String::from_utf8(out).unwrap()
    })
}

#[tokio::test]
async fn each_does_what_it_says() {
    for (yaml, document, expected) in [
        (
            "- decode_json_fields: {fields: [message], target: ''}",
            r#"{"message":"{\"a\":{\"b\":1},\"message\":\"in\"}","a":{"c":2}}"#,
            r#"{"message":"{\"a\":{\"b\":1},\"message\":\"in\"}","a":{"c":2,"b":1}}"#,
        ),
        (
            "- decode_json_fields: {fields: [message], target: '', overwrite_keys: true}",
            r#"{"message":"{\"message\":\"in\"}"}"#,
            r#"{"message":"in"}"#,
        ),
        (
            "- decode_json_fields: {fields: [message]}",
            r#"{"message":"{\"x\":\"{\\\"y\\\":1}\"}"}"#,
            r#"{"message":{"x":"{\"y\":1}"}}"#,
        ),
        (
            "- decode_json_fields: {fields: [message], target: t, max_depth: 3}",
            r#"{"message":"{\"x\":\"{\\\"y\\\":1}\"}"}"#,
            r#"{"message":"{\"x\":\"{\\\"y\\\":1}\"}","t":{"x":{"y":1}}}"#,
        ),
        (
            "- decode_json_fields: {fields: [message], target: ''}",
            r#"{"message":"no json"}"#,
            r#"{"message":"no json"}"#,
        ),
        ("- rename: {fields: [{from: a.b, to: c.d}]}", r#"{"a":{"b":1}}"#, r#"{"c":{"d":1}}"#),
        (
            "- rename: {ignore_missing: true, fail_on_error: false, fields: [{from: x, to: y}]}",
            r#"{"a":1}"#,
            r#"{"a":1}"#,
        ),
        (
            "- rename: {fields: [{from: a, to: b}]}",
            r#"{"a":1,"b":2}"#,
            r#"{"a":1,"b":2,"error":{"message":"Failed to rename fields in processor: target field b already exists"}}"#,
        ),
        ("- copy_fields: {fields: [{from: a, to: b}]}", r#"{"a":1}"#, r#"{"a":1,"b":1}"#),
        (
            "- drop_fields: {fields: [a.b, '/^secret/'], ignore_missing: true}",
            r#"{"a":{"b":1,"c":2},"secret_key":"x","keep":1}"#,
            r#"{"a":{"c":2},"keep":1}"#,
        ),
        ("- include_fields: {fields: [a.b]}", r#"{"a":{"b":1,"c":2},"d":3}"#, r#"{"a":{"b":1}}"#),
        (
            "- dissect: {tokenizer: '%{ip} - %{user} [%{code|integer}]', field: message, target_prefix: ''}",
            r#"{"message":"1.2.3.4 - bob [200]"}"#,
            r#"{"message":"1.2.3.4 - bob [200]","ip":"1.2.3.4","user":"bob","code":200}"#,
        ),
        (
            "- dissect: {tokenizer: '%{a} %{b}'}",
            r#"{"message":"x y"}"#,
            r#"{"message":"x y","dissect":{"a":"x","b":"y"}}"#,
        ),
        (
            "- dissect: {tokenizer: '%{a}|%{b}', ignore_failure: true}",
            r#"{"message":"x y"}"#,
            r#"{"message":"x y"}"#,
        ),
        (
            "- convert: {fields: [{from: a, to: b, type: integer}, {from: c, type: boolean}]}",
            r#"{"a":"12","c":"true"}"#,
            r#"{"a":"12","c":true,"b":12}"#,
        ),
        ("- add_tags: {tags: [x, y]}", r#"{"tags":["a"]}"#, r#"{"tags":["a","x","y"]}"#),
        (
            "- add_fields: {target: '', fields: {a.b: 1}}",
            r#"{"a":{"c":2}}"#,
            r#"{"a":{"c":2,"b":1}}"#,
        ),
        ("- add_fields: {fields: {a: 1}}", "{}", r#"{"fields":{"a":1}}"#),
        ("- add_labels: {labels: {a.b: x}}", "{}", r#"{"labels":{"a.b":"x"}}"#),
        (
            "- truncate_fields: {fields: [m], max_characters: 2}",
            r#"{"m":"éàü"}"#,
            r#"{"m":"éà","log":{"flags":["truncated"]}}"#,
        ),
        (
            "- extract_array: {field: a, mappings: {x.y: 1}}",
            r#"{"a":["p","q"]}"#,
            r#"{"a":["p","q"],"x":{"y":"q"}}"#,
        ),
        (
            "- replace: {fields: [{field: m, pattern: 'b+', replacement: c}]}",
            r#"{"m":"abba"}"#,
            r#"{"m":"aca"}"#,
        ),
        (
            "- decode_csv_fields: {fields: {m: c}, separator: ';'}",
            r#"{"m":"a;\"b;\"\"c\";"}"#,
            r#"{"m":"a;\"b;\"\"c\";","c":["a","b;\"c",""]}"#,
        ),
        (
            "- decode_base64_field: {field: {from: m, to: d}}",
            r#"{"m":"aGk="}"#,
            r#"{"m":"aGk=","d":"hi"}"#,
        ),
        (
            "- urldecode: {fields: [{from: m, to: d}]}",
            r#"{"m":"a%20b"}"#,
            r#"{"m":"a%20b","d":"a b"}"#,
        ),
        (
            "- timestamp: {field: t, layouts: ['2006-01-02T15:04:05Z07:00'], test: ['2026-01-02T03:04:05Z']}",
            r#"{"t":"2026-01-02T03:04:05.5+01:00"}"#,
            r#"{"t":"2026-01-02T03:04:05.5+01:00","@timestamp":"2026-01-02T02:04:05.500Z"}"#,
        ),
        (
            "- timestamp: {field: t, timezone: Europe/Paris, layouts: ['02/Jan/2006:15:04:05', UNIX_MS]}",
            r#"{"t":"02/Jul/2026:12:00:00"}"#,
            r#"{"t":"02/Jul/2026:12:00:00","@timestamp":"2026-07-02T10:00:00.000Z"}"#,
        ),
        (
            "- append: {target_field: a, values: [2, 1], allow_duplicate: false}",
            r#"{"a":1}"#,
            r#"{"a":[1,2]}"#,
        ),
        ("- uppercase: {values: [a]}", r#"{"a":"x"}"#, r#"{"a":"X"}"#),
        (
            "- syslog: {field: message}",
            r#"{"message":"<34>1 2026-10-11T22:14:15.003Z host su - ID47 - failed"}"#,
            r#"{"message":"failed","log":{"syslog":{"priority":34,"facility":{"code":4},"severity":{"code":2},"hostname":"host","appname":"su","msgid":"ID47"}}}"#,
        ),
        (
            "- add_kubernetes_metadata: ~\n",
            r#"{"log":{"file":{"path":"/var/log/containers/web-1_shop_nginx-0123abc.log"}}}"#,
            "",
        ),
    ] {
        if expected.is_empty() {
            continue;
        }
        assert_eq!(run(yaml, document).await.as_deref(), Some(expected), "{yaml}");
    }
}

#[tokio::test]
async fn conditions_choose() {
    let yaml = "- drop_event: {when: {or: [{regexp.m: '^DEBUG'}, {and: [{range: {code.gte: 400, code.lt: 500}}, {not: {has_fields: [keep]}}]}]}}\n- if: {network.ip: [private, '192.0.2.0/24']}\n  then: {add_tags: {tags: [in]}}\n  else: {add_tags: {tags: [out]}}\n- add_tags: {tags: [eq], when.equals.a.b: 1}\n- add_tags: {tags: [has], when.contains.list: two}\n";
    for (document, expected) in [
        (r#"{"m":"DEBUG x"}"#, None),
        (r#"{"code":404}"#, None),
        (r#"{"code":404,"keep":1}"#, Some(r#"{"code":404,"keep":1,"tags":["out"]}"#)),
        (r#"{"ip":"10.1.2.3"}"#, Some(r#"{"ip":"10.1.2.3","tags":["in"]}"#)),
        (r#"{"ip":"192.0.2.77"}"#, Some(r#"{"ip":"192.0.2.77","tags":["in"]}"#)),
        (r#"{"ip":"192.0.3.77"}"#, Some(r#"{"ip":"192.0.3.77","tags":["out"]}"#)),
        (
            r#"{"a":{"b":1},"list":["one two","three"]}"#,
            Some(r#"{"a":{"b":1},"list":["one two","three"],"tags":["out","eq","has"]}"#),
        ),
    ] {
        assert_eq!(run(yaml, document).await.as_deref(), expected, "{document}");
    }
}

#[tokio::test]
async fn a_pod_is_told_by_the_name_of_its_log() {
    let (processors, warnings) = built("- add_kubernetes_metadata: ~\n").unwrap();
    assert_eq!(warnings.len(), 1);
    let document =
        br#"{"log":{"file":{"path":"/var/log/containers/web-1_shop_nginx-0123abc.log"}}}"#;
    let fields = parse_json_object(document).unwrap();
    let mut events = vec![Event { fields, ..Event::default() }];
    processors.run(&mut events).await;
    let get = |name: &str| access::get(&events[0], name).cloned();
    assert_eq!(get("kubernetes.pod.name"), Some("web-1".into()));
    assert_eq!(get("kubernetes.namespace"), Some("shop".into()));
    assert_eq!(get("kubernetes.container.name"), Some("nginx".into()));
    assert_eq!(get("container.id"), Some("0123abc".into()));
}

#[test]
fn what_cannot_work_is_refused() {
    for (yaml, said) in [
        ("- script: {lang: javascript}", "refused"),
        ("- resolve_everything: {}", "not there yet"),
        ("- timestamp: {field: t, layouts: ['2006'], test: [x]}", "is no time"),
        ("- convert: {fields: [{from: a, type: colour}]}", "is none of"),
        ("- add_docker_metadata: {host: 'here'}", "not the address"),
    ] {
        let error = built(yaml).unwrap_err();
        assert!(error.contains(said), "{yaml}: {error}");
    }
}

/// A daemon on a Unix socket, which answers as the Docker Engine API describes
/// `GET /containers/{id}/json`.
#[tokio::test]
async fn containers_are_named_by_their_daemon() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("docker.sock");
    let id = "ab".repeat(32);
    let yaml = format!("- add_docker_metadata: {{host: 'unix://{}'}}", socket.display());
    let document = format!(
        r#"{{"log":{{"file":{{"path":"/var/lib/docker/containers/{id}/{id}-json.log"}}}}}}"#
    );
    // Without a daemon the id is all that is known.
    let alone = run(&yaml, &document).await.unwrap();
    assert!(alone.ends_with(&format!(r#""container":{{"id":"{id}"}}}}"#)), "{alone}");
    let listener = tokio::net::UnixListener::bind(&socket).unwrap();
    let path = format!("GET /containers/{id}/json ");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = vec![0; 4_096];
            let count = stream.read(&mut request).await.unwrap();
            assert!(String::from_utf8_lossy(&request[..count]).starts_with(&path));
            let body = r#"{"Id":"x","Name":"/web","Config":{"Image":"shop/web:1","Labels":{"com.team":"shop"}}}"#;
            let answer = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            );
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    let named = run(&yaml, &document).await.unwrap();
    let expected = format!(
        r#""container":{{"id":"{id}","name":"web","image":{{"name":"shop/web:1"}},"labels":{{"com_team":"shop"}}}}}}"#
    );
    assert!(named.ends_with(&expected), "{named}");
}
