//! From the routes as written to the routing tree: what children inherit, and what must exist.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use vigie_language::yaml::ConfigError;

use super::matchers::{Reader, Written};
use super::{At, GroupBy, Receiver, WrittenRoute};
use crate::interval::NamedIntervals;
use crate::route::{Grouping, Route, RouteTree};

/// Depth of the tree; deeper is a mistake, and walks over it recurse.
const DEPTH_MAX: usize = 64;

/// Intervals by name.
pub(super) type Intervals = BTreeMap<String, Arc<NamedIntervals>>;

/// Compiles the tree under `root`.
pub(super) fn compile(
    root: &At<WrittenRoute>,
    receivers: &[At<Receiver>],
    intervals: &Intervals,
    reader: &Reader<'_>,
    warnings: &mut Vec<ConfigError>,
) -> Result<RouteTree, ConfigError> {
    check_root(root, reader)?;
    let names = receivers.iter().map(|receiver| receiver.name.value.as_str()).collect();
    let mut builder = Builder { reader, names, intervals, warnings, nodes: Vec::new() };
    builder.add(root, None, 0)?;
    Ok(RouteTree::new(builder.nodes))
}

fn check_root(root: &At<WrittenRoute>, reader: &Reader<'_>) -> Result<(), ConfigError> {
    let message = if root.receiver.as_ref().is_none_or(|receiver| receiver.is_empty()) {
        "root route must specify a default receiver"
    } else if !root.match_.is_empty() || !root.match_re.is_empty() || !root.matchers.is_empty() {
        "root route must not have any matchers"
    } else if !root.mute_time_intervals.is_empty() {
        "root route must not have any mute time intervals"
    } else if !root.active_time_intervals.is_empty() {
        "root route must not have any active time intervals"
    } else if root.continue_ {
        "cannot have continue in root route"
    } else {
        return Ok(());
    };
    Err(root.error(reader.source, message))
}

struct Builder<'a, 'b> {
    reader: &'a Reader<'a>,
    names: BTreeSet<&'a str>,
    intervals: &'a Intervals,
    warnings: &'b mut Vec<ConfigError>,
    nodes: Vec<Route>,
}

impl Builder<'_, '_> {
    /// Adds a node and its children; gives its index.
    fn add(
        &mut self,
        written: &At<WrittenRoute>,
        parent: Option<(usize, usize)>,
        depth: usize,
    ) -> Result<usize, ConfigError> {
        if depth > DEPTH_MAX {
            let message = format!("routes are nested more than {DEPTH_MAX} deep");
            return Err(written.error(self.reader.source, message));
        }
        let route = self.node(written, parent)?;
        let index = self.nodes.len();
        self.nodes.push(route);
        for (position, child) in written.routes.iter().enumerate() {
            let child = self.add(child, Some((index, position)), depth + 1)?;
            if let Some(route) = self.nodes.get_mut(index) {
                route.children.push(child);
            }
        }
        Ok(index)
    }

    fn node(
        &mut self,
        written: &At<WrittenRoute>,
        parent: Option<(usize, usize)>,
    ) -> Result<Route, ConfigError> {
        let conditions = Written {
            equal: &written.match_,
            regex: &written.match_re,
            matchers: &written.matchers,
        };
        let matchers = self.reader.read(&conditions, written, self.warnings)?;
        let position = parent.map(|(_, position)| position);
        let parent = parent.and_then(|(parent, _)| self.nodes.get(parent));
        let mut route = Route::below(parent, position, matchers);
        route.index = self.nodes.len();
        route.line = written.line;
        route.is_continued = written.continue_;
        if let Some(receiver) = written.receiver.as_ref().filter(|name| !name.is_empty()) {
            if !self.names.contains(receiver.as_str()) {
                return Err(receiver.error(
                    self.reader.source,
                    format!("undefined receiver {:?} used in route", receiver.value),
                ));
            }
            route.receiver = Arc::from(receiver.as_str());
        }
        if let Some(group_by) = &written.group_by {
            route.grouping = self.grouping(group_by, written)?;
        }
        let set = |target: &mut u64, value: Option<vigie_language::yaml::DurationMs>| {
            *target = value.map_or(*target, |value| value.0);
        };
        set(&mut route.group_wait_ms, written.group_wait);
        set(&mut route.group_interval_ms, written.group_interval);
        set(&mut route.repeat_interval_ms, written.repeat_interval);
        for (name, value) in &written.labels {
            if !self.reader.syntax.is_label_name(name) {
                let message = format!("invalid label name {name:?} in route labels");
                return Err(written.error(self.reader.source, message));
            }
            Arc::make_mut(&mut route.labels).insert(name.clone(), value.clone());
        }
        route.mute = self.named(&written.mute_time_intervals)?;
        route.active = self.named(&written.active_time_intervals)?;
        Ok(route)
    }

    fn grouping(
        &self,
        group_by: &GroupBy,
        route: &At<WrittenRoute>,
    ) -> Result<Grouping, ConfigError> {
        let mut names = BTreeSet::new();
        let mut is_all = false;
        for name in &group_by.0 {
            if name.value == "..." {
                is_all = true;
                continue;
            }
            self.reader.label_name(name, "group_by")?;
            if !names.insert(name.value.clone()) {
                let message = format!("duplicated label {:?} in group_by", name.value);
                return Err(name.error(self.reader.source, message));
            }
        }
        if is_all && !names.is_empty() {
            return Err(route.error(
                self.reader.source,
                "cannot have wildcard group_by (`...`) and other labels at the same time",
            ));
        }
        Ok(if is_all { Grouping::All } else { Grouping::Labels(names) })
    }

    fn named(&self, names: &[At<String>]) -> Result<Vec<Arc<NamedIntervals>>, ConfigError> {
        let find = |name: &At<String>| {
            self.intervals.get(name.as_str()).map(Arc::clone).ok_or_else(|| {
                let message = format!("undefined time interval {:?} used in route", name.value);
                name.error(self.reader.source, message)
            })
        };
        names.iter().map(find).collect()
    }
}
