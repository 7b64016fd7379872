//! Parameters of requests: conditions, filters, flags.

use regex::RegexBuilder;
use vigie_respond::{AlertFilter, AlertMatcher, MatcherSyntax};

use super::{AlertmanagerState, Refusal};

/// Memory that an expression of a request may take.
const REGEX_BYTES_MAX: usize = 1 << 20;

/// The parameters of a request; names may be repeated.
#[derive(Debug)]
pub(super) struct Parameters(Vec<(String, String)>);

impl Parameters {
    pub(super) fn of(query: Option<&str>) -> Self {
        let pairs = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes());
        Self(pairs.into_owned().collect())
    }

    /// The others.
    pub(super) fn without(mut self, name: &str) -> Self {
        self.0.retain(|(known, _)| known != name);
        self
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let found = self.0.iter().filter(move |(known, value)| known == name && !value.is_empty());
        found.map(|(_, value)| value.as_str())
    }

    /// A flag that is true unless it is said to be false.
    pub(super) fn flag(&self, name: &str) -> Result<bool, Refusal> {
        match self.get(name).map(str::to_ascii_lowercase).as_deref() {
            None | Some("true" | "1" | "t" | "yes" | "y" | "on") => Ok(true),
            Some("false" | "0" | "f" | "no" | "n" | "off") => Ok(false),
            Some(other) => {
                Err(Refusal::bad(format!("{name} in query must be of type boolean: {other:?}")))
            }
        }
    }

    /// Conditions, one to each parameter.
    pub(super) fn matchers(
        &self,
        name: &str,
        syntax: MatcherSyntax,
    ) -> Result<Vec<AlertMatcher>, Refusal> {
        let read = |text| syntax.parse_one(text).map_err(|error| Refusal::bad(error.to_string()));
        self.all(name).map(read).collect()
    }

    /// Which alerts are asked for.
    pub(super) fn filter(&self, state: &AlertmanagerState) -> Result<AlertFilter, Refusal> {
        let syntax = syntax(state);
        let receiver = self.get("receiver").map(|text| {
            let regex =
                RegexBuilder::new(&format!("^(?:{text})$")).size_limit(REGEX_BYTES_MAX).build();
            regex.map_err(|error| Refusal::bad(format!("failed to parse receiver param: {error}")))
        });
        Ok(AlertFilter {
            matchers: self.matchers("filter", syntax)?,
            receiver: receiver.transpose()?,
            receiver_matchers: self.matchers("receiver_matchers", syntax)?,
            active: self.flag("active")?,
            silenced: self.flag("silenced")?,
            inhibited: self.flag("inhibited")?,
            muted: self.flag("muted")?,
        })
    }
}

/// The syntax of matchers that the configuration was read with.
pub(super) fn syntax(state: &AlertmanagerState) -> MatcherSyntax {
    state.responder.running().config.options.syntax
}
