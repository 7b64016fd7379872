//! What is asked, and by whom it is answered: the binary hands in what knows metrics and logs.

use std::collections::BTreeMap;
use std::fmt;

use futures::future::BoxFuture;
use vigie_language::runbook::Query;
use vigie_model::TenantId;

/// Rows and series of one answer; more are cut off.
pub const ROWS_MAX: usize = 1_000;

/// A series' value now.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Labels, the metric's name as `__name__`.
    pub labels: BTreeMap<String, String>,
    /// The value.
    pub value: f64,
}

/// The answer to a query.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// Series with their values; a number alone is one without labels.
    Vector(Vec<Sample>),
    /// Rows of text.
    Table {
        /// Names of the columns.
        columns: Vec<String>,
        /// Rows.
        rows: Vec<Vec<String>>,
    },
}

impl Answer {
    /// Whether nothing was found.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Vector(samples) => samples.is_empty(),
            Self::Table { rows, .. } => rows.is_empty(),
        }
    }

    /// The values of a label or column, without repetition, in the order of the answer.
    pub fn values_of(&self, label: &str) -> Vec<String> {
        let mut values: Vec<String> = Vec::new();
        let mut add = |value: &String| {
            if !values.contains(value) {
                values.push(value.clone());
            }
        };
        match self {
            Self::Vector(samples) => {
                samples.iter().filter_map(|sample| sample.labels.get(label)).for_each(&mut add);
            }
            Self::Table { columns, rows } => {
                let at = columns.iter().position(|column| column == label);
                let at = if label.is_empty() { Some(0) } else { at };
                let cells = rows.iter().filter_map(|row| row.get(at?));
                cells.for_each(&mut add);
            }
        }
        values
    }

    /// The one number in it, or why there is none.
    pub fn number(&self) -> Result<f64, String> {
        match self {
            Self::Vector(samples) => match samples.as_slice() {
                [one] => Ok(one.value),
                [] => Err("no data".to_owned()),
                several => Err(format!("{} series where one number is expected", several.len())),
            },
            Self::Table { rows, .. } => match rows.as_slice() {
                [row] => match row.as_slice() {
                    [cell] => cell.parse().map_err(|_| format!("{cell:?} is no number")),
                    _ => Err("several columns where one number is expected".to_owned()),
                },
                [] => Err("no data".to_owned()),
                _ => Err("several rows where one number is expected".to_owned()),
            },
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Vector(samples) if samples.is_empty() => f.write_str("no data"),
            Self::Vector(samples) => {
                for sample in samples {
                    let name = sample.labels.get("__name__").map_or("", String::as_str);
                    let others = sample.labels.iter().filter(|(name, _)| *name != "__name__");
                    let others: Vec<String> =
                        others.map(|(name, value)| format!("{name}={value:?}")).collect();
                    writeln!(f, "{name}{{{}}} {}", others.join(", "), sample.value)?;
                }
                Ok(())
            }
            Self::Table { columns, rows } => {
                writeln!(f, "{}", columns.join("\t"))?;
                for row in rows {
                    writeln!(f, "{}", row.join("\t"))?;
                }
                Ok(())
            }
        }
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EvidenceError {
    /// It failed.
    #[error("{0}")]
    Failed(String),
}

/// Answers queries at a time.
pub trait Evidence: Send + Sync + fmt::Debug {
    /// Answers `query` for `tenant` at `at_ms`.
    fn ask<'a>(
        &'a self,
        tenant: &'a TenantId,
        query: &'a Query,
        at_ms: i64,
    ) -> BoxFuture<'a, Result<Answer, EvidenceError>>;
}

/// Answers of several queries, by their text.
pub type Answers = BTreeMap<String, Result<Answer, EvidenceError>>;

/// Asks each of `queries` once.
pub async fn ask_all(
    evidence: &dyn Evidence,
    tenant: &TenantId,
    queries: &[&Query],
    at_ms: i64,
) -> Answers {
    let mut answers = Answers::new();
    for query in queries {
        if !answers.contains_key(query.text()) {
            let answer = evidence.ask(tenant, query, at_ms).await;
            answers.insert(query.text().to_owned(), answer);
        }
    }
    answers
}
