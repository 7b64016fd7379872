//! What age does to parts: series that have outlived their own retention go, and of what is old
//! only some samples stay. A part is rewritten when all its points have reached an age that a
//! rule names; which rules a part has been through is in the catalog.

use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use vigie_model::{Labels, Points};

use super::Store;
use crate::catalog::Change;
use crate::metrics::Counters;
use crate::parts::{PartList, StoredPart};
use crate::thin::{Keep, is_counter_name, thin};
use crate::view::Tenant;
use crate::{CompiledMatcher, StoreError, StoreOptions};

/// The rules, ready to be asked.
#[derive(Debug)]
pub(super) struct Aging {
    retention_ms: Option<i64>,
    kept: Vec<Kept>,
    thinned: Vec<Thinned>,
    dedup_ms: i64,
}

#[derive(Debug)]
struct Kept {
    matchers: Vec<CompiledMatcher>,
    text: String,
    keep_ms: Option<i64>,
}

#[derive(Debug)]
struct Thinned {
    matchers: Vec<CompiledMatcher>,
    text: String,
    after_ms: i64,
    every_ms: i64,
    extremes: bool,
}

/// The rules that have an effect at one age.
#[derive(Debug, Clone)]
pub(super) struct Due {
    aging: Arc<Aging>,
    age_ms: i64,
}

fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

fn compile(matchers: &[vigie_model::Matcher]) -> Result<Vec<CompiledMatcher>, StoreError> {
    matchers.iter().map(CompiledMatcher::new).collect()
}

fn fits(matchers: &[CompiledMatcher], labels: &Labels) -> bool {
    matchers.iter().all(|matcher| matcher.matches(labels))
}

impl Aging {
    pub(super) fn new(options: &StoreOptions) -> Result<Self, StoreError> {
        let mut kept = Vec::new();
        for rule in &options.retention_rules {
            kept.push(Kept {
                matchers: compile(&rule.matchers)?,
                text: format!("{:?}", rule.matchers),
                keep_ms: rule.keep.map(milliseconds),
            });
        }
        let mut thinned = Vec::new();
        for rule in &options.downsampling {
            thinned.push(Thinned {
                matchers: compile(&rule.matchers)?,
                text: format!("{:?}", rule.matchers),
                after_ms: milliseconds(rule.after),
                every_ms: milliseconds(rule.every),
                extremes: rule.extremes,
            });
        }
        // The oldest first, so that the first that fits counts.
        thinned.sort_by_key(|rule| std::cmp::Reverse(rule.after_ms));
        let retention_ms = options.retention.map(milliseconds);
        let dedup_ms = options.dedup_interval.map_or(0, milliseconds);
        Ok(Self { retention_ms, kept, thinned, dedup_ms })
    }

    /// Whether nothing but the general retention applies.
    pub(super) fn is_plain(&self) -> bool {
        self.kept.is_empty() && self.thinned.is_empty()
    }

    /// How long any series may be kept; `None` for ever.
    pub(super) fn longest_ms(&self) -> Option<i64> {
        let rules = self.kept.iter().map(|rule| rule.keep_ms);
        rules.chain([self.retention_ms]).try_fold(0, |longest, keep| Some(keep?.max(longest)))
    }

    /// The shortest time for which any series is kept.
    pub(super) fn shortest_ms(&self) -> Option<i64> {
        self.kept.iter().filter_map(|rule| rule.keep_ms).chain(self.retention_ms).min()
    }

    /// One sample stays for each such interval, of whatever age; 0: all.
    pub(super) fn dedup_ms(&self) -> i64 {
        self.dedup_ms
    }
}

impl Due {
    pub(super) fn new(aging: &Arc<Aging>, age_ms: i64) -> Self {
        Self { aging: Arc::clone(aging), age_ms }
    }

    /// A number for the rules that have an effect; 0 when none has.
    fn signature(&self) -> u64 {
        let mut hasher = xxhash_rust::xxh3::Xxh3Default::new();
        let mut any = false;
        for rule in &self.aging.kept {
            let reached = self.outlived(rule.keep_ms);
            any |= reached;
            // Order and content of all rules matter, for the first that fits a series counts.
            (1, reached, &rule.text).hash(&mut hasher);
        }
        if !self.aging.kept.is_empty() && self.outlived(self.aging.retention_ms) {
            any = true;
            (2, self.aging.retention_ms).hash(&mut hasher);
        }
        for rule in self.aging.thinned.iter().filter(|rule| rule.after_ms < self.age_ms) {
            any = true;
            (3, rule.after_ms, rule.every_ms, rule.extremes, &rule.text).hash(&mut hasher);
        }
        if any { (hasher.finish() >> 1).max(1) } else { 0 }
    }

    fn outlived(&self, keep: Option<i64>) -> bool {
        keep.is_some_and(|keep| keep < self.age_ms)
    }

    /// Whether the series is not kept any more.
    pub(super) fn drops(&self, labels: &Labels) -> bool {
        if self.aging.kept.is_empty() {
            return false;
        }
        let rule = self.aging.kept.iter().find(|rule| fits(&rule.matchers, labels));
        self.outlived(rule.map_or(self.aging.retention_ms, |rule| rule.keep_ms))
    }

    /// Removes the samples that need not stay.
    pub(super) fn thin(&self, labels: &Labels, points: &mut Points, spare: &mut Points) {
        if self.aging.dedup_ms > 0 {
            thin(points, self.aging.dedup_ms, Keep::default(), spare);
        }
        let mut reached = self.aging.thinned.iter().filter(|rule| rule.after_ms < self.age_ms);
        if let Some(rule) = reached.find(|rule| fits(&rule.matchers, labels)) {
            let resets = labels.metric_name().is_some_and(is_counter_name);
            let keep = Keep { resets, extremes: rule.extremes && !resets };
            thin(points, rule.every_ms, keep, spare);
        }
    }
}

impl Store {
    /// The time from which a tenant's ages count: its newest point, but not one in the future.
    pub(super) fn newest_ms(&self, list: &PartList) -> Option<i64> {
        let newest = list.parts.iter().map(|part| part.row.meta.end_ms).max()?;
        Some(newest.min(self.world.clock.now_ms()))
    }

    /// Rewrites one part that has reached an age; `false` when there is none. The caller holds
    /// `maintenance`.
    pub(super) async fn age(&self, tenant: &Tenant) -> Result<bool, StoreError> {
        if self.aging.is_plain() {
            return Ok(false);
        }
        let list = Arc::clone(&tenant.view.read().parts);
        let Some(newest) = self.newest_ms(&list) else { return Ok(false) };
        let due = list.parts.iter().find_map(|part| {
            let due = Due::new(&self.aging, newest.saturating_sub(part.row.meta.end_ms));
            let signature = due.signature();
            (signature != 0 && signature != part.row.aged).then_some((part, due, signature))
        });
        let Some((part, due, signature)) = due else { return Ok(false) };
        let (input, deletions) = (Arc::clone(part), Arc::clone(&list));
        let rewrite = move || rewrite(&input, &deletions, &due);
        match self.on_pool(rewrite).await? {
            Rewritten::Same => self.mark_aged(tenant, part, signature).await?,
            Rewritten::Other(finished) => {
                Counters::add(&self.counters.aged_parts, 1);
                let (level, rank) = (part.row.level, Some(part.row.rank));
                let new = match finished {
                    Some(finished) => Some(
                        self.store_part(
                            tenant,
                            finished.bytes,
                            finished.meta,
                            (level, rank, signature),
                        )
                        .await?,
                    ),
                    None => None,
                };
                self.replace(tenant, std::slice::from_ref(part), new).await?;
            }
        }
        Ok(true)
    }

    async fn mark_aged(
        &self,
        tenant: &Tenant,
        part: &Arc<StoredPart>,
        signature: u64,
    ) -> Result<(), StoreError> {
        let change = Change { aged: vec![(part.row.id, signature)], ..Change::default() };
        self.catalog.commit(&change).await?;
        let mut view = tenant.view.write();
        for there in &mut Arc::make_mut(&mut view.parts).parts {
            if there.row.id == part.row.id {
                *there = Arc::new(there.aged(signature));
            }
        }
        Ok(())
    }
}

enum Rewritten {
    /// Nothing would change.
    Same,
    /// The part's new content; `None` when nothing is left.
    Other(Option<crate::part::FinishedPart>),
}

fn rewrite(part: &StoredPart, list: &PartList, due: &Due) -> Result<Rewritten, StoreError> {
    let opened = part.open_whole()?;
    let finished = super::compact::merge_opened(&[opened], part.row.id, list, due)?;
    let Some(finished) = finished else { return Ok(Rewritten::Other(None)) };
    let (old, new) = (&part.row.meta, &finished.meta);
    if (old.series, old.samples, old.exemplars) == (new.series, new.samples, new.exemplars) {
        return Ok(Rewritten::Same);
    }
    Ok(Rewritten::Other(Some(finished)))
}
