//! The labels of one line on its way through a pipeline.

use vigie_model::{Labels, LabelsBuilder, Matcher};

/// Where a label comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// It belongs to the stream.
    Stream,
    /// It came with the line.
    Metadata,
    /// A stage of the pipeline made it.
    Parsed,
}

/// The label that names the error of a stage.
pub(crate) const ERROR: &str = "__error__";
/// The label that tells more of it.
pub(crate) const ERROR_DETAILS: &str = "__error_details__";
/// The label that lets a metric query keep lines with an error.
pub(crate) const PRESERVE_ERROR: &str = "__preserve_error__";

#[derive(Debug, Clone)]
struct Slot {
    name: String,
    value: String,
    origin: Origin,
}

/// Labels of a line. Places are kept from line to line, for the sake of their allocations.
#[derive(Debug, Clone, Default)]
pub(crate) struct LineLabels {
    slots: Vec<Slot>,
    used: usize,
}

impl LineLabels {
    /// Forgets all labels.
    pub(crate) fn clear(&mut self) {
        self.used = 0;
    }

    fn find(&self, name: &str) -> Option<usize> {
        self.slots.iter().take(self.used).position(|slot| slot.name == name)
    }

    /// The value of a label; an empty one is none.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let slot = self.slots.get(self.find(name)?)?;
        Some(slot.value.as_str())
    }

    /// Whether the label belongs to the stream or came with the line.
    pub(crate) fn is_given(&self, name: &str) -> bool {
        let slot = self.find(name).and_then(|at| self.slots.get(at));
        slot.is_some_and(|slot| slot.origin != Origin::Parsed)
    }

    /// Sets a label.
    pub(crate) fn set(&mut self, name: &str, value: &str, origin: Origin) {
        if let Some(slot) = self.find(name).and_then(|at| self.slots.get_mut(at)) {
            value.clone_into(&mut slot.value);
            slot.origin = origin;
            return;
        }
        self.push(name, value, origin);
    }

    /// Adds a label that is not there.
    pub(crate) fn push(&mut self, name: &str, value: &str, origin: Origin) {
        if let Some(slot) = self.slots.get_mut(self.used) {
            name.clone_into(&mut slot.name);
            value.clone_into(&mut slot.value);
            slot.origin = origin;
        } else {
            let (name, value) = (name.to_owned(), value.to_owned());
            self.slots.push(Slot { name, value, origin });
        }
        self.used += 1;
    }

    /// Adds what a parser found; beside a label that was given it is `NAME_extracted`.
    pub(crate) fn extract(&mut self, name: &str, value: &str) {
        if self.is_given(name) {
            let name = format!("{name}_extracted");
            if !self.is_given(&name) {
                self.set(&name, value, Origin::Parsed);
            }
        } else {
            self.set(name, value, Origin::Parsed);
        }
    }

    /// Removes a label.
    pub(crate) fn remove(&mut self, name: &str) {
        if let Some(at) = self.find(name) {
            self.remove_at(at);
        }
    }

    fn remove_at(&mut self, at: usize) {
        if let Some(slots) = self.slots.get_mut(at..self.used) {
            slots.rotate_left(1);
            self.used -= 1;
        }
    }

    /// Removes the labels for which `keep` does not hold.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&str, &str) -> bool) {
        let mut at = 0;
        while let Some(slot) = self.slots.get(at).filter(|_| at < self.used) {
            if keep(&slot.name, &slot.value) {
                at += 1;
            } else {
                self.remove_at(at);
            }
        }
    }

    /// Notes that a stage failed; the first failure counts.
    pub(crate) fn fail(&mut self, kind: &str, details: &str) {
        if self.get(ERROR).is_none() {
            self.push(ERROR, kind, Origin::Parsed);
            self.set(ERROR_DETAILS, details, Origin::Parsed);
        }
    }

    /// Whether a stage failed.
    pub(crate) fn has_failed(&self) -> bool {
        self.get(ERROR).is_some_and(|error| !error.is_empty())
    }

    /// All labels, in the order in which they came.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str, Origin)> {
        let slots = self.slots.iter().take(self.used);
        slots.map(|slot| (slot.name.as_str(), slot.value.as_str(), slot.origin))
    }

    /// The labels that `keep` accepts, as a set.
    pub(crate) fn to_labels(&self, mut keep: impl FnMut(&str, Origin) -> bool) -> Labels {
        let mut builder = LabelsBuilder::new();
        for (name, value, origin) in self.iter() {
            if keep(name, origin) {
                builder.set(name, value);
            }
        }
        builder.build()
    }
}

/// A matcher whose expression is compiled.
#[derive(Debug, Clone)]
pub(crate) struct CompiledMatcher {
    pub(crate) matcher: Matcher,
    regex: Option<regex::Regex>,
}

impl CompiledMatcher {
    pub(crate) fn new(matcher: &Matcher) -> Result<Self, String> {
        use vigie_model::MatchOp as Op;
        let regex = match matcher.op {
            Op::Equal | Op::NotEqual => None,
            Op::Regex | Op::NotRegex => Some(
                vigie_model::pattern::compile_anchored(&matcher.value)
                    .map_err(|error| error.to_string())?,
            ),
        };
        Ok(Self { matcher: matcher.clone(), regex })
    }

    /// Whether it holds for this value; the empty one stands for a label that is not there.
    pub(crate) fn matches(&self, value: &str) -> bool {
        use vigie_model::MatchOp as Op;
        let found = || self.regex.as_ref().is_some_and(|regex| regex.is_match(value));
        match self.matcher.op {
            Op::Equal => self.matcher.value == value,
            Op::NotEqual => self.matcher.value != value,
            Op::Regex => found(),
            Op::NotRegex => !found(),
        }
    }
}

/// A name as labels may be called: what else it holds becomes `_`.
pub(crate) fn label_name(text: &str) -> std::borrow::Cow<'_, str> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let starts_wrong = text.starts_with(|c: char| c.is_ascii_digit());
    if !starts_wrong && text.chars().all(is_part) {
        return text.into();
    }
    let mut name = String::with_capacity(text.len() + 1);
    if starts_wrong {
        name.push('_');
    }
    name.extend(text.chars().map(|c| if is_part(c) { c } else { '_' }));
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_parsers_find_stands_beside_what_was_given() {
        let mut labels = LineLabels::default();
        labels.set("app", "web", Origin::Stream);
        labels.extract("app", "other");
        labels.extract("level", "info");
        labels.extract("level", "warn");
        let all: Vec<_> = labels.iter().map(|(name, value, _)| (name, value)).collect();
        assert_eq!(all, [("app", "web"), ("app_extracted", "other"), ("level", "warn")]);
        labels.remove("app_extracted");
        labels.retain(|name, _| name != "app");
        assert_eq!(labels.to_labels(|_, _| true), Labels::from_pairs([("level", "warn")]));
        assert_eq!(label_name("http.status-code"), "http_status_code");
        assert_eq!(label_name("2xx"), "_2xx");
    }
}
