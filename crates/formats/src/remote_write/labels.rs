//! The labels of a series while it is decoded: checked once, sorted only when they must be.

use vigie_model::METRIC_NAME;

/// No series has more labels than this, nor larger ones: an index entry is made for each.
const LABELS_MAX: usize = 2_048;
const LABEL_BYTES_MAX: usize = 1 << 20;

/// Labels of one series; the allocation serves all series of a request.
#[derive(Debug, Default)]
pub(super) struct LabelBuffer<'a> {
    pub(super) pairs: Vec<(&'a str, &'a str)>,
}

impl LabelBuffer<'_> {
    /// Brings the labels into the model's form. Senders keep the order nearly always, so that
    /// this is one pass of comparisons.
    pub(super) fn normalise(&mut self) -> Result<(), String> {
        let ordered = self.pairs.windows(2).all(|two| matches!(two, [a, b] if a.0 < b.0));
        if !ordered {
            self.pairs.sort_unstable_by_key(|pair| pair.0);
            for two in self.pairs.windows(2) {
                if let [first, second] = two
                    && first.0 == second.0
                {
                    return Err(format!("label name {:?} is not unique: {self}", first.0));
                }
            }
        }
        // Sorted: an empty name can only come first.
        if self.pairs.first().is_some_and(|pair| pair.0.is_empty()) {
            return Err(format!("label name is empty: {self}"));
        }
        if self.pairs.iter().any(|pair| pair.1.is_empty()) {
            self.pairs.retain(|pair| !pair.1.is_empty());
        }
        Ok(())
    }

    /// [`normalise`](Self::normalise) for a series, which must have a metric name.
    pub(super) fn normalise_series(&mut self) -> Result<(), String> {
        if self.pairs.len() > LABELS_MAX {
            let count = self.pairs.len();
            return Err(format!("series has {count} labels, more than {LABELS_MAX}: {self}"));
        }
        if self.pairs.iter().map(|pair| pair.0.len() + pair.1.len()).sum::<usize>()
            > LABEL_BYTES_MAX
        {
            return Err(format!("labels take more than {LABEL_BYTES_MAX} bytes: {self}"));
        }
        self.normalise()?;
        if self.pairs.iter().any(|pair| pair.0 == METRIC_NAME) {
            return Ok(());
        }
        Err(format!("series has no metric name: {self}"))
    }
}

impl std::fmt::Display for LabelBuffer<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        /// Enough to find the series by; labels may be megabytes long.
        const SHOWN_BYTES_MAX: usize = 512;
        let mut left = SHOWN_BYTES_MAX;
        f.write_str("{")?;
        for (at, (name, value)) in self.pairs.iter().enumerate() {
            if name.len() + value.len() > left {
                f.write_str("...")?;
                break;
            }
            left -= name.len() + value.len();
            write!(f, "{}{name}={value:?}", if at == 0 { "" } else { ", " })?;
        }
        f.write_str("}")
    }
}
