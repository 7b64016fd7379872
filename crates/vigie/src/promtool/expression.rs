//! `promtool promql`: an expression in its pretty form, or with other matchers.

use anyhow::{Result, anyhow, bail};
use vigie_language::promql::{Expr, parse, pretty};
use vigie_model::{METRIC_NAME, MatchOp, Matcher};

use crate::args::{PromtoolMatchers, PromtoolPromql};
use crate::log::say;

pub(super) fn edit(what: PromtoolPromql) -> Result<()> {
    let expr = match what {
        PromtoolPromql::Format { query } => read(&query)?,
        PromtoolPromql::LabelMatchers {
            what: PromtoolMatchers::Set { operator, query, name, value },
        } => {
            let operator = operator_of(&operator)?;
            let mut expr = read(&query)?;
            expr.selectors_mut(&mut |selector| {
                let new = Matcher::new(name.clone(), operator, value.clone());
                match selector.matchers.iter_mut().find(|matcher| matcher.name == name) {
                    Some(matcher) => *matcher = new,
                    None => selector.matchers.push(new),
                }
                if name == METRIC_NAME {
                    selector.name = (operator == MatchOp::Equal).then(|| value.clone());
                }
            });
            expr
        }
        PromtoolPromql::LabelMatchers { what: PromtoolMatchers::Delete { query, name } } => {
            let mut expr = read(&query)?;
            expr.selectors_mut(&mut |selector| {
                selector.matchers.retain(|matcher| matcher.name != name);
                if name == METRIC_NAME {
                    selector.name = None;
                }
            });
            expr
        }
    };
    say(&pretty(&expr));
    Ok(())
}

fn read(query: &str) -> Result<Expr> {
    parse(query).map_err(|error| anyhow!("{error}"))
}

fn operator_of(text: &str) -> Result<MatchOp> {
    Ok(match text {
        "=" => MatchOp::Equal,
        "!=" => MatchOp::NotEqual,
        "=~" => MatchOp::Regex,
        "!~" => MatchOp::NotRegex,
        other => bail!("invalid label matcher type: {other}"),
    })
}
