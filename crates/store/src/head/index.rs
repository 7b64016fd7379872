//! Which series of a head have which labels.

use std::hash::BuildHasher;

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use roaring::RoaringBitmap;
use vigie_model::Labels;

use crate::CompiledMatcher;
use crate::matching::Candidates;

/// Label names, the values of each, and the series of each value. Text is kept once.
#[derive(Debug, Default)]
pub(super) struct Index {
    hasher: FixedState,
    names: Vec<Name>,
    pairs: Vec<Pair>,
    /// Places in `pairs`, found by name and value.
    by_pair: HashTable<u32>,
    text_bytes: usize,
}

#[derive(Debug)]
pub(super) struct Name {
    pub(super) text: Box<str>,
    /// Places in `pairs`.
    values: Vec<u32>,
    pub(super) series: RoaringBitmap,
    pub(super) text_bytes: u64,
}

#[derive(Debug)]
pub(super) struct Pair {
    pub(super) name: u32,
    pub(super) value: Box<str>,
    pub(super) series: RoaringBitmap,
}

impl Index {
    /// Adds series `id`; ids come in ascending order.
    pub(super) fn add(&mut self, id: u32, labels: &Labels) {
        for (name, value) in labels {
            let name_at = self.name_at(name);
            let hash = self.hasher.hash_one((name_at, value));
            let pairs = &self.pairs;
            let same = |at: &u32| {
                let pair = &pairs[*at as usize];
                pair.name == name_at && &*pair.value == value
            };
            let at = match self.by_pair.find(hash, same) {
                Some(at) => *at,
                None => self.add_pair(name_at, value, hash),
            };
            self.pairs[at as usize].series.insert(id);
            self.names[name_at as usize].series.insert(id);
        }
    }

    fn name_at(&mut self, name: &str) -> u32 {
        // A tenant has tens of label names, so looking at each is as fast as a table.
        if let Some(at) = self.names.iter().position(|there| &*there.text == name) {
            return at as u32;
        }
        self.names.push(Name {
            text: name.into(),
            values: Vec::new(),
            series: RoaringBitmap::new(),
            text_bytes: 0,
        });
        self.names.len() as u32 - 1
    }

    fn add_pair(&mut self, name: u32, value: &str, hash: u64) -> u32 {
        let at = self.pairs.len() as u32;
        self.pairs.push(Pair { name, value: value.into(), series: RoaringBitmap::new() });
        let (pairs, hasher) = (&self.pairs, &self.hasher);
        self.by_pair.insert_unique(hash, at, |at| {
            let pair = &pairs[*at as usize];
            hasher.hash_one((pair.name, &*pair.value))
        });
        let name = &mut self.names[name as usize];
        name.values.push(at);
        name.text_bytes += value.len() as u64;
        self.text_bytes += value.len();
        at
    }

    /// The series that satisfy all `matchers`; `count` series exist.
    pub(super) fn select(&self, matchers: &[CompiledMatcher], count: u32) -> RoaringBitmap {
        let mut found: Option<RoaringBitmap> = None;
        let mut removed = Vec::new();
        for matcher in matchers {
            if matcher.matches_value("") {
                removed.push(self.series_of(matcher, false));
                continue;
            }
            let series = self.series_of(matcher, true);
            match &mut found {
                Some(found) => *found &= series,
                None => found = Some(series),
            }
            if found.as_ref().is_some_and(RoaringBitmap::is_empty) {
                return RoaringBitmap::new();
            }
        }
        let mut found = found.unwrap_or_else(|| (0..count).collect());
        for series in removed {
            found -= series;
        }
        found
    }

    /// Series that have the matcher's label with a value that it accepts, or does not accept.
    fn series_of(&self, matcher: &CompiledMatcher, accepted: bool) -> RoaringBitmap {
        let Some(at) = self.names.iter().position(|there| &*there.text == matcher.name()) else {
            return RoaringBitmap::new();
        };
        let name = &self.names[at];
        if let Candidates::Literals(literals) = matcher.candidates() {
            let mut series = RoaringBitmap::new();
            for value in literals {
                if let Some(pair) = self.pair_of(at as u32, value) {
                    series |= &pair.series;
                }
            }
            // `!=` accepts what is not among the literals.
            return if accepted == matcher.is_negative() { &name.series - series } else { series };
        }
        let mut series = RoaringBitmap::new();
        for pair in &name.values {
            let pair = &self.pairs[*pair as usize];
            if matcher.matches_value(&pair.value) == accepted {
                series |= &pair.series;
            }
        }
        series
    }

    fn pair_of(&self, name: u32, value: &str) -> Option<&Pair> {
        let hash = self.hasher.hash_one((name, value));
        let same = |at: &u32| {
            let pair = &self.pairs[*at as usize];
            pair.name == name && &*pair.value == value
        };
        self.by_pair.find(hash, same).and_then(|at| self.pairs.get(*at as usize))
    }

    /// Number of series of the metric `name`.
    pub(super) fn series_of_metric(&self, name: &str) -> u64 {
        let at = self.names.iter().position(|there| &*there.text == vigie_model::METRIC_NAME);
        let pair = at.and_then(|at| self.pair_of(at as u32, name));
        pair.map_or(0, |pair| pair.series.len())
    }

    /// Number of values of label `name`, unless `value` is among them.
    pub(super) fn values_unless_has(&self, name: &str, value: &str) -> Option<u64> {
        let at = self.names.iter().position(|there| &*there.text == name)?;
        let has = self.pair_of(at as u32, value).is_some();
        (!has).then(|| self.names[at].values.len() as u64)
    }

    /// All label names.
    pub(super) fn names(&self) -> &[Name] {
        &self.names
    }

    /// All values of a label.
    pub(super) fn values<'a>(&'a self, name: &Name) -> impl Iterator<Item = &'a Pair> + use<'a> {
        let pairs = &self.pairs;
        let values = name.values.clone();
        values.into_iter().map(move |at| &pairs[at as usize])
    }

    /// All label pairs.
    pub(super) fn pairs(&self) -> &[Pair] {
        &self.pairs
    }

    /// Memory that the index takes, roughly.
    pub(super) fn bytes(&self) -> usize {
        self.text_bytes + self.pairs.len() * (size_of::<Pair>() + 64)
    }
}
