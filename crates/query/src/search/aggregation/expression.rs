//! The arithmetic that scripts of pipeline aggregations need: numbers, `params.x`, operators,
//! comparisons, a few functions. A script is never run as a program.

use crate::search::SearchError;

/// Longest script.
const LENGTH_MAX: usize = 2_000;
/// How deep brackets may be nested.
const DEPTH_MAX: usize = 32;

/// An expression.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Expression {
    Number(f64),
    Variable(String),
    Negate(Box<Self>),
    Not(Box<Self>),
    Binary(&'static str, Box<Self>, Box<Self>),
    Choose(Box<Self>, Box<Self>, Box<Self>),
    Call(Function, Vec<Self>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Function {
    Abs,
    Ceil,
    Floor,
    Round,
    Sqrt,
    Log,
    Log10,
    Exp,
    Pow,
    Min,
    Max,
}

impl Expression {
    /// Reads a script.
    pub(super) fn parse(text: &str) -> Result<Self, SearchError> {
        let refuse = || {
            let shown: String = text.chars().take(200).collect();
            SearchError::not_served(&format!(
                "the script [{shown}]: only arithmetic on [params] is, a script"
            ))
        };
        if text.len() > LENGTH_MAX {
            return Err(refuse());
        }
        let body = text.trim().trim_end_matches(';');
        let body = body.strip_prefix("return ").unwrap_or(body);
        let mut parser = Parser { rest: body, depth: 0 };
        let expression = parser.choice().ok_or_else(refuse)?;
        parser.skip();
        if parser.rest.is_empty() { Ok(expression) } else { Err(refuse()) }
    }

    /// Its value; truth is 1, a variable that has none makes it `None`.
    pub(super) fn value(&self, variable: &dyn Fn(&str) -> Option<f64>) -> Option<f64> {
        Some(match self {
            Self::Number(number) => *number,
            Self::Variable(name) => variable(name)?,
            Self::Negate(inner) => -inner.value(variable)?,
            Self::Not(inner) => f64::from(inner.value(variable)? == 0.0),
            Self::Choose(condition, yes, no) => {
                let branch = if condition.value(variable)? == 0.0 { no } else { yes };
                branch.value(variable)?
            }
            Self::Binary(operator, left, right) => {
                binary(operator, left.value(variable)?, right.value(variable)?)
            }
            Self::Call(function, arguments) => {
                let mut values = arguments.iter().map(|argument| argument.value(variable));
                let first = values.next()??;
                match (function, values.next()) {
                    (Function::Pow, Some(second)) => first.powf(second?),
                    (Function::Min, Some(second)) => first.min(second?),
                    (Function::Max, Some(second)) => first.max(second?),
                    (Function::Abs, None) => first.abs(),
                    (Function::Ceil, None) => first.ceil(),
                    (Function::Floor, None) => first.floor(),
                    (Function::Round, None) => (first + 0.5).floor(),
                    (Function::Sqrt, None) => first.sqrt(),
                    (Function::Log, None) => first.ln(),
                    (Function::Log10, None) => first.log10(),
                    (Function::Exp, None) => first.exp(),
                    _ => return None,
                }
            }
        })
    }
}

fn binary(operator: &str, left: f64, right: f64) -> f64 {
    match operator {
        "+" => left + right,
        "-" => left - right,
        "*" => left * right,
        "/" => left / right,
        "%" => left % right,
        ">" => f64::from(left > right),
        ">=" => f64::from(left >= right),
        "<" => f64::from(left < right),
        "<=" => f64::from(left <= right),
        "==" => f64::from(left == right),
        "!=" => f64::from(left != right),
        "&&" => f64::from(left != 0.0 && right != 0.0),
        _ => f64::from(left != 0.0 || right != 0.0),
    }
}

/// Operators from the loosest to the tightest; longer ones before their beginnings.
const LEVELS: [&[&str]; 6] =
    [&["||"], &["&&"], &["==", "!="], &[">=", "<=", ">", "<"], &["+", "-"], &["*", "/", "%"]];

struct Parser<'a> {
    rest: &'a str,
    depth: usize,
}

impl Parser<'_> {
    fn skip(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn eat(&mut self, text: &str) -> bool {
        self.skip();
        let after = self.rest.strip_prefix(text);
        self.rest = after.unwrap_or(self.rest);
        after.is_some()
    }

    fn choice(&mut self) -> Option<Expression> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return None;
        }
        let condition = self.level(0)?;
        let chosen = if self.eat("?") {
            let yes = self.choice()?;
            if !self.eat(":") {
                return None;
            }
            let no = self.choice()?;
            Expression::Choose(Box::new(condition), Box::new(yes), Box::new(no))
        } else {
            condition
        };
        self.depth -= 1;
        Some(chosen)
    }

    fn level(&mut self, level: usize) -> Option<Expression> {
        let Some(operators) = LEVELS.get(level) else { return self.unary() };
        let mut left = self.level(level + 1)?;
        let mut count = 0;
        while let Some(operator) = operators.iter().find(|operator| self.eat(operator)) {
            count += 1;
            if count > 200 {
                return None;
            }
            let right = self.level(level + 1)?;
            left = Expression::Binary(operator, Box::new(left), Box::new(right));
        }
        Some(left)
    }

    fn unary(&mut self) -> Option<Expression> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return None;
        }
        let found = if self.eat("-") {
            Expression::Negate(Box::new(self.unary()?))
        } else if self.eat("!") {
            Expression::Not(Box::new(self.unary()?))
        } else if self.eat("(") {
            let inner = self.choice()?;
            if !self.eat(")") {
                return None;
            }
            inner
        } else {
            self.atom()?
        };
        self.depth -= 1;
        Some(found)
    }

    fn atom(&mut self) -> Option<Expression> {
        self.skip();
        let ends = |c: char| !(c.is_alphanumeric() || matches!(c, '_' | '.'));
        let length = self.rest.find(ends).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        if word.starts_with(|c: char| c.is_ascii_digit()) {
            let digits = word.trim_end_matches(['L', 'f', 'F', 'd', 'D']);
            return digits.parse().ok().map(Expression::Number);
        }
        match word {
            "true" => return Some(Expression::Number(1.0)),
            "false" => return Some(Expression::Number(0.0)),
            "_value" => return Some(Expression::Variable("_value".to_owned())),
            "params" if self.rest.starts_with('[') => return self.quoted_variable(),
            _ => {}
        }
        if let Some(name) = word.strip_prefix("params.") {
            return Some(Expression::Variable(name.to_owned()));
        }
        let function = function(word)?;
        if !self.eat("(") {
            return None;
        }
        let mut arguments = vec![self.choice()?];
        while self.eat(",") && arguments.len() < 3 {
            arguments.push(self.choice()?);
        }
        self.eat(")").then_some(Expression::Call(function, arguments))
    }

    /// `params['a b']`
    fn quoted_variable(&mut self) -> Option<Expression> {
        let inner = self.rest.strip_prefix('[')?.trim_start();
        let quote = inner.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
        let (name, rest) = inner.get(1..)?.split_once(quote)?;
        self.rest = rest;
        let variable = Expression::Variable(name.to_owned());
        self.eat("]").then_some(variable)
    }
}

fn function(name: &str) -> Option<Function> {
    Some(match name.strip_prefix("Math.").unwrap_or(name) {
        "abs" => Function::Abs,
        "ceil" => Function::Ceil,
        "floor" => Function::Floor,
        "round" => Function::Round,
        "sqrt" => Function::Sqrt,
        "log" | "ln" => Function::Log,
        "log10" => Function::Log10,
        "exp" => Function::Exp,
        "pow" => Function::Pow,
        "min" => Function::Min,
        "max" => Function::Max,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(script: &str) -> Option<f64> {
        let variable = |name: &str| match name {
            "a" => Some(6.0),
            "b" => Some(2.0),
            _ => None,
        };
        Expression::parse(script).unwrap().value(&variable)
    }

    #[test]
    fn arithmetic() {
        for (script, expected) in [
            ("params.a / params.b * 100", Some(300.0)),
            ("params.a - params.b - 1", Some(3.0)),
            ("-(params.a + 2) % 5", Some(-3.0)),
            ("params.b > 0 ? params.a / params.b : 0", Some(3.0)),
            ("params['a'] >= 6 && !(params.b == 3)", Some(1.0)),
            ("Math.max(params.a, 10.5) + Math.pow(2, 3)", Some(18.5)),
            ("params.missing + 1", None),
            ("return params.a;", Some(6.0)),
        ] {
            assert_eq!(value(script), expected, "{script}");
        }
    }

    #[test]
    fn programs_are_refused() {
        for script in
            ["doc['x'].value", "while(true){}", "params.a +", "", "Runtime.exec(1)", "a; b"]
        {
            assert!(Expression::parse(script).is_err(), "{script}");
        }
        assert!(Expression::parse(&"(".repeat(10_000)).is_err());
        assert!(Expression::parse(&format!("1{}", "+1".repeat(500))).is_err());
        assert!(Expression::parse(&format!("{}1", "-".repeat(1_500))).is_err());
    }
}
