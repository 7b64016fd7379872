//! `edac`: errors that memory controllers found.

use std::path::Path;

use super::{CollectError, Context, Families};
use crate::host::reader;

/// The two kinds of error: first letters of the files, word of the metrics.
const KINDS: [(&str, &str); 2] = [("ce", "correctable"), ("ue", "uncorrectable")];

pub(super) fn collect(context: &Context<'_>, out: &mut Families) -> Result<(), CollectError> {
    let folder = context.options.sys("devices/system/edac/mc");
    for name in reader::names_or_none(&folder) {
        if let Some(controller) = numbered(&name, "mc") {
            add_controller(&folder.join(&name), controller, out)?;
        }
    }
    Ok(())
}

fn numbered<'a>(name: &'a str, prefix: &str) -> Option<&'a str> {
    name.strip_prefix(prefix).filter(|number| number.parse::<u32>().is_ok())
}

fn add_controller(folder: &Path, controller: &str, out: &mut Families) -> Result<(), CollectError> {
    for (letters, kind) in KINDS {
        out.counter(
            format!("node_edac_{kind}_errors_total"),
            format!("Total {kind} memory errors."),
            &[("controller", controller)],
            count(folder, &format!("{letters}_count"))?,
        );
        let unknown = count(folder, &format!("{letters}_noinfo_count"))?;
        add_row(kind, controller, "unknown", unknown, out);
    }
    for name in reader::names_or_none(folder) {
        if let Some(row) = numbered(&name, "csrow") {
            let folder = folder.join(&name);
            for (letters, kind) in KINDS {
                let errors = count(&folder, &format!("{letters}_count"))?;
                add_row(kind, controller, row, errors, out);
            }
            add_channels(&folder, controller, row, out);
        }
    }
    Ok(())
}

fn count(folder: &Path, file: &str) -> Result<f64, CollectError> {
    let text = reader::read(&folder.join(file))?;
    reader::parse_integer(text.trim()).ok_or_else(|| CollectError::parse("edac", &text))
}

fn add_row(kind: &str, controller: &str, row: &str, errors: f64, out: &mut Families) {
    out.counter(
        format!("node_edac_csrow_{kind}_errors_total"),
        format!("Total {kind} memory errors for this csrow."),
        &[("controller", controller), ("csrow", row)],
        errors,
    );
}

fn add_channels(folder: &Path, controller: &str, row: &str, out: &mut Families) {
    for name in reader::names_or_none(folder) {
        let channel = name.strip_prefix("ch").and_then(|rest| rest.strip_suffix("_ce_count"));
        let Some(channel) = channel else { continue };
        let label = reader::attribute(folder, &format!("ch{channel}_dimm_label"));
        let label = label.map_or_else(|| "unknown".to_owned(), |label| clean_label(&label));
        for (letters, kind) in KINDS {
            if let Some(errors) = reader::number(folder, &format!("ch{channel}_{letters}_count")) {
                out.counter(
                    format!("node_edac_channel_{kind}_errors_total"),
                    format!("Total {kind} memory errors for this channel."),
                    &[
                        ("controller", controller),
                        ("csrow", row),
                        ("channel", channel),
                        ("dimm_label", &label),
                    ],
                    errors,
                );
            }
        }
    }
}

/// `CPU#0Channel#1`, `mc#0csrow#1channel#0`: the original's form of a DIMM's label.
fn clean_label(label: &str) -> String {
    label.replace('#', "").replace("csrow", "_csrow").replace("channel", "_channel")
}
