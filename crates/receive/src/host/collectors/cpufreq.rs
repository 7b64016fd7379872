//! `cpufreq`: frequencies and governors of CPUs.

use super::{CollectError, Context, Families};
use crate::host::reader;

/// Files of a cpufreq folder (kHz), with the metric they become.
const FREQUENCIES: &[(&str, &str, &str)] = &[
    ("cpuinfo_cur_freq", "node_cpu_frequency_hertz", "Current CPU thread frequency in hertz."),
    ("cpuinfo_min_freq", "node_cpu_frequency_min_hertz", "Minimum CPU thread frequency in hertz."),
    ("cpuinfo_max_freq", "node_cpu_frequency_max_hertz", "Maximum CPU thread frequency in hertz."),
    ("cpuinfo_avg_freq", "node_cpu_frequency_avg_hertz", "Average CPU thread frequency in hertz."),
    (
        "scaling_cur_freq",
        "node_cpu_scaling_frequency_hertz",
        "Current scaled CPU thread frequency in hertz.",
    ),
    (
        "scaling_min_freq",
        "node_cpu_scaling_frequency_min_hertz",
        "Minimum scaled CPU thread frequency in hertz.",
    ),
    (
        "scaling_max_freq",
        "node_cpu_scaling_frequency_max_hertz",
        "Maximum scaled CPU thread frequency in hertz.",
    ),
];

#[expect(clippy::unnecessary_wraps, reason = "the shape of a collector")]
pub(super) fn collect(context: &Context<'_>, out: &mut Families) -> Result<(), CollectError> {
    let folder = context.options.sys("devices/system/cpu");
    for name in reader::names_or_none(&folder) {
        let Some(cpu) = name.strip_prefix("cpu").filter(|rest| rest.parse::<u32>().is_ok()) else {
            continue;
        };
        let folder = folder.join(&name).join("cpufreq");
        if !reader::exists(&folder) {
            continue;
        }
        for (file, metric, help) in FREQUENCIES {
            if let Some(kilohertz) = reader::number(&folder, file) {
                out.gauge(*metric, *help, &[("cpu", cpu)], kilohertz * 1000.0);
            }
        }
        let current = reader::attribute(&folder, "scaling_governor").unwrap_or_default();
        let all = reader::attribute(&folder, "scaling_available_governors").unwrap_or_default();
        for governor in all.split_whitespace() {
            out.gauge(
                "node_cpu_scaling_governor",
                "Current enabled CPU frequency governor.",
                &[("cpu", cpu), ("governor", governor)],
                f64::from(u8::from(governor == current)),
            );
        }
    }
    Ok(())
}
