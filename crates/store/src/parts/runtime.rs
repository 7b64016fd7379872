//! A runtime of its own for requests to object stores, so that reading a part may block the
//! thread that reads, whatever thread that is.

use std::future::Future;
use std::sync::mpsc;

use tokio::runtime::{Builder, Handle, Runtime, RuntimeFlavor};

use crate::StoreError;

/// Threads that wait for answers and decrypt them.
const THREADS: usize = 2;

/// The runtime.
#[derive(Debug)]
pub(super) struct RequestRuntime(Option<Runtime>);

impl RequestRuntime {
    /// Starts the threads.
    pub(super) fn start() -> Result<Self, StoreError> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("store-objects")
            .enable_all()
            .build()
            .map_err(|source| StoreError::Io { what: "starting threads".to_owned(), source })?;
        Ok(Self(Some(runtime)))
    }

    /// Lets `future` run here and blocks until it ends.
    pub(super) fn wait<T: Send + 'static>(
        &self,
        future: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let ended = || StoreError::Unavailable("the store is closed".to_owned());
        let Some(runtime) = &self.0 else { return Err(ended()) };
        let (sender, receiver) = mpsc::sync_channel(1);
        runtime.spawn(async move {
            // Whoever does not wait any more has lost interest.
            sender.send(future.await).ok();
        });
        let waits = || receiver.recv().map_err(|_| ended());
        match Handle::try_current().map(|handle| handle.runtime_flavor()) {
            // The scheduler moves other tasks away from this thread meanwhile.
            Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(waits),
            _ => waits(),
        }
    }

    /// Lets `future` run here and does not wait for it.
    pub(super) fn forget(&self, future: impl Future<Output = ()> + Send + 'static) {
        if let Some(runtime) = &self.0 {
            runtime.spawn(future);
        }
    }
}

impl Drop for RequestRuntime {
    fn drop(&mut self) {
        // An ordinary drop would block, which async code must not.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
