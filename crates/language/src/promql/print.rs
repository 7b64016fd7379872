//! From a tree back to text: on one line, as Prometheus prints expressions, or broken over lines.

use std::fmt::{self, Write};

use vigie_model::{METRIC_NAME, Matcher};

use super::ast::{
    Aggregate, AtModifier, Binary, DurationExpr, DurationOp, Expr, GroupSide, Number,
    RangeExtension, VectorSelector,
};
use super::duration::format_duration_ms;
use super::quote::go_quote;
use crate::relabel::is_legacy_label_name;

/// Longer lines are broken by [`pretty`].
const LINE_CHARACTERS_MAX: usize = 100;

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Aggregate(aggregate) => {
                f.write_str(&aggregate_head(aggregate))?;
                f.write_str("(")?;
                if let Some(param) = &aggregate.param {
                    write!(f, "{param}, ")?;
                }
                write!(f, "{})", aggregate.expr)
            }
            Self::Binary(binary) => {
                write!(f, "{} {} {}", binary.lhs, binary_middle(binary), binary.rhs)
            }
            Self::Call(call) => {
                let args: Vec<String> = call.args.iter().map(ToString::to_string).collect();
                write!(f, "{}({})", call.function.name, args.join(", "))
            }
            Self::Matrix(matrix) => {
                let selector = &matrix.selector;
                write!(f, "{}[{}]", selector_text(selector), matrix.range)?;
                f.write_str(extension_text(selector.extension))?;
                f.write_str(&modifiers(selector.at, selector.offset.as_ref()))
            }
            Self::Number(number) => f.write_str(&number_text(number)),
            Self::Paren(paren) => write!(f, "({})", paren.expr),
            Self::String(string) => f.write_str(&string.value.quoted()),
            Self::Subquery(subquery) => {
                write!(f, "{}{}", subquery.expr, subquery_suffix(self))
            }
            Self::Unary(unary) => {
                write!(f, "{}{}", if unary.negative { '-' } else { '+' }, unary.expr)
            }
            Self::Vector(selector) => {
                f.write_str(&selector_text(selector))?;
                // After `@` here, before it with a range: as Prometheus prints them.
                f.write_str(&at_text(selector.at))?;
                f.write_str(extension_text(selector.extension))?;
                f.write_str(&offset_text(selector.offset.as_ref()))
            }
        }
    }
}

impl fmt::Display for DurationExpr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(seconds, _) => f.write_str(&seconds_text(*seconds)),
            Self::Step(_) => f.write_str("step()"),
            Self::Range(_) => f.write_str("range()"),
            Self::MinOf(a, b, _) => write!(f, "min_of({a}, {b})"),
            Self::MaxOf(a, b, _) => write!(f, "max_of({a}, {b})"),
            Self::Unary { negative: true, expr, .. } => write!(f, "-{expr}"),
            Self::Unary { expr, .. } => write!(f, "{expr}"),
            Self::Paren(inner, _) => write!(f, "({inner})"),
            Self::Binary { op, lhs, rhs } => {
                let op = match op {
                    DurationOp::Add => '+',
                    DurationOp::Sub => '-',
                    DurationOp::Mul => '*',
                    DurationOp::Div => '/',
                    DurationOp::Mod => '%',
                    DurationOp::Pow => '^',
                };
                write!(f, "{lhs} {op} {rhs}")
            }
        }
    }
}

/// The expression broken over lines wherever it is longer than a hundred characters.
pub fn pretty(expr: &Expr) -> String {
    pretty_at(expr, 0)
}

fn indent(level: usize) -> String {
    "  ".repeat(level)
}

fn pretty_at(expr: &Expr, level: usize) -> String {
    let line = expr.to_string();
    let pad = indent(level);
    if line.chars().count() <= LINE_CHARACTERS_MAX {
        return format!("{pad}{line}");
    }
    let list = |items: &[&Expr]| {
        let items: Vec<String> = items.iter().map(|item| pretty_at(item, level + 1)).collect();
        items.join(",\n")
    };
    match expr {
        Expr::Aggregate(aggregate) => {
            let items: Vec<&Expr> =
                aggregate.param.iter().chain([&aggregate.expr]).map(AsRef::as_ref).collect();
            format!("{pad}{}(\n{}\n{pad})", aggregate_head(aggregate), list(&items))
        }
        Expr::Binary(binary) => {
            let (lhs, rhs) = (pretty_at(&binary.lhs, level + 1), pretty_at(&binary.rhs, level + 1));
            format!("{lhs}\n{pad}{}\n{rhs}", binary_middle(binary))
        }
        Expr::Call(call) => {
            let items: Vec<&Expr> = call.args.iter().collect();
            format!("{pad}{}(\n{}\n{pad})", call.function.name, list(&items))
        }
        Expr::Paren(paren) => format!("{pad}(\n{}\n{pad})", pretty_at(&paren.expr, level + 1)),
        Expr::Subquery(subquery) => {
            format!("{}{}", pretty_at(&subquery.expr, level), subquery_suffix(expr))
        }
        Expr::Unary(unary) => {
            let sign = if unary.negative { '-' } else { '+' };
            format!("{pad}{sign}{}", pretty_at(&unary.expr, level).trim_start())
        }
        Expr::Matrix(_) | Expr::Number(_) | Expr::String(_) | Expr::Vector(_) => {
            format!("{pad}{line}")
        }
    }
}

fn labels_text(labels: &[String]) -> String {
    let shown: Vec<String> = labels
        .iter()
        .map(|label| if is_legacy_label_name(label) { label.clone() } else { go_quote(label) })
        .collect();
    shown.join(", ")
}

fn aggregate_head(aggregate: &Aggregate) -> String {
    let op = aggregate.op.as_str();
    let labels = labels_text(&aggregate.grouping);
    match (aggregate.without, aggregate.grouping.is_empty()) {
        (true, _) => format!("{op} without ({labels}) "),
        (false, false) => format!("{op} by ({labels}) "),
        (false, true) => op.to_owned(),
    }
}

/// The operator with its modifiers.
fn binary_middle(binary: &Binary) -> String {
    let mut text = binary.op.as_str().to_owned();
    if binary.return_bool {
        text.push_str(" bool");
    }
    let Some(matching) = &binary.matching else { return text };
    if !matching.labels.is_empty() || matching.on || matching.group != GroupSide::None {
        let word = if matching.on { "on" } else { "ignoring" };
        // Writing to a String cannot fail.
        write!(text, " {word} ({})", labels_text(&matching.labels)).ok();
    }
    let side = match matching.group {
        GroupSide::None => None,
        GroupSide::Left => Some("left"),
        GroupSide::Right => Some("right"),
    };
    if let Some(side) = side {
        write!(text, " group_{side} ({})", labels_text(&matching.include)).ok();
    }
    let fill = matching.fill;
    match (fill.left, fill.right) {
        (Some(left), Some(right)) if left == right => {
            write!(text, " fill ({})", float_text(left)).ok();
        }
        (left, right) => {
            if let Some(left) = left {
                write!(text, " fill_left ({})", float_text(left)).ok();
            }
            if let Some(right) = right {
                write!(text, " fill_right ({})", float_text(right)).ok();
            }
        }
    }
    text
}

/// Name and matchers, without modifiers.
fn selector_text(selector: &VectorSelector) -> String {
    let name = selector.name.as_deref();
    let mut matchers: Vec<String> = selector
        .matchers
        .iter()
        // The name outside of the braces is the last matcher.
        .filter(|matcher| name.is_none() || matcher.name != METRIC_NAME)
        .map(matcher_text)
        .collect();
    matchers.sort_unstable();
    let name = name.unwrap_or("");
    if matchers.is_empty() && !name.is_empty() {
        return name.to_owned();
    }
    format!("{name}{{{}}}", matchers.join(","))
}

fn matcher_text(matcher: &Matcher) -> String {
    let name = if is_legacy_label_name(&matcher.name) {
        matcher.name.clone()
    } else {
        go_quote(&matcher.name)
    };
    format!("{name}{}{}", matcher.op.as_str(), go_quote(&matcher.value))
}

const fn extension_text(extension: RangeExtension) -> &'static str {
    match extension {
        RangeExtension::None => "",
        RangeExtension::Anchored => " anchored",
        RangeExtension::Smoothed => " smoothed",
    }
}

fn modifiers(at: Option<AtModifier>, offset: Option<&DurationExpr>) -> String {
    at_text(at) + &offset_text(offset)
}

fn at_text(at: Option<AtModifier>) -> String {
    match at {
        None => String::new(),
        Some(AtModifier::Start) => " @ start()".to_owned(),
        Some(AtModifier::End) => " @ end()".to_owned(),
        Some(AtModifier::Time(ms)) => format!(" @ {:.3}", ms as f64 / 1_000.0),
    }
}

fn offset_text(offset: Option<&DurationExpr>) -> String {
    match offset {
        None | Some(DurationExpr::Literal(0.0, _)) => String::new(),
        Some(offset) => format!(" offset {offset}"),
    }
}

fn subquery_suffix(expr: &Expr) -> String {
    let Expr::Subquery(subquery) = expr else { return String::new() };
    let step = subquery.step.as_ref().map_or_else(String::new, ToString::to_string);
    let tail = modifiers(subquery.at, subquery.offset.as_ref());
    format!("[{}:{step}]{tail}", subquery.range)
}

fn number_text(number: &Number) -> String {
    let value = number.value;
    if number.is_duration {
        seconds_text(value)
    } else if value.is_finite() {
        // Never with an exponent, unlike the values of `fill`.
        value.to_string()
    } else {
        float_text(value)
    }
}

/// Seconds as a duration, to the millisecond.
fn seconds_text(seconds: f64) -> String {
    format_duration_ms((seconds * 1_000.0).round() as i64)
}

/// A number as Go's `%v` prints floats: with an exponent below 1e-4 and from 1e21 on.
fn float_text(value: f64) -> String {
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    if value.is_nan() {
        return "NaN".to_owned();
    }
    let size = value.abs();
    if size == 0.0 || (1e-4..1e21).contains(&size) {
        return value.to_string();
    }
    let text = format!("{value:e}");
    match text.split_once('e') {
        Some((digits, exponent)) => {
            let (sign, number) = match exponent.strip_prefix('-') {
                Some(number) => ('-', number),
                None => ('+', exponent),
            };
            format!("{digits}e{sign}{number:0>2}")
        }
        None => text,
    }
}
