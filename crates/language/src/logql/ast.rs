//! The tree of a LogQL query.

use vigie_model::Matcher;

use crate::promql::{BinaryOp, Matching};

/// A LogQL query.
#[derive(Debug, Clone, PartialEq)]
pub enum Expr {
    /// Gives log lines.
    Log(LogExpr),
    /// Gives numbers.
    Metric(MetricExpr),
}

/// A stream selector and what is done to the lines of the streams.
#[derive(Debug, Clone, PartialEq)]
pub struct LogExpr {
    /// Which streams.
    pub matchers: Vec<Matcher>,
    /// What is done to their lines, in order.
    pub stages: Vec<Stage>,
}

/// A stage of a pipeline.
#[derive(Debug, Clone, PartialEq)]
pub enum Stage {
    /// `|= "text"`
    LineFilter(LineFilter),
    /// `| json`, `| json a="b.c"`
    Json(Vec<Extraction>),
    /// `| logfmt --strict a="b"`
    Logfmt {
        /// Whether a malformed line is an error.
        strict: bool,
        /// Whether keys without value become labels.
        keep_empty: bool,
        /// Which keys; empty for all.
        extractions: Vec<Extraction>,
    },
    /// `| regexp "..."`
    Regexp(String),
    /// `| pattern "..."`
    Pattern(String),
    /// `| unpack`
    Unpack,
    /// `| a = "b" and c > 5`
    LabelFilter(LabelFilter),
    /// `| line_format "..."`
    LineFormat(String),
    /// `| label_format a=b, c="..."`
    LabelFormat(Vec<LabelFormat>),
    /// `| decolorize`
    Decolorize,
    /// `| drop a, b="c"`
    Drop(Vec<NamedMatcher>),
    /// `| keep a, b="c"`
    Keep(Vec<NamedMatcher>),
}

/// How a line filter compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineOp {
    /// `|=`
    Contains,
    /// `!=`
    NotContains,
    /// `|~`
    Matches,
    /// `!~`
    NotMatches,
    /// `|>`
    Pattern,
    /// `!>`
    NotPattern,
}

impl LineOp {
    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Contains => "|=",
            Self::NotContains => "!=",
            Self::Matches => "|~",
            Self::NotMatches => "!~",
            Self::Pattern => "|>",
            Self::NotPattern => "!>",
        }
    }

    /// Whether lines are kept that do not match.
    pub const fn is_negative(self) -> bool {
        matches!(self, Self::NotContains | Self::NotMatches | Self::NotPattern)
    }
}

/// A filter of lines: any of the alternatives must match, or none for a negative one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineFilter {
    /// How to compare.
    pub op: LineOp,
    /// What to compare with, joined by `or`; never empty.
    pub alternatives: Vec<LineMatch>,
}

/// What a line filter compares with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineMatch {
    /// The text.
    pub text: String,
    /// Whether it is `ip("...")`.
    pub is_ip: bool,
}

/// `label="expression"` of a parser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extraction {
    /// The label it becomes.
    pub label: String,
    /// Where it is; the label's own name when nothing else was said.
    pub expression: String,
}

/// A condition on labels.
#[derive(Debug, Clone, PartialEq)]
pub enum LabelFilter {
    /// `a="b"`
    Matcher(Matcher),
    /// `a > 5`
    Number(NumberFilter),
    /// `a > 5s`
    Duration(DurationFilter),
    /// `a > 5KB`
    Bytes(BytesFilter),
    /// `a = ip("10.0.0.0/8")`
    Ip(IpFilter),
    /// Both hold.
    And(Box<Self>, Box<Self>),
    /// Either holds.
    Or(Box<Self>, Box<Self>),
}

/// How numbers are compared in a label filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Comparison {
    Equal,
    NotEqual,
    Greater,
    GreaterEqual,
    Less,
    LessEqual,
}

impl Comparison {
    /// As Loki prints it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Greater => ">",
            Self::GreaterEqual => ">=",
            Self::Less => "<",
            Self::LessEqual => "<=",
        }
    }

    /// Whether it holds between `left` and `right`.
    pub fn holds<T: PartialOrd>(self, left: &T, right: &T) -> bool {
        match self {
            Self::Equal => left == right,
            Self::NotEqual => left != right,
            Self::Greater => left > right,
            Self::GreaterEqual => left >= right,
            Self::Less => left < right,
            Self::LessEqual => left <= right,
        }
    }
}

/// `a > 5`
#[derive(Debug, Clone, PartialEq)]
pub struct NumberFilter {
    /// The label.
    pub label: String,
    /// How to compare.
    pub comparison: Comparison,
    /// With what.
    pub value: f64,
}

/// `a > 5s`
#[derive(Debug, Clone, PartialEq)]
pub struct DurationFilter {
    /// The label.
    pub label: String,
    /// How to compare.
    pub comparison: Comparison,
    /// With what.
    pub value_ns: i64,
}

/// `a > 5KB`
#[derive(Debug, Clone, PartialEq)]
pub struct BytesFilter {
    /// The label.
    pub label: String,
    /// How to compare.
    pub comparison: Comparison,
    /// With what.
    pub bytes: u64,
}

/// `a = ip("...")`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IpFilter {
    /// The label.
    pub label: String,
    /// Whether other addresses are kept.
    pub is_negative: bool,
    /// An address, a range or a CIDR.
    pub pattern: String,
}

/// What a label becomes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelFormat {
    /// The label.
    pub label: String,
    /// Where its value comes from.
    pub source: LabelSource,
}

/// Where the value of a formatted label comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LabelSource {
    /// It is another label, renamed.
    Label(String),
    /// A template.
    Template(String),
}

/// A label, or a label with a condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NamedMatcher {
    /// `a`
    Name(String),
    /// `a="b"`
    Matcher(Matcher),
}

/// An expression that gives numbers.
#[derive(Debug, Clone, PartialEq)]
pub enum MetricExpr {
    /// `rate({a="b"}[5m])`
    Range(RangeAggregation),
    /// `sum by (a) (...)`
    Vector(VectorAggregation),
    /// `a + b`
    Binary(Box<Binary>),
    /// `1.5`
    Literal(f64),
    /// `vector(1)`
    VectorLiteral(f64),
    /// `label_replace(...)`
    LabelReplace(LabelReplace),
}

/// Aggregations over a range of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are LogQL's own")]
pub enum RangeOp {
    Rate,
    RateCounter,
    CountOverTime,
    BytesRate,
    BytesOverTime,
    AvgOverTime,
    SumOverTime,
    MinOverTime,
    MaxOverTime,
    StdvarOverTime,
    StddevOverTime,
    QuantileOverTime,
    FirstOverTime,
    LastOverTime,
    AbsentOverTime,
}

/// An aggregation over a range of time.
#[derive(Debug, Clone, PartialEq)]
pub struct RangeAggregation {
    /// Which.
    pub op: RangeOp,
    /// The parameter of `quantile_over_time`.
    pub parameter: Option<f64>,
    /// Over what.
    pub range: LogRange,
    /// `by` or `without`.
    pub grouping: Option<Grouping>,
}

/// Lines over a range of time.
#[derive(Debug, Clone, PartialEq)]
pub struct LogRange {
    /// Which lines.
    pub log: LogExpr,
    /// How far back, nanoseconds.
    pub range_ns: i64,
    /// How much earlier; negative for later.
    pub offset_ns: i64,
    /// The label whose value counts.
    pub unwrap: Option<Unwrap>,
}

/// How the text of a label becomes a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conversion {
    /// `bytes(label)`
    Bytes,
    /// `duration(label)`
    Duration,
    /// `duration_seconds(label)`: the same
    DurationSeconds,
}

/// `| unwrap label`
#[derive(Debug, Clone, PartialEq)]
pub struct Unwrap {
    /// The label.
    pub label: String,
    /// How its text becomes a number.
    pub conversion: Option<Conversion>,
    /// Conditions that stand after it.
    pub filters: Vec<LabelFilter>,
}

/// `by (...)`, `without (...)`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grouping {
    /// The labels.
    pub labels: Vec<String>,
    /// Whether they are those to leave out.
    pub without: bool,
}

/// Aggregations over series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are LogQL's own")]
pub enum VectorOp {
    Sum,
    Avg,
    Count,
    Max,
    Min,
    Stddev,
    Stdvar,
    Bottomk,
    Topk,
    ApproxTopk,
    Sort,
    SortDesc,
}

/// An aggregation over series.
#[derive(Debug, Clone, PartialEq)]
pub struct VectorAggregation {
    /// Which.
    pub op: VectorOp,
    /// The parameter of `topk` and its kin.
    pub parameter: u64,
    /// `by` or `without`.
    pub grouping: Option<Grouping>,
    /// Over what.
    pub expr: Box<MetricExpr>,
}

/// A binary operation.
#[derive(Debug, Clone, PartialEq)]
pub struct Binary {
    /// The operator.
    pub op: BinaryOp,
    /// Left side.
    pub lhs: MetricExpr,
    /// Right side.
    pub rhs: MetricExpr,
    /// How series find each other.
    pub matching: Matching,
    /// `bool`: comparisons give 0 or 1 instead of filtering.
    pub return_bool: bool,
}

/// `label_replace(expr, "target", "replacement", "source", "regex")`
#[derive(Debug, Clone, PartialEq)]
pub struct LabelReplace {
    /// Of what.
    pub expr: Box<MetricExpr>,
    /// The label that is set.
    pub target: String,
    /// To what.
    pub replacement: String,
    /// The label that is looked at.
    pub source: String,
    /// What it must match.
    pub pattern: String,
}

/// Names of the range aggregations.
const RANGE_OPS: [(&str, RangeOp); 15] = [
    ("rate", RangeOp::Rate),
    ("rate_counter", RangeOp::RateCounter),
    ("count_over_time", RangeOp::CountOverTime),
    ("bytes_rate", RangeOp::BytesRate),
    ("bytes_over_time", RangeOp::BytesOverTime),
    ("avg_over_time", RangeOp::AvgOverTime),
    ("sum_over_time", RangeOp::SumOverTime),
    ("min_over_time", RangeOp::MinOverTime),
    ("max_over_time", RangeOp::MaxOverTime),
    ("stdvar_over_time", RangeOp::StdvarOverTime),
    ("stddev_over_time", RangeOp::StddevOverTime),
    ("quantile_over_time", RangeOp::QuantileOverTime),
    ("first_over_time", RangeOp::FirstOverTime),
    ("last_over_time", RangeOp::LastOverTime),
    ("absent_over_time", RangeOp::AbsentOverTime),
];

impl RangeOp {
    /// The aggregation of that name.
    pub fn parse(name: &str) -> Option<Self> {
        RANGE_OPS.iter().find(|(known, _)| *known == name).map(|(_, op)| *op)
    }

    /// Its name.
    pub fn as_str(self) -> &'static str {
        RANGE_OPS.iter().find(|(_, op)| *op == self).map_or("", |(name, _)| name)
    }
}

/// Names of the vector aggregations.
const VECTOR_OPS: [(&str, VectorOp); 12] = [
    ("sum", VectorOp::Sum),
    ("avg", VectorOp::Avg),
    ("count", VectorOp::Count),
    ("max", VectorOp::Max),
    ("min", VectorOp::Min),
    ("stddev", VectorOp::Stddev),
    ("stdvar", VectorOp::Stdvar),
    ("bottomk", VectorOp::Bottomk),
    ("topk", VectorOp::Topk),
    ("approx_topk", VectorOp::ApproxTopk),
    ("sort", VectorOp::Sort),
    ("sort_desc", VectorOp::SortDesc),
];

impl VectorOp {
    /// The aggregation of that name.
    pub fn parse(name: &str) -> Option<Self> {
        VECTOR_OPS.iter().find(|(known, _)| *known == name).map(|(_, op)| *op)
    }

    /// Its name.
    pub fn as_str(self) -> &'static str {
        VECTOR_OPS.iter().find(|(_, op)| *op == self).map_or("", |(name, _)| name)
    }

    /// Whether it takes a parameter before what it aggregates.
    pub const fn has_parameter(self) -> bool {
        matches!(self, Self::Bottomk | Self::Topk | Self::ApproxTopk)
    }
}

impl Expr {
    /// All stream selectors in it, in order.
    pub fn logs(&self) -> Vec<&LogExpr> {
        match self {
            Self::Log(log) => vec![log],
            Self::Metric(metric) => {
                let mut found = Vec::new();
                metric.each_range(&mut |range| found.push(&range.range.log));
                found
            }
        }
    }
}

impl MetricExpr {
    /// Hands over every range aggregation in it, from left to right.
    pub fn each_range<'a>(&'a self, each: &mut dyn FnMut(&'a RangeAggregation)) {
        match self {
            Self::Range(range) => each(range),
            Self::Vector(vector) => vector.expr.each_range(each),
            Self::Binary(binary) => {
                binary.lhs.each_range(each);
                binary.rhs.each_range(each);
            }
            Self::LabelReplace(replace) => replace.expr.each_range(each),
            Self::Literal(_) | Self::VectorLiteral(_) => {}
        }
    }
}
