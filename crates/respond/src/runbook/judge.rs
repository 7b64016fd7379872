//! Whether a condition holds. What cannot be evaluated makes the whole condition unknown, whatever
//! stands beside it, and what is unknown executes nothing.

use std::collections::BTreeMap;

use vigie_language::runbook::{Condition, Operand, Query};

use super::evidence::{Answer, Answers, Sample};
use super::pairs::{Pair, narrowed, pairs};

/// What is known of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Truth {
    /// It holds.
    True,
    /// It does not hold.
    False,
    /// It cannot be evaluated.
    Unknown,
}

/// A condition with what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// Whether it holds.
    pub truth: Truth,
    /// Whether it holds only once somebody has approved.
    pub needs_approval: bool,
    /// How it was found out, with the numbers.
    pub explanation: String,
}

/// What a condition is evaluated with.
#[derive(Debug, Clone, Copy)]
pub struct JudgeInput<'a> {
    /// Answers to its queries.
    pub answers: &'a Answers,
    /// Labels of the alerts: among several series those that agree are meant.
    pub labels: &'a BTreeMap<String, String>,
    /// Variables of the runbook that have a value.
    pub variables: &'a BTreeMap<String, String>,
    /// Whether somebody has approved.
    pub is_approved: bool,
}

/// Evaluates `condition`. Approval is asked for only where it decides.
pub fn with_approval(condition: &Condition, input: JudgeInput<'_>) -> Judged {
    let without = judge(condition, JudgeInput { is_approved: false, ..input });
    if without.truth != Truth::False || !condition.asks_approval() {
        return without;
    }
    let with = judge(condition, JudgeInput { is_approved: true, ..input });
    Judged { needs_approval: with.truth == Truth::True, ..with }
}

/// Evaluates `condition` with approval as `input` says.
pub fn judge(condition: &Condition, input: JudgeInput<'_>) -> Judged {
    let (truth, explanation) = match truth_of(condition, input) {
        Ok((true, explanation)) => (Truth::True, explanation),
        Ok((false, explanation)) => (Truth::False, explanation),
        Err(reason) => (Truth::Unknown, reason),
    };
    let explanation = crate::desk::shortened(explanation, 4 << 10);
    Judged { truth, needs_approval: false, explanation }
}

type Found = Result<(bool, String), String>;

fn truth_of(condition: &Condition, input: JudgeInput<'_>) -> Found {
    match condition {
        Condition::Approval => {
            let text = if input.is_approved { "approved" } else { "not approved" };
            Ok((input.is_approved, text.to_owned()))
        }
        Condition::Not(inner) => {
            let (holds, text) = truth_of(inner, input)?;
            // No answer may mean that there is no data: then nobody knows the opposite either.
            if let Some(query) = unanswered(inner, input) {
                return Err(format!("NOT {query:?}: no data"));
            }
            Ok((!holds, format!("NOT ({text})")))
        }
        Condition::And(all) => {
            // Every part is looked at: one that cannot be evaluated must not hide.
            let all: Vec<_> =
                all.iter().map(|one| truth_of(one, input)).collect::<Result<_, _>>()?;
            let texts: Vec<&str> = all.iter().map(|(_, text)| text.as_str()).collect();
            Ok((all.iter().all(|(holds, _)| *holds), texts.join(" AND ")))
        }
        Condition::Or(all) => {
            let all: Vec<_> =
                all.iter().map(|one| truth_of(one, input)).collect::<Result<_, _>>()?;
            let texts: Vec<&str> = all.iter().map(|(_, text)| text.as_str()).collect();
            Ok((all.iter().any(|(holds, _)| *holds), format!("({})", texts.join(" OR "))))
        }
        Condition::Holds(query) => {
            let answer = answer_of(query, input)?;
            let holds = !answer.is_empty();
            let found = if holds { "has an answer" } else { "has no answer" };
            Ok((holds, format!("{:?} {found}", query.text())))
        }
        Condition::Compare { left, compare, right } => {
            let (left_side, right_side) = (side(left, input)?, side(right, input)?);
            let (left_side, right_side) = percentages(left, left_side, right, right_side)?;
            let pairs = pairs(&left_side, &right_side)?;
            let holds = |pair: &&Pair| compare.holds(pair.left, pair.right);
            let shown = pairs.iter().find(holds).or_else(|| pairs.first());
            let Some(shown) = shown else { return Err(format!("{left}: no data")) };
            let text = format!(
                "{left}{} = {} {} {} ({right}): {}",
                shown.labels,
                shown.left,
                compare.as_str(),
                shown.right,
                compare.holds(shown.left, shown.right),
            );
            Ok((pairs.iter().any(|pair| holds(&pair)), text))
        }
    }
}

/// A query in `condition` that has to have an answer and has none.
fn unanswered(condition: &Condition, input: JudgeInput<'_>) -> Option<String> {
    match condition {
        Condition::Holds(query) => {
            let is_empty = answer_of(query, input).is_ok_and(Answer::is_empty);
            is_empty.then(|| query.text().to_owned())
        }
        Condition::Not(inner) => unanswered(inner, input),
        Condition::And(all) | Condition::Or(all) => {
            all.iter().find_map(|one| unanswered(one, input))
        }
        Condition::Approval | Condition::Compare { .. } => None,
    }
}

fn answer_of<'a>(query: &Query, input: JudgeInput<'a>) -> Result<&'a Answer, String> {
    match input.answers.get(query.text()) {
        Some(Ok(answer)) => Ok(answer),
        Some(Err(error)) => Err(format!("{query}: {error}")),
        None => Err(format!("{query}: not asked")),
    }
}

/// One side of a comparison.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Side {
    Number(f64),
    Percent(f64),
    Series(Vec<Sample>),
}

fn side(operand: &Operand, input: JudgeInput<'_>) -> Result<Side, String> {
    match operand {
        Operand::Number(number) => Ok(Side::Number(*number)),
        Operand::Percent(percent) => Ok(Side::Percent(*percent)),
        Operand::Variable(name) => {
            let value = input.variables.get(name).ok_or_else(|| format!("${name}: no value"))?;
            let number = value.parse().map_err(|_| format!("${name}: {value:?} is no number"))?;
            Ok(Side::Number(number))
        }
        Operand::PercentOf(percent, of) => {
            let part = percent / 100.0;
            Ok(match side(of, input)? {
                Side::Number(number) => Side::Number(number * part),
                Side::Percent(other) => Side::Percent(other * part),
                Side::Series(mut samples) => {
                    samples.iter_mut().for_each(|sample| sample.value *= part);
                    Side::Series(samples)
                }
            })
        }
        Operand::Query(query) => match answer_of(query, input)? {
            Answer::Vector(samples) => {
                let known: Vec<Sample> =
                    samples.iter().filter(|sample| !sample.value.is_nan()).cloned().collect();
                if known.is_empty() {
                    return Err(format!("{query}: no data"));
                }
                Ok(Side::Series(narrowed(known, input.labels)))
            }
            table @ Answer::Table { .. } => {
                table.number().map(Side::Number).map_err(|error| format!("{query}: {error}"))
            }
        },
    }
}

/// A percentage alone is on the scale from 0 to 100. A ratio from 0 to 1 is known by its name;
/// where neither name nor value tells, nobody guesses.
fn percentages(
    left: &Operand,
    left_side: Side,
    right: &Operand,
    right_side: Side,
) -> Result<(Side, Side), String> {
    let as_number = |side: Side| match side {
        Side::Percent(percent) => Side::Number(percent),
        other => other,
    };
    let (left_side, right_side) = match (left_side, right_side) {
        (Side::Series(series), Side::Percent(percent)) => {
            (Side::Series(scaled(left, series)?), Side::Number(percent))
        }
        (Side::Percent(percent), Side::Series(series)) => {
            (Side::Number(percent), Side::Series(scaled(right, series)?))
        }
        other => other,
    };
    Ok((as_number(left_side), as_number(right_side)))
}

fn scaled(operand: &Operand, mut series: Vec<Sample>) -> Result<Vec<Sample>, String> {
    let text = operand.to_string();
    let name = text.split('{').next().unwrap_or_default();
    if name.ends_with("_ratio") {
        series.iter_mut().for_each(|sample| sample.value *= 100.0);
        return Ok(series);
    }
    let is_percent = ["_percent", "_percentage", "_pct"].iter().any(|end| name.ends_with(end));
    let largest = series.iter().map(|sample| sample.value.abs()).fold(0.0, f64::max);
    if !is_percent && largest > 0.0 && largest <= 1.0 {
        return Err(format!(
            "{text} is {largest}, which may be a percentage or a ratio; compare with a number, or \
             with `100 * …` in quotes"
        ));
    }
    Ok(series)
}
