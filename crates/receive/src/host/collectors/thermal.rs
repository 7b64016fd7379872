//! `thermal_zone`: temperatures and cooling devices that the kernel manages.

use super::{CollectError, Context, Families};
use crate::host::reader;

#[expect(clippy::unnecessary_wraps, reason = "the shape of a collector")]
pub(super) fn collect(context: &Context<'_>, out: &mut Families) -> Result<(), CollectError> {
    let folder = context.options.sys("class/thermal");
    for entry in reader::names_or_none(&folder) {
        let folder = folder.join(&entry);
        let kind = || reader::attribute(&folder, "type").unwrap_or_default();
        if let Some(zone) = entry.strip_prefix("thermal_zone") {
            // A zone that is switched off refuses to be read; the others still count.
            if let Some(temperature) = reader::number(&folder, "temp") {
                out.gauge(
                    "node_thermal_zone_temp",
                    "Zone temperature in Celsius",
                    &[("zone", zone), ("type", &kind())],
                    temperature / 1000.0,
                );
            }
        } else if let Some(name) = entry.strip_prefix("cooling_device") {
            for (file, metric, help) in [
                (
                    "cur_state",
                    "node_cooling_device_cur_state",
                    "Current throttle state of the cooling device",
                ),
                (
                    "max_state",
                    "node_cooling_device_max_state",
                    "Maximum throttle state of the cooling device",
                ),
            ] {
                if let Some(state) = reader::number(&folder, file) {
                    out.gauge(metric, help, &[("name", name), ("type", &kind())], state);
                }
            }
        }
    }
    Ok(())
}
