//! `route`: the tree as written.

use std::collections::BTreeMap;

use vigie_language::section;
use vigie_language::yaml::{ConfigError, DurationMs, Field, Node, Out, Source};

use super::At;

section! {
    /// A node of the routing tree as written.
    pub struct WrittenRoute("config.plain", check = check) {
        /// Who is told.
        receiver: Option<At<String>> = None,
        /// Which labels make a group; `...` is all of them.
        group_by: Option<GroupBy> = None,
        /// Old form of `matchers`: equal values.
        match_ as "match": BTreeMap<String, String> = BTreeMap::new(),
        /// Old form of `matchers`: expressions.
        match_re: BTreeMap<String, At<String>> = BTreeMap::new(),
        /// Which alerts belong here.
        matchers: Vec<At<String>> = Vec::new(),
        /// When nobody is told.
        mute_time_intervals: Vec<At<String>> = Vec::new(),
        /// The only times at which somebody is told.
        active_time_intervals: Vec<At<String>> = Vec::new(),
        /// Whether the routes after it are asked too.
        continue_ as "continue": bool = false,
        /// Children.
        routes: Vec<At<WrittenRoute>> = Vec::new(),
        /// How long a new group waits for more alerts.
        group_wait: Option<DurationMs> = None,
        /// How long a group waits before it tells of changes.
        group_interval: Option<DurationMs> = None,
        /// After how long the same is told again.
        repeat_interval: Option<DurationMs> = None,
        /// Labels for templates, inherited; the values are templates.
        labels: BTreeMap<String, String> = BTreeMap::new(),
    }
}

fn check(route: &mut WrittenRoute) -> Result<(), String> {
    for (interval, name) in
        [(route.group_interval, "group_interval"), (route.repeat_interval, "repeat_interval")]
    {
        if interval == Some(DurationMs(0)) {
            return Err(format!("{name} cannot be zero"));
        }
    }
    Ok(())
}

/// Labels that make a group. An empty list is not the same as none: it undoes the parent's.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GroupBy(pub Vec<At<String>>);

impl Field for GroupBy {
    fn read(node: &Node, source: &Source) -> Result<Self, ConfigError> {
        Vec::read(node, source).map(Self)
    }

    fn write(&self) -> Option<Out> {
        Some(Out::List(self.0.iter().map(Field::write_always).collect()))
    }
}
