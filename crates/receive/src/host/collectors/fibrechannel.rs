//! `fibrechannel`: host bus adapters.

use super::{CollectError, Context, Families};
use crate::host::reader;

/// What firmware writes for a counter that it does not have: all bits set.
const NOT_COUNTED: f64 = u64::MAX as f64;

pub(super) fn collect(context: &Context<'_>, out: &mut Families) -> Result<(), CollectError> {
    let class = context.options.sys("class/fc_host");
    for host in reader::names_or_no_data(&class)? {
        let folder = class.join(&host);
        let text = |name: &str| reader::attribute(&folder, name).unwrap_or_default();
        // Identifiers are told without the 0x that sysfs writes.
        let identifier = |name: &str| text(name).trim_start_matches("0x").to_owned();
        let state = text("port_state");
        out.gauge(
            "node_fibrechannel_info",
            "Non-numeric data from /sys/class/fc_host/<host>, value is always 1.",
            &[
                ("fc_host", &host),
                ("speed", &text("speed")),
                ("port_state", &state),
                ("port_type", &text("port_type")),
                ("port_id", &identifier("port_id")),
                ("port_name", &identifier("port_name")),
                ("fabric_name", &identifier("fabric_name")),
                ("symbolic_name", &text("symbolic_name")),
                ("supported_classes", &text("supported_classes")),
                ("supported_speeds", &text("supported_speeds")),
                ("dev_loss_tmo", &text("dev_loss_tmo")),
            ],
            1.0,
        );
        // An adapter that is off has no statistics; all of them are told as 0.
        let is_off = state.is_empty() || state == "Unknown";
        let statistics = folder.join("statistics");
        for (file, name, help) in COUNTERS {
            let value = if is_off { Some(0.0) } else { reader::number(&statistics, file) };
            if let Some(value) = value.filter(|value| *value != NOT_COUNTED) {
                let name = format!("node_fibrechannel_{name}");
                out.counter(name, *help, &[("fc_host", &host)], value);
            }
        }
    }
    Ok(())
}

/// File, name and help.
const COUNTERS: &[(&str, &str, &str)] = &[
    ("dumped_frames", "dumped_frames_total", "Number of dumped frames"),
    ("error_frames", "error_frames_total", "Number of errors in frames"),
    ("invalid_crc_count", "invalid_crc_total", "Invalid Cyclic Redundancy Check count"),
    ("rx_frames", "rx_frames_total", "Number of frames received"),
    ("rx_words", "rx_words_total", "Number of words received by host port"),
    ("tx_frames", "tx_frames_total", "Number of frames transmitted by host port"),
    ("tx_words", "tx_words_total", "Number of words transmitted by host port"),
    (
        "seconds_since_last_reset",
        "seconds_since_last_reset_total",
        "Number of seconds since last host port reset",
    ),
    (
        "invalid_tx_word_count",
        "invalid_tx_words_total",
        "Number of invalid words transmitted by host port",
    ),
    ("link_failure_count", "link_failure_total", "Number of times the host port link has failed"),
    (
        "loss_of_sync_count",
        "loss_of_sync_total",
        "Number of failures on either bit or transmission word boundaries",
    ),
    ("loss_of_signal_count", "loss_of_signal_total", "Number of times signal has been lost"),
    ("nos_count", "nos_total", "Number Not_Operational Primitive Sequence received by host port"),
    ("fcp_packet_aborts", "fcp_packet_aborts_total", "Number of aborted packets"),
];
