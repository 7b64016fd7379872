//! The options of a plugin, read by name, type and default; what nobody reads is an error.

use std::cell::RefCell;

use vigie_language::logstash::{ConfigError, FieldReference, Plugin, PluginOption, Sprintf, Value};

/// A plugin's options while it is built.
#[derive(Debug)]
pub(crate) struct Options<'a> {
    /// `filter`, `output`, `codec`.
    kind: &'static str,
    plugin: &'a Plugin,
    read: RefCell<Vec<&'a str>>,
}

type Result<T> = std::result::Result<T, ConfigError>;

impl<'a> Options<'a> {
    pub(crate) fn new(kind: &'static str, plugin: &'a Plugin) -> Self {
        Self { kind, plugin, read: RefCell::default() }
    }

    /// The plugin.
    pub(crate) const fn plugin(&self) -> &'a Plugin {
        self.plugin
    }

    fn find(&self, name: &str) -> Option<&'a PluginOption> {
        let option = self.plugin.options.iter().find(|option| option.name == name)?;
        self.read.borrow_mut().push(&option.name);
        Some(option)
    }

    /// An error about the plugin.
    pub(crate) fn error(&self, message: &str) -> ConfigError {
        ConfigError::new(
            self.plugin.position,
            format!("{} {}: {message}", self.kind, self.plugin.name),
        )
    }

    fn error_at(&self, option: &PluginOption, message: &str) -> ConfigError {
        let text = format!("{} {}: {}: {message}", self.kind, self.plugin.name, option.name);
        ConfigError::new(option.position, text)
    }

    /// Accepts options that mean nothing here.
    pub(crate) fn ignore(&self, names: &[&str]) {
        for name in names {
            self.find(name);
        }
    }

    /// The value as it was written.
    pub(crate) fn value(&self, name: &str) -> Option<&'a Value> {
        self.find(name).map(|option| &option.value)
    }

    /// A text.
    pub(crate) fn text(&self, name: &str) -> Result<Option<String>> {
        let Some(option) = self.find(name) else { return Ok(None) };
        let found = scalar(&option.value).ok_or_else(|| self.error_at(option, "must be a text"))?;
        Ok(Some(found))
    }

    /// A text that must be there.
    pub(crate) fn required(&self, name: &str) -> Result<String> {
        let missing = || self.error(&format!("the option {name} is missing"));
        self.text(name)?.ok_or_else(missing)
    }

    /// A text that is one of `choices`.
    pub(crate) fn choice(
        &self,
        name: &str,
        choices: &[&'static str],
    ) -> Result<Option<&'static str>> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        let found = choices.iter().find(|choice| **choice == text).copied();
        let message = format!("`{text}` is none of {}", choices.join(", "));
        found.map(Some).ok_or_else(|| self.error(&format!("{name}: {message}")))
    }

    /// True or false.
    pub(crate) fn boolean(&self, name: &str, default: bool) -> Result<bool> {
        match self.text(name)?.as_deref() {
            None => Ok(default),
            Some("true" | "1") => Ok(true),
            Some("false" | "0") => Ok(false),
            Some(other) => Err(self.error(&format!("{name}: `{other}` is neither true nor false"))),
        }
    }

    /// A number.
    pub(crate) fn number(&self, name: &str, default: f64) -> Result<f64> {
        let Some(text) = self.text(name)? else { return Ok(default) };
        let found = text.parse().ok().filter(|number: &f64| number.is_finite());
        found.ok_or_else(|| self.error(&format!("{name}: `{text}` is no number")))
    }

    /// A text or a list of texts.
    pub(crate) fn list(&self, name: &str) -> Result<Option<Vec<String>>> {
        let Some(option) = self.find(name) else { return Ok(None) };
        self.texts(option, &option.value).map(Some)
    }

    fn texts(&self, option: &PluginOption, value: &Value) -> Result<Vec<String>> {
        let invalid = || self.error_at(option, "must be a list of texts");
        match value {
            Value::List(items) => {
                items.iter().map(|item| scalar(item).ok_or_else(invalid)).collect()
            }
            other => scalar(other).map(|text| vec![text]).ok_or_else(invalid),
        }
    }

    /// A hash with texts or lists of texts.
    pub(crate) fn hash(&self, name: &str) -> Result<Option<Vec<(String, Vec<String>)>>> {
        let Some(option) = self.find(name) else { return Ok(None) };
        let entries = match &option.value {
            Value::Hash(entries) => entries,
            // An even list is a hash too: ["a", "b"].
            Value::List(items) if items.len() % 2 == 0 && !items.is_empty() => {
                let texts = self.texts(option, &option.value)?;
                let pairs = texts.chunks_exact(2).filter_map(|pair| match pair {
                    [key, value] => Some((key.clone(), vec![value.clone()])),
                    _ => None,
                });
                return Ok(Some(pairs.collect()));
            }
            _ => return Err(self.error_at(option, "must be a hash: { \"key\" => \"value\" }")),
        };
        let pairs = entries
            .iter()
            .map(|(key, value)| Ok((key.clone(), self.texts(option, value)?)))
            .collect::<Result<_>>()?;
        Ok(Some(pairs))
    }

    /// A hash with one text each.
    pub(crate) fn pairs(&self, name: &str) -> Result<Option<Vec<(String, String)>>> {
        let Some(hash) = self.hash(name)? else { return Ok(None) };
        let one = |(key, values): (String, Vec<String>)| {
            let value = values.into_iter().next();
            value.map(|value| (key, value))
        };
        Ok(Some(hash.into_iter().filter_map(one).collect()))
    }

    /// A reference to a field.
    pub(crate) fn field(&self, name: &str) -> Result<Option<FieldReference>> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        self.reference(&text).map(Some)
    }

    /// `text` as a reference to a field.
    pub(crate) fn reference(&self, text: &str) -> Result<FieldReference> {
        FieldReference::parse(text).map_err(|error| self.error(&error))
    }

    /// `text` with fields in it.
    pub(crate) fn template(&self, text: &str) -> Result<Sprintf> {
        Sprintf::parse(text).map_err(|error| self.error(&error))
    }

    /// A text with fields in it.
    pub(crate) fn sprintf(&self, name: &str) -> Result<Option<Sprintf>> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        self.template(&text).map(Some)
    }

    /// Tags, by default this one.
    pub(crate) fn tags(&self, name: &str, default: &str) -> Result<Vec<String>> {
        Ok(self.list(name)?.unwrap_or_else(|| vec![default.to_owned()]))
    }

    /// An option that nobody read is an error.
    pub(crate) fn finish(&self) -> Result<()> {
        let read = self.read.borrow();
        match self.plugin.options.iter().find(|option| !read.contains(&option.name.as_str())) {
            None => Ok(()),
            Some(option) => {
                let message = format!("Unknown setting '{}' for {}", option.name, self.plugin.name);
                Err(ConfigError::new(option.position, message))
            }
        }
    }
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::Text(text) | Value::Number(text) => Some(text.clone()),
        _ => None,
    }
}
