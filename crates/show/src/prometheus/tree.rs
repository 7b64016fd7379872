//! The tree of a query as `/api/v1/parse_query` shows it: the page's tree view and editors read
//! it, so that the names are Prometheus'.

use serde_json::{Value, json};
use vigie_formats::float::float_to_api_string;
use vigie_language::promql::{
    AtModifier, BinaryOp, DurationExpr, DurationOp, Expr, GroupSide, Matching, RangeExtension,
    VectorSelector,
};
use vigie_model::Matcher;

/// The tree below `expr`.
pub(super) fn tree(expr: &Expr) -> Value {
    match expr {
        Expr::Aggregate(e) => json!({
            "type": "aggregation",
            "op": e.op.as_str(),
            "expr": tree(&e.expr),
            "param": e.param.as_deref().map(tree),
            "grouping": e.grouping,
            "without": e.without,
        }),
        Expr::Binary(e) => json!({
            "type": "binaryExpr",
            "op": e.op.as_str(),
            "lhs": tree(&e.lhs),
            "rhs": tree(&e.rhs),
            "matching": e.matching.as_ref().map(|m| matching(m, e.op)),
            "bool": e.return_bool,
        }),
        Expr::Call(e) => json!({
            "type": "call",
            "func": {
                "name": e.function.name,
                "argTypes": e.function.args.iter().map(|t| t.as_str()).collect::<Vec<_>>(),
                "variadic": e.function.variadic,
                "returnType": e.function.returns.as_str(),
            },
            "args": e.args.iter().map(tree).collect::<Vec<_>>(),
        }),
        Expr::Matrix(e) => {
            let mut shown = selector(&e.selector, "matrixSelector");
            put_duration(&mut shown, "range", Some(&e.range));
            shown
        }
        Expr::Number(e) => {
            json!({ "type": "numberLiteral", "val": float_to_api_string(e.value) })
        }
        Expr::Paren(e) => json!({ "type": "parenExpr", "expr": tree(&e.expr) }),
        Expr::String(e) => json!({ "type": "stringLiteral", "val": e.value.as_str() }),
        Expr::Subquery(e) => {
            let mut shown = json!({ "type": "subquery", "expr": tree(&e.expr) });
            put_duration(&mut shown, "range", Some(&e.range));
            put_duration(&mut shown, "offset", e.offset.as_ref());
            put_duration(&mut shown, "step", e.step.as_ref());
            put_at(&mut shown, e.at);
            shown
        }
        Expr::Unary(e) => json!({
            "type": "unaryExpr",
            "op": if e.negative { "-" } else { "+" },
            "expr": tree(&e.expr),
        }),
        Expr::Vector(e) => selector(e, "vectorSelector"),
    }
}

fn selector(selector: &VectorSelector, kind: &str) -> Value {
    let mut shown = json!({
        "type": kind,
        "name": selector.name.as_deref().unwrap_or_default(),
        "matchers": selector.matchers.iter().map(matcher).collect::<Vec<_>>(),
        "anchored": selector.extension == RangeExtension::Anchored,
        "smoothed": selector.extension == RangeExtension::Smoothed,
    });
    put_duration(&mut shown, "offset", selector.offset.as_ref());
    put_at(&mut shown, selector.at);
    shown
}

fn matcher(matcher: &Matcher) -> Value {
    json!({ "name": matcher.name, "value": matcher.value, "type": matcher.op.as_str() })
}

fn matching(matching: &Matching, op: BinaryOp) -> Value {
    let card = match matching.group {
        GroupSide::None if op.is_set() => "many-to-many",
        GroupSide::None => "one-to-one",
        GroupSide::Left => "many-to-one",
        GroupSide::Right => "one-to-many",
    };
    json!({
        "card": card,
        "labels": matching.labels,
        "on": matching.on,
        "include": matching.include,
        "fillValues": { "lhs": matching.fill.left, "rhs": matching.fill.right },
    })
}

/// Sets `name` to milliseconds for a plain duration, else 0 and `<name>Expr` to its tree.
fn put_duration(shown: &mut Value, name: &str, duration: Option<&DurationExpr>) {
    let plain_ms = duration.map_or(Some(0), plain_ms);
    shown[name] = json!(plain_ms.unwrap_or(0));
    let computed = duration.filter(|_| plain_ms.is_none());
    shown[format!("{name}Expr")] = computed.map_or(Value::Null, duration_tree);
}

fn put_at(shown: &mut Value, at: Option<AtModifier>) {
    let (timestamp, start_or_end) = match at {
        Some(AtModifier::Time(time_ms)) => (Some(time_ms), None),
        Some(AtModifier::Start) => (None, Some("start")),
        Some(AtModifier::End) => (None, Some("end")),
        None => (None, None),
    };
    shown["timestamp"] = json!(timestamp);
    shown["startOrEnd"] = json!(start_or_end);
}

fn plain_ms(duration: &DurationExpr) -> Option<i64> {
    match duration {
        DurationExpr::Literal(seconds, _) => Some((seconds * 1000.0).round() as i64),
        DurationExpr::Unary { negative, expr, .. } => match &**expr {
            literal @ DurationExpr::Literal(..) => {
                plain_ms(literal).map(|ms| if *negative { -ms } else { ms })
            }
            _ => None,
        },
        _ => None,
    }
}

fn duration_tree(duration: &DurationExpr) -> Value {
    let node = |op: &str, lhs: Option<&DurationExpr>, rhs: Option<&DurationExpr>| {
        json!({
            "type": "durationExpr",
            "op": op,
            "lhs": lhs.map(duration_tree),
            "rhs": rhs.map(duration_tree),
            "wrapped": false,
        })
    };
    match duration {
        DurationExpr::Literal(seconds, _) => json!({
            "type": "numberLiteral",
            "val": float_to_api_string(*seconds),
            "duration": true,
        }),
        DurationExpr::Step(_) => node("step", None, None),
        DurationExpr::Range(_) => node("range", None, None),
        DurationExpr::MinOf(a, b, _) => node("min_of", Some(a), Some(b)),
        DurationExpr::MaxOf(a, b, _) => node("max_of", Some(a), Some(b)),
        DurationExpr::Unary { negative, expr, .. } => {
            node(if *negative { "-" } else { "+" }, None, Some(expr))
        }
        DurationExpr::Paren(inner, _) => {
            let mut shown = duration_tree(inner);
            shown["wrapped"] = json!(true);
            shown
        }
        DurationExpr::Binary { op, lhs, rhs } => node(duration_op(*op), Some(lhs), Some(rhs)),
    }
}

const fn duration_op(op: DurationOp) -> &'static str {
    match op {
        DurationOp::Add => "+",
        DurationOp::Sub => "-",
        DurationOp::Mul => "*",
        DurationOp::Div => "/",
        DurationOp::Mod => "%",
        DurationOp::Pow => "^",
    }
}
