//! Columns of timestamps that series share.
//!
//! All series of one scrape get the same timestamps, so one column serves a whole target. A
//! series refers to runs of a column: (column, start, length). A series whose next time is not
//! the next of its column begins a run elsewhere, found by the time with which columns end.

use foldhash::fast::FixedState;
use hashbrown::HashMap;

/// Rows `start .. start + length` of one column: times of consecutive points of a series.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) column: u32,
    pub(super) start: u32,
    pub(super) length: u32,
}

/// All columns of a head.
#[derive(Debug, Default)]
pub(super) struct Columns {
    columns: Vec<Vec<i64>>,
    /// The column that ends with a time; when several do, any of them.
    by_last: HashMap<i64, u32, FixedState>,
}

impl Columns {
    /// Lets `run` go on with `time_ms`, which is later than its last. `false` when it cannot.
    #[inline]
    pub(super) fn extend(&mut self, run: &mut Run, time_ms: i64) -> bool {
        let Some(column) = self.columns.get_mut(run.column as usize) else { return false };
        let next = (run.start + run.length) as usize;
        match column.get(next) {
            Some(there) if *there != time_ms => return false,
            Some(_) => {}
            None => {
                let before = column.last().copied();
                if before.is_some_and(|before| before >= time_ms) {
                    return false;
                }
                self.push(run.column, before, time_ms);
            }
        }
        run.length += 1;
        true
    }

    /// A run that begins with `time_ms`.
    pub(super) fn begin(&mut self, time_ms: i64) -> Run {
        if let Some(&column) = self.by_last.get(&time_ms) {
            let length = self.columns.get(column as usize).map_or(0, Vec::len);
            if length > 0 {
                return Run { column, start: length as u32 - 1, length: 1 };
            }
        }
        let column = self.columns.len() as u32;
        self.columns.push(Vec::new());
        self.push(column, None, time_ms);
        Run { column, start: 0, length: 1 }
    }

    /// The times of `run`.
    pub(super) fn times(&self, run: Run) -> &[i64] {
        let (start, end) = (run.start as usize, (run.start + run.length) as usize);
        self.columns.get(run.column as usize).and_then(|c| c.get(start..end)).unwrap_or(&[])
    }

    /// Bytes that the columns take.
    pub(super) fn bytes(&self) -> usize {
        self.columns.iter().map(|column| column.capacity() * 8 + 24).sum()
    }

    fn push(&mut self, column: u32, before: Option<i64>, time_ms: i64) {
        if let Some(before) = before
            && self.by_last.get(&before) == Some(&column)
        {
            self.by_last.remove(&before);
        }
        self.by_last.insert(time_ms, column);
        if let Some(times) = self.columns.get_mut(column as usize) {
            times.push(time_ms);
        }
    }
}
