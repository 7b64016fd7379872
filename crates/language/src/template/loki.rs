//! The functions of LogQL's `line_format` and `label_format`: Loki's own and those it takes from
//! the collection `sprig`, as of Loki 3.

mod number;
mod words;

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::alertmanager::url_unescape;
use super::function::{Function, Parameter};
use super::value::{ANY_MAP, ANYS, Value};
use super::{builtin, pattern, time, words as title};
use crate::logql::{parse_bytes, parse_duration_ns};
use Parameter::{Any, Int, Text, Time};
use number::{float_of, integer_of};

/// All of them.
pub static FUNCTIONS: &[Function] = &[
    Function::new("__line__", &[], |host, _| Ok(host.line().into())),
    Function::new("__timestamp__", &[], |host, _| Ok(Value::Time(host.timestamp()))),
    // The names that are older than sprig's, with the text first.
    Function::new("ToLower", &[Text], |_, a| Ok(text(a, 0).to_lowercase().into())),
    Function::new("ToUpper", &[Text], |_, a| Ok(text(a, 0).to_uppercase().into())),
    Function::new("Replace", &[Text, Text, Text, Int], |_, a| {
        let count = usize::try_from(integer(a, 3)).unwrap_or(usize::MAX);
        words::replace(text(a, 0), text(a, 1), text(a, 2), count).map(Value::from)
    }),
    Function::new("Trim", &[Text, Text], |_, a| Ok(words::trim(text(a, 0), text(a, 1)).into())),
    Function::new("TrimLeft", &[Text, Text], |_, a| {
        Ok(text(a, 0).trim_start_matches(|c| text(a, 1).contains(c)).into())
    }),
    Function::new("TrimRight", &[Text, Text], |_, a| {
        Ok(text(a, 0).trim_end_matches(|c| text(a, 1).contains(c)).into())
    }),
    Function::new("TrimPrefix", &[Text, Text], |_, a| {
        Ok(text(a, 0).strip_prefix(text(a, 1)).unwrap_or(text(a, 0)).into())
    }),
    Function::new("TrimSuffix", &[Text, Text], |_, a| {
        Ok(text(a, 0).strip_suffix(text(a, 1)).unwrap_or(text(a, 0)).into())
    }),
    Function::new("TrimSpace", &[Text], |_, a| Ok(text(a, 0).trim().into())),
    Function::new("regexReplaceAll", &[Text, Text, Text], |_, a| {
        pattern::replace_all(text(a, 0), text(a, 2), text(a, 1)).map(Value::from)
    }),
    Function::new("regexReplaceAllLiteral", &[Text, Text, Text], |_, a| {
        let literal = text(a, 2).replace('$', "$$");
        pattern::replace_all(text(a, 0), &literal, text(a, 1)).map(Value::from)
    }),
    Function::new("count", &[Text, Text], |_, a| {
        Ok(Value::Int(pattern::compile(text(a, 0))?.find_iter(text(a, 1)).count() as i64))
    }),
    Function::new("urldecode", &[Text], |_, a| url_unescape(text(a, 0)).map(Value::from)),
    Function::new("urlencode", &[Text], |_, a| Ok(builtin::query_text(text(a, 0)).into())),
    Function::new("bytes", &[Text], |_, a| {
        let bytes = parse_bytes(text(a, 0));
        bytes.map(|bytes| Value::Float(bytes as f64)).ok_or_else(|| unreadable("size", a))
    }),
    Function::new("duration", &[Text], |_, a| seconds(a)),
    Function::new("duration_seconds", &[Text], |_, a| seconds(a)),
    Function::new("unixEpoch", &[Time], |_, a| epoch(a, 1_000_000_000)),
    Function::new("unixEpochMillis", &[Time], |_, a| epoch(a, 1_000_000)),
    Function::new("unixEpochNanos", &[Time], |_, a| epoch(a, 1)),
    Function::new("toDate", &[Text, Text], |_, a| {
        Ok(Value::Time(time::parse(text(a, 0), text(a, 1)).unwrap_or(time::Time::ZERO)))
    }),
    Function::new("toDateInZone", &[Text, Text, Text], |_, a| {
        let read = time::parse(text(a, 0), text(a, 2)).unwrap_or(time::Time::ZERO);
        Ok(Value::Time(read.on_clock_of(text(a, 1))))
    }),
    Function::new("date", &[Text, Any], |host, a| {
        let time = match a.get(1) {
            Some(Value::Time(time)) => time.utc(),
            Some(Value::Int(seconds)) => time::Time::from_unix_ms(seconds.saturating_mul(1_000)),
            _ => host.now(),
        };
        Ok(time.format(text(a, 0)).into())
    }),
    Function::new("now", &[], |host, _| Ok(Value::Time(host.now()))),
    Function::new("alignLeft", &[Int, Text], |_, a| {
        words::aligned(integer(a, 0), text(a, 1), false).map(Value::from)
    }),
    Function::new("alignRight", &[Int, Text], |_, a| {
        words::aligned(integer(a, 0), text(a, 1), true).map(Value::from)
    }),
    // From sprig.
    Function::new("b64enc", &[Text], |_, a| Ok(STANDARD.encode(text(a, 0)).into())),
    Function::new("b64dec", &[Text], |_, a| {
        Ok(match STANDARD.decode(text(a, 0)) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned().into(),
            Err(error) => error.to_string().into(),
        })
    }),
    Function::new("lower", &[Text], |_, a| Ok(text(a, 0).to_lowercase().into())),
    Function::new("upper", &[Text], |_, a| Ok(text(a, 0).to_uppercase().into())),
    Function::new("title", &[Text], |_, a| Ok(title::title(text(a, 0), true).into())),
    Function::new("trunc", &[Int, Text], |_, a| {
        Ok(words::truncated(integer(a, 0), text(a, 1)).into())
    }),
    Function::new("substr", &[Int, Int, Text], |_, a| {
        Ok(words::part(integer(a, 0), integer(a, 1), text(a, 2)).into())
    }),
    Function::new("contains", &[Text, Text], |_, a| {
        Ok(Value::Bool(text(a, 1).contains(text(a, 0))))
    }),
    Function::new("hasPrefix", &[Text, Text], |_, a| {
        Ok(Value::Bool(text(a, 1).starts_with(text(a, 0))))
    }),
    Function::new("hasSuffix", &[Text, Text], |_, a| {
        Ok(Value::Bool(text(a, 1).ends_with(text(a, 0))))
    }),
    Function::new("indent", &[Int, Text], |_, a| {
        words::indented(integer(a, 0), text(a, 1), "").map(Value::from)
    }),
    Function::new("nindent", &[Int, Text], |_, a| {
        words::indented(integer(a, 0), text(a, 1), "\n").map(Value::from)
    }),
    Function::new("replace", &[Text, Text, Text], |_, a| {
        words::replace(text(a, 2), text(a, 0), text(a, 1), usize::MAX).map(Value::from)
    }),
    Function::new("repeat", &[Int, Text], |_, a| {
        words::repeated(integer(a, 0), text(a, 1)).map(Value::from)
    }),
    Function::new("trim", &[Text], |_, a| Ok(text(a, 0).trim().into())),
    Function::new("trimAll", &[Text, Text], |_, a| Ok(words::trim(text(a, 1), text(a, 0)).into())),
    Function::new("trimSuffix", &[Text, Text], |_, a| {
        Ok(text(a, 1).strip_suffix(text(a, 0)).unwrap_or(text(a, 1)).into())
    }),
    Function::new("trimPrefix", &[Text, Text], |_, a| {
        Ok(text(a, 1).strip_prefix(text(a, 0)).unwrap_or(text(a, 1)).into())
    }),
    Function::new("int", &[Any], |_, a| Ok(Value::Int(integer_of(any(a))))),
    Function::new("float64", &[Any], |_, a| Ok(Value::Float(float_of(any(a))))),
    Function::variadic("add", &[], Any, |_, a| {
        Ok(Value::Int(a.iter().map(integer_of).fold(0, i64::wrapping_add)))
    }),
    Function::new("sub", &[Any, Any], |_, a| Ok(number::integers(a, i64::wrapping_sub))),
    Function::variadic("mul", &[Any], Any, |_, a| Ok(number::integers(a, i64::wrapping_mul))),
    Function::new("div", &[Any, Any], |_, a| number::divided(a, i64::wrapping_div)),
    Function::new("mod", &[Any, Any], |_, a| number::divided(a, i64::wrapping_rem)),
    Function::variadic("addf", &[], Any, |_, a| Ok(number::floats(a, |a, b| a + b))),
    Function::variadic("subf", &[Any], Any, |_, a| Ok(number::floats(a, |a, b| a - b))),
    Function::variadic("mulf", &[Any], Any, |_, a| Ok(number::floats(a, |a, b| a * b))),
    Function::variadic("divf", &[Any], Any, |_, a| Ok(number::floats(a, |a, b| a / b))),
    Function::variadic("max", &[Any], Any, |_, a| Ok(number::integers(a, i64::max))),
    Function::variadic("min", &[Any], Any, |_, a| Ok(number::integers(a, i64::min))),
    Function::variadic("maxf", &[Any], Any, |_, a| Ok(number::floats(a, f64::max))),
    Function::variadic("minf", &[Any], Any, |_, a| Ok(number::floats(a, f64::min))),
    Function::new("ceil", &[Any], |_, a| Ok(Value::Float(float_of(any(a)).ceil()))),
    Function::new("floor", &[Any], |_, a| Ok(Value::Float(float_of(any(a)).floor()))),
    Function::variadic("round", &[Any, Int], Any, |_, a| Ok(number::rounded(a))),
    Function::new("fromJson", &[Text], |_, a| {
        let read = serde_json::from_str(text(a, 0));
        Ok(read.map_or(Value::NilInterface, |json| from_json(&json, 0)))
    }),
    Function::variadic("default", &[Any], Any, |_, a| {
        let given = a.get(1).filter(|given| given.is_true());
        Ok(given.or_else(|| a.first()).cloned().unwrap_or(Value::Nil))
    }),
];

fn any(arguments: &[Value]) -> &Value {
    arguments.first().unwrap_or(&Value::Nil)
}

fn text(arguments: &[Value], index: usize) -> &str {
    arguments.get(index).and_then(Value::as_text).map_or("", |text| text)
}

fn integer(arguments: &[Value], index: usize) -> i64 {
    arguments.get(index).map_or(0, integer_of)
}

fn unreadable(what: &str, arguments: &[Value]) -> String {
    format!("not a {what}: {}", crate::promql::go_quote(text(arguments, 0)))
}

fn seconds(arguments: &[Value]) -> Result<Value, String> {
    let ns = parse_duration_ns(text(arguments, 0));
    ns.map(|ns| Value::Float(ns as f64 / 1e9)).ok_or_else(|| unreadable("duration", arguments))
}

fn epoch(arguments: &[Value], unit: i128) -> Result<Value, String> {
    match arguments {
        [Value::Time(time)] => Ok(time.unix_ns().div_euclid(unit).to_string().into()),
        _ => Err("not a time".to_owned()),
    }
}

/// Values of JSON as Go decodes them into `interface{}`.
fn from_json(json: &serde_json::Value, depth: usize) -> Value {
    use serde_json::Value as Json;
    // The reader of JSON has a bound of its own, above that of values here.
    if depth > 64 {
        return Value::NilInterface;
    }
    match json {
        Json::Null => Value::NilInterface,
        Json::Bool(truth) => Value::Bool(*truth),
        Json::Number(number) => Value::Float(number.as_f64().unwrap_or(f64::NAN)),
        Json::String(text) => text.as_str().into(),
        Json::Array(items) => {
            Value::list(&ANYS, items.iter().map(|item| from_json(item, depth + 1)).collect())
        }
        Json::Object(fields) => {
            let fields = fields.iter();
            let entries: BTreeMap<_, _> = fields
                .map(|(key, value)| (key.as_str().into(), from_json(value, depth + 1)))
                .collect();
            Value::map(&ANY_MAP, entries)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Host, Limits, STRING_MAP, Templates, time::Time};
    use super::*;

    struct Line;

    impl Host for Line {
        fn line(&self) -> String {
            "the line".to_owned()
        }

        fn timestamp(&self) -> Time {
            Time::from_unix_ms(1_700_000_000_123)
        }
    }

    #[test]
    fn functions_give_what_lokis_documentation_says() {
        let labels = [
            ("path", "/api/v1/users?id=5"),
            ("size", "5KiB"),
            ("took", "1m30s"),
            ("n", "7"),
            ("json", r#"{"a":{"b":[1,"x"]}}"#),
        ];
        let data = Value::text_map(&STRING_MAP, labels);
        for (template, expected) in [
            ("{{.path}} {{.missing}}", "/api/v1/users?id=5 "),
            ("{{__line__ | upper}} {{__timestamp__ | unixEpochMillis}}", "THE LINE 1700000000123"),
            (
                "{{Trim .path \"/5=\"}} {{TrimRight .path \"5\"}}",
                "api/v1/users?id /api/v1/users?id=",
            ),
            ("{{Replace .path \"/\" \"_\" 2}}", "_api_v1/users?id=5"),
            (
                "{{TrimPrefix .path \"/api\"}} {{trimPrefix \"/api\" .path}}",
                "/v1/users?id=5 /v1/users?id=5",
            ),
            (r#"{{regexReplaceAll "(\\d+)" .path "<$1>"}}"#, "/api/v<1>/users?id=<5>"),
            (r#"{{regexReplaceAllLiteral "(\\d+)" .path "$1"}}"#, "/api/v$1/users?id=$1"),
            (r#"{{count "\\d" .path}}"#, "2"),
            ("{{urlencode .path}} {{urldecode \"%2Fa+b\"}}", "%2Fapi%2Fv1%2Fusers%3Fid%3D5 /a b"),
            ("{{bytes .size}} {{duration .took}} {{duration_seconds .took}}", "5120 90 90"),
            ("{{b64enc \"hi\"}} {{b64dec \"aGk=\"}}", "aGk= hi"),
            ("{{trunc 4 .path}}|{{trunc -4 .path}}|{{substr 1 4 .path}}", "/api|id=5|api"),
            (
                "{{alignLeft 5 \"héllo!\"}}|{{alignRight 5 \"hi\"}}|{{alignRight 3 \"hello\"}}",
                "héllo|   hi|llo",
            ),
            ("{{if contains \"users\" .path}}yes{{end}} {{hasPrefix \"/\" .path}}", "yes true"),
            ("{{indent 2 \"a\\nb\"}}", "  a\n  b"),
            ("{{repeat 3 \"ab\"}} {{replace \"a\" \"b\" \"aa\"}}", "ababab bb"),
            ("{{add .n 3 | mul 2}} {{sub 5 2}} {{div 7 2}} {{mod 7 2}}", "20 3 3 1"),
            ("{{addf 1.5 2}} {{subf 5 1.5 1}} {{mulf 2 2.5}} {{divf 5 2}}", "3.5 2.5 5 2.5"),
            ("{{max 1 .n 3}} {{min 4 2}} {{maxf 1 2.5}} {{minf 1.5 2}}", "7 2 2.5 1.5"),
            (
                "{{ceil 1.2}} {{floor 1.8}} {{round 1.2345 2}} {{int \"12\"}} {{float64 \"1.5\"}}",
                "2 1 1.23 12 1.5",
            ),
            ("{{range $k, $v := fromJson .json}}{{$k}}={{$v}}{{end}}", "a=map[b:[1 x]]"),
            ("{{default \"none\" .missing}} {{default \"none\" .n}}", "none 7"),
            (
                "{{date \"2006-01-02\" (toDate \"2006-01-02 15:04\" \"2024-05-06 07:08\")}}",
                "2024-05-06",
            ),
            (
                "{{toDateInZone \"2006-01-02 15:04\" \"Europe/Berlin\" \"2024-07-06 07:08\" | unixEpoch}}",
                "1720242480",
            ),
        ] {
            let templates = Templates::new(&[FUNCTIONS]);
            let rendered = templates.render(template, &data, &Line, Limits::default());
            assert_eq!(
                rendered.as_deref().map_err(ToString::to_string),
                Ok(expected),
                "{template}"
            );
        }
        for template in ["{{div 1 0}}", "{{repeat 999999999 \"aaaaaaaaa\"}}", "{{duration \"x\"}}"]
        {
            let templates = Templates::new(&[FUNCTIONS]);
            assert!(templates.render(template, &data, &Line, Limits::default()).is_err());
        }
    }
}
