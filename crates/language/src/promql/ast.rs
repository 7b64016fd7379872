//! The tree of a PromQL expression.

use vigie_model::Matcher;

use super::function::{Function, ValueType};
use super::text::Text;

/// Where in the text something stands: byte offsets, end excluded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Position {
    /// First byte.
    pub start: usize,
    /// One after the last byte.
    pub end: usize,
}

/// A PromQL expression.
#[derive(Debug, Clone, PartialEq)]
pub enum Expr {
    /// `sum by (job) (x)`
    Aggregate(Aggregate),
    /// `a + on (b) c`
    Binary(Binary),
    /// `rate(x[5m])`
    Call(Call),
    /// `x{a="b"}[5m]`
    Matrix(MatrixSelector),
    /// `1.5`, `1h`
    Number(Number),
    /// `(x)`
    Paren(Paren),
    /// `"text"`
    String(StringLiteral),
    /// `x[1h:1m]`
    Subquery(Subquery),
    /// `-x`
    Unary(Unary),
    /// `x{a="b"}`
    Vector(VectorSelector),
}

impl Expr {
    /// Where the expression stands.
    pub fn position(&self) -> Position {
        match self {
            Self::Aggregate(e) => e.position,
            Self::Binary(e) => {
                Position { start: e.lhs.position().start, end: e.rhs.position().end }
            }
            Self::Call(e) => e.position,
            Self::Matrix(e) => Position { start: e.selector.position.start, end: e.end },
            Self::Number(e) => e.position,
            Self::Paren(e) => e.position,
            Self::String(e) => e.position,
            Self::Subquery(e) => Position { start: e.expr.position().start, end: e.end },
            Self::Unary(e) => Position { start: e.start, end: e.expr.position().end },
            Self::Vector(e) => e.position,
        }
    }

    /// Hands every selector below to `change`.
    pub fn selectors_mut(&mut self, change: &mut dyn FnMut(&mut VectorSelector)) {
        match self {
            Self::Aggregate(e) => {
                e.expr.selectors_mut(change);
                if let Some(param) = &mut e.param {
                    param.selectors_mut(change);
                }
            }
            Self::Binary(e) => {
                e.lhs.selectors_mut(change);
                e.rhs.selectors_mut(change);
            }
            Self::Call(e) => e.args.iter_mut().for_each(|arg| arg.selectors_mut(change)),
            Self::Matrix(e) => change(&mut e.selector),
            Self::Number(_) | Self::String(_) => {}
            Self::Paren(e) => e.expr.selectors_mut(change),
            Self::Subquery(e) => e.expr.selectors_mut(change),
            Self::Unary(e) => e.expr.selectors_mut(change),
            Self::Vector(e) => change(e),
        }
    }

    /// The type of the expression's value. Right for trees that passed the parser's type check.
    pub fn value_type(&self) -> ValueType {
        match self {
            Self::Aggregate(_) | Self::Vector(_) => ValueType::Vector,
            Self::Binary(e) => match (e.lhs.value_type(), e.rhs.value_type()) {
                (ValueType::Scalar, ValueType::Scalar) => ValueType::Scalar,
                _ => ValueType::Vector,
            },
            Self::Call(e) => e.function.returns,
            Self::Matrix(_) | Self::Subquery(_) => ValueType::Matrix,
            Self::Number(_) => ValueType::Scalar,
            Self::Paren(e) => e.expr.value_type(),
            Self::String(_) => ValueType::String,
            Self::Unary(e) => e.expr.value_type(),
        }
    }
}

/// Aggregation operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are PromQL's own")]
pub enum AggregateOp {
    Sum,
    Avg,
    Count,
    Min,
    Max,
    Group,
    Stddev,
    Stdvar,
    Topk,
    Bottomk,
    CountValues,
    Quantile,
    Limitk,
    LimitRatio,
}

/// An aggregation over series.
#[derive(Debug, Clone, PartialEq)]
pub struct Aggregate {
    /// The operator.
    pub op: AggregateOp,
    /// What is aggregated.
    pub expr: Box<Expr>,
    /// The parameter of `topk`, `quantile`, `count_values`, ...
    pub param: Option<Box<Expr>>,
    /// Labels of `by` or `without`, as written.
    pub grouping: Vec<String>,
    /// Whether `grouping` lists the labels to leave out.
    pub without: bool,
    /// Where it stands.
    pub position: Position,
}

/// Binary operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are PromQL's own")]
pub enum BinaryOp {
    Add,
    Sub,
    Mul,
    Div,
    Mod,
    Pow,
    Atan2,
    Equal,
    NotEqual,
    Greater,
    Less,
    GreaterEqual,
    LessEqual,
    And,
    Or,
    Unless,
    /// `</`: keeps a native histogram's observations below a bound.
    TrimUpper,
    /// `>/`: keeps a native histogram's observations above a bound.
    TrimLower,
}

impl BinaryOp {
    /// `==`, `!=`, `>`, `<`, `>=`, `<=`
    pub const fn is_comparison(self) -> bool {
        matches!(
            self,
            Self::Equal
                | Self::NotEqual
                | Self::Greater
                | Self::Less
                | Self::GreaterEqual
                | Self::LessEqual
        )
    }

    /// `and`, `or`, `unless`
    pub const fn is_set(self) -> bool {
        matches!(self, Self::And | Self::Or | Self::Unless)
    }
}

/// A binary operation.
#[derive(Debug, Clone, PartialEq)]
pub struct Binary {
    /// The operator.
    pub op: BinaryOp,
    /// Left side.
    pub lhs: Box<Expr>,
    /// Right side.
    pub rhs: Box<Expr>,
    /// How series are matched; `Some` exactly when both sides are vectors.
    pub matching: Option<Matching>,
    /// `bool`: comparisons give 0 or 1 instead of filtering.
    pub return_bool: bool,
    /// Where the operator stands.
    pub op_position: Position,
}

/// Which side of a match has several series to one of the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupSide {
    /// One to one; for set operators many to many.
    None,
    /// `group_left`: many on the left.
    Left,
    /// `group_right`: many on the right.
    Right,
}

/// How the series of two vectors find each other.
#[derive(Debug, Clone, PartialEq)]
pub struct Matching {
    /// Which side has many.
    pub group: GroupSide,
    /// Labels of `on` or `ignoring`.
    pub labels: Vec<String>,
    /// Whether `labels` are those to match on, else those to ignore.
    pub on: bool,
    /// Labels of `group_left(...)`: taken over from the "one" side.
    pub include: Vec<String>,
    /// `fill(v)`, `fill_left(v)`, `fill_right(v)`.
    pub fill: FillModifier,
}

/// Values for series that have no partner.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct FillModifier {
    /// Stands for a missing left side.
    pub left: Option<f64>,
    /// Stands for a missing right side.
    pub right: Option<f64>,
}

/// A function call.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// Which function.
    pub function: &'static Function,
    /// Arguments as written; optional ones may be missing.
    pub args: Vec<Expr>,
    /// Where it stands.
    pub position: Position,
}

/// Operators within duration expressions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are PromQL's own")]
pub enum DurationOp {
    Add,
    Sub,
    Mul,
    Div,
    Mod,
    Pow,
}

/// A duration, possibly computed (`5m + step()`).
#[derive(Debug, Clone, PartialEq)]
pub enum DurationExpr {
    /// Seconds.
    Literal(f64, Position),
    /// `step()`: the query's step; 0 for an instant query.
    Step(Position),
    /// `range()`: the query's end minus its start.
    Range(Position),
    /// `min_of(a, b)`
    MinOf(Box<Self>, Box<Self>, Position),
    /// `max_of(a, b)`
    MaxOf(Box<Self>, Box<Self>, Position),
    /// `-a`, and `+a`, which stays in the printed text
    Unary {
        /// Whether the sign is minus.
        negative: bool,
        /// What it applies to.
        expr: Box<Self>,
        /// Where it starts.
        position: Position,
    },
    /// `(a)`
    Paren(Box<Self>, Position),
    /// `a + b`
    Binary {
        /// The operator.
        op: DurationOp,
        /// Left side.
        lhs: Box<Self>,
        /// Right side.
        rhs: Box<Self>,
    },
}

/// `@ 123`, `@ start()`, `@ end()`
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum AtModifier {
    /// Milliseconds since the epoch.
    Time(i64),
    /// Start of the query.
    Start,
    /// End of the query.
    End,
}

/// `anchored` and `smoothed`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RangeExtension {
    /// Neither.
    #[default]
    None,
    /// Includes the last point at or before the range's start.
    Anchored,
    /// Interpolates at the range's ends.
    Smoothed,
}

/// A selector of series at one time.
#[derive(Debug, Clone, PartialEq)]
pub struct VectorSelector {
    /// The metric's name when written before the braces (it is in `matchers` too).
    pub name: Option<String>,
    /// All conditions, the name's among them.
    pub matchers: Vec<Matcher>,
    /// `offset`; `None` when not written.
    pub offset: Option<DurationExpr>,
    /// `@`
    pub at: Option<AtModifier>,
    /// `anchored`, `smoothed`
    pub extension: RangeExtension,
    /// Where it stands, modifiers included.
    pub position: Position,
}

/// A selector of series over a range of time.
#[derive(Debug, Clone, PartialEq)]
pub struct MatrixSelector {
    /// Which series; offset and `@` are here.
    pub selector: VectorSelector,
    /// How far back.
    pub range: DurationExpr,
    /// One after its last byte.
    pub end: usize,
}

/// An expression evaluated at several times.
#[derive(Debug, Clone, PartialEq)]
pub struct Subquery {
    /// What is evaluated.
    pub expr: Box<Expr>,
    /// How far back.
    pub range: DurationExpr,
    /// The step; `None` means the default evaluation interval.
    pub step: Option<DurationExpr>,
    /// `offset`; `None` when not written.
    pub offset: Option<DurationExpr>,
    /// `@`
    pub at: Option<AtModifier>,
    /// One after its last byte.
    pub end: usize,
}

/// A number.
#[derive(Debug, Clone, PartialEq)]
pub struct Number {
    /// Its value; a duration literal's in seconds.
    pub value: f64,
    /// Whether it was written as a duration, so that it is printed as one.
    pub is_duration: bool,
    /// Where it stands.
    pub position: Position,
}

/// An expression in parentheses.
#[derive(Debug, Clone, PartialEq)]
pub struct Paren {
    /// What is inside.
    pub expr: Box<Expr>,
    /// Where it stands, parentheses included.
    pub position: Position,
}

/// A string.
#[derive(Debug, Clone, PartialEq)]
pub struct StringLiteral {
    /// Its value, unescaped.
    pub value: Text,
    /// Where it stands.
    pub position: Position,
}

/// A sign before an expression.
#[derive(Debug, Clone, PartialEq)]
pub struct Unary {
    /// Whether the sign is minus.
    pub negative: bool,
    /// What it applies to.
    pub expr: Box<Expr>,
    /// Where the sign stands.
    pub start: usize,
}
