//! `nfs` and `nfsd`: calls of the NFS client and server.

use std::collections::BTreeMap;

use super::{CollectError, Context, Families};
use crate::host::reader;

/// Lines of /proc/net/rpc: a word, and numbers.
type Lines<'a> = BTreeMap<&'a str, Vec<f64>>;

fn parse(text: &str) -> Lines<'_> {
    let mut lines = Lines::new();
    for line in text.lines() {
        let mut words = line.split_whitespace();
        let Some(word) = words.next() else { continue };
        lines.insert(word, words.map(|word| word.parse().unwrap_or(0.0)).collect());
    }
    lines
}

fn field(lines: &Lines<'_>, line: &str, at: usize) -> f64 {
    lines.get(line).and_then(|fields| fields.get(at)).copied().unwrap_or(0.0)
}

/// Calls by name; a line of calls begins with their number, and kernels differ in it.
fn add_calls(
    lines: &Lines<'_>,
    (line, protocol): (&str, &str),
    calls: &[(usize, &str)],
    (name, help): (&'static str, &'static str),
    out: &mut Families,
) {
    for (at, method) in calls {
        let labels = [("proto", protocol), ("method", *method)];
        out.counter(name, help, &labels, field(lines, line, at + 1));
    }
}

pub(super) fn collect_client(
    context: &Context<'_>,
    out: &mut Families,
) -> Result<(), CollectError> {
    let text = reader::read_or_no_data(&context.options.proc("net/rpc/nfs"))?;
    let lines = parse(&text);
    for (protocol, at) in [("udp", 1), ("tcp", 2)] {
        out.counter(
            "node_nfs_packets_total",
            "Total NFSd network packets (sent+received) by protocol type.",
            &[("protocol", protocol)],
            field(&lines, "net", at),
        );
    }
    for (name, help, line, at) in [
        ("connections_total", "Total number of NFSd TCP connections.", "net", 3),
        ("rpcs_total", "Total number of RPCs performed.", "rpc", 0),
        ("rpc_retransmissions_total", "Number of RPC transmissions performed.", "rpc", 1),
        (
            "rpc_authentication_refreshes_total",
            "Number of RPC authentication refreshes performed.",
            "rpc",
            2,
        ),
    ] {
        out.counter(format!("node_nfs_{name}"), help, &[], field(&lines, line, at));
    }
    let family = ("node_nfs_requests_total", "Number of NFS procedures invoked.");
    add_calls(&lines, ("proc2", "2"), CLIENT_V2, family, out);
    add_calls(&lines, ("proc3", "3"), CLIENT_V3, family, out);
    add_calls(&lines, ("proc4", "4"), CLIENT_V4, family, out);
    Ok(())
}

pub(super) fn collect_server(
    context: &Context<'_>,
    out: &mut Families,
) -> Result<(), CollectError> {
    let text = reader::read_or_no_data(&context.options.proc("net/rpc/nfsd"))?;
    let lines = parse(&text);
    for (name, help, line, at) in SERVER {
        out.counter(format!("node_nfsd_{name}"), *help, &[], field(&lines, line, *at));
    }
    for (name, help, line, at) in [
        (
            "node_nfsd_server_threads",
            "Total number of NFSd kernel threads that are running.",
            "th",
            0,
        ),
        (
            "node_nfsd_read_ahead_cache_size_blocks",
            "How large the read ahead cache is in blocks.",
            "ra",
            0,
        ),
    ] {
        out.gauge(name, help, &[], field(&lines, line, at));
    }
    for (protocol, at) in [("udp", 1), ("tcp", 2)] {
        out.counter(
            "node_nfsd_packets_total",
            "Total NFSd network packets (sent+received) by protocol type.",
            &[("proto", protocol)],
            field(&lines, "net", at),
        );
    }
    for (error, at) in [("fmt", 2), ("auth", 3), ("cInt", 4)] {
        out.counter(
            "node_nfsd_rpc_errors_total",
            "Total number of NFSd RPC errors by error type.",
            &[("error", error)],
            field(&lines, "rpc", at),
        );
    }
    let family = ("node_nfsd_requests_total", "Total number NFSd Requests by method and protocol.");
    add_calls(&lines, ("proc2", "2"), SERVER_V2, family, out);
    add_calls(&lines, ("proc3", "3"), SERVER_V3, family, out);
    add_calls(&lines, ("proc4ops", "4"), SERVER_V4, family, out);
    let labels = [("proto", "4"), ("method", "WdelegGetattr")];
    out.counter(family.0, family.1, &labels, field(&lines, "wdeleg_getattr", 0));
    Ok(())
}

/// Name, help, line and field.
const SERVER: &[(&str, &str, &str, usize)] = &[
    (
        "reply_cache_hits_total",
        "Total number of NFSd Reply Cache hits (client lost server response).",
        "rc",
        0,
    ),
    (
        "reply_cache_misses_total",
        "Total number of NFSd Reply Cache an operation that requires caching (idempotent).",
        "rc",
        1,
    ),
    (
        "reply_cache_nocache_total",
        "Total number of NFSd Reply Cache non-idempotent operations (rename/delete/…).",
        "rc",
        2,
    ),
    ("file_handles_stale_total", "Total number of NFSd stale file handles", "fh", 0),
    ("disk_bytes_read_total", "Total NFSd bytes read.", "io", 0),
    ("disk_bytes_written_total", "Total NFSd bytes written.", "io", 1),
    (
        "read_ahead_cache_not_found_total",
        "Total number of NFSd read ahead cache not found.",
        "ra",
        11,
    ),
    ("connections_total", "Total number of NFSd TCP connections.", "net", 3),
    ("server_rpcs_total", "Total number of NFSd RPCs.", "rpc", 0),
];

/// Calls of version 2, by their place.
const CLIENT_V2: &[(usize, &str)] = &[
    (0, "Null"),
    (1, "GetAttr"),
    (2, "SetAttr"),
    (3, "Root"),
    (4, "Lookup"),
    (5, "ReadLink"),
    (6, "Read"),
    (7, "WrCache"),
    (8, "Write"),
    (9, "Create"),
    (10, "Remove"),
    (11, "Rename"),
    (12, "Link"),
    (13, "SymLink"),
    (14, "MkDir"),
    (15, "RmDir"),
    (16, "ReadDir"),
    (17, "FsStat"),
];

/// Calls of version 3.
const CLIENT_V3: &[(usize, &str)] = &[
    (0, "Null"),
    (1, "GetAttr"),
    (2, "SetAttr"),
    (3, "Lookup"),
    (4, "Access"),
    (5, "ReadLink"),
    (6, "Read"),
    (7, "Write"),
    (8, "Create"),
    (9, "MkDir"),
    (10, "SymLink"),
    (11, "MkNod"),
    (12, "Remove"),
    (13, "RmDir"),
    (14, "Rename"),
    (15, "Link"),
    (16, "ReadDir"),
    (17, "ReadDirPlus"),
    (18, "FsStat"),
    (19, "FsInfo"),
    (20, "PathConf"),
    (21, "Commit"),
];

/// Calls of version 4, as clients count them.
const CLIENT_V4: &[(usize, &str)] = &[
    (0, "Null"),
    (1, "Read"),
    (2, "Write"),
    (3, "Commit"),
    (4, "Open"),
    (5, "OpenConfirm"),
    (6, "OpenNoattr"),
    (7, "OpenDowngrade"),
    (8, "Close"),
    (9, "Setattr"),
    (10, "FsInfo"),
    (11, "Renew"),
    (12, "SetClientID"),
    (13, "SetClientIDConfirm"),
    (14, "Lock"),
    (15, "Lockt"),
    (16, "Locku"),
    (17, "Access"),
    (18, "Getattr"),
    (19, "Lookup"),
    (20, "LookupRoot"),
    (21, "Remove"),
    (22, "Rename"),
    (23, "Link"),
    (24, "Symlink"),
    (25, "Create"),
    (26, "Pathconf"),
    (27, "StatFs"),
    (28, "ReadLink"),
    (29, "ReadDir"),
    (30, "ServerCaps"),
    (31, "DelegReturn"),
    (32, "GetACL"),
    (33, "SetACL"),
    (34, "FsLocations"),
    (35, "ReleaseLockowner"),
    (36, "Secinfo"),
    (37, "FsidPresent"),
    (38, "ExchangeID"),
    (39, "CreateSession"),
    (40, "DestroySession"),
    (41, "Sequence"),
    (42, "GetLeaseTime"),
    (43, "ReclaimComplete"),
    (44, "GetDeviceInfo"),
    (45, "LayoutGet"),
    (46, "LayoutCommit"),
    (47, "LayoutReturn"),
    (48, "SecinfoNoName"),
    (49, "TestStateID"),
    (50, "FreeStateID"),
    (51, "GetDeviceList"),
    (52, "BindConnToSession"),
    (53, "DestroyClientID"),
    (54, "Seek"),
    (55, "Allocate"),
    (56, "DeAllocate"),
    (57, "LayoutStats"),
    (58, "Clone"),
];

/// Calls of version 2 that are told of the server.
const SERVER_V2: &[(usize, &str)] = &[
    (1, "GetAttr"),
    (2, "SetAttr"),
    (3, "Root"),
    (4, "Lookup"),
    (5, "ReadLink"),
    (6, "Read"),
    (7, "WrCache"),
    (8, "Write"),
    (9, "Create"),
    (10, "Remove"),
    (11, "Rename"),
    (12, "Link"),
    (13, "SymLink"),
    (14, "MkDir"),
    (15, "RmDir"),
    (16, "ReadDir"),
    (17, "FsStat"),
];

/// Calls of version 3 that are told of the server.
const SERVER_V3: &[(usize, &str)] = &[
    (1, "GetAttr"),
    (2, "SetAttr"),
    (3, "Lookup"),
    (4, "Access"),
    (5, "ReadLink"),
    (6, "Read"),
    (7, "Write"),
    (8, "Create"),
    (9, "MkDir"),
    (10, "SymLink"),
    (11, "MkNod"),
    (12, "Remove"),
    (13, "RmDir"),
    (14, "Rename"),
    (15, "Link"),
    (16, "ReadDir"),
    (17, "ReadDirPlus"),
    (18, "FsStat"),
    (19, "FsInfo"),
    (20, "PathConf"),
    (21, "Commit"),
];

/// Operations of version 4 that are told of the server.
const SERVER_V4: &[(usize, &str)] = &[
    (3, "Access"),
    (4, "Close"),
    (5, "Commit"),
    (6, "Create"),
    (7, "DelegPurge"),
    (8, "DelegReturn"),
    (9, "GetAttr"),
    (10, "GetFH"),
    (11, "Link"),
    (12, "Lock"),
    (13, "Lockt"),
    (14, "Locku"),
    (15, "Lookup"),
    (16, "LookupRoot"),
    (17, "Nverify"),
    (18, "Open"),
    (19, "OpenAttr"),
    (20, "OpenConfirm"),
    (21, "OpenDgrd"),
    (22, "PutFH"),
    (25, "Read"),
    (26, "ReadDir"),
    (27, "ReadLink"),
    (28, "Remove"),
    (29, "Rename"),
    (30, "Renew"),
    (31, "RestoreFH"),
    (32, "SaveFH"),
    (33, "SecInfo"),
    (34, "SetAttr"),
    (35, "SetClientID"),
    (36, "SetClientIDConfirm"),
    (37, "Verify"),
    (38, "Write"),
    (39, "RelLockOwner"),
];
