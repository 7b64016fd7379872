//! The routing tree: which alert goes where, in which group, at what pace.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

use vigie_language::promql::go_quote;
use vigie_model::Labels;

use crate::interval::NamedIntervals;
use crate::matcher::AlertMatchers;

/// Which labels make a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grouping {
    /// These.
    Labels(BTreeSet<String>),
    /// All, so that each alert is a group (`...`).
    All,
}

impl Grouping {
    /// The labels of `labels` that name its group.
    pub fn labels_of(&self, labels: &Labels) -> Labels {
        match self {
            Self::Labels(names) => labels.filtered(|name| names.contains(name)),
            Self::All => labels.clone(),
        }
    }
}

/// A node of the tree with what it inherits.
#[derive(Debug, Clone)]
pub struct Route {
    /// Its place in the tree, in the order of the file.
    pub index: usize,
    /// Line of the file.
    pub line: u32,
    /// Which alerts belong here.
    pub matchers: AlertMatchers,
    /// Whether routes after it are asked too.
    pub is_continued: bool,
    /// Indexes of children.
    pub children: Vec<usize>,
    /// Who is told.
    pub receiver: Arc<str>,
    /// Which labels make a group.
    pub grouping: Grouping,
    /// How long a new group waits for more alerts.
    pub group_wait_ms: u64,
    /// How long a group waits before it tells of changes.
    pub group_interval_ms: u64,
    /// After how long the same is told again.
    pub repeat_interval_ms: u64,
    /// When nobody is told.
    pub mute: Vec<Arc<NamedIntervals>>,
    /// The only times at which somebody is told; none for always.
    pub active: Vec<Arc<NamedIntervals>>,
    /// Labels for templates; the values are templates.
    pub labels: Arc<BTreeMap<String, String>>,
    /// The matchers from the root to here: part of every group's key, and so of the notification
    /// log. Two nodes may have the same.
    pub key: Arc<str>,
    /// As the key, with each node's position, so that no two nodes have the same.
    pub id: Arc<str>,
}

impl Route {
    /// A node at `position` below `parent` that inherits everything.
    pub(crate) fn below(
        parent: Option<&Self>,
        position: Option<usize>,
        matchers: AlertMatchers,
    ) -> Self {
        let mut key = String::new();
        let mut id = String::new();
        if let Some(parent) = parent {
            // Writing to a String cannot fail.
            write!(key, "{}/", parent.key).ok();
            write!(id, "{}/", parent.id).ok();
        }
        write!(key, "{matchers}").ok();
        write!(id, "{matchers}").ok();
        if let Some(position) = position {
            write!(id, "/{position}").ok();
        }
        Self {
            index: 0,
            line: 0,
            matchers,
            is_continued: false,
            children: Vec::new(),
            receiver: parent.map_or_else(|| Arc::from(""), |p| Arc::clone(&p.receiver)),
            grouping: parent
                .map_or_else(|| Grouping::Labels(BTreeSet::new()), |p| p.grouping.clone()),
            group_wait_ms: parent.map_or(30_000, |p| p.group_wait_ms),
            group_interval_ms: parent.map_or(300_000, |p| p.group_interval_ms),
            repeat_interval_ms: parent.map_or(14_400_000, |p| p.repeat_interval_ms),
            mute: Vec::new(),
            active: Vec::new(),
            labels: parent.map_or_else(Arc::default, |p| Arc::clone(&p.labels)),
            key: key.into(),
            id: id.into(),
        }
    }

    /// The key of the group with these labels.
    pub fn group_key(&self, group_labels: &Labels) -> String {
        format!("{}:{}", self.key, label_set(group_labels))
    }
}

/// `{a="b", c="d"}`, as Alertmanager writes label sets.
pub(crate) fn label_set(labels: &Labels) -> String {
    let mut text = "{".to_owned();
    for (at, (name, value)) in labels.iter().enumerate() {
        let comma = if at > 0 { ", " } else { "" };
        write!(text, "{comma}{name}={}", go_quote(value)).ok();
    }
    text.push('}');
    text
}

/// The tree.
#[derive(Debug, Clone, Default)]
pub struct RouteTree {
    nodes: Vec<Route>,
}

impl RouteTree {
    /// The tree of these nodes, the root first.
    pub(crate) const fn new(nodes: Vec<Route>) -> Self {
        Self { nodes }
    }

    /// All nodes in the order of the file.
    pub fn nodes(&self) -> &[Route] {
        &self.nodes
    }

    /// The node at `index`.
    pub fn get(&self, index: usize) -> Option<&Route> {
        self.nodes.get(index)
    }

    /// The nodes to which an alert with `labels` goes: the deepest that match, the first of each
    /// level unless it continues.
    pub fn matching(&self, labels: &Labels) -> Vec<&Route> {
        let mut found = Vec::new();
        if let Some(root) = self.nodes.first() {
            self.collect(root, labels, &mut found);
        }
        found
    }

    /// Whether `route` matches; adds the nodes below it, or itself.
    fn collect<'a>(
        &'a self,
        route: &'a Route,
        labels: &Labels,
        found: &mut Vec<&'a Route>,
    ) -> bool {
        if !route.matchers.matches(labels) {
            return false;
        }
        let before = found.len();
        for child in route.children.iter().filter_map(|index| self.nodes.get(*index)) {
            if self.collect(child, labels, found) && !child.is_continued {
                break;
            }
        }
        if found.len() == before {
            found.push(route);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use vigie_language::yaml::Source;

    use super::*;
    use crate::config::{ConfigOptions, parse};

    const TREE: &str = "
route:
  receiver: root
  group_by: [alertname, service]
  group_wait: 10s
  routes:
  - matchers: [severity=critical]
    receiver: pager
    continue: true
    group_by: ['...']
    routes:
    - match_re: {service: 'db|cache'}
      receiver: database
      repeat_interval: 1h
  - match: {service: web}
    receiver: web
    group_by: []
  - receiver: rest
    matchers: ['team!=\"\"']
receivers: [{name: root}, {name: pager}, {name: database}, {name: web}, {name: rest}]
";

    fn routes() -> Arc<RouteTree> {
        parse(TREE, &Source::default(), ConfigOptions::default()).unwrap().routes
    }

    #[test]
    fn alerts_go_as_far_down_as_they_match() {
        let tree = routes();
        let cases = [
            ("a=b", "root"),
            ("severity=critical", "pager"),
            ("severity=critical service=db", "database"),
            ("severity=critical service=web", "pager web"),
            ("service=web team=x", "web"),
            ("team=x", "rest"),
        ];
        for (labels, expected) in cases {
            let labels = Labels::from_pairs(labels.split(' ').filter_map(|l| l.split_once('=')));
            let found: Vec<&str> = tree.matching(&labels).iter().map(|r| &*r.receiver).collect();
            assert_eq!(found.join(" "), expected, "{labels}");
        }
    }

    #[test]
    fn children_inherit_what_they_do_not_say() {
        let tree = routes();
        let [root, pager, database, web, rest] = tree.nodes() else { panic!("five nodes") };
        assert_eq!(pager.grouping, Grouping::All);
        assert_eq!(database.grouping, Grouping::All);
        assert_eq!(web.grouping, Grouping::Labels(BTreeSet::new()), "an empty list is not none");
        assert_eq!(rest.grouping, root.grouping);
        assert_eq!((database.group_wait_ms, database.repeat_interval_ms), (10_000, 3_600_000));
        assert_eq!((root.group_interval_ms, root.repeat_interval_ms), (300_000, 14_400_000));
        assert_eq!(&*database.key, "{}/{severity=\"critical\"}/{service=~\"db|cache\"}");
        assert_eq!(&*database.id, "{}/{severity=\"critical\"}/0/{service=~\"db|cache\"}/0");
        let labels = Labels::from_pairs([("alertname", "A\"b"), ("service", "x"), ("c", "d")]);
        let group = root.grouping.labels_of(&labels);
        assert_eq!(root.group_key(&group), "{}:{alertname=\"A\\\"b\", service=\"x\"}");
    }
}
