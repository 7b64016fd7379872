//! Whether two answers say the same.

use std::collections::BTreeMap;

use serde_json::Value;

use super::peer::{Answer, Level};

/// Numbers may differ by this part of the larger one, or by this much around zero.
const TOLERANCE: f64 = 1e-9;

/// Says where `ours` differs from `theirs`.
pub(super) fn difference(
    theirs: &Answer,
    ours: &Answer,
    level: Level,
    ordered: bool,
) -> Option<String> {
    if theirs.status != ours.status {
        return Some(format!("status {} here, {} there", ours.status, theirs.status));
    }
    let (a, b) = (&theirs.body, &ours.body);
    let mut fields = vec!["status", "errorType"];
    // Older versions word errors differently.
    if level == Level::New {
        fields.push("error");
    }
    for field in fields {
        if a[field] != b[field] {
            return Some(format!("{field}: {} here, {} there", b[field], a[field]));
        }
    }
    if level == Level::New {
        for field in ["warnings", "infos"] {
            let (mut x, mut y) = (texts(&a[field]), texts(&b[field]));
            x.sort();
            y.sort();
            if x != y {
                return Some(format!("{field}: {y:?} here, {x:?} there"));
            }
        }
    }
    data(&a["data"], &b["data"], ordered)
}

fn texts(list: &Value) -> Vec<String> {
    let list = list.as_array().map_or(&[][..], Vec::as_slice);
    list.iter().map(ToString::to_string).collect()
}

fn data(a: &Value, b: &Value, ordered: bool) -> Option<String> {
    if a["resultType"] != b["resultType"] {
        return Some(format!("type: {} here, {} there", b["resultType"], a["resultType"]));
    }
    if a["resultType"] == "scalar" || a["resultType"] == "string" {
        return point(&a["result"], &b["result"]).map(|text| format!("value: {text}"));
    }
    let (theirs, ours) = (series(&a["result"]), series(&b["result"]));
    if let Some((labels, _)) = theirs.iter().find(|(labels, _)| !ours.contains_key(*labels)) {
        return Some(format!("{labels} is missing here"));
    }
    if let Some((labels, _)) = ours.iter().find(|(labels, _)| !theirs.contains_key(*labels)) {
        return Some(format!("{labels} is there only here"));
    }
    for (labels, one) in &theirs {
        let other = &ours[labels];
        for field in ["value", "values", "histogram", "histograms"] {
            if let Some(text) = points(&one[field], &other[field], field) {
                return Some(format!("{labels} {field}: {text}"));
            }
        }
    }
    ordered.then(|| order(&a["result"], &b["result"])).flatten()
}

/// Both must be ordered by value; which of several of one value comes first is not defined.
fn order(a: &Value, b: &Value) -> Option<String> {
    let values = |list: &Value| -> Vec<Value> {
        list.as_array().into_iter().flatten().map(|one| one["value"].clone()).collect()
    };
    let pairs = values(a).into_iter().zip(values(b));
    pairs.into_iter().find_map(|(a, b)| point(&a, &b)).map(|text| format!("order: {text}"))
}

/// Series by their labels (serde_json sorts the names).
fn series(result: &Value) -> BTreeMap<String, &Value> {
    let list = result.as_array().into_iter().flatten();
    list.map(|one| (one["metric"].to_string(), one)).collect()
}

fn points(a: &Value, b: &Value, field: &str) -> Option<String> {
    if !field.ends_with('s') {
        return point(a, b);
    }
    let (none, x, y) = (Vec::new(), a.as_array(), b.as_array());
    let (x, y) = (x.unwrap_or(&none), y.unwrap_or(&none));
    if x.len() != y.len() {
        return Some(format!("{} points here, {} there", y.len(), x.len()));
    }
    x.iter().zip(y).find_map(|(a, b)| point(a, b))
}

/// `[time, "value"]`, or `[time, {histogram}]`.
fn point(a: &Value, b: &Value) -> Option<String> {
    if a.is_null() && b.is_null() {
        return None;
    }
    if !same(a, b) {
        return Some(format!("{b} here, {a} there"));
    }
    None
}

fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Array(x), Value::Array(y)) => {
            x.len() == y.len() && x.iter().zip(y).all(|(a, b)| same(a, b))
        }
        (Value::Object(x), Value::Object(y)) => {
            x.len() == y.len() && x.iter().all(|(key, a)| y.get(key).is_some_and(|b| same(a, b)))
        }
        (Value::String(x), Value::String(y)) => match (number(x), number(y)) {
            (Some(x), Some(y)) => close(x, y),
            _ => x == y,
        },
        (Value::Number(x), Value::Number(y)) => match (x.as_f64(), y.as_f64()) {
            (Some(x), Some(y)) => close(x, y),
            _ => false,
        },
        _ => a == b,
    }
}

fn number(text: &str) -> Option<f64> {
    match text {
        "+Inf" => Some(f64::INFINITY),
        "-Inf" => Some(f64::NEG_INFINITY),
        text => text.parse().ok(),
    }
}

fn close(a: f64, b: f64) -> bool {
    a == b
        || (a.is_nan() && b.is_nan())
        || (a - b).abs() <= TOLERANCE * a.abs().max(b.abs()).max(1.0)
}
