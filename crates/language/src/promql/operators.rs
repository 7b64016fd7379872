//! Names and precedence of operators.

use super::ast::{AggregateOp, BinaryOp};

/// Aggregation operators by name.
const AGGREGATES: [(&str, AggregateOp); 14] = [
    ("sum", AggregateOp::Sum),
    ("avg", AggregateOp::Avg),
    ("count", AggregateOp::Count),
    ("min", AggregateOp::Min),
    ("max", AggregateOp::Max),
    ("group", AggregateOp::Group),
    ("stddev", AggregateOp::Stddev),
    ("stdvar", AggregateOp::Stdvar),
    ("topk", AggregateOp::Topk),
    ("bottomk", AggregateOp::Bottomk),
    ("count_values", AggregateOp::CountValues),
    ("quantile", AggregateOp::Quantile),
    ("limitk", AggregateOp::Limitk),
    ("limit_ratio", AggregateOp::LimitRatio),
];

impl AggregateOp {
    /// The operator of that name, in any case.
    pub fn parse(name: &str) -> Option<Self> {
        let found = AGGREGATES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, op)| *op)
    }

    /// The operator's name.
    pub fn as_str(self) -> &'static str {
        AGGREGATES.iter().find(|(_, op)| *op == self).map_or("", |(name, _)| name)
    }

    /// Whether it takes a parameter before what it aggregates.
    pub const fn has_param(self) -> bool {
        matches!(
            self,
            Self::Topk
                | Self::Bottomk
                | Self::CountValues
                | Self::Quantile
                | Self::Limitk
                | Self::LimitRatio
        )
    }
}

/// Binary operators with their precedence; higher binds tighter.
const BINARIES: [(&str, BinaryOp, u8); 18] = [
    ("or", BinaryOp::Or, 1),
    ("and", BinaryOp::And, 2),
    ("unless", BinaryOp::Unless, 2),
    ("==", BinaryOp::Equal, 3),
    ("!=", BinaryOp::NotEqual, 3),
    (">", BinaryOp::Greater, 3),
    ("<", BinaryOp::Less, 3),
    (">=", BinaryOp::GreaterEqual, 3),
    ("<=", BinaryOp::LessEqual, 3),
    ("</", BinaryOp::TrimUpper, 3),
    (">/", BinaryOp::TrimLower, 3),
    ("+", BinaryOp::Add, 4),
    ("-", BinaryOp::Sub, 4),
    ("*", BinaryOp::Mul, 5),
    ("/", BinaryOp::Div, 5),
    ("%", BinaryOp::Mod, 5),
    ("atan2", BinaryOp::Atan2, 5),
    ("^", BinaryOp::Pow, 6),
];

impl BinaryOp {
    /// The operator that is written so; words in lower case.
    pub fn parse(text: &str) -> Option<Self> {
        BINARIES.iter().find(|(known, ..)| *known == text).map(|(_, op, _)| *op)
    }

    /// The operator as it is written.
    pub fn as_str(self) -> &'static str {
        BINARIES.iter().find(|(_, op, _)| *op == self).map_or("", |(name, ..)| name)
    }

    /// How tightly it binds; higher is tighter.
    pub fn precedence(self) -> u8 {
        BINARIES.iter().find(|(_, op, _)| *op == self).map_or(0, |(.., precedence)| *precedence)
    }
}
