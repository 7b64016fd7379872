//! The functions of Alertmanager's templates, and their data.

mod data;

pub use data::{Alert, Labels, Notification, kv};

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;

use super::function::{Function, Parameter};
use super::value::{ANY_MAP, ANYS, Mark, STRINGS, Value};
use super::{format, humanize, json, pattern, time, words};
use Parameter::{Any, Made, Text};

/// All of them, as of Alertmanager 0.35.
pub static FUNCTIONS: &[Function] = &[
    Function::new("toUpper", &[Text], |_, a| Ok(text(a, 0).to_uppercase().into())),
    Function::new("toLower", &[Text], |_, a| Ok(text(a, 0).to_lowercase().into())),
    Function::new("title", &[Text], |_, a| Ok(words::title(text(a, 0), false).into())),
    Function::new("trimSpace", &[Text], |_, a| Ok(text(a, 0).trim().into())),
    Function::new("join", &[Text, Any], |_, a| join(a).map(Value::from)),
    Function::new("match", &[Text, Text], |_, a| {
        pattern::is_match(text(a, 0), text(a, 1)).map(Value::Bool)
    }),
    Function::new("safeHtml", &[Text], |_, a| Ok(Value::Marked(Mark::Html, text(a, 0).into()))),
    Function::new("safeUrl", &[Text], |_, a| Ok(Value::Marked(Mark::Url, text(a, 0).into()))),
    Function::new("urlUnescape", &[Text], |_, a| url_unescape(text(a, 0)).map(Value::from)),
    Function::new("reReplaceAll", &[Text, Text, Text], |_, a| {
        pattern::replace_all(text(a, 0), text(a, 1), text(a, 2)).map(Value::from)
    }),
    Function::variadic("stringSlice", &[], Text, |_, a| Ok(Value::list(&STRINGS, a.to_vec()))),
    Function::new("routeLabels", &[Text], |host, a| host.route_label(text(a, 0)).map(Value::from)),
    Function::new("date", &[Text, Parameter::Time], |_, a| match a {
        [_, Value::Time(time)] => Ok(time.format(text(a, 0)).into()),
        _ => Err("not a time".to_owned()),
    }),
    Function::new("tz", &[Text, Parameter::Time], |_, a| match a {
        [_, Value::Time(time)] => time.in_zone(text(a, 0)).map(Value::Time),
        _ => Err("not a time".to_owned()),
    }),
    Function::new("now", &[], |host, _| Ok(Value::Time(host.now()))),
    Function::new("since", &[Parameter::Time], |host, a| match a {
        [Value::Time(time)] => Ok(Value::Duration(host.now().since_ns(time))),
        _ => Err("not a time".to_owned()),
    }),
    Function::new("humanizeDuration", &[Any], |_, a| {
        humanize::humanize_duration(a.first().unwrap_or(&Value::Nil)).map(Value::from)
    }),
    Function::new("toDate", &[Text, Text], |_, a| {
        let read = time::parse(text(a, 0), text(a, 1));
        Ok(Value::Time(read.unwrap_or(time::Time::ZERO)))
    }),
    Function::new("mustToDate", &[Text, Text], |_, a| {
        time::parse(text(a, 0), text(a, 1)).map(Value::Time)
    }),
    Function::new("addDuration", &[Text, Parameter::Time], |_, a| match a {
        [_, Value::Time(time)] => {
            let moved = time.add_ns(i128::from(time::parse_duration(text(a, 0))?));
            Ok(Value::Int(moved.unix_ns().div_euclid(1_000_000) as i64))
        }
        _ => Err("not a time".to_owned()),
    }),
    Function::new("toJson", &[Any], |_, a| {
        json::encode(a.first().unwrap_or(&Value::Nil)).map(Value::from)
    }),
    Function::new("base64encode", &[Text], |_, a| Ok(URL_SAFE.encode(text(a, 0)).into())),
    Function::new("base64decode", &[Text], |_, a| {
        let bytes = URL_SAFE.decode(text(a, 0)).map_err(|_| "illegal base64 data".to_owned())?;
        Ok(String::from_utf8_lossy(&bytes).into_owned().into())
    }),
    Function::variadic("list", &[], Any, |_, a| Ok(Value::list(&ANYS, a.to_vec()))),
    Function::variadic("append", &[Made(&ANYS)], Any, |_, a| {
        let (first, more) = a.split_first().unwrap_or((&Value::Nil, &[]));
        Ok(Value::list(&ANYS, first.items().iter().chain(more).cloned().collect()))
    }),
    Function::variadic("dict", &[], Any, |_, a| dict(a)),
];

fn text(arguments: &[Value], index: usize) -> &str {
    arguments.get(index).and_then(Value::as_text).map_or("", |text| text)
}

fn join(arguments: &[Value]) -> Result<String, String> {
    let items = match arguments.get(1) {
        None | Some(Value::Nil | Value::NilInterface) => return Ok(String::new()),
        Some(Value::List(list)) => &list.items,
        Some(other) => {
            let name = other.type_name();
            return Err(format!("join expects a slice or array, got {name}"));
        }
    };
    Ok(format::joined(items, text(arguments, 0)))
}

fn dict(arguments: &[Value]) -> Result<Value, String> {
    if !arguments.len().is_multiple_of(2) {
        return Err("dict requires an even number of arguments".to_owned());
    }
    let mut entries = BTreeMap::new();
    for pair in arguments.chunks_exact(2) {
        let [Value::Text(key), value] = pair else {
            return Err("dict keys must be strings".to_owned());
        };
        entries.insert(key.clone(), value.clone());
    }
    Ok(Value::map(&ANY_MAP, entries))
}

/// Go's `url.QueryUnescape`.
pub(super) fn url_unescape(text: &str) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        rest = rest.get(c.len_utf8()..).unwrap_or("");
        match c {
            '+' => bytes.push(b' '),
            '%' => {
                let digits = rest.get(..2).filter(|two| two.chars().all(|c| c.is_ascii_hexdigit()));
                let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
                let Some(byte) = byte else {
                    let start: String = rest.chars().take(2).collect();
                    let escape = crate::promql::go_quote(&format!("%{start}"));
                    return Err(format!("invalid URL escape {escape}"));
                };
                bytes.push(byte);
                rest = rest.get(2..).unwrap_or("");
            }
            c => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
