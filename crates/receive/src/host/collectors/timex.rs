//! `timex`: how well the kernel's clock is kept.

use super::{CollectError, Context, Families};
use crate::host::family::Kind::{self, Counter, Gauge};

/// Frequencies are in parts per million with 16 bits after the point.
const PPM_16_FRACTION: f64 = 1_000_000.0 * 65_536.0;
const MICROSECONDS: f64 = 1e6;
const NANOSECONDS: f64 = 1e9;

pub(super) fn collect(_: &Context<'_>, out: &mut Families) -> Result<(), CollectError> {
    let (state, timex) = ask_kernel()?;
    for (name, help, kind, value) in describe(state, &timex) {
        out.add(kind, format!("node_timex_{name}"), help, &[], value);
    }
    Ok(())
}

#[expect(unsafe_code, reason = "neither rustix nor nix has adjtimex; this is its only use")]
fn ask_kernel() -> Result<(i32, libc::timex), CollectError> {
    // SAFETY: all fields are integers, for which zeros are a value. No modes are set, so the
    // kernel only writes into this one struct, which outlives the call.
    let mut timex: libc::timex = unsafe { std::mem::zeroed() };
    // SAFETY: as above.
    let state = unsafe { libc::adjtimex(&raw mut timex) };
    if state >= 0 {
        return Ok((state, timex));
    }
    let source = std::io::Error::last_os_error();
    match source.kind() {
        // Containers may forbid the call.
        std::io::ErrorKind::PermissionDenied => Err(CollectError::NoData),
        _ => Err(CollectError::System { call: "adjtimex", source }),
    }
}

type Described = (&'static str, &'static str, Kind, f64);

fn describe(state: i32, timex: &libc::timex) -> Vec<Described> {
    let unit = if timex.status & libc::STA_NANO == 0 { MICROSECONDS } else { NANOSECONDS };
    let mut described = describe_clock(state, timex, unit);
    described.extend(describe_pulse(timex, unit));
    described
}

#[rustfmt::skip]
fn describe_clock(state: i32, timex: &libc::timex, unit: f64) -> Vec<Described> {
    let synchronized = f64::from(u8::from(state != libc::TIME_ERROR));
    vec![
        ("sync_status", "Is clock synchronized to a reliable server (1 = yes, 0 = no).", Gauge, synchronized),
        ("offset_seconds", "Time offset in between local system and reference clock.", Gauge, timex.offset as f64 / unit),
        ("frequency_adjustment_ratio", "Local clock frequency adjustment.", Gauge, 1.0 + timex.freq as f64 / PPM_16_FRACTION),
        ("maxerror_seconds", "Maximum error in seconds.", Gauge, timex.maxerror as f64 / MICROSECONDS),
        ("estimated_error_seconds", "Estimated error in seconds.", Gauge, timex.esterror as f64 / MICROSECONDS),
        ("status", "Value of the status array bits.", Gauge, f64::from(timex.status)),
        ("loop_time_constant", "Phase-locked loop time constant.", Gauge, timex.constant as f64),
        ("tick_seconds", "Seconds between clock ticks.", Gauge, timex.tick as f64 / MICROSECONDS),
        ("tai_offset_seconds", "International Atomic Time (TAI) offset.", Gauge, f64::from(timex.tai)),
    ]
}

#[rustfmt::skip]
fn describe_pulse(timex: &libc::timex, unit: f64) -> Vec<Described> {
    vec![
        ("pps_frequency_hertz", "Pulse per second frequency.", Gauge, timex.ppsfreq as f64 / PPM_16_FRACTION),
        ("pps_jitter_seconds", "Pulse per second jitter.", Gauge, timex.jitter as f64 / unit),
        ("pps_shift_seconds", "Pulse per second interval duration.", Gauge, f64::from(timex.shift)),
        ("pps_stability_hertz", "Pulse per second stability, average of recent frequency changes.", Gauge, timex.stabil as f64 / PPM_16_FRACTION),
        ("pps_jitter_total", "Pulse per second count of jitter limit exceeded events.", Counter, timex.jitcnt as f64),
        ("pps_calibration_total", "Pulse per second count of calibration intervals.", Counter, timex.calcnt as f64),
        ("pps_error_total", "Pulse per second count of calibration errors.", Counter, timex.errcnt as f64),
        ("pps_stability_exceeded_total", "Pulse per second count of stability limit exceeded events.", Counter, timex.stbcnt as f64),
    ]
}
