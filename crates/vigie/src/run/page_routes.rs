//! What the page asks besides Prometheus' API, on its own origin, and the doors that lead to it.
//!
//! A browser lets a page ask only where it came from, so the other APIs are served there too,
//! below the name of the tool whose API it is.

use std::sync::Arc;

use axum::Router;
use vigie_show::alertmanager::{self, AlertmanagerState};
use vigie_show::page::PageDoor;

/// Adds `/elasticsearch`, `/jaeger`, Loki's own addresses and, where alerts are reacted to,
/// `/alertmanager`.
pub(super) fn add(
    router: Router,
    documents: &Router,
    (traces, lines): (Router, Router),
    alerts: Option<&Arc<AlertmanagerState>>,
) -> Router {
    let mut router = router.nest("/elasticsearch", documents.clone()).nest("/jaeger", traces);
    router = router.merge(lines);
    if let Some(state) = alerts {
        router = router.nest("/alertmanager/api/v2", alertmanager::version_two_router(state));
    }
    router
}

/// Leads browsers from the replaced tools' ports to the page, when there is one.
#[derive(Debug, Clone, Copy)]
pub(super) struct PageDoors {
    /// The page's port.
    pub(super) page: Option<u16>,
}

impl PageDoors {
    /// `router`, with `home` for browsers that open its `/`.
    pub(super) fn wrap(self, home: &'static str, router: Router) -> Router {
        match self.page {
            Some(port) => PageDoor { port, home }.wrap(router),
            None => router,
        }
    }
}
