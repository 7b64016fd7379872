//! Listens and scrapes: discovery, scraping, remote write, this host; gives batches to a sink

pub mod config;
pub mod http_client;
pub mod scrape;
