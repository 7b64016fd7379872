//! Whether the parts of an expression fit each other.

use vigie_model::{MatchOp, Matcher};

use super::super::ast::{
    Aggregate, AggregateOp, Binary, BinaryOp, Call, Expr, FillModifier, GroupSide, Matching,
    Position, VectorSelector,
};
use super::super::error::ParseError;
use super::super::function::ValueType;
use super::super::quote::go_quote;

/// How the sides of a binary operation match: what was written, or the default between vectors.
pub(super) fn matching_for(
    lhs: &Expr,
    rhs: &Expr,
    op: BinaryOp,
    written: Option<Matching>,
    text: &str,
) -> Result<Option<Matching>, ParseError> {
    let vectors = [lhs, rhs].iter().all(|side| side.value_type() == ValueType::Vector);
    let position = Position { start: lhs.position().start, end: rhs.position().end };
    let fail = |message: &str| Err(ParseError::new(text, position, message));
    let fills = |m: &Matching| m.fill.left.is_some() || m.fill.right.is_some();
    let Some(matching) = written else {
        let default = Matching {
            group: GroupSide::None,
            labels: Vec::new(),
            on: false,
            include: Vec::new(),
            fill: FillModifier::default(),
        };
        return Ok(vectors.then_some(default));
    };
    if !vectors {
        if !matching.labels.is_empty() {
            return fail("vector matching only allowed between instant vectors");
        }
        if fills(&matching) {
            return fail("filling in missing series only allowed between instant vectors");
        }
        return Ok(None);
    }
    if op.is_set() {
        if matching.group != GroupSide::None {
            let message = format!("no grouping allowed for \"{}\" operation", op.as_str());
            return Err(ParseError::new(text, position, message));
        }
        if fills(&matching) {
            return fail("filling in missing series not allowed for set operators");
        }
    }
    Ok(Some(matching))
}

/// Checks the types within `expr`.
pub(super) fn check(text: &str, expr: &Expr) -> Result<(), ParseError> {
    Checker { text }.check(expr)
}

struct Checker<'a> {
    text: &'a str,
}

impl Checker<'_> {
    fn fail<T>(&self, position: Position, message: impl Into<String>) -> Result<T, ParseError> {
        Err(ParseError::new(self.text, position, message))
    }

    fn check(&self, expr: &Expr) -> Result<(), ParseError> {
        match expr {
            Expr::Aggregate(aggregate) => self.aggregate(aggregate),
            Expr::Binary(binary) => self.binary(binary),
            Expr::Call(call) => self.call(call),
            Expr::Matrix(matrix) => self.selector(&matrix.selector),
            Expr::Number(_) | Expr::String(_) => Ok(()),
            Expr::Paren(paren) => self.check(&paren.expr),
            Expr::Subquery(subquery) => {
                self.check(&subquery.expr)?;
                let found = subquery.expr.value_type();
                if found != ValueType::Vector {
                    let found = found.as_str();
                    let message =
                        format!("subquery is only allowed on instant vector, got {found} instead");
                    return self.fail(expr.position(), message);
                }
                Ok(())
            }
            Expr::Unary(unary) => {
                self.check(&unary.expr)?;
                let found = unary.expr.value_type();
                if !matches!(found, ValueType::Scalar | ValueType::Vector) {
                    let message = format!(
                        "unary expression only allowed on expressions of type scalar or instant vector, got \"{}\"",
                        found.documented()
                    );
                    return self.fail(expr.position(), message);
                }
                Ok(())
            }
            Expr::Vector(selector) => self.selector(selector),
        }
    }

    fn expect(&self, expr: &Expr, wanted: ValueType, context: &str) -> Result<(), ParseError> {
        self.check(expr)?;
        let found = expr.value_type();
        if found == wanted {
            return Ok(());
        }
        let (wanted, found) = (wanted.documented(), found.documented());
        self.fail(expr.position(), format!("expected type {wanted} in {context}, got {found}"))
    }

    fn aggregate(&self, aggregate: &Aggregate) -> Result<(), ParseError> {
        self.expect(&aggregate.expr, ValueType::Vector, "aggregation expression")?;
        match &aggregate.param {
            Some(param) if aggregate.op == AggregateOp::CountValues => {
                self.expect(param, ValueType::String, "aggregation parameter")
            }
            Some(param) => self.expect(param, ValueType::Scalar, "aggregation parameter"),
            None => Ok(()),
        }
    }

    fn binary(&self, binary: &Binary) -> Result<(), ParseError> {
        self.check(&binary.lhs)?;
        self.check(&binary.rhs)?;
        let (lhs, rhs) = (binary.lhs.value_type(), binary.rhs.value_type());
        if binary.return_bool && !binary.op.is_comparison() {
            let message = "bool modifier can only be used on comparison operators";
            return self.fail(binary.op_position, message);
        }
        for (side, found) in [(&binary.lhs, lhs), (&binary.rhs, rhs)] {
            if !matches!(found, ValueType::Scalar | ValueType::Vector) {
                let message = "binary expression must contain only scalar and instant vector types";
                return self.fail(side.position(), message);
            }
        }
        let scalars = lhs == ValueType::Scalar && rhs == ValueType::Scalar;
        if binary.op.is_comparison() && !binary.return_bool && scalars {
            let message = "comparisons between scalars must use BOOL modifier";
            return self.fail(binary.op_position, message);
        }
        if let Some(matching) = binary.matching.as_ref().filter(|matching| matching.on)
            && let Some(both) = matching.labels.iter().find(|l| matching.include.contains(l))
        {
            let label = go_quote(both);
            let message = format!("label {label} must not occur in ON and GROUP clause at once");
            return self.fail(binary.op_position, message);
        }
        if binary.op.is_set() && (lhs == ValueType::Scalar || rhs == ValueType::Scalar) {
            let position =
                Position { start: binary.lhs.position().start, end: binary.rhs.position().end };
            let op = binary.op.as_str();
            let message = format!("set operator \"{op}\" not allowed in binary scalar expression");
            return self.fail(position, message);
        }
        Ok(())
    }

    fn call(&self, call: &Call) -> Result<(), ParseError> {
        let function = call.function;
        let name = go_quote(function.name);
        let (given, known) = (call.args.len(), function.args.len());
        if function.variadic == 0 && given != known {
            let message = format!("expected {known} argument(s) in call to {name}, got {given}");
            return self.fail(call.position, message);
        }
        if function.variadic != 0 {
            let least = known.saturating_sub(1);
            let most = usize::try_from(function.variadic).map_or(usize::MAX, |more| least + more);
            if given < least {
                let message =
                    format!("expected at least {least} argument(s) in call to {name}, got {given}");
                return self.fail(call.position, message);
            }
            if given > most {
                let message =
                    format!("expected at most {most} argument(s) in call to {name}, got {given}");
                return self.fail(call.position, message);
            }
        }
        if function.name == "info" && given > 1 {
            return self.info(call);
        }
        for (at, arg) in call.args.iter().enumerate() {
            let Some(wanted) = function.args.get(at).or(function.args.last()) else { break };
            self.expect(arg, *wanted, &format!("call to function {name}"))?;
        }
        Ok(())
    }

    /// The second argument of `info` lists label matchers only, which may match nothing.
    fn info(&self, call: &Call) -> Result<(), ParseError> {
        let context = format!("call to function {}", go_quote(call.function.name));
        let (Some(vector), Some(matchers)) = (call.args.first(), call.args.get(1)) else {
            return Ok(());
        };
        self.expect(vector, ValueType::Vector, &context)?;
        if matchers.value_type() != ValueType::Vector {
            let found = matchers.value_type().documented();
            let message = format!("expected type instant vector in {context}, got {found}");
            return self.fail(call.position, message);
        }
        match matchers {
            Expr::Vector(selector) if selector.name.is_none() => Ok(()),
            Expr::Vector(_) => {
                let message = "expected label selectors only, got vector selector instead";
                self.fail(matchers.position(), message)
            }
            _ => self.fail(matchers.position(), "expected label selectors only"),
        }
    }

    fn selector(&self, selector: &VectorSelector) -> Result<(), ParseError> {
        // Without this, a slip of the pen would select everything there is.
        if selector.matchers.iter().any(|matcher| !matches_empty(matcher)) {
            return Ok(());
        }
        let message = "vector selector must contain at least one non-empty matcher";
        self.fail(selector.position, message)
    }
}

fn matches_empty(matcher: &Matcher) -> bool {
    let by_regex = || {
        vigie_model::pattern::compile_anchored(&matcher.value).is_ok_and(|regex| regex.is_match(""))
    };
    match matcher.op {
        MatchOp::Equal => matcher.value.is_empty(),
        MatchOp::NotEqual => !matcher.value.is_empty(),
        MatchOp::Regex => by_regex(),
        MatchOp::NotRegex => !by_regex(),
    }
}
