//! `hwmon`: temperatures, fans, voltages and other sensors.
//!
//! See the kernel's Documentation/hwmon/sysfs-interface.rst for files and their units.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use super::{CollectError, Context, Families};
use crate::host::family::Kind::{self, Counter, Gauge};
use crate::host::reader;

/// Kinds of sensor that are told of.
const SENSOR_KINDS: [&str; 14] = [
    "vrm",
    "beep_enable",
    "update_interval",
    "in",
    "cpu",
    "fan",
    "pwm",
    "temp",
    "curr",
    "power",
    "energy",
    "humidity",
    "intrusion",
    "freq",
];

/// A sensor's elements: file contents by what follows the number in the file's name.
type Elements = BTreeMap<String, String>;

pub(super) fn collect(context: &Context<'_>, out: &mut Families) -> Result<(), CollectError> {
    let folder = context.options.sys("class/hwmon");
    let mut chips = Vec::new();
    for name in reader::names_or_no_data(&folder)? {
        let folder = folder.join(&name);
        if folder.is_dir()
            && let Some(base) = chip_name(&folder)
        {
            let own = clean(&reader::attribute(&folder, "name").unwrap_or_default());
            chips.push((folder, base, own, clean(&name)));
        }
    }
    let mut bases: HashMap<&str, u32> = HashMap::new();
    let mut owns: HashMap<(&str, &str), u32> = HashMap::new();
    for (_, base, own, _) in &chips {
        *bases.entry(base).or_default() += 1;
        *owns.entry((base, own)).or_default() += 1;
    }
    for (folder, base, own, entry) in &chips {
        // Two chips of one device are told apart by their own names, or else by their entries.
        let chip = if bases.get(base.as_str()) == Some(&1) {
            base.clone()
        } else if own.is_empty() || owns.get(&(base.as_str(), own.as_str())) != Some(&1) {
            format!("{base}_{entry}")
        } else {
            format!("{base}_{own}")
        };
        if !context.options.hwmon_chips.ignores(&chip) {
            add_chip(context, folder, &chip, own, out);
        }
    }
    Ok(())
}

/// A name that stays the same when modules load in another order: bus and device, or else the
/// chip's own name, or else its entry.
fn chip_name(folder: &Path) -> Option<String> {
    if let Ok(device) = folder.join("device").canonicalize() {
        let part = |path: Option<&Path>| {
            clean(&path.and_then(Path::file_name).unwrap_or_default().to_string_lossy())
        };
        let (device, bus) = (part(Some(&device)), part(device.parent()));
        if !device.is_empty() {
            return Some(if bus.is_empty() { device } else { format!("{bus}_{device}") });
        }
    }
    let own = clean(&reader::attribute(folder, "name").unwrap_or_default());
    if !own.is_empty() {
        return Some(own);
    }
    let entry = folder.canonicalize().ok()?;
    let entry = clean(&entry.file_name()?.to_string_lossy());
    (!entry.is_empty()).then_some(entry)
}

/// Lower case, with `_` for whatever a metric's name cannot hold, and none around.
fn clean(name: &str) -> String {
    let valid = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == ':' || c == '_';
    let lower = name.to_lowercase();
    let cleaned: String = lower.chars().map(|c| if valid(c) { c } else { '_' }).collect();
    cleaned.trim_matches('_').to_owned()
}

/// `temp1_crit_alarm`: kind, number and element.
fn explode(name: &str) -> Option<(&str, u32, &str)> {
    let end = name.find(|c: char| c.is_ascii_digit()).unwrap_or(name.len());
    let (kind, rest) = name.split_at(end);
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let (number, rest) = rest.split_at(end);
    let number = if number.is_empty() { 0 } else { number.parse().ok()? };
    let element = match rest {
        "" => "",
        rest => rest.strip_prefix('_').filter(|element| !element.is_empty())?,
    };
    SENSOR_KINDS.contains(&kind).then_some((kind, number, element))
}

fn add_chip(context: &Context<'_>, folder: &Path, chip: &str, own: &str, out: &mut Families) {
    let mut sensors: BTreeMap<(String, u32), Elements> = BTreeMap::new();
    // Older drivers put their files into the device's folder.
    let folders: [PathBuf; 2] = [folder.to_owned(), folder.join("device")];
    for folder in &folders {
        for name in reader::names_or_none(folder) {
            if let Some((kind, number, element)) = explode(&name)
                && let Some(value) = reader::attribute(folder, &name)
            {
                let sensor = sensors.entry((kind.to_owned(), number)).or_default();
                sensor.insert(element.to_owned(), value);
            }
        }
    }
    if !own.is_empty() {
        out.gauge(
            "node_hwmon_chip_names",
            "Annotation metric for human-readable chip names",
            &[("chip", chip), ("chip_name", own)],
            1.0,
        );
    }
    for ((kind, number), elements) in &sensors {
        let sensor = format!("{kind}{number}");
        if !context.options.hwmon_sensors.ignores(&format!("{chip};{sensor}")) {
            add_sensor(chip, kind, &sensor, elements, out);
        }
    }
}

fn add_sensor(chip: &str, kind: &str, sensor: &str, elements: &Elements, out: &mut Families) {
    if let Some(label) = elements.get("label") {
        out.gauge(
            "node_hwmon_sensor_label",
            "Label for given chip and sensor",
            &[("chip", chip), ("sensor", sensor), ("label", label)],
            1.0,
        );
    }
    let labels = [("chip", chip), ("sensor", sensor)];
    let whole = elements.get("").and_then(|value| value.parse::<f64>().ok());
    match (kind, whole) {
        ("beep_enable", _) => {
            let on = f64::from(u8::from(whole == Some(1.0)));
            return out.gauge("node_hwmon_beep_enabled", "Hardware beep enabled", &labels, on);
        }
        ("vrm", Some(value)) => {
            let help = "Hardware voltage regulator";
            return out.gauge("node_hwmon_voltage_regulator_version", help, &labels, value);
        }
        ("update_interval", Some(value)) => {
            let help = "Hardware monitor update interval";
            let name = "node_hwmon_update_interval_seconds";
            return out.gauge(name, help, &labels, value * 0.001);
        }
        ("vrm" | "update_interval", None) => return,
        _ => {}
    }
    for (element, value) in elements.iter().filter(|one| one.0 != "label") {
        let Ok(value) = value.parse::<f64>() else { continue };
        if kind == "freq" && element == "input" {
            add_frequency(chip, elements, value, out);
            continue;
        }
        let both = elements.contains_key("");
        let (name, help, metric_kind, factor) = describe(kind, element, both);
        out.add(metric_kind, name, help, &labels, value * factor);
    }
}

fn add_frequency(chip: &str, elements: &Elements, value: f64, out: &mut Families) {
    if let Some(label) = elements.get("label") {
        out.gauge(
            "node_hwmon_freq_freq_mhz",
            "Hardware monitor for GPU frequency in MHz",
            &[("chip", chip), ("sensor", &clean(label))],
            value / 1e6,
        );
    }
}

/// Name, help, kind and factor of an element. `both`: the sensor has a value and an `input`.
fn describe(kind: &str, element: &str, both: bool) -> (String, String, Kind, f64) {
    let mut name = format!("node_hwmon_{kind}");
    if element == "input" && both {
        name.push_str("_input");
    } else if !element.is_empty() && element != "input" {
        name.push('_');
        name.push_str(&clean(element));
    }
    let (unit, help, metric_kind, factor) = match (kind, element) {
        (_, "fault" | "alarm") => {
            ("", format!("Hardware sensor {element} status ({kind})"), Gauge, 1.0)
        }
        (_, "beep") => {
            ("_enabled", "Hardware monitor sensor has beeping enabled".to_owned(), Gauge, 1.0)
        }
        ("in" | "cpu", _) => {
            ("_volts", format!("Hardware monitor for voltage ({element})"), Gauge, 0.001)
        }
        ("temp", element) if element != "type" => {
            let element = if element.is_empty() { "input" } else { element };
            ("_celsius", format!("Hardware monitor for temperature ({element})"), Gauge, 0.001)
        }
        ("curr", _) => ("_amps", format!("Hardware monitor for current ({element})"), Gauge, 0.001),
        ("energy", _) => (
            "_joule_total",
            format!("Hardware monitor for joules used so far ({element})"),
            Counter,
            1e-6,
        ),
        ("power", "accuracy") => {
            ("", "Hardware monitor power meter accuracy, as a ratio".to_owned(), Gauge, 1e-6)
        }
        ("power", "average_interval" | "average_interval_min" | "average_interval_max") => (
            "_seconds",
            format!("Hardware monitor power usage update interval ({element})"),
            Gauge,
            0.001,
        ),
        ("power", _) => {
            ("_watt", format!("Hardware monitor for power usage in watts ({element})"), Gauge, 1e-6)
        }
        ("humidity", _) => (
            "",
            format!(
                "Hardware monitor for humidity, as a ratio (multiply with 100.0 to get the \
                 humidity as a percentage) ({element})"
            ),
            Gauge,
            1e-6,
        ),
        ("fan", "input" | "min" | "max" | "target") => {
            let help = format!("Hardware monitor for fan revolutions per minute ({element})");
            ("_rpm", help, Gauge, 1.0)
        }
        _ => ("", format!("Hardware monitor {kind} element {element}"), Gauge, 1.0),
    };
    name.push_str(unit);
    (name, help, metric_kind, factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files() {
        assert_eq!(explode("temp1_crit_alarm"), Some(("temp", 1, "crit_alarm")));
        assert_eq!(explode("pwm2"), Some(("pwm", 2, "")));
        assert_eq!(explode("beep_enable"), Some(("beep_enable", 0, "")));
        assert_eq!(explode("uevent"), None);
        assert_eq!(explode("temp1x"), None);
    }

    #[test]
    fn units() {
        let name = |kind, element| describe(kind, element, false).0;
        assert_eq!(name("temp", "input"), "node_hwmon_temp_celsius");
        assert_eq!(name("temp", "crit_alarm"), "node_hwmon_temp_crit_alarm_celsius");
        assert_eq!(name("fan", "alarm"), "node_hwmon_fan_alarm");
        assert_eq!(name("fan", "input"), "node_hwmon_fan_rpm");
        assert_eq!(name("in", "beep"), "node_hwmon_in_beep_enabled");
        assert_eq!(name("energy", "input"), "node_hwmon_energy_joule_total");
        assert_eq!(clean("AMD GPU-0 "), "amd_gpu_0");
    }
}
