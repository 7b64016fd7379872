//! What happens to data between a door and the store: parse, enrich, redact, sample.
