//! Node Exporter's flags.

use std::path::PathBuf;

use super::error::HostError;
use super::options::HostOptions;

/// What a command line of Node Exporter asks for.
#[derive(Debug, Clone)]
pub struct NodeExporterArguments {
    /// What to look at.
    pub options: HostOptions,
}

/// Reads flags as Node Exporter takes them; those of the listener are not among them.
pub fn parse_arguments(args: &[String]) -> Result<NodeExporterArguments, HostError> {
    let mut options = HostOptions::default();
    for arg in args {
        let flag = arg.trim_start_matches('-');
        let (name, value) = flag.split_once('=').map_or((flag, None), |(n, v)| (n, Some(v)));
        let path = || value.map(PathBuf::from).ok_or_else(|| HostError::MissingValue(name.into()));
        match name {
            "path.procfs" => options.path_procfs = path()?,
            "path.sysfs" => options.path_sysfs = path()?,
            "path.rootfs" => options.path_rootfs = path()?,
            "path.udev.data" => options.path_udev_data = path()?,
            "collector.disable-defaults" => options.disable_all(),
            _ => {
                let (collector, on) = match name.strip_prefix("no-collector.") {
                    Some(collector) => (collector, false),
                    None => (name.strip_prefix("collector.").unwrap_or(""), true),
                };
                if !options.enable(collector, on) {
                    return Err(HostError::UnknownFlag(name.into()));
                }
            }
        }
    }
    Ok(NodeExporterArguments { options })
}
