//! What to look at and where: the original's settings with the original's defaults.

use std::path::{Path, PathBuf};

use super::collectors::{BACKEND_LABELS, COLLECTORS};
use super::filter::Filter;

/// Mount points left out by default. From node_exporter 1.12.
const MOUNT_POINTS_EXCLUDED: &str =
    "^/(dev|proc|run/credentials/.+|sys|var/lib/docker/.+|var/lib/containers/storage/.+)($|/)";
/// File system types left out by default. From node_exporter 1.12.
const FILE_SYSTEM_TYPES_EXCLUDED: &str = "^(autofs|binfmt_misc|bpf|cgroup2?|configfs|debugfs|devpts|devtmpfs|fusectl|hugetlbfs|iso9660|mqueue|nsfs|overlay|proc|procfs|pstore|rpc_pipefs|securityfs|selinuxfs|squashfs|erofs|sysfs|tracefs)$";
/// Block devices left out by default. From node_exporter 1.12.
const DISKS_EXCLUDED: &str = r"^(z?ram|loop|fd|(h|s|v|xv)d[a-z]|nvme\d+n\d+p)\d+$";
/// Fields of /proc/net/{netstat,snmp,snmp6} taken by default. From node_exporter 1.12.
const NETSTAT_FIELDS: &str = "^(.*_(InErrors|InErrs)|Ip_Forwarding|Ip(6|Ext)_(InOctets|OutOctets)|Icmp6?_(InMsgs|OutMsgs)|TcpExt_(Listen.*|Syncookies.*|TCPSynRetrans|TCPTimeouts|TCPOFOQueue|TCPRcvQDrop)|Tcp_(ActiveOpens|InSegs|OutSegs|OutRsts|PassiveOpens|RetransSegs|CurrEstab)|Udp6?_(InDatagrams|OutDatagrams|NoPorts|RcvbufErrors|SndbufErrors))$";
/// Fields of /proc/vmstat taken by default. From node_exporter 1.12.
const VMSTAT_FIELDS: &str = "^(oom_kill|pgpg|pswp|pg.*fault).*";

/// What to look at and where.
#[derive(Debug, Clone)]
pub struct HostOptions {
    /// Where procfs is.
    pub path_procfs: PathBuf,
    /// Where sysfs is.
    pub path_sysfs: PathBuf,
    /// Where the host's root file system is.
    pub path_rootfs: PathBuf,
    /// Where udev keeps what it knows of devices.
    pub path_udev_data: PathBuf,
    /// Collectors that run, by name.
    pub(super) enabled: Vec<&'static str>,
    /// Patterns of folders with text files to pass on.
    pub textfile_directories: Vec<String>,
    /// Devices of the arp collector.
    pub arp_devices: Filter,
    /// Devices of the diskstats collector.
    pub disks: Filter,
    /// Mount points of the filesystem collector.
    pub mount_points: Filter,
    /// Types of the filesystem collector.
    pub file_system_types: Filter,
    /// How long a mount point may take to answer before it counts as stuck.
    pub mount_timeout_ms: u64,
    /// Chips of the hwmon collector.
    pub hwmon_chips: Filter,
    /// Sensors of the hwmon collector, as `chip;sensor`.
    pub hwmon_sensors: Filter,
    /// Devices of the infiniband collector.
    pub infiniband: Filter,
    /// Labels of backends of the ipvs collector.
    pub ipvs_labels: Vec<String>,
    /// Devices of the netclass collector.
    pub network_classes: Filter,
    /// Leaves out link speeds below zero.
    pub ignore_invalid_speed: bool,
    /// Devices of the netdev collector.
    pub network_devices: Filter,
    /// One metric for each of the kernel's counters instead of the sums of /proc/net/dev.
    pub detailed_network_metrics: bool,
    /// Adds the device's alias as a label.
    pub network_alias_label: bool,
    /// Fields of the netstat collector.
    pub netstat_fields: Filter,
    /// Fields of the vmstat collector.
    pub vmstat_fields: Filter,
    /// Supplies of the powersupplyclass collector.
    pub power_supplies: Filter,
    /// Devices of the tapestats collector.
    pub tapes: Filter,
    /// Time that CPUs gave to guests.
    pub cpu_guest: bool,
    /// What CPUs there are.
    pub cpu_info: bool,
    /// CPU flags to tell of.
    pub cpu_flags: Filter,
    /// CPU bugs to tell of.
    pub cpu_bugs: Filter,
    /// Soft interrupts by vector.
    pub stat_softirq: bool,
    /// One RAPL metric with a label for the zone.
    pub rapl_zone_label: bool,
    /// Metrics of this process.
    pub process_metrics: bool,
}

impl Default for HostOptions {
    fn default() -> Self {
        let enabled = COLLECTORS.iter().filter(|one| one.by_default).map(|one| one.name).collect();
        Self {
            path_procfs: PathBuf::from("/proc"),
            path_sysfs: PathBuf::from("/sys"),
            path_rootfs: PathBuf::from("/"),
            path_udev_data: PathBuf::from("/run/udev/data"),
            enabled,
            textfile_directories: Vec::new(),
            arp_devices: Filter::default(),
            disks: Filter::default_excluding(DISKS_EXCLUDED),
            mount_points: Filter::default_excluding(MOUNT_POINTS_EXCLUDED),
            file_system_types: Filter::default_excluding(FILE_SYSTEM_TYPES_EXCLUDED),
            mount_timeout_ms: 5_000,
            hwmon_chips: Filter::default(),
            hwmon_sensors: Filter::default(),
            infiniband: Filter::default(),
            ipvs_labels: BACKEND_LABELS.map(str::to_owned).to_vec(),
            network_classes: Filter::default_excluding("^$"),
            ignore_invalid_speed: false,
            network_devices: Filter::default(),
            detailed_network_metrics: false,
            network_alias_label: false,
            netstat_fields: Filter::default_including(NETSTAT_FIELDS),
            vmstat_fields: Filter::default_including(VMSTAT_FIELDS),
            power_supplies: Filter::default_excluding("^$"),
            tapes: Filter::default_excluding("^$"),
            cpu_guest: true,
            cpu_info: false,
            cpu_flags: Filter::default(),
            cpu_bugs: Filter::default(),
            stat_softirq: false,
            rapl_zone_label: false,
            process_metrics: true,
        }
    }
}

impl HostOptions {
    /// A path below procfs.
    pub(super) fn proc(&self, path: &str) -> PathBuf {
        self.path_procfs.join(path)
    }

    /// A path below sysfs.
    pub(super) fn sys(&self, path: &str) -> PathBuf {
        self.path_sysfs.join(path)
    }

    /// An absolute path of the host, below its root file system.
    pub(super) fn root(&self, path: &str) -> PathBuf {
        self.path_rootfs.join(path.trim_start_matches('/'))
    }

    /// A mount point as the host sees it.
    pub(super) fn without_root<'a>(&self, path: &'a str) -> &'a str {
        if self.path_rootfs == Path::new("/") {
            return path;
        }
        match path.strip_prefix(&*self.path_rootfs.to_string_lossy()) {
            Some("") => "/",
            Some(rest) if rest.starts_with('/') => rest,
            _ => path,
        }
    }

    /// Whether a collector runs.
    pub fn is_enabled(&self, collector: &str) -> bool {
        self.enabled.contains(&collector)
    }

    /// Switches a collector on or off. Whether there is one of that name.
    pub fn enable(&mut self, collector: &str, on: bool) -> bool {
        let Some(known) = COLLECTORS.iter().find(|one| one.name == collector) else {
            return false;
        };
        self.enabled.retain(|name| *name != collector);
        if on {
            self.enabled.push(known.name);
        }
        true
    }

    /// Switches all collectors off.
    pub fn disable_all(&mut self) {
        self.enabled.clear();
    }
}
