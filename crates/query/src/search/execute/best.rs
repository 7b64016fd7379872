//! The first documents of an order.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use hashbrown::HashMap;

use super::After;
use crate::search::SearchError;
use crate::search::hits::RowRef;
use crate::search::request::SearchRequest;
use crate::search::sort::{By, SortField, SortValue, compare_all};

/// Groups that `collapse` may make.
const GROUPS_MAX: usize = 1_000_000;

/// In which order hits come.
pub(super) struct Order {
    pub(super) sort: Vec<SortField>,
    pub(super) is_given: bool,
    pub(super) is_by_score: bool,
    pub(super) after: Option<After>,
}

impl Order {
    /// What the row at `index` of a block is ordered by; `columns` has the block's values.
    pub(super) fn keys(
        &self,
        columns: &[Vec<SortValue>],
        index: usize,
        at: RowRef,
        score: Option<f32>,
    ) -> Vec<SortValue> {
        let key = |(field, column): (&SortField, &Vec<SortValue>)| match field.by {
            By::Score => SortValue::Number(f64::from(score.unwrap_or(0.0))),
            By::Doc => SortValue::Number(place(at)),
            By::Field(_) => column.get(index).cloned().unwrap_or(SortValue::Missing),
        };
        self.sort.iter().zip(columns).map(key).collect()
    }
}

fn place(at: RowRef) -> f64 {
    f64::from(at.part) * 4_294_967_296.0 + f64::from(at.row)
}

pub(super) struct Found {
    pub(super) keys: Vec<SortValue>,
    pub(super) at: RowRef,
    pub(super) score: Option<f32>,
}

/// The first documents so far.
pub(super) struct Best<'a> {
    order: &'a Order,
    wanted: usize,
    heap: BinaryHeap<Ranked<'a>>,
    groups: Option<HashMap<Option<String>, Found>>,
    /// Documents that `min_score` or a slice let through, when only looking can tell.
    count: Option<u64>,
}

struct Ranked<'a> {
    found: Found,
    sort: &'a [SortField],
}

impl Ord for Ranked<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        compare_all(self.sort, &self.found.keys, &other.found.keys)
            .then(self.found.at.cmp(&other.found.at))
    }
}

impl PartialOrd for Ranked<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Ranked<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Ranked<'_> {}

impl<'a> Best<'a> {
    pub(super) fn new(request: &SearchRequest, order: &'a Order) -> Result<Self, SearchError> {
        if request.collapse.is_some() && request.search_after.is_some() && order.sort.len() > 1 {
            return Err(SearchError::argument(
                "Cannot use `collapse` in conjunction with `search_after` unless the search is sorted by the same field as `collapse`. Multiple sort fields are not allowed.",
            ));
        }
        let counts = request.slice.is_some() || request.score_min.is_some();
        Ok(Self {
            order,
            wanted: request.from + request.size,
            heap: BinaryHeap::new(),
            groups: request.collapse.is_some().then(HashMap::new),
            count: counts.then_some(0),
        })
    }

    pub(super) fn take(
        &mut self,
        keys: Vec<SortValue>,
        at: RowRef,
        score: Option<f32>,
        group: Option<Option<String>>,
    ) -> Result<(), SearchError> {
        if let Some(count) = &mut self.count {
            *count += 1;
        }
        let sort = self.order.sort.as_slice();
        if let Some(After::Keys(after, after_at)) = &self.order.after {
            let order = compare_all(sort, &keys, after);
            let is_after = match after_at {
                Some(after_at) => order.then(at.cmp(after_at)).is_gt(),
                None => order.is_gt(),
            };
            if !is_after {
                return Ok(());
            }
        }
        let found = Found { keys, at, score };
        if let (Some(groups), Some(group)) = (&mut self.groups, group) {
            if groups.len() > GROUPS_MAX {
                return Err(SearchError::argument(format!(
                    "[collapse] makes more than {GROUPS_MAX} groups"
                )));
            }
            match groups.get_mut(&group) {
                Some(known) if compare_all(sort, &found.keys, &known.keys).is_lt() => {
                    *known = found;
                }
                Some(_) => {}
                None => {
                    groups.insert(group, found);
                }
            }
            return Ok(());
        }
        let ranked = Ranked { found, sort };
        if self.heap.len() >= self.wanted && self.heap.peek().is_none_or(|worst| ranked >= *worst) {
            return Ok(());
        }
        self.heap.push(ranked);
        if self.heap.len() > self.wanted {
            self.heap.pop();
        }
        Ok(())
    }

    /// Whether nothing that comes later can be among the first.
    pub(super) fn is_done(&self) -> bool {
        self.order.sort.is_empty()
            && self.groups.is_none()
            && self.count.is_none()
            && self.heap.len() >= self.wanted
    }

    pub(super) fn counted(&self) -> Option<u64> {
        self.count
    }

    pub(super) fn finish(self) -> Vec<Found> {
        let sort = self.order.sort.as_slice();
        let mut all: Vec<Ranked<'_>> = match self.groups {
            Some(groups) => groups.into_values().map(|found| Ranked { found, sort }).collect(),
            None => self.heap.into_vec(),
        };
        all.sort();
        all.truncate(self.wanted);
        all.into_iter().map(|ranked| ranked.found).collect()
    }
}
