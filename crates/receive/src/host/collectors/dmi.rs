//! `dmi`: who made the machine.

use super::{CollectError, Context, Families};
use crate::host::reader;

/// Labels; each is a file of class/dmi/id, but `system_vendor` is `sys_vendor`.
const LABELS: [&str; 20] = [
    "bios_date",
    "bios_release",
    "bios_vendor",
    "bios_version",
    "board_asset_tag",
    "board_name",
    "board_serial",
    "board_vendor",
    "board_version",
    "chassis_asset_tag",
    "chassis_serial",
    "chassis_vendor",
    "chassis_version",
    "product_family",
    "product_name",
    "product_serial",
    "product_sku",
    "product_uuid",
    "product_version",
    "system_vendor",
];

pub(super) fn collect(context: &Context<'_>, out: &mut Families) -> Result<(), CollectError> {
    let folder = context.options.sys("class/dmi/id");
    if !reader::exists(&folder) {
        return Err(CollectError::NoData);
    }
    let values = LABELS.map(|label| {
        let file = if label == "system_vendor" { "sys_vendor" } else { label };
        (label, reader::attribute(&folder, file))
    });
    let labels: Vec<(&'static str, &str)> = values
        .iter()
        .filter_map(|(label, value)| value.as_deref().map(|value| (*label, value)))
        .collect();
    out.gauge(
        "node_dmi_info",
        format!(
            "A metric with a constant '1' value labeled by {} if provided by DMI.",
            LABELS.join(", ")
        ),
        &labels,
        1.0,
    );
    Ok(())
}
