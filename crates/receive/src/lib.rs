//! Listens and scrapes: discovery, scraping, remote write, this host, Jaeger's agent, Beats, syslog, GELF, forward, lines;
//! gives batches to a sink.

pub mod agent;
pub mod aggregate;
pub mod alertmanagers;
pub mod beats;
pub mod config;
pub(crate) mod delivery;
pub mod discovery;
pub(crate) mod door;
pub mod files;
pub mod forward;
pub mod host;
pub mod lines;
pub mod remote_read;
pub mod remote_write;
pub mod scrape;
pub mod text_door;
pub mod tls;

/// A hash of bytes, to see whether they changed.
pub(crate) fn fingerprint(bytes: &[u8]) -> u64 {
    xxhash_rust::xxh3::xxh3_64(bytes)
}
