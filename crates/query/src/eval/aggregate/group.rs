//! Which group a series belongs to.

use hashbrown::HashMap;
use vigie_model::{Labels, METRIC_NAME};

use crate::plan::AggregateNode;

/// The labels by which series are grouped.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Grouping<'a> {
    /// Sorted.
    names: &'a [String],
    without: bool,
}

impl<'a> Grouping<'a> {
    pub(crate) fn new(node: &'a AggregateNode) -> Self {
        Self { names: &node.grouping, without: node.without }
    }

    /// Whether label `name` tells groups apart.
    fn keeps(self, name: &str) -> bool {
        let listed = self.names.iter().any(|n| n == name);
        if self.without { !listed && name != METRIC_NAME } else { listed }
    }

    /// The labels of the group of `labels`.
    pub(crate) fn labels_of(self, labels: &Labels) -> Labels {
        labels.filtered(|name| self.keeps(name))
    }
}

/// Numbers groups as they come up.
#[derive(Debug)]
pub(crate) struct Groups<'a> {
    grouping: Grouping<'a>,
    numbers: HashMap<Box<[u8]>, usize, foldhash::fast::RandomState>,
    key: Vec<u8>,
}

impl<'a> Groups<'a> {
    pub(crate) fn new(grouping: Grouping<'a>) -> Self {
        Self { grouping, numbers: HashMap::default(), key: Vec::new() }
    }

    /// The number of the group of `labels`, and whether it is a new one.
    pub(crate) fn find(&mut self, labels: &Labels) -> (usize, bool) {
        self.key.clear();
        if self.grouping.without || !self.grouping.names.is_empty() {
            for (name, value) in labels {
                if self.grouping.keeps(name) {
                    self.key.extend_from_slice(name.as_bytes());
                    self.key.push(0xff);
                    self.key.extend_from_slice(value.as_bytes());
                    self.key.push(0xff);
                }
            }
        }
        if let Some(number) = self.numbers.get(self.key.as_slice()) {
            return (*number, false);
        }
        let number = self.numbers.len();
        self.numbers.insert(self.key.as_slice().into(), number);
        (number, true)
    }

    pub(crate) fn labels_of(&self, labels: &Labels) -> Labels {
        self.grouping.labels_of(labels)
    }
}
