//! `time`: the clock, its zone and its sources.

use super::{CollectError, Context, Families};
use crate::host::reader;

#[expect(clippy::unnecessary_wraps, reason = "the shape of a collector")]
pub(super) fn collect(context: &Context<'_>, out: &mut Families) -> Result<(), CollectError> {
    let now_ms = context.world.clock.now_ms();
    let help = "System time in seconds since epoch (1970).";
    out.gauge("node_time_seconds", help, &[], now_ms as f64 / 1000.0);
    let zone = jiff::tz::TimeZone::system();
    if let Ok(now) = jiff::Timestamp::from_millisecond(now_ms) {
        let info = zone.to_offset_info(now);
        out.gauge(
            "node_time_zone_offset_seconds",
            "System time zone offset in seconds.",
            &[("time_zone", info.abbreviation())],
            f64::from(info.offset().seconds()),
        );
    }
    let folder = context.options.sys("devices/system/clocksource");
    for name in reader::names_or_none(&folder) {
        let Some(device) = name.strip_prefix("clocksource") else { continue };
        let folder = folder.join(&name);
        let text = |file| reader::attribute(&folder, file).unwrap_or_default();
        for clock in text("available_clocksource").split_whitespace() {
            out.gauge(
                "node_time_clocksource_available_info",
                "Available clocksources read from '/sys/devices/system/clocksource'.",
                &[("device", device), ("clocksource", clock)],
                1.0,
            );
        }
        out.gauge(
            "node_time_clocksource_current_info",
            "Current clocksource read from '/sys/devices/system/clocksource'.",
            &[("device", device), ("clocksource", &text("current_clocksource"))],
            1.0,
        );
    }
    Ok(())
}
