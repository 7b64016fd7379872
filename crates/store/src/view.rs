//! Where a tenant's data is at one moment: parts, a head that is being sealed, and the live head.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::RwLock;
use vigie_model::{Exemplar, Labels, Metadata, Points, TenantId, TimeRange};

use crate::head::Head;
use crate::parts::{PartList, StoredPart};
use crate::usage::Usage;
use crate::{CompiledMatcher, StoreError};

/// A tenant.
#[derive(Debug)]
pub(crate) struct Tenant {
    pub(crate) id: TenantId,
    pub(crate) view: RwLock<View>,
}

impl Tenant {
    pub(crate) fn new(id: TenantId, dedup_ms: i64) -> Self {
        Self { id, view: RwLock::new(View { dedup_ms, ..View::default() }) }
    }
}

/// A tenant's data at one moment. A clone costs three counters.
#[derive(Debug, Clone, Default)]
pub(crate) struct View {
    /// Takes what is written.
    pub(crate) active: Arc<Head>,
    /// Is being sealed.
    pub(crate) frozen: Option<Arc<Head>>,
    /// What is sealed.
    pub(crate) parts: Arc<PartList>,
    /// One sample stays for each such interval; 0: all.
    pub(crate) dedup_ms: i64,
    /// What is asked for.
    pub(crate) usage: Arc<Usage>,
}

/// One place with data.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    Part(Arc<StoredPart>),
    Head(Arc<Head>),
}

impl View {
    /// The places that have data in `range`, what was written first first.
    pub(crate) fn sources(&self, range: TimeRange) -> Vec<Source> {
        let within = |part: &&Arc<StoredPart>| {
            range == TimeRange::ALL || part.row.meta.range().overlaps(&range)
        };
        let parts = self.parts.parts.iter().filter(within);
        let mut sources: Vec<_> = parts.map(|part| Source::Part(Arc::clone(part))).collect();
        for head in self.frozen.iter().chain([&self.active]) {
            if range == TimeRange::ALL || head.range().is_some_and(|has| has.overlaps(&range)) {
                sources.push(Source::Head(Arc::clone(head)));
            }
        }
        sources
    }
}

impl Source {
    /// Ids and labels of the series that satisfy all `matchers` and may have points in `range`.
    pub(crate) fn select(
        &self,
        matchers: &[CompiledMatcher],
        range: TimeRange,
    ) -> Result<Vec<(u32, Labels)>, StoreError> {
        match self {
            Self::Head(head) => Ok(head.select(matchers, range)),
            Self::Part(part) => {
                let part = part.open()?;
                let has = part.meta().range();
                let whole = range.start_ms <= has.start_ms && has.end_ms <= range.end_ms;
                let ids = part.select(matchers, range)?;
                let mut found = Vec::with_capacity(ids.len() as usize);
                for id in ids {
                    if whole || part.overlaps(id, range)? {
                        found.push((id, part.labels(id)?));
                    }
                }
                Ok(found)
            }
        }
    }

    /// Appends the points of series `id` in `range` to `points`.
    pub(crate) fn read(
        &self,
        id: u32,
        range: TimeRange,
        points: &mut Points,
    ) -> Result<(), StoreError> {
        match self {
            Self::Head(head) => {
                head.read(id, range, points);
                Ok(())
            }
            Self::Part(part) => part.open()?.read(id, range, points),
        }
    }

    pub(crate) fn label_names(&self) -> Result<Vec<String>, StoreError> {
        match self {
            Self::Head(head) => Ok(head.label_names()),
            Self::Part(part) => part.open()?.label_names(),
        }
    }

    pub(crate) fn label_values(&self, name: &str) -> Result<Vec<String>, StoreError> {
        match self {
            Self::Head(head) => Ok(head.label_values(name)),
            Self::Part(part) => part.open()?.label_values(name),
        }
    }

    pub(crate) fn exemplars(
        &self,
        matchers: &[CompiledMatcher],
        range: TimeRange,
    ) -> Result<Vec<(Labels, Vec<Exemplar>)>, StoreError> {
        match self {
            Self::Head(head) => Ok(head.select_exemplars(matchers, range)),
            Self::Part(part) if part.row.meta.exemplars == 0 => Ok(Vec::new()),
            Self::Part(part) => part.open()?.exemplars(matchers, range),
        }
    }

    pub(crate) fn metadata(&self) -> Result<BTreeMap<String, Vec<Metadata>>, StoreError> {
        match self {
            Self::Head(head) => {
                Ok(head.metadata().into_iter().map(|(name, one)| (name, vec![one])).collect())
            }
            Self::Part(part) => part.open()?.metadata(),
        }
    }
}
