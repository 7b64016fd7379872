//! The original's command line.

use super::collectors::{BACKEND_LABELS, COLLECTORS};
use super::error::HostError;
use super::filter::Filter;
use super::options::HostOptions;

/// What `node_exporter`'s command line asks for.
#[derive(Debug, Clone)]
pub struct NodeExporterArguments {
    /// What to look at.
    pub options: HostOptions,
    /// Addresses to listen on, as given (`:9100` by default).
    pub listen_addresses: Vec<String>,
    /// Where metrics are shown.
    pub telemetry_path: String,
    /// Scrapes answered at one time; 0 is no limit.
    pub requests_max: u32,
    /// The web configuration file (TLS, users); empty is none.
    pub web_config_file: String,
    /// `debug`, `info`, `warn` or `error`.
    pub log_level: String,
    /// `logfmt` or `json`.
    pub log_format: String,
    /// Asked for the version only.
    pub version: bool,
    /// Asked for help only.
    pub help: bool,
    /// Flags of the original that have no effect here, to be told to the user.
    pub ignored: Vec<String>,
}

impl Default for NodeExporterArguments {
    fn default() -> Self {
        Self {
            options: HostOptions::default(),
            listen_addresses: Vec::new(),
            telemetry_path: "/metrics".to_owned(),
            requests_max: 40,
            web_config_file: String::new(),
            log_level: "info".to_owned(),
            log_format: "logfmt".to_owned(),
            version: false,
            help: false,
            ignored: Vec::new(),
        }
    }
}

type SetValue = fn(&mut NodeExporterArguments, &str) -> Result<(), String>;
type SetSwitch = fn(&mut NodeExporterArguments, bool);
type ChooseFilter = fn(&mut HostOptions) -> &mut Filter;

/// Flags with a value.
const VALUES: &[(&str, SetValue)] = &[
    ("path.procfs", |to, value| set(&mut to.options.path_procfs, value.into())),
    ("path.sysfs", |to, value| set(&mut to.options.path_sysfs, value.into())),
    ("path.rootfs", |to, value| set(&mut to.options.path_rootfs, value.into())),
    ("path.udev.data", |to, value| set(&mut to.options.path_udev_data, value.into())),
    ("web.listen-address", |to, value| {
        to.listen_addresses.push(value.to_owned());
        Ok(())
    }),
    ("web.telemetry-path", |to, value| set(&mut to.telemetry_path, value.to_owned())),
    ("web.config.file", |to, value| set(&mut to.web_config_file, value.to_owned())),
    ("web.max-requests", |to, value| {
        set(&mut to.requests_max, value.parse().map_err(|_| "no whole number".to_owned())?)
    }),
    ("log.level", |to, value| {
        one_of(value, &["debug", "info", "warn", "error"])?;
        set(&mut to.log_level, value.to_owned())
    }),
    ("log.format", |to, value| {
        one_of(value, &["logfmt", "json"])?;
        set(&mut to.log_format, value.to_owned())
    }),
    ("collector.textfile.directory", |to, value| {
        to.options.textfile_directories.push(value.to_owned());
        Ok(())
    }),
    ("collector.ipvs.backend-labels", |to, value| {
        let labels: Vec<String> =
            value.split(',').filter(|label| !label.is_empty()).map(str::to_owned).collect();
        match labels.iter().find(|label| !BACKEND_LABELS.contains(&label.as_str())) {
            Some(unknown) => Err(format!("unknown IPVS backend labels: {unknown:?}")),
            None => set(&mut to.options.ipvs_labels, labels),
        }
    }),
    ("collector.filesystem.mount-timeout", |to, value| {
        let duration = value.parse::<jiff::SignedDuration>().map_err(|error| error.to_string())?;
        set(
            &mut to.options.mount_timeout_ms,
            u64::try_from(duration.as_millis()).map_err(|_| "below zero".to_owned())?,
        )
    }),
];

/// Regular expressions: the flags to leave out and to take (either may be missing), and where
/// they go. The older names come after the newer.
const FILTERS: &[(&[&str], &[&str], ChooseFilter)] = &[
    (&["collector.arp.device-exclude"], &["collector.arp.device-include"], |to| {
        &mut to.arp_devices
    }),
    (
        &["collector.diskstats.device-exclude", "collector.diskstats.ignored-devices"],
        &["collector.diskstats.device-include"],
        |to| &mut to.disks,
    ),
    (
        &["collector.filesystem.mount-points-exclude", "collector.filesystem.ignored-mount-points"],
        &["collector.filesystem.mount-points-include"],
        |to| &mut to.mount_points,
    ),
    (
        &["collector.filesystem.fs-types-exclude", "collector.filesystem.ignored-fs-types"],
        &["collector.filesystem.fs-types-include"],
        |to| &mut to.file_system_types,
    ),
    (&["collector.hwmon.chip-exclude"], &["collector.hwmon.chip-include"], |to| {
        &mut to.hwmon_chips
    }),
    (&["collector.hwmon.sensor-exclude"], &["collector.hwmon.sensor-include"], |to| {
        &mut to.hwmon_sensors
    }),
    (&["collector.infiniband.device-exclude"], &["collector.infiniband.device-include"], |to| {
        &mut to.infiniband
    }),
    (&["collector.netclass.ignored-devices"], &[], |to| &mut to.network_classes),
    (
        &["collector.netdev.device-exclude", "collector.netdev.device-blacklist"],
        &["collector.netdev.device-include", "collector.netdev.device-whitelist"],
        |to| &mut to.network_devices,
    ),
    (&[], &["collector.netstat.fields"], |to| &mut to.netstat_fields),
    (&[], &["collector.vmstat.fields"], |to| &mut to.vmstat_fields),
    (&["collector.powersupply.ignored-supplies"], &[], |to| &mut to.power_supplies),
    (&["collector.tapestats.ignored-devices"], &[], |to| &mut to.tapes),
    (&[], &["collector.cpu.info.flags-include"], |to| &mut to.cpu_flags),
    (&[], &["collector.cpu.info.bugs-include"], |to| &mut to.cpu_bugs),
];

/// Flags that are on or off (`--x`, `--no-x`).
const SWITCHES: &[(&str, SetSwitch)] = &[
    ("collector.cpu.guest", |to, on| to.options.cpu_guest = on),
    ("collector.cpu.info", |to, on| to.options.cpu_info = on),
    ("collector.netclass.ignore-invalid-speed", |to, on| to.options.ignore_invalid_speed = on),
    ("collector.netdev.enable-detailed-metrics", |to, on| {
        to.options.detailed_network_metrics = on;
    }),
    ("collector.netdev.label-ifalias", |to, on| to.options.network_alias_label = on),
    ("collector.rapl.enable-zone-label", |to, on| to.options.rapl_zone_label = on),
    ("collector.stat.softirq", |to, on| to.options.stat_softirq = on),
    ("web.disable-exporter-metrics", |to, on| to.options.process_metrics = !on),
    ("version", |to, on| to.version = on),
    ("help", |to, on| to.help = on),
];

/// Collectors and switches of the original that are not here.
const IGNORED_SWITCHES: &[&str] = &[
    "collector.arp.netlink",
    "collector.bcache.priorityStats",
    "collector.buddyinfo",
    "collector.cgroups",
    "collector.cpu_vulnerabilities",
    "collector.drbd",
    "collector.drm",
    "collector.ethtool",
    "collector.interrupts",
    "collector.interrupts.include-zeros",
    "collector.ksmd",
    "collector.lnstat",
    "collector.logind",
    "collector.meminfo_numa",
    "collector.mountstats",
    "collector.netclass.netlink",
    "collector.netclass_rtnl.with-stats",
    "collector.netdev.address-info",
    "collector.netdev.netlink",
    "collector.network_route",
    "collector.ntp",
    "collector.ntp.server-is-local",
    "collector.nvmesubsystem",
    "collector.pcidevice",
    "collector.perf",
    "collector.processes",
    "collector.qdisc",
    "collector.runit",
    "collector.slabinfo",
    "collector.softirqs",
    "collector.supervisord",
    "collector.swap",
    "collector.sysctl",
    "collector.systemd",
    "collector.systemd.enable-restarts-metrics",
    "collector.systemd.enable-start-time-metrics",
    "collector.systemd.enable-task-metrics",
    "collector.systemd.private",
    "collector.tcpstat",
    "collector.wifi",
    "collector.xfrm",
    "collector.zoneinfo",
    "web.systemd-socket",
];

/// Beginnings of the original's flags with a value that are not here.
const IGNORED_VALUES: &[&str] = &[
    "collector.ethtool.",
    "collector.filesystem.stat-workers",
    "collector.interrupts.",
    "collector.ntp.",
    "collector.perf.",
    "collector.qdisc.",
    "collector.qdisk.",
    "collector.runit.",
    "collector.slabinfo.",
    "collector.supervisord.",
    "collector.sysctl.",
    "collector.systemd.unit-",
    "collector.wifi.",
    "runtime.gomaxprocs",
];

#[expect(clippy::unnecessary_wraps, reason = "the shape of the table's functions")]
fn set<T>(place: &mut T, value: T) -> Result<(), String> {
    *place = value;
    Ok(())
}

fn one_of(value: &str, allowed: &[&str]) -> Result<(), String> {
    if allowed.contains(&value) {
        Ok(())
    } else {
        Err(format!("must be one of {}", allowed.join(", ")))
    }
}

/// Reads the original's flags, without the program's name: `--flag=value` or `--flag value`,
/// `--switch` and `--no-switch`. Flags of collectors that are not here are kept in `ignored`.
pub fn parse_arguments<I, S>(arguments: I) -> Result<NodeExporterArguments, HostError>
where
    I: IntoIterator<Item = S>,
    S: AsRef<str>,
{
    let arguments: Vec<S> = arguments.into_iter().collect();
    let mut parsed = NodeExporterArguments::default();
    let mut given = Vec::new();
    // Whatever its place, this one comes before the collectors switched on by name.
    if arguments.iter().any(|one| one.as_ref() == "--collector.disable-defaults") {
        parsed.options.disable_all();
    }
    let mut arguments = arguments.iter().map(AsRef::as_ref);
    while let Some(argument) = arguments.next() {
        let Some(flag) = argument.strip_prefix("--").filter(|flag| !flag.is_empty()) else {
            match argument {
                "-h" => parsed.help = true,
                other => return Err(HostError::Unexpected(other.to_owned())),
            }
            continue;
        };
        let (name, value) = match flag.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (flag, None),
        };
        if apply_switch(&mut parsed, name, value)? {
            continue;
        }
        if !takes_value(name) {
            return Err(HostError::UnknownFlag(name.to_owned()));
        }
        let value = value.or_else(|| arguments.next());
        let value = value.ok_or_else(|| HostError::MissingValue(name.to_owned()))?;
        apply_value(&mut parsed, &mut given, name, value)?;
    }
    if parsed.listen_addresses.is_empty() {
        parsed.listen_addresses.push(":9100".to_owned());
    }
    Ok(parsed)
}

/// Whether `name` is a switch, then set.
fn apply_switch(
    parsed: &mut NodeExporterArguments,
    name: &str,
    value: Option<&str>,
) -> Result<bool, HostError> {
    let (name, mut on) = match name.strip_prefix("no-") {
        Some(name) => (name, false),
        None => (name, true),
    };
    let collector = name
        .strip_prefix("collector.")
        .and_then(|collector| COLLECTORS.iter().find(|one| one.name == collector));
    let switch = SWITCHES.iter().find(|switch| switch.0 == name);
    let ignored = name == "collector.disable-defaults" || IGNORED_SWITCHES.contains(&name);
    if collector.is_none() && switch.is_none() && !ignored {
        return Ok(false);
    }
    match value {
        None | Some("true") => {}
        Some("false") => on = !on,
        Some(other) => {
            return Err(HostError::InvalidValue {
                flag: name.to_owned(),
                value: other.to_owned(),
                reason: "must be true or false".to_owned(),
            });
        }
    }
    if let Some(collector) = collector {
        parsed.options.enable(collector.name, on);
    } else if let Some((_, set)) = switch {
        set(parsed, on);
    } else if on && name != "collector.disable-defaults" {
        parsed.ignored.push(name.to_owned());
    }
    Ok(true)
}

fn takes_value(name: &str) -> bool {
    VALUES.iter().any(|flag| flag.0 == name)
        || FILTERS
            .iter()
            .any(|(exclude, include, _)| exclude.contains(&name) || include.contains(&name))
        || IGNORED_VALUES.iter().any(|start| name.starts_with(start))
}

fn apply_value(
    parsed: &mut NodeExporterArguments,
    given: &mut Vec<&'static str>,
    name: &str,
    value: &str,
) -> Result<(), HostError> {
    let invalid = |reason: String| HostError::InvalidValue {
        flag: name.to_owned(),
        value: value.to_owned(),
        reason,
    };
    if let Some((_, set)) = VALUES.iter().find(|flag| flag.0 == name) {
        return set(parsed, value).map_err(invalid);
    }
    for (exclude, include, choose) in FILTERS {
        let (known, others, filter) = if let Some(known) = find(exclude, name) {
            (known, include, Filter::excluding(value))
        } else if let Some(known) = find(include, name) {
            (known, exclude, Filter::including(value))
        } else {
            continue;
        };
        if let Some(other) = given.iter().find(|flag| others.contains(flag)) {
            return Err(HostError::Exclusive((*other).to_owned(), name.to_owned()));
        }
        if !value.is_empty() {
            given.push(known);
        }
        *choose(&mut parsed.options) = filter.map_err(|error| invalid(error.to_string()))?;
        return Ok(());
    }
    parsed.ignored.push(name.to_owned());
    Ok(())
}

fn find(flags: &[&'static str], name: &str) -> Option<&'static str> {
    flags.iter().copied().find(|flag| *flag == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<NodeExporterArguments, HostError> {
        parse_arguments(line.split_whitespace())
    }

    #[test]
    fn a_unit_file_of_a_container() {
        let parsed = parse(
            "--path.procfs=/host/proc --path.sysfs /host/sys --path.rootfs=/rootfs \
             --no-collector.arp --collector.textfile.directory=/a \
             --collector.filesystem.mount-points-exclude=^/(sys|proc)($|/) \
             --web.listen-address=127.0.0.1:9101 --collector.systemd \
             --collector.filesystem.mount-timeout=2s --web.disable-exporter-metrics",
        )
        .unwrap();
        assert_eq!(parsed.options.path_sysfs.to_string_lossy(), "/host/sys");
        assert!(!parsed.options.is_enabled("arp"));
        assert!(parsed.options.is_enabled("cpu"));
        assert!(parsed.options.mount_points.ignores("/proc/x"));
        assert!(!parsed.options.mount_points.ignores("/dev"));
        assert_eq!(parsed.options.mount_timeout_ms, 2000);
        assert_eq!(parsed.listen_addresses, ["127.0.0.1:9101"]);
        assert_eq!(parsed.ignored, ["collector.systemd"]);
        assert!(!parsed.options.process_metrics);
    }

    #[test]
    fn only_what_is_named_when_defaults_are_off() {
        let parsed = parse("--collector.cpu --collector.disable-defaults").unwrap();
        assert!(parsed.options.is_enabled("cpu"));
        assert!(!parsed.options.is_enabled("arp"));
    }

    #[test]
    fn wrong_flags_are_refused() {
        assert_eq!(parse("--nonsense").unwrap_err(), HostError::UnknownFlag("nonsense".into()));
        assert_eq!(parse("--path.procfs").unwrap_err().kind(), "flag");
        assert!(matches!(parse("--log.level=loud"), Err(HostError::InvalidValue { .. })));
        assert!(matches!(
            parse("--collector.diskstats.device-exclude=("),
            Err(HostError::InvalidValue { .. })
        ));
        assert!(matches!(
            parse("--collector.netdev.device-exclude=a --collector.netdev.device-include=b"),
            Err(HostError::Exclusive(..))
        ));
        assert!(matches!(parse("stray"), Err(HostError::Unexpected(_))));
    }
}
