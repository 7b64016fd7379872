//! Whole collections of this machine, next to the original where it is installed.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use vigie_world::World;

use super::{CONTENT_TYPE, Families, Host, HostError, HostOptions};

mod hardware;

const ORIGINAL: &str = "prometheus-node-exporter";

/// Families of the original that are not here, and why.
const ALLOWED_MISSING: &[(&str, &str)] = &[
    ("go_", "there is no Go runtime here"),
    ("promhttp_", "counted by the listener, not by the collectors"),
    ("node_systemd_", "off by default upstream; Debian's package switches it on"),
];

/// Labels that newer versions of the original (1.6 to 1.12) have added.
const ALLOWED_LABELS: &[(&str, &str)] = &[
    ("node_filesystem_", "device_error"),
    ("node_network_info", "adminstate"),
    ("node_disk_info", "rotational"),
    ("node_exporter_build_info", "goarch"),
    ("node_exporter_build_info", "goos"),
    ("node_exporter_build_info", "tags"),
];

fn collect() -> Families {
    Host::new(HostOptions::default(), World::real()).collect()
}

fn text_of(families: &Families) -> String {
    String::from_utf8(families.to_text()).unwrap()
}

#[derive(Debug, Default)]
struct Shown {
    kind: String,
    help: String,
    labels: BTreeSet<String>,
}

/// Type, help and label names of each family of a text.
fn read_text(text: &str) -> BTreeMap<String, Shown> {
    let mut families: BTreeMap<String, Shown> = BTreeMap::new();
    for line in text.lines() {
        if let Some((name, help)) = line.strip_prefix("# HELP ").and_then(|l| l.split_once(' ')) {
            families.entry(name.to_owned()).or_default().help = help.to_owned();
        } else if let Some((name, kind)) =
            line.strip_prefix("# TYPE ").and_then(|l| l.split_once(' '))
        {
            families.entry(name.to_owned()).or_default().kind = kind.to_owned();
        } else if let Some((name, rest)) = line.split_once('{')
            && let Some(family) = families.get_mut(name)
        {
            // Values of labels may hold anything but an unescaped quote.
            let mut rest = rest;
            while let Some((label, after)) = rest.split_once("=\"") {
                family.labels.insert(label.trim_start_matches(',').to_owned());
                let mut escaped = false;
                let end = after.find(|c: char| {
                    let ends = c == '"' && !escaped;
                    escaped = c == '\\' && !escaped;
                    ends
                });
                rest = &after[end.unwrap() + 1..];
            }
        }
    }
    families
}

struct Original {
    child: Child,
    port: u16,
}

impl Drop for Original {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// The original on a free port, or nothing where it is not installed.
fn start_original() -> Option<Original> {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let child = Command::new(ORIGINAL)
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    Some(Original { child: child.ok()?, port })
}

impl Original {
    fn scrape(&self) -> String {
        let started = Instant::now();
        loop {
            if let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.port)) {
                stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").unwrap();
                let mut text = String::new();
                stream.read_to_string(&mut text).unwrap();
                return text;
            }
            assert!(started.elapsed() < Duration::from_secs(10), "the original does not listen");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

fn allowed(list: &[(&str, &str)], name: &str) -> bool {
    list.iter().any(|(start, _)| name.starts_with(start))
}

#[test]
fn every_family_of_the_original_is_here_with_type_help_and_labels() {
    let Some(original) = start_original() else {
        eprintln!("skipped: host parity needs {ORIGINAL}");
        return;
    };
    let theirs = read_text(&original.scrape());
    assert!(theirs.len() > 50, "the original shows {} families", theirs.len());
    let ours = read_text(&text_of(&collect()));
    let mut wrong = Vec::new();
    for (name, their) in theirs.iter().filter(|family| !allowed(ALLOWED_MISSING, family.0)) {
        let Some(our) = ours.get(name) else {
            wrong.push(format!("{name}: missing"));
            continue;
        };
        let added: BTreeSet<String> = our.labels.difference(&their.labels).cloned().collect();
        let unexpected: Vec<&String> = added
            .iter()
            .filter(|label| {
                !ALLOWED_LABELS.iter().any(|(start, one)| name.starts_with(start) && one == *label)
            })
            .collect();
        if our.kind != their.kind || our.help != their.help {
            wrong.push(format!(
                "{name}: {} {:?} / {} {:?}",
                our.kind, our.help, their.kind, their.help
            ));
        }
        if !unexpected.is_empty() || !their.labels.is_subset(&our.labels) {
            wrong.push(format!("{name}: labels {:?} / {:?}", our.labels, their.labels));
        }
    }
    assert!(wrong.is_empty(), "ours / theirs:\n{}", wrong.join("\n"));
}

/// Where data handed to the project is, outside of the repository.
fn shared(path: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(3)?;
    Some(root.join("shared").join(path)).filter(|path| path.exists())
}

#[test]
fn the_well_known_dashboard_finds_what_the_original_gives_it() {
    let path = shared("data/dashboards/node-exporter-full.json");
    let (Some(path), Some(original)) = (path, start_original()) else {
        eprintln!("skipped: host dashboard needs shared/data/dashboards and {ORIGINAL}");
        return;
    };
    let dashboard = std::fs::read_to_string(path).unwrap();
    let name = regex::Regex::new(r"\b(?:node|process)_[A-Za-z0-9_]+").unwrap();
    let asked: BTreeSet<&str> = name.find_iter(&dashboard).map(|found| found.as_str()).collect();
    assert!(asked.len() > 100, "the dashboard asks for {} metrics", asked.len());
    let theirs = read_text(&original.scrape());
    let ours = collect();
    let missing: Vec<&str> = asked
        .into_iter()
        .filter(|name| theirs.contains_key(*name) && !allowed(ALLOWED_MISSING, name))
        .filter(|name| ours.get(name).is_none())
        .collect();
    assert!(missing.is_empty(), "missing: {missing:?}");
}

#[test]
fn the_text_is_what_the_scraper_reads() {
    use vigie_formats::exposition::{Entry, Format, ParseOptions, Parser};
    let text = text_of(&collect());
    let options = ParseOptions::default();
    let mut parser = Parser::new(Format::PrometheusText, text.as_bytes(), options).unwrap();
    let mut keys = BTreeSet::new();
    while let Some(entry) = parser.next().unwrap() {
        if let Entry::Series(series) = entry {
            series.labels(&mut Vec::new()).unwrap();
            assert!(keys.insert(series.key().to_vec()), "a series is told twice");
        }
    }
    assert!(keys.len() > 100, "{} series", keys.len());
    assert!(CONTENT_TYPE.starts_with("text/plain; version=0.0.4"));
}

#[test]
fn no_root_gives_no_data_and_no_failure_of_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    let options = HostOptions {
        path_procfs: folder.path().join("proc"),
        path_sysfs: folder.path().join("sys"),
        path_rootfs: folder.path().to_owned(),
        process_metrics: false,
        ..HostOptions::default()
    };
    let host = Host::new(options, World::real());
    let families = host.collect();
    let success = families.get("node_scrape_collector_success").unwrap();
    assert_eq!(success.samples.len(), host.enabled_collectors().len());
    let of = |name: &str| success.samples.iter().find(|one| one.labels[0].1 == name).unwrap().value;
    assert_eq!(of("meminfo"), 0.0);
    assert_eq!(of("uname"), 1.0);
}

#[test]
fn a_request_chooses_collectors() {
    let mut options = HostOptions { process_metrics: false, ..HostOptions::default() };
    options.enable("arp", false);
    let host = Host::new(options, World::real());
    let families = host.collect_selected(&["loadavg"], &[]).unwrap();
    assert!(families.get("node_load1").is_some());
    assert!(families.get("node_memory_MemTotal_bytes").is_none());
    let families = host.collect_selected(&[], &["loadavg"]).unwrap();
    assert!(families.get("node_load1").is_none());
    assert!(families.get("node_memory_MemTotal_bytes").is_some());
    let refused =
        |only: &[&str], without: &[&str]| host.collect_selected(only, without).unwrap_err();
    assert_eq!(refused(&["x"], &[]), HostError::MissingCollector("x".into()));
    assert_eq!(refused(&["arp"], &[]), HostError::DisabledCollector("arp".into()));
    assert_eq!(refused(&["cpu"], &["stat"]), HostError::CollectAndExclude);
}

#[test]
fn default_filters_are_well_formed() {
    let options = HostOptions::default();
    for filter in [
        &options.disks,
        &options.mount_points,
        &options.file_system_types,
        &options.network_classes,
        &options.netstat_fields,
        &options.vmstat_fields,
    ] {
        assert!(filter.is_set());
    }
    assert!(options.disks.ignores("nvme0n1p1"));
    assert!(!options.disks.ignores("nvme0n1"));
    assert!(options.mount_points.ignores("/var/lib/docker/overlay2/x"));
    assert!(!options.mount_points.ignores("/"));
}
