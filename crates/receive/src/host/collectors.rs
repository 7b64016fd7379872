//! The collectors, by the original's names.

use vigie_world::World;

use super::error::CollectError;
use super::family::Families;
use super::memory::Memory;
use super::options::HostOptions;

pub(super) use cpu::TICKS_PER_SECOND;
pub(super) use ipvs::BACKEND_LABELS;

mod arp;
mod bcache;
mod bcachefs;
mod bonding;
mod btrfs;
mod conntrack;
mod cpu;
mod cpufreq;
mod diskstats;
mod dmi;
mod dmmultipath;
mod edac;
mod fibrechannel;
mod filesystem;
mod hwmon;
mod infiniband;
mod ipvs;
mod kernel;
mod loadavg;
mod mdadm;
mod meminfo;
mod netclass;
mod netdev;
mod netstat;
mod nfs;
mod nvme;
mod os;
mod power;
mod pressure;
mod schedstat;
mod sockstat;
mod softnet;
mod stat;
mod tape;
mod textfile;
mod thermal;
mod time;
mod timex;
mod udp_queues;
mod uname;
mod vmstat;
mod watchdog;
mod xfs;
mod zfs;

/// What a collector may ask.
#[derive(Debug)]
pub(super) struct Context<'a> {
    /// Where to look and what to leave out.
    pub options: &'a HostOptions,
    /// What is kept between two looks.
    pub memory: &'a Memory,
    /// What time it is.
    pub world: &'a World,
}

type Collect = fn(&Context<'_>, &mut Families) -> Result<(), CollectError>;

/// One collector.
#[derive(Debug)]
pub(super) struct Collector {
    /// Its name, in flags and in the `collector` label.
    pub name: &'static str,
    /// Whether it runs when nothing is said.
    pub by_default: bool,
    /// Looks, and adds what it finds.
    pub collect: Collect,
}

const fn on(name: &'static str, collect: Collect) -> Collector {
    Collector { name, by_default: true, collect }
}

/// All collectors, by name.
pub(super) const COLLECTORS: &[Collector] = &[
    on("arp", arp::collect),
    on("bcache", bcache::collect),
    on("bcachefs", bcachefs::collect),
    on("bonding", bonding::collect),
    on("btrfs", btrfs::collect),
    on("conntrack", conntrack::collect),
    on("cpu", cpu::collect),
    on("cpufreq", cpufreq::collect),
    on("diskstats", diskstats::collect),
    on("dmi", dmi::collect),
    on("dmmultipath", dmmultipath::collect),
    on("edac", edac::collect),
    on("entropy", kernel::collect_entropy),
    on("fibrechannel", fibrechannel::collect),
    on("filefd", kernel::collect_filefd),
    on("filesystem", filesystem::collect),
    on("hwmon", hwmon::collect),
    on("infiniband", infiniband::collect),
    on("ipvs", ipvs::collect),
    on("kernel_hung", kernel::collect_kernel_hung),
    on("loadavg", loadavg::collect),
    on("mdadm", mdadm::collect),
    on("meminfo", meminfo::collect),
    on("netclass", netclass::collect),
    on("netdev", netdev::collect),
    on("netstat", netstat::collect),
    on("nfs", nfs::collect_client),
    on("nfsd", nfs::collect_server),
    on("nvme", nvme::collect),
    on("os", os::collect),
    on("powersupplyclass", power::collect_supplies),
    on("pressure", pressure::collect),
    on("rapl", power::collect_rapl),
    on("schedstat", schedstat::collect),
    on("selinux", kernel::collect_selinux),
    on("sockstat", sockstat::collect),
    on("softnet", softnet::collect),
    on("stat", stat::collect),
    on("tapestats", tape::collect),
    on("textfile", textfile::collect),
    on("thermal_zone", thermal::collect),
    on("time", time::collect),
    on("timex", timex::collect),
    on("udp_queues", udp_queues::collect),
    on("uname", uname::collect),
    on("vmstat", vmstat::collect),
    on("watchdog", watchdog::collect),
    on("xfs", xfs::collect),
    on("zfs", zfs::collect),
];
