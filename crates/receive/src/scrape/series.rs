//! The series of one target: text as exposed → final labels, and which of them are alive.
//!
//! A series that was there before costs one comparison with the text that stood at the same
//! place last time, and no parsing of labels. Which series were seen in which scrape says which
//! of them have ended.

use hashbrown::HashTable;
use vigie_formats::exposition::Format;
use vigie_model::Labels;

/// Number of a series in a [`SeriesCache`].
pub(super) type SeriesIndex = usize;

/// What is known of one exposed series.
#[derive(Debug)]
pub(super) struct CachedSeries {
    text: Box<[u8]>,
    hash: u64,
    /// Final labels; `None` when relabelling drops the series.
    pub labels: Option<Labels>,
    /// The scrape in which it was last seen; 0 for never.
    seen: u64,
    /// Whether it goes stale when it vanishes.
    tracked: bool,
    /// Whether the last scrape that ended left it with a sample that is not stale.
    alive: bool,
}

/// The series of one target.
#[derive(Debug, Default)]
pub(super) struct SeriesCache {
    series: Vec<CachedSeries>,
    by_text: HashTable<SeriesIndex>,
    /// Where the series that follows the last found one stood in the previous scrape.
    cursor: SeriesIndex,
    scrape: u64,
    format: Option<Format>,
    /// Series of a loop that this one took over from, alive until the first scrape says more.
    inherited: Vec<Labels>,
}

impl SeriesCache {
    /// A cache that takes over the living series of another.
    pub(super) fn taking_over(previous: Vec<Labels>) -> Self {
        Self { inherited: previous, ..Self::default() }
    }

    /// Notes the format of an answer. Another format has other texts for the same series, so
    /// that what is alive is compared by labels once.
    pub(super) fn set_format(&mut self, format: Format) {
        if self.format.replace(format).is_some_and(|before| before != format) {
            self.inherited = self.take_living();
        }
    }

    /// Begins a scrape.
    pub(super) fn begin(&mut self) {
        self.scrape += 1;
        self.cursor = 0;
    }

    /// The series exposed as `text`, if it is known.
    #[inline]
    pub(super) fn find(&mut self, text: &[u8]) -> Option<SeriesIndex> {
        if let Some(series) = self.series.get(self.cursor)
            && *series.text == *text
        {
            self.cursor += 1;
            return Some(self.cursor - 1);
        }
        let hash = crate::fingerprint(text);
        let series = &self.series;
        let at = *self.by_text.find(hash, |&at| {
            series.get(at).is_some_and(|known| known.hash == hash && *known.text == *text)
        })?;
        self.cursor = at + 1;
        Some(at)
    }

    /// Remembers that `text` stands for `labels`.
    pub(super) fn insert(&mut self, text: &[u8], labels: Option<Labels>) -> SeriesIndex {
        let hash = crate::fingerprint(text);
        let at = self.series.len();
        let known =
            CachedSeries { text: text.into(), hash, labels, seen: 0, tracked: false, alive: false };
        self.series.push(known);
        let series = &self.series;
        self.by_text.insert_unique(hash, at, |&at| series.get(at).map_or(0, |known| known.hash));
        at
    }

    /// The final labels of a series, `None` when it is dropped.
    #[inline]
    pub(super) fn labels(&self, at: SeriesIndex) -> Option<&Labels> {
        self.series.get(at).and_then(|series| series.labels.as_ref())
    }

    /// Notes that a series is there in this scrape. Says whether it already was, and whether it
    /// was known before.
    #[inline]
    pub(super) fn mark(&mut self, at: SeriesIndex, tracked: bool) -> Seen {
        let scrape = self.scrape;
        let Some(series) = self.series.get_mut(at) else { return Seen::Again };
        let before = std::mem::replace(&mut series.seen, scrape);
        series.tracked = tracked || (before == scrape && series.tracked);
        match before {
            0 => Seen::New,
            before if before == scrape => Seen::Again,
            _ => Seen::Known,
        }
    }

    /// Ends a scrape that succeeded: calls `stale` for series that have ended, and forgets what
    /// was not seen.
    pub(super) fn finish(&mut self, mut stale: impl FnMut(&Labels)) {
        let (scrape, mut gone) = (self.scrape, false);
        for series in &mut self.series {
            if series.seen == scrape {
                series.alive = series.tracked;
                continue;
            }
            gone = true;
            if series.alive {
                series.labels.iter().for_each(&mut stale);
            }
        }
        if !self.inherited.is_empty() {
            let inherited = std::mem::take(&mut self.inherited);
            let alive: std::collections::HashSet<&Labels> =
                self.series.iter().filter_map(|series| series.labels.as_ref()).collect();
            inherited.iter().filter(|labels| !alive.contains(labels)).for_each(&mut stale);
        }
        if gone {
            self.forget_unseen();
        }
    }

    /// Ends a scrape that failed: everything alive has ended. What text stands for stays known.
    pub(super) fn fail(&mut self, mut stale: impl FnMut(&Labels)) {
        for series in &mut self.series {
            if std::mem::replace(&mut series.alive, false) {
                series.labels.iter().for_each(&mut stale);
            }
        }
        std::mem::take(&mut self.inherited).iter().for_each(stale);
    }

    /// Labels of all series that are alive, after which none is.
    pub(super) fn take_living(&mut self) -> Vec<Labels> {
        let mut living: Vec<Labels> = self
            .series
            .iter()
            .filter(|series| series.alive)
            .filter_map(|series| series.labels.clone())
            .collect();
        living.append(&mut self.inherited);
        self.series.clear();
        self.by_text.clear();
        living
    }

    /// Number of series that are known.
    #[cfg(test)]
    fn len(&self) -> usize {
        self.series.len()
    }

    fn forget_unseen(&mut self) {
        let scrape = self.scrape;
        self.series.retain(|series| series.seen == scrape);
        self.by_text.clear();
        for (at, known) in self.series.iter().enumerate() {
            let series = &self.series;
            self.by_text
                .insert_unique(known.hash, at, |&at| series.get(at).map_or(0, |known| known.hash));
        }
    }
}

/// How a series relates to earlier scrapes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    /// It was not known before this scrape.
    New,
    /// It was known before this scrape.
    Known,
    /// It was in this scrape already.
    Again,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scrape(cache: &mut SeriesCache, texts: &[&str]) -> Vec<String> {
        cache.begin();
        for text in texts {
            let at = cache.find(text.as_bytes()).unwrap_or_else(|| {
                cache.insert(text.as_bytes(), Some(Labels::from_pairs([("__name__", text)])))
            });
            cache.mark(at, true);
        }
        let mut stale = Vec::new();
        cache.finish(|labels| stale.push(labels.to_string()));
        stale
    }

    #[test]
    fn a_series_goes_stale_once() {
        let mut cache = SeriesCache::default();
        assert!(scrape(&mut cache, &["a", "b", "c"]).is_empty());
        assert_eq!(scrape(&mut cache, &["c", "a"]), ["b"]);
        assert!(scrape(&mut cache, &["a", "c"]).is_empty());
        assert_eq!(cache.len(), 2);
        assert!(scrape(&mut cache, &["a", "b", "c"]).is_empty());
    }

    #[test]
    fn a_failure_ends_everything_once_and_success_brings_it_back() {
        let mut cache = SeriesCache::default();
        scrape(&mut cache, &["a", "b"]);
        let mut stale = 0;
        cache.begin();
        cache.fail(|_| stale += 1);
        cache.begin();
        cache.fail(|_| stale += 1);
        assert_eq!(stale, 2);
        cache.begin();
        let at = cache.find(b"a").expect("text stays known");
        assert_eq!(cache.mark(at, true), Seen::Known);
        assert_eq!(cache.mark(at, true), Seen::Again);
    }

    #[test]
    fn another_loop_takes_over() {
        let mut first = SeriesCache::default();
        scrape(&mut first, &["a", "b"]);
        let mut second = SeriesCache::taking_over(first.take_living());
        assert_eq!(scrape(&mut second, &["b", "c"]), ["a"]);
    }
}
