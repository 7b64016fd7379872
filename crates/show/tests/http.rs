//! The front door and the Prometheus API over real connections, in process.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should end")]

#[path = "http/api.rs"]
mod api;
#[path = "http/door.rs"]
mod door;
#[path = "http/server.rs"]
mod server;
#[path = "http/write.rs"]
mod write;
