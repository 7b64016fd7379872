//! How discoveries spell what they find: names of labels, addresses.

/// `name` with `_` for every character that a label's name could not have before UTF-8 names.
pub(super) fn sanitized(name: &str) -> String {
    name.chars().map(|one| if one.is_ascii_alphanumeric() { one } else { '_' }).collect()
}

/// `host:port`, with brackets around an IPv6 address.
pub(super) fn host_port(host: &str, port: i64) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}
