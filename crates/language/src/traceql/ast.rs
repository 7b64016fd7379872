//! The tree of a query.

/// A whole query.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// Which spans.
    pub pipeline: Pipeline,
    /// What is counted of them; `None` for a search.
    pub metrics: Option<MetricQuery>,
    /// `with (name=value, ...)`.
    pub hints: Vec<Hint>,
}

/// `name=value` within `with (...)`.
#[derive(Debug, Clone, PartialEq)]
pub struct Hint {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: Static,
}

/// Stages, each of which takes the spansets of the one before it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Pipeline {
    /// The stages, at least one.
    pub stages: Vec<Stage>,
}

/// One stage of a pipeline.
#[derive(Debug, Clone, PartialEq)]
pub enum Stage {
    /// Spansets that are made of those that come in.
    Spansets(SpansetExpression),
    /// Spansets that pass stay.
    Filter(ScalarFilter),
    /// Each spanset becomes one for each value.
    By(Expression),
    /// The spansets of a trace become one.
    Coalesce,
    /// What is told of each span besides.
    Select(Vec<Field>),
}

/// Which spans of a trace.
#[derive(Debug, Clone, PartialEq)]
pub enum SpansetExpression {
    /// Those for which the expression is true.
    Filter(Expression),
    /// Two sets of spans, and how they belong together.
    Operation(SpansetOperator, Box<Self>, Box<Self>),
    /// A pipeline in parentheses.
    Pipeline(Pipeline),
}

/// How two sets of spans belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SpansetOperator {
    /// `&&`
    And,
    /// `||`
    Or,
    /// `>`, and its forms.
    Child(Form),
    /// `<`
    Parent(Form),
    /// `>>`
    Descendant(Form),
    /// `<<`
    Ancestor(Form),
    /// `~`
    Sibling(Form),
}

/// The form of a structural operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Form {
    /// Spans on the right that have a span on the left.
    Plain,
    /// `!`: spans on the right that have none.
    Not,
    /// `&`: spans of both sides that have each other.
    Union,
}

/// A comparison of numbers that belong to a spanset.
#[derive(Debug, Clone, PartialEq)]
pub struct ScalarFilter {
    /// How they are compared.
    pub operator: Operator,
    /// The left side.
    pub left: Scalar,
    /// The right side.
    pub right: Scalar,
}

/// A number that belongs to a spanset.
#[derive(Debug, Clone, PartialEq)]
pub enum Scalar {
    /// A literal.
    Static(Static),
    /// A number made of the spans; `count` has no expression.
    Aggregate(Aggregate, Option<Box<Expression>>),
    /// Arithmetic.
    Operation(Operator, Box<Self>, Box<Self>),
    /// `({...} | count())`: a pipeline of its own that ends in an aggregate.
    Pipeline(Pipeline, Box<Self>),
}

/// What a number is made by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aggregate {
    /// How many spans.
    Count,
    /// The smallest.
    Min,
    /// The largest.
    Max,
    /// The mean.
    Avg,
    /// The sum.
    Sum,
}

/// An expression about one span.
#[derive(Debug, Clone, PartialEq)]
pub enum Expression {
    /// A literal.
    Static(Static),
    /// What the span has.
    Field(Field),
    /// `-`
    Negative(Box<Self>),
    /// `!`
    Not(Box<Self>),
    /// Two expressions.
    Binary(Operator, Box<Self>, Box<Self>),
}

/// Operators within expressions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "their names say it")]
pub enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    Power,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Matches,
    NotMatches,
    And,
    Or,
}

/// A literal.
#[derive(Debug, Clone, PartialEq)]
pub enum Static {
    /// `nil`
    Nil,
    /// An integer.
    Integer(i64),
    /// A float.
    Float(f64),
    /// Text.
    Text(String),
    /// `true` or `false`.
    Boolean(bool),
    /// A duration in nanoseconds.
    Duration(i64),
    /// `unset`, `ok` or `error`.
    Status(&'static str),
    /// `server`, `client` and so on.
    Kind(&'static str),
}

/// What a span has.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Field {
    /// A field that every span has.
    Intrinsic(Intrinsic),
    /// An attribute.
    Attribute {
        /// Where it is looked for.
        scope: Scope,
        /// Whether the span's parent is meant.
        of_parent: bool,
        /// Its name.
        name: String,
    },
}

/// Where an attribute is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// On the span, then on its resource.
    Any,
    /// On the span.
    Span,
    /// On its resource.
    Resource,
    /// On its events.
    Event,
    /// On its links.
    Link,
    /// On the library that made it.
    Instrumentation,
}

/// Fields that every span has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "their names say it")]
pub enum Intrinsic {
    Duration,
    Name,
    Status,
    StatusMessage,
    Kind,
    Id,
    ParentId,
    ChildCount,
    /// `parent`: nil for a root.
    Parent,
    NestedSetLeft,
    NestedSetRight,
    NestedSetParent,
    TraceDuration,
    TraceRootName,
    TraceRootService,
    TraceId,
    EventName,
    EventTimeSinceStart,
    LinkSpanId,
    LinkTraceId,
    InstrumentationName,
    InstrumentationVersion,
}

/// What is counted of spans, and what becomes of the series.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricQuery {
    /// What is counted.
    pub function: MetricFunction,
    /// A series for each combination of these.
    pub by: Vec<Field>,
    /// What becomes of the series.
    pub stages: Vec<MetricStage>,
}

/// What is counted of spans.
#[derive(Debug, Clone, PartialEq)]
pub enum MetricFunction {
    /// Spans a second.
    Rate,
    /// Spans.
    CountOverTime,
    /// The smallest value.
    MinOverTime(Field),
    /// The largest value.
    MaxOverTime(Field),
    /// The mean.
    AvgOverTime(Field),
    /// The sum.
    SumOverTime(Field),
    /// Quantiles.
    QuantileOverTime(Field, Vec<f64>),
    /// How many values there are in each bucket.
    HistogramOverTime(Field),
    /// Attributes of the spans that pass against those of the others.
    Compare {
        /// Which spans are selected.
        selection: Expression,
        /// Values of an attribute that are told at most.
        top: usize,
        /// First nanosecond of the selection's time, and the one after the last; 0 for any.
        window_ns: (i64, i64),
    },
}

/// What becomes of series.
#[derive(Debug, Clone, PartialEq)]
pub enum MetricStage {
    /// The largest at each time.
    TopK(usize),
    /// The smallest at each time.
    BottomK(usize),
    /// Points that pass.
    Filter(Operator, f64),
}
