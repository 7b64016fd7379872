//! Limits on what comes from outside.

/// How much one tenant may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Alerts at once; more are refused.
    pub alerts_max: usize,
    /// Groups at once; alerts that would make more are not told of, which is logged and counted.
    pub groups_max: usize,
    /// Silences, expired ones included while they are kept.
    pub silences_max: usize,
    /// Bytes of one silence.
    pub silence_bytes_max: usize,
    /// Bytes of an alert's labels; an alert with more is refused.
    pub labels_bytes_max: usize,
    /// Bytes of one annotation; the rest is cut off, since the alert matters more.
    pub annotation_bytes_max: usize,
    /// Annotations of an alert; more are left out.
    pub annotations_max: usize,
    /// Groups of which there is a timeline; the longest silent one makes room.
    pub timelines_max: usize,
    /// Entries of a timeline; the oldest makes room.
    pub timeline_entries_max: usize,
    /// Notifications that are on their way at once; more wait.
    pub deliveries_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            alerts_max: 100_000,
            groups_max: 50_000,
            silences_max: 10_000,
            silence_bytes_max: 64 << 10,
            labels_bytes_max: 64 << 10,
            annotation_bytes_max: 64 << 10,
            annotations_max: 128,
            timelines_max: 10_000,
            timeline_entries_max: 200,
            deliveries_max: 256,
        }
    }
}
