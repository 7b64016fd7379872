//! `powersupplyclass` and `rapl`: batteries, and energy that the CPU used.

use super::{CollectError, Context, Families};
use crate::host::reader;

/// Files of a supply's folder, the metrics they become, and the factor between them.
/// See the kernel's Documentation/ABI/testing/sysfs-class-power.
const NUMBERS: &[(&str, &str, f64)] = &[
    ("authentic", "authentic", 1.0),
    ("calibrate", "calibrate", 1.0),
    ("capacity", "capacity", 1.0),
    ("capacity_alert_max", "capacity_alert_max", 1.0),
    ("capacity_alert_min", "capacity_alert_min", 1.0),
    ("cycle_count", "cyclecount", 1.0),
    ("online", "online", 1.0),
    ("present", "present", 1.0),
    ("time_to_empty_now", "time_to_empty_seconds", 1.0),
    ("time_to_full_now", "time_to_full_seconds", 1.0),
    ("current_boot", "current_boot", 1e-6),
    ("current_max", "current_max", 1e-6),
    ("current_now", "current_ampere", 1e-6),
    ("energy_empty", "energy_empty", 1e-6),
    ("energy_empty_design", "energy_empty_design", 1e-6),
    ("energy_full", "energy_full", 1e-6),
    ("energy_full_design", "energy_full_design", 1e-6),
    ("energy_now", "energy_watthour", 1e-6),
    ("voltage_boot", "voltage_boot", 1e-6),
    ("voltage_max", "voltage_max", 1e-6),
    ("voltage_max_design", "voltage_max_design", 1e-6),
    ("voltage_min", "voltage_min", 1e-6),
    ("voltage_min_design", "voltage_min_design", 1e-6),
    ("voltage_now", "voltage_volt", 1e-6),
    ("voltage_ocv", "voltage_ocv", 1e-6),
    ("charge_control_limit", "charge_control_limit", 1e-6),
    ("charge_control_limit_max", "charge_control_limit_max", 1e-6),
    ("charge_counter", "charge_counter", 1e-6),
    ("charge_empty", "charge_empty", 1e-6),
    ("charge_empty_design", "charge_empty_design", 1e-6),
    ("charge_full", "charge_full", 1e-6),
    ("charge_full_design", "charge_full_design", 1e-6),
    ("charge_now", "charge_ampere", 1e-6),
    ("charge_term_current", "charge_term_current", 1e-6),
    ("constant_charge_current", "constant_charge_current", 1e-6),
    ("constant_charge_current_max", "constant_charge_current_max", 1e-6),
    ("constant_charge_voltage", "constant_charge_voltage", 1e-6),
    ("constant_charge_voltage_max", "constant_charge_voltage_max", 1e-6),
    ("precharge_current", "precharge_current", 1e-6),
    ("input_current_limit", "input_current_limit", 1e-6),
    ("power_now", "power_watt", 1e-6),
    ("temp", "temp_celsius", 0.1),
    ("temp_alert_max", "temp_alert_max_celsius", 0.1),
    ("temp_alert_min", "temp_alert_min_celsius", 0.1),
    ("temp_ambient", "temp_ambient_celsius", 0.1),
    ("temp_ambient_max", "temp_ambient_max_celsius", 0.1),
    ("temp_ambient_min", "temp_ambient_min_celsius", 0.1),
    ("temp_max", "temp_max_celsius", 0.1),
    ("temp_min", "temp_min_celsius", 0.1),
];

/// Files that become labels of the info metric, when they are there and not empty.
const WORDS: [&str; 11] = [
    "capacity_level",
    "charge_type",
    "health",
    "manufacturer",
    "model_name",
    "serial_number",
    "status",
    "technology",
    "type",
    "usb_type",
    "scope",
];

pub(super) fn collect_supplies(
    context: &Context<'_>,
    out: &mut Families,
) -> Result<(), CollectError> {
    let folder = context.options.sys("class/power_supply");
    for supply in reader::names_or_no_data(&folder)? {
        if context.options.power_supplies.ignores(&supply) {
            continue;
        }
        let folder = folder.join(&supply);
        for (file, name, factor) in NUMBERS {
            if let Some(value) = reader::number(&folder, file) {
                out.gauge(
                    format!("node_power_supply_{name}"),
                    format!("{name} value of /sys/class/power_supply/<power_supply>."),
                    &[("power_supply", &supply)],
                    // Divided, as the original does: the last digit is another when multiplied.
                    if *factor == 1.0 { value } else { value / (1.0 / factor).round() },
                );
            }
        }
        let words = WORDS.map(|word| (word, reader::attribute(&folder, word).unwrap_or_default()));
        let mut labels = vec![("power_supply", supply.as_str())];
        let words = words.iter().filter(|word| !word.1.is_empty());
        labels.extend(words.map(|(name, value)| (*name, value.as_str())));
        let help = "info of /sys/class/power_supply/<power_supply>.";
        out.gauge("node_power_supply_info", help, &labels, 1.0);
    }
    Ok(())
}

pub(super) fn collect_rapl(context: &Context<'_>, out: &mut Families) -> Result<(), CollectError> {
    let folder = context.options.sys("class/powercap");
    for entry in reader::names_or_no_data(&folder)? {
        let folder = folder.join(&entry);
        let Some(name) = reader::attribute(&folder, "name") else { continue };
        if !reader::exists(&folder.join("energy_uj")) {
            continue;
        }
        // Since a side channel was found in it, only root may read the energy.
        let energy = reader::read_or_no_data(&folder.join("energy_uj"))?;
        let joules = reader::parse_integer(energy.trim())
            .ok_or_else(|| CollectError::parse("energy_uj", &energy))?
            / 1e6;
        let (zone, index) = zone_of(&name);
        let path = folder.to_string_lossy();
        let labels = [("index", index), ("path", &path), ("rapl_zone", zone)];
        if context.options.rapl_zone_label {
            out.counter("node_rapl_joules_total", "Current RAPL value in joules", &labels, joules);
        } else {
            let metric: String =
                zone.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
            let help = format!("Current RAPL {zone} value in joules");
            let name = format!("node_rapl_{metric}_joules_total");
            out.counter(name, help, labels.get(..2).unwrap_or_default(), joules);
        }
    }
    Ok(())
}

/// `package-1` is zone `package`, index 1; a name without a number has index 0.
fn zone_of(name: &str) -> (&str, &str) {
    match name.rsplit_once('-') {
        Some((zone, index)) if index.parse::<u32>().is_ok() => (zone, index),
        _ => (name, "0"),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn zones() {
        assert_eq!(super::zone_of("package-1"), ("package", "1"));
        assert_eq!(super::zone_of("core"), ("core", "0"));
        assert_eq!(super::zone_of("package-0-die-1"), ("package-0-die", "1"));
    }
}
