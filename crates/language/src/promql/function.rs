//! The table of PromQL functions.

/// The type of an expression's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ValueType {
    /// One number a step.
    Scalar,
    /// A set of series with one value a step.
    Vector,
    /// A set of series with points over a range.
    Matrix,
    /// Text.
    String,
}

impl ValueType {
    /// The type's name in messages to people (`instant vector`).
    pub const fn documented(self) -> &'static str {
        match self {
            Self::Scalar => "scalar",
            Self::Vector => "instant vector",
            Self::Matrix => "range vector",
            Self::String => "string",
        }
    }
}

/// The signature of a function.
#[derive(Debug, PartialEq, Eq)]
pub struct Function {
    /// Its name.
    pub name: &'static str,
    /// Types of its arguments.
    pub args: &'static [ValueType],
    /// 0: exactly `args`. n > 0: the last n arguments may be left out. -1: the last argument may
    /// be left out or be repeated any number of times.
    pub variadic: i8,
    /// Type of its value.
    pub returns: ValueType,
    /// Whether Prometheus asks for a feature flag.
    pub experimental: bool,
}

/// The function of that name.
pub fn function(name: &str) -> Option<&'static Function> {
    FUNCTIONS.iter().find(|f| f.name == name)
}

// The whole table is filled in by the parser's work; sorted by name.
static FUNCTIONS: &[Function] = &[Function {
    name: "rate",
    args: &[ValueType::Matrix],
    variadic: 0,
    returns: ValueType::Vector,
    experimental: false,
}];
