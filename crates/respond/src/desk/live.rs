//! What running steps have written so far, for who watches.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

/// Output by run and step.
#[derive(Debug, Clone, Default)]
pub(super) struct Live(Arc<Mutex<HashMap<(u64, usize), Vec<u8>>>>);

impl Live {
    /// Begins anew for a step; what is written there goes to the returned sink.
    pub(super) fn begin(&self, run: u64, step: usize, bytes_max: usize) -> vigie_world::OutputSink {
        self.0.lock().insert((run, step), Vec::new());
        let all = Arc::clone(&self.0);
        Arc::new(move |bytes: &[u8]| {
            if let Some(output) = all.lock().get_mut(&(run, step)) {
                let room = bytes_max.saturating_sub(output.len()).min(bytes.len());
                output.extend_from_slice(bytes.get(..room).unwrap_or_default());
            }
        })
    }

    /// What a step has written so far.
    pub(super) fn of(&self, run: u64, step: usize) -> Option<String> {
        let all = self.0.lock();
        all.get(&(run, step)).map(|output| String::from_utf8_lossy(output).into_owned())
    }

    /// The step has ended.
    pub(super) fn end(&self, run: u64, step: usize) {
        self.0.lock().remove(&(run, step));
    }
}
