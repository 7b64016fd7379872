//! What stands after `if`.

use super::super::ast::{Comparison, Condition, Connective, Operand};
use super::super::error::ConfigError;
use super::super::reference::FieldReference;
use super::Parser;

const COMPARISONS: [(&str, Comparison); 6] = [
    ("==", Comparison::Equal),
    ("!=", Comparison::NotEqual),
    ("<=", Comparison::LessOrEqual),
    (">=", Comparison::GreaterOrEqual),
    ("<", Comparison::Less),
    (">", Comparison::Greater),
];

impl Parser<'_> {
    /// Expressions joined by operators; `and` binds tighter than the others.
    pub(super) fn condition(&mut self) -> Result<Condition, ConfigError> {
        self.deeper()?;
        let mut whole: Option<(Connective, Condition)> = None;
        let mut current = self.expression()?;
        loop {
            let before = self.scanner;
            self.scanner.skip_space();
            let Some(connective) = self.connective() else {
                self.scanner = before;
                break;
            };
            let right = self.expression()?;
            if connective == Connective::And {
                current = both(Connective::And, current, right);
                continue;
            }
            let left = match whole.take() {
                Some((outer, left)) => both(outer, left, current),
                None => current,
            };
            whole = Some((connective, left));
            current = right;
        }
        self.depth -= 1;
        Ok(match whole {
            Some((outer, left)) => both(outer, left, current),
            None => current,
        })
    }

    fn connective(&mut self) -> Option<Connective> {
        [
            ("and", Connective::And),
            ("or", Connective::Or),
            ("xor", Connective::Xor),
            ("nand", Connective::Nand),
        ]
        .into_iter()
        .find(|(word, _)| self.scanner.eat_word(word))
        .map(|(_, connective)| connective)
    }

    fn expression(&mut self) -> Result<Condition, ConfigError> {
        self.scanner.skip_space();
        if self.scanner.eat("(") {
            return self.parenthesised();
        }
        if self.scanner.eat("!") {
            self.scanner.skip_space();
            let inner = if self.scanner.eat("(") {
                self.parenthesised()?
            } else if self.scanner.peek() == Some('[') {
                Condition::Truthy(self.operand()?)
            } else {
                return Err(self.scanner.expected("`(` or a field reference after `!`"));
            };
            return Ok(Condition::Not(Box::new(inner)));
        }
        let left = self.operand()?;
        let after_operand = self.scanner;
        self.scanner.skip_space();
        if self.scanner.eat_word("in") {
            return self.membership(left);
        }
        if self.scanner.eat_word("not") {
            self.scanner.skip_space();
            if !self.scanner.eat_word("in") {
                return Err(self.scanner.expected("`in` after `not`"));
            }
            return Ok(Condition::Not(Box::new(self.membership(left)?)));
        }
        if self.scanner.eat("=~") {
            return self.matches(left);
        }
        if self.scanner.eat("!~") {
            return Ok(Condition::Not(Box::new(self.matches(left)?)));
        }
        for (sign, comparison) in COMPARISONS {
            if self.scanner.eat(sign) {
                self.scanner.skip_space();
                let right = self.operand()?;
                return Ok(Condition::Compare { left, comparison, right });
            }
        }
        if self.scanner.peek() == Some('=') {
            return Err(self.scanner.expected("an operator: ==, !=, <, <=, >, >=, =~, !~, in"));
        }
        self.scanner = after_operand;
        Ok(Condition::Truthy(left))
    }

    fn parenthesised(&mut self) -> Result<Condition, ConfigError> {
        let inner = self.condition()?;
        self.scanner.skip_space();
        if self.scanner.eat(")") {
            return Ok(inner);
        }
        Err(self.scanner.expected("`)` or an operator: and, or, xor, nand"))
    }

    fn membership(&mut self, item: Operand) -> Result<Condition, ConfigError> {
        self.scanner.skip_space();
        Ok(Condition::In { item, list: self.operand()? })
    }

    fn matches(&mut self, value: Operand) -> Result<Condition, ConfigError> {
        self.scanner.skip_space();
        let pattern = match self.scanner.peek() {
            Some('"' | '\'') => self.text()?,
            // Within slashes, `\/` is a slash.
            Some('/') => self.scanner.take_quoted('/', "the expression")?.replace("\\/", "/"),
            _ => return Err(self.scanner.expected("an expression: /.../ or a text in quotes")),
        };
        Ok(Condition::Matches { value, pattern })
    }

    fn operand(&mut self) -> Result<Operand, ConfigError> {
        match self.scanner.peek() {
            Some('"' | '\'') => Ok(Operand::Text(self.text()?)),
            Some('[') => self.field_or_list(),
            Some(c) if c == '-' || c.is_ascii_digit() => {
                let position = self.scanner.position();
                let number = self.number()?.parse();
                number
                    .map(Operand::Number)
                    .map_err(|_| ConfigError::new(position, "this is no number"))
            }
            _ => {
                Err(self.scanner.expected("a field reference `[name]`, a text, a number or a list"))
            }
        }
    }

    fn field_or_list(&mut self) -> Result<Operand, ConfigError> {
        let position = self.scanner.position();
        let start = self.scanner;
        let mut text = String::new();
        while self.scanner.peek() == Some('[') {
            let before = self.scanner;
            self.scanner.eat("[");
            let name = self.scanner.take_while(|c| !matches!(c, '[' | ']' | ','));
            let begins_quoted = name.trim_start().starts_with(['"', '\'']);
            if name.is_empty() || begins_quoted || !self.scanner.eat("]") {
                self.scanner = before;
                break;
            }
            text.push('[');
            text.push_str(name);
            text.push(']');
        }
        if text.is_empty() {
            self.scanner = start;
            return self.operand_list();
        }
        FieldReference::parse(&text)
            .map(Operand::Field)
            .map_err(|error| ConfigError::new(position, error))
    }

    fn operand_list(&mut self) -> Result<Operand, ConfigError> {
        self.items(Self::list_item).map(Operand::List)
    }

    /// In a list a bare word is a text.
    fn list_item(&mut self) -> Result<Operand, ConfigError> {
        if self.scanner.peek().is_some_and(|c| c == '_' || c.is_ascii_alphabetic()) {
            let word = self.scanner.take_while(|c| c.is_ascii_alphanumeric() || c == '_');
            return Ok(Operand::Text(word.to_owned()));
        }
        self.operand()
    }
}

fn both(connective: Connective, left: Condition, right: Condition) -> Condition {
    Condition::Both(connective, Box::new(left), Box::new(right))
}
