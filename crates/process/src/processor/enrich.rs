//! Processors that add what is known besides the event.

use std::net::IpAddr;

use vigie_language::filebeat::Section;
use vigie_language::yaml::ConfigError;
use vigie_model::event::{Event, Object, Value};
use vigie_world::World;

use super::{ProcessorContext, Step, access};

type Built = Result<Box<dyn Step>, ConfigError>;

/// Adds the same to every event.
#[derive(Debug)]
struct Add {
    /// Where; empty: at the root.
    target: String,
    object: Object,
}

pub(super) fn add_fields(section: &mut Section<'_>, default: &str) -> Built {
    let object = section.object("fields")?;
    // An empty text is the root, nothing at all the default.
    let target = section.text("target")?.unwrap_or_else(|| default.to_owned());
    Ok(Box::new(Add { target, object }))
}

pub(super) fn add_labels(section: &mut Section<'_>) -> Built {
    fn flatten(prefix: &str, object: Object, flat: &mut Object) {
        for (key, value) in object {
            let name = if prefix.is_empty() { key } else { format!("{prefix}.{key}") };
            match value {
                Value::Object(inner) => flatten(&name, inner, flat),
                value => flat.push(name, value),
            }
        }
    }
    let mut flat = Object::new();
    flatten("", section.object("labels")?, &mut flat);
    Ok(Box::new(Add { target: "labels".to_owned(), object: flat }))
}

impl Step for Add {
    fn apply(&self, event: &mut Event) -> bool {
        let mut all = self.object.clone();
        if !self.target.is_empty() {
            let mut wrapped = Object::new();
            access::put(&mut wrapped, &self.target, Value::Object(all));
            all = wrapped;
        }
        access::merge(&mut event.fields, all, true);
        true
    }
}

#[derive(Debug)]
struct AddTags {
    target: String,
    tags: Vec<String>,
}

pub(super) fn add_tags(section: &mut Section<'_>) -> Built {
    let target = section.text("target")?.filter(|target| !target.is_empty());
    let tags = section.texts("tags")?;
    Ok(Box::new(AddTags { target: target.unwrap_or_else(|| "tags".to_owned()), tags }))
}

impl Step for AddTags {
    fn apply(&self, event: &mut Event) -> bool {
        let mut all = match access::get(event, &self.target) {
            Some(Value::List(items)) => items.clone(),
            Some(Value::String(one)) => vec![Value::from(one.clone())],
            _ => Vec::new(),
        };
        all.extend(self.tags.iter().map(|tag| Value::from(tag.clone())));
        access::set(event, &self.target, Value::List(all));
        true
    }
}

#[derive(Debug)]
struct AddId {
    target: String,
    world: World,
}

pub(super) fn add_id(section: &mut Section<'_>, context: &ProcessorContext) -> Built {
    section.ignore(&["type"]);
    let target = section.text("target_field")?.unwrap_or_else(|| "@metadata._id".to_owned());
    Ok(Box::new(AddId { target, world: context.world.clone() }))
}

impl Step for AddId {
    fn apply(&self, event: &mut Event) -> bool {
        let bits = (u128::from(self.world.random.next_u64()) << 64)
            | u128::from(self.world.random.next_u64());
        access::set(event, &self.target, Value::String(format!("{bits:032x}")));
        true
    }
}

/// What this host is, as the Elastic Common Schema names it.
pub(super) fn add_host(section: &mut Section<'_>, context: &ProcessorContext) -> Built {
    section.ignore(&["cache", "replace_fields"]);
    let with_addresses = section.boolean("netinfo.enabled", true)?;
    let mut netinfo = section.object("netinfo")?;
    let with_addresses =
        with_addresses && !matches!(netinfo.remove("enabled"), Some(Value::Boolean(false)));
    let read = |path: &str| {
        let bytes = context.world.disk.read(std::path::Path::new(path)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).trim().to_owned()
    };
    let mut host = Object::new();
    let name = read("/proc/sys/kernel/hostname");
    host.push("hostname", Value::from(name.clone()));
    host.push("name", Value::from(section.text("name")?.unwrap_or(name)));
    host.push("architecture", Value::from(std::env::consts::ARCH));
    let id = read("/etc/machine-id");
    if !id.is_empty() {
        host.push("id", Value::from(id));
    }
    let release = read("/etc/os-release");
    let part = |name: &str| {
        let line = release.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        line.unwrap_or_default().trim_matches('"').to_owned()
    };
    let mut os = Object::new();
    os.push("type", Value::from("linux"));
    for (field, value) in [
        ("platform", part("ID")),
        ("family", part("ID_LIKE")),
        ("name", part("NAME")),
        ("version", part("VERSION")),
        ("codename", part("VERSION_CODENAME")),
        ("kernel", read("/proc/sys/kernel/osrelease")),
    ] {
        if !value.is_empty() {
            os.push(field, Value::from(value));
        }
    }
    host.push("os", Value::Object(os));
    if with_addresses {
        let addresses = addresses(&read("/proc/net/fib_trie"));
        if !addresses.is_empty() {
            host.push("ip", Value::List(addresses.into_iter().map(Value::from).collect()));
        }
    }
    let geo = section.object("geo")?;
    if !geo.is_empty() {
        host.push("geo", Value::Object(geo));
    }
    let mut object = Object::new();
    object.push("host", Value::Object(host));
    Ok(Box::new(Add { target: String::new(), object }))
}

/// The host's own addresses in the kernel's table of routes, loopback left out.
fn addresses(table: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut before = "";
    for line in table.lines() {
        let line = line.trim();
        if line.starts_with("/32 host LOCAL") {
            let text = before.trim_start_matches(['|', '+', '-', ' ']);
            let is_own = text.parse().is_ok_and(|address: IpAddr| !address.is_loopback());
            if is_own && !found.iter().any(|known| known == text) {
                found.push(text.to_owned());
            }
        }
        before = line;
    }
    found
}

#[derive(Debug)]
struct AddLocale {
    is_offset: bool,
}

pub(super) fn add_locale(section: &mut Section<'_>) -> Built {
    let is_offset = section.text("format")?.as_deref() != Some("abbreviation");
    Ok(Box::new(AddLocale { is_offset }))
}

impl Step for AddLocale {
    fn apply(&self, event: &mut Event) -> bool {
        let zone = jiff::tz::TimeZone::system();
        let time_ns = event.time_ns().unwrap_or(0);
        let Ok(time) = jiff::Timestamp::from_nanosecond(i128::from(time_ns)) else { return true };
        let information = zone.to_offset_info(time);
        let text = if self.is_offset {
            let seconds = information.offset().seconds();
            let sign = if seconds < 0 { '-' } else { '+' };
            let minutes = seconds.abs() / 60;
            format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60)
        } else {
            information.abbreviation().to_owned()
        };
        access::put(&mut event.fields, "event.timezone", Value::from(text));
        true
    }
}

#[derive(Debug)]
struct AddKubernetes;

/// What the name of a container's log tells: `POD_NAMESPACE_CONTAINER-ID.log`, or the folder
/// `NAMESPACE_POD_UID/CONTAINER/N.log`.
pub(super) fn add_kubernetes(section: &mut Section<'_>) -> Box<dyn Step> {
    let names: Vec<&str> = section.names().collect();
    section.ignore(&names);
    Box::new(AddKubernetes)
}

impl Step for AddKubernetes {
    fn apply(&self, event: &mut Event) -> bool {
        let path = access::get(event, "log.file.path").and_then(Value::as_str);
        let Some(found) = path.and_then(of_path) else { return true };
        let mut all = Object::new();
        for (name, value) in found {
            access::put(&mut all, name, Value::from(value));
        }
        access::merge(&mut event.fields, all, true);
        true
    }
}

fn of_path(path: &str) -> Option<Vec<(&'static str, String)>> {
    if let Some((_, rest)) = path.split_once("/pods/") {
        let mut parts = rest.split('/');
        let (pod, container) = (parts.next()?, parts.next()?);
        let mut names = pod.splitn(3, '_');
        let (namespace, name, uid) = (names.next()?, names.next()?, names.next()?);
        return Some(vec![
            ("kubernetes.namespace", namespace.to_owned()),
            ("kubernetes.pod.name", name.to_owned()),
            ("kubernetes.pod.uid", uid.to_owned()),
            ("kubernetes.container.name", container.to_owned()),
        ]);
    }
    let (_, file) = path.rsplit_once('/')?;
    let mut names = file.strip_suffix(".log")?.splitn(3, '_');
    let (pod, namespace, rest) = (names.next()?, names.next()?, names.next()?);
    let (container, id) = rest.rsplit_once('-')?;
    Some(vec![
        ("kubernetes.namespace", namespace.to_owned()),
        ("kubernetes.pod.name", pod.to_owned()),
        ("kubernetes.container.name", container.to_owned()),
        ("container.id", id.to_owned()),
    ])
}
