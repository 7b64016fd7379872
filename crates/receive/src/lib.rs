//! Listens and scrapes: discovery, scraping, remote write, this host; gives batches to a sink
