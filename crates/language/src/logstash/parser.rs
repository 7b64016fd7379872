//! Text into [`Config`].

mod condition;
mod merge;

use super::ast::{Branch, Config, Option as PluginOption, Plugin, Statement, Value};
use super::error::ConfigError;
use super::escapes;
use super::scanner::Scanner;

/// Branches, lists, hashes and parentheses nest no deeper.
pub const DEPTH_MAX: usize = 60;
/// The text longer than which no configuration is read.
const TEXT_BYTES_MAX: usize = 8 << 20;

/// Reads a configuration; a backslash in a text is a backslash.
pub fn parse(text: &str) -> Result<Config, ConfigError> {
    Parser::new(text, false).config()
}

/// Reads a configuration as with `config.support_escapes: true`.
pub fn parse_with_escapes(text: &str) -> Result<Config, ConfigError> {
    Parser::new(text, true).config()
}

#[derive(Debug)]
pub(super) struct Parser<'a> {
    scanner: Scanner<'a>,
    has_escapes: bool,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str, has_escapes: bool) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        Self { scanner: Scanner::new(text), has_escapes, depth: 0 }
    }

    fn config(mut self) -> Result<Config, ConfigError> {
        if self.scanner.rest().len() > TEXT_BYTES_MAX {
            return Err(ConfigError::new(self.scanner.position(), "the configuration is too long"));
        }
        let mut config = Config::default();
        loop {
            self.scanner.skip_space();
            if self.scanner.is_at_end() {
                return Ok(config);
            }
            let section = if self.scanner.eat_word("input") {
                &mut config.inputs
            } else if self.scanner.eat_word("filter") {
                &mut config.filters
            } else if self.scanner.eat_word("output") {
                &mut config.outputs
            } else {
                return Err(self.scanner.expected("one of `input`, `filter`, `output`, `#`"));
            };
            section.extend(self.block()?);
        }
    }

    /// `{ ... }` with plugins and branches.
    fn block(&mut self) -> Result<Vec<Statement>, ConfigError> {
        self.scanner.skip_space();
        if !self.scanner.eat("{") {
            return Err(self.scanner.expected("`{`"));
        }
        self.deeper()?;
        let mut statements = Vec::new();
        loop {
            self.scanner.skip_space();
            if self.scanner.eat("}") {
                self.depth -= 1;
                return Ok(statements);
            }
            let position = self.scanner.position();
            statements.push(if self.scanner.eat_word("if") {
                Statement::Branch(self.branch(position)?)
            } else {
                Statement::Plugin(self.plugin()?)
            });
        }
    }

    fn branch(&mut self, position: super::Position) -> Result<Branch, ConfigError> {
        let mut branch = Branch { arms: Vec::new(), otherwise: Vec::new(), position };
        let condition = self.condition()?;
        branch.arms.push((condition, self.block()?));
        loop {
            let before = self.scanner;
            self.scanner.skip_space();
            if !self.scanner.eat_word("else") {
                self.scanner = before;
                return Ok(branch);
            }
            self.scanner.skip_space();
            if self.scanner.eat_word("if") {
                let condition = self.condition()?;
                branch.arms.push((condition, self.block()?));
            } else {
                branch.otherwise = self.block()?;
                return Ok(branch);
            }
        }
    }

    fn plugin(&mut self) -> Result<Plugin, ConfigError> {
        let position = self.scanner.position();
        let name = self.name("the name of a plugin, `if` or `}`")?;
        self.scanner.skip_space();
        if !self.scanner.eat("{") {
            return Err(self.scanner.expected(&format!("`{{` after the plugin's name `{name}`")));
        }
        self.plugin_body(name, position)
    }

    fn plugin_body(
        &mut self,
        name: String,
        position: super::Position,
    ) -> Result<Plugin, ConfigError> {
        self.deeper()?;
        let mut plugin = Plugin { name, options: Vec::new(), position };
        loop {
            self.scanner.skip_space();
            if self.scanner.eat("}") {
                self.depth -= 1;
                return Ok(plugin);
            }
            let position = self.scanner.position();
            let name = self.name("the name of an option or `}`")?;
            self.scanner.skip_space();
            if !self.scanner.eat("=>") {
                return Err(self
                    .scanner
                    .expected(&format!("`=>` after the option's name `{name}`")));
            }
            self.scanner.skip_space();
            let value = self.value()?;
            match plugin.options.iter_mut().find(|option| option.name == name) {
                Some(known) => merge::into(&mut known.value, value),
                None => plugin.options.push(PluginOption { name, value, position }),
            }
        }
    }

    fn name(&mut self, what: &str) -> Result<String, ConfigError> {
        if let Some(quote @ ('"' | '\'')) = self.scanner.peek() {
            return Ok(self.scanner.take_quoted(quote, "the text")?.to_owned());
        }
        let name = self.scanner.take_while(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
        if name.is_empty() {
            return Err(self.scanner.expected(what));
        }
        Ok(name.to_owned())
    }

    fn value(&mut self) -> Result<Value, ConfigError> {
        match self.scanner.peek() {
            Some('"' | '\'') => Ok(Value::Text(self.text()?)),
            Some('[') => self.list(),
            Some('{') => self.hash(),
            Some(c) if c == '-' || c.is_ascii_digit() => Ok(Value::Number(self.number()?)),
            Some(c) if c == '_' || c.is_ascii_alphabetic() => self.word(),
            _ => Err(self.scanner.expected(
                "a value: a text in quotes, a bare word, a number, `[`, `{` or a plugin",
            )),
        }
    }

    /// A bare word, or a plugin when `{` follows.
    fn word(&mut self) -> Result<Value, ConfigError> {
        let position = self.scanner.position();
        let word = self
            .scanner
            .take_while(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
            .to_owned();
        let after_word = self.scanner;
        self.scanner.skip_space();
        if self.scanner.eat("{") {
            return Ok(Value::Plugin(self.plugin_body(word, position)?));
        }
        self.scanner = after_word;
        if word.contains('-') {
            return Err(ConfigError::new(position, format!("`{word}` must stand in quotes")));
        }
        Ok(Value::Text(word))
    }

    pub(super) fn text(&mut self) -> Result<String, ConfigError> {
        let quote = self.scanner.peek().unwrap_or('"');
        let text = self.scanner.take_quoted(quote, "the text")?;
        Ok(if self.has_escapes { escapes::process(text) } else { text.to_owned() })
    }

    pub(super) fn number(&mut self) -> Result<String, ConfigError> {
        let mut number = if self.scanner.eat("-") { "-".to_owned() } else { String::new() };
        let digits = self.scanner.take_while(|c| c.is_ascii_digit());
        if digits.is_empty() {
            return Err(self.scanner.expected("digits"));
        }
        number.push_str(digits);
        if self.scanner.eat(".") {
            number.push('.');
            number.push_str(self.scanner.take_while(|c| c.is_ascii_digit()));
        }
        Ok(number)
    }

    fn list(&mut self) -> Result<Value, ConfigError> {
        self.items(Self::value).map(Value::List)
    }

    /// What stands between brackets, with commas; `item` reads one.
    fn items<T>(
        &mut self,
        item: impl Fn(&mut Self) -> Result<T, ConfigError>,
    ) -> Result<Vec<T>, ConfigError> {
        self.deeper()?;
        self.scanner.eat("[");
        let mut items = Vec::new();
        self.scanner.skip_space();
        if !self.scanner.eat("]") {
            loop {
                items.push(item(self)?);
                self.scanner.skip_space();
                if self.scanner.eat("]") {
                    break;
                }
                if !self.scanner.eat(",") {
                    return Err(self.scanner.expected("`,` or `]`"));
                }
                self.scanner.skip_space();
            }
        }
        self.depth -= 1;
        Ok(items)
    }

    fn hash(&mut self) -> Result<Value, ConfigError> {
        self.deeper()?;
        self.scanner.eat("{");
        let mut entries: Vec<(String, Value)> = Vec::new();
        loop {
            self.scanner.skip_space();
            if self.scanner.eat("}") {
                self.depth -= 1;
                return Ok(Value::Hash(entries));
            }
            let position = self.scanner.position();
            let key = self.hash_key()?;
            self.scanner.skip_space();
            if !self.scanner.eat("=>") {
                return Err(self.scanner.expected(&format!("`=>` after the key `{key}`")));
            }
            self.scanner.skip_space();
            let value = self.value()?;
            if entries.iter().any(|(known, _)| *known == key) {
                return Err(ConfigError::new(
                    position,
                    format!("the key `{key}` stands twice in this hash"),
                ));
            }
            entries.push((key, value));
            self.scanner.skip_space();
            if self.scanner.peek() == Some(',') {
                return Err(self.scanner.expected("a key or `}` (no comma in a hash)"));
            }
        }
    }

    fn hash_key(&mut self) -> Result<String, ConfigError> {
        match self.scanner.peek() {
            Some('"' | '\'') => self.text(),
            Some(c) if c == '-' || c.is_ascii_digit() => self.number(),
            _ => {
                let word = self.scanner.take_while(|c| c.is_ascii_alphanumeric() || c == '_');
                if word.is_empty() {
                    return Err(self.scanner.expected("a key (a text, a bare word) or `}`"));
                }
                Ok(word.to_owned())
            }
        }
    }

    pub(super) fn deeper(&mut self) -> Result<(), ConfigError> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(ConfigError::new(self.scanner.position(), "this nests too deeply"));
        }
        Ok(())
    }
}
