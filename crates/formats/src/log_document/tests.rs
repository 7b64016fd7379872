//! Documents of every shape, good and bad.

use vigie_model::{DocumentEvent, write_document_json};

use super::*;

const OPTIONS: DocumentOptions<'_> = DocumentOptions { time_field: "@timestamp", now_ns: 7 };

fn pack(json: &str) -> Result<(i64, Vec<u8>), DocumentError> {
    let mut bytes = Vec::new();
    let time_ns = pack_json_document(json, OPTIONS, &mut DocumentWriter::new(&mut bytes))?;
    assert!(DocumentReader::new(&bytes).is_well_formed(), "{json}");
    Ok((time_ns, bytes))
}

fn back(json: &str) -> String {
    let (time_ns, bytes) = pack(json).unwrap_or_else(|error| panic!("{json}: {error}"));
    let mut out = Vec::new();
    write_document_json(DocumentReader::new(&bytes), time_ns, &mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn documents_come_back_with_their_keys_in_order_and_their_numbers_as_written() {
    for json in [
        r#"{}"#,
        r#"{"b":1,"a":2.50,"c":-0,"d":1e400,"e":123456789012345678901234567890,"f":1E-7}"#,
        r#"{"o":{"p":{"q":true},"r":null},"s.t":false,"u":{}}"#,
        r#"{"@timestamp":"2025-11-20T23:59:59.203Z","message":"a \"quoted\" line\n\tand \\ more\u0001"}"#,
        r#"{"@timestamp":"yesterday","l":[],"m":[1,"x",null,true],"n":[{"a":1},[2]]}"#,
        "{\"emoji\":\"😀é\"}",
    ] {
        assert_eq!(back(json), json);
    }
    assert_eq!(back("\t{ \"a\" : [ 1 , 2 ] , \"b\" : { } }\n"), r#"{"a":[1,2],"b":{}}"#);
    assert_eq!(back(r#"{"a":"\ud83d\ude00\u00e9\ud83d \/"}"#), "{\"a\":\"😀é\u{fffd} /\"}");
}

#[test]
fn the_time_is_read_where_it_can_be() {
    for (json, time_ns) in [
        (r#"{"@timestamp":"1970-01-01T00:00:01.5Z"}"#, 1_500_000_000),
        (r#"{"@timestamp":"1970-01-01T01:00:01+01:00"}"#, 1_000_000_000),
        (r#"{"@timestamp":"1970-01-01 00:00:02"}"#, 2_000_000_000),
        (r#"{"@timestamp":1500}"#, 1_500_000_000),
        (r#"{"@timestamp":"1500000"}"#, 1_500_000_000_000),
        (r#"{"@timestamp":"soon"}"#, 7),
        (r#"{"a":{"@timestamp":"1970-01-01T00:00:01Z"}}"#, 7),
    ] {
        assert_eq!(pack(json).unwrap().0, time_ns, "{json}");
    }
}

#[test]
fn what_is_in_lists_of_objects_can_be_found_by_path() {
    let (_, bytes) = pack(r#"{"a":[{"b":1,"c":{"d":"x"}},{"b":2},[3]]}"#).unwrap();
    let hidden: Vec<_> = DocumentReader::new(&bytes)
        .filter_map(|event| match event {
            DocumentEvent::Hidden(path, list) => Some((path, list.collect::<Vec<_>>())),
            _ => None,
        })
        .collect();
    assert_eq!(
        hidden,
        [
            ("a", vec![Scalar::Number("3")]),
            ("a.b", vec![Scalar::Number("1"), Scalar::Number("2")]),
            ("a.c.d", vec![Scalar::String("x")]),
        ]
    );
}

#[test]
fn what_is_no_json_object_is_refused() {
    let deep = format!("{}1{}", r#"{"a":"#.repeat(200), "}".repeat(200));
    let deep_list = format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    for json in [
        "",
        "[]",
        "1",
        "{",
        r#"{"a""#,
        r#"{"a":}"#,
        r#"{"a":1,}"#,
        r#"{"a":01}"#,
        r#"{"a":1.}"#,
        r#"{"a":-}"#,
        r#"{"a":1e}"#,
        r#"{"a":tru}"#,
        r#"{"a":"x}"#,
        r#"{"a":"\x"}"#,
        r#"{"a":"\u12g4"}"#,
        "{\"a\":\"x\ny\"}",
        r#"{"a":[1,]}"#,
        r#"{"a":[{]}"#,
        r#"{"a":[{"b":1]}"#,
        r#"{"a":1} x"#,
        r#"{'a':1}"#,
        r#"{"a":NaN}"#,
        &deep,
        &deep_list,
    ] {
        assert!(pack(json).is_err(), "{}", json.get(..40).unwrap_or(json));
    }
}

#[test]
fn any_cut_of_a_document_is_refused_and_none_panics() {
    let json = r#"{"a":{"b":[1,{"c":"\u00e9😀"}]},"d":"x\n","e":-1.5e3,"f":null}"#;
    for (cut, _) in json.char_indices() {
        assert!(pack(&json[..cut]).is_err());
    }
}
