//! `watchdog`: timers that restart the machine when it hangs.

use super::{CollectError, Context, Families};
use crate::host::reader;

/// Files of a watchdog's folder and the metrics they become.
const NUMBERS: &[(&str, &str)] = &[
    ("bootstatus", "bootstatus"),
    ("fw_version", "fw_version"),
    ("nowayout", "nowayout"),
    ("timeleft", "timeleft_seconds"),
    ("timeout", "timeout_seconds"),
    ("pretimeout", "pretimeout_seconds"),
    ("access_cs0", "access_cs0"),
];

pub(super) fn collect(context: &Context<'_>, out: &mut Families) -> Result<(), CollectError> {
    let folder = context.options.sys("class/watchdog");
    for name in reader::names_or_no_data(&folder)? {
        let folder = folder.join(&name);
        for (file, metric) in NUMBERS {
            if let Some(value) = reader::number(&folder, file) {
                out.gauge(
                    format!("node_watchdog_{metric}"),
                    format!("Value of /sys/class/watchdog/<watchdog>/{file}"),
                    &[("name", &name)],
                    value,
                );
            }
        }
        let text = |file| reader::attribute(&folder, file).unwrap_or_default();
        out.gauge(
            "node_watchdog_info",
            "Info of /sys/class/watchdog/<watchdog>",
            &[
                ("name", &name),
                ("options", &text("options")),
                ("identity", &text("identity")),
                ("state", &text("state")),
                ("status", &text("status")),
                ("pretimeout_governor", &text("pretimeout_governor")),
            ],
            1.0,
        );
    }
    Ok(())
}
