//! PromQL: the language of Prometheus 3, with the experimental parts.

mod ast;
mod function;

pub use ast::{
    Aggregate, AggregateOp, AtModifier, Binary, BinaryOp, Call, DurationExpr, DurationOp, Expr,
    FillModifier, GroupSide, Matching, MatrixSelector, Number, Paren, Position, RangeExtension,
    StringLiteral, Subquery, Unary, VectorSelector,
};
pub use function::{Function, ValueType, function};
