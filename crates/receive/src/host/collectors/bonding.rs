//! `bonding`: slaves of bonded network devices.

use super::{CollectError, Context, Families};
use crate::host::reader;

pub(super) fn collect(context: &Context<'_>, out: &mut Families) -> Result<(), CollectError> {
    let folder = context.options.sys("class/net");
    let masters = reader::read_or_no_data(&folder.join("bonding_masters"))?;
    for master in masters.split_whitespace() {
        let slaves = reader::attribute(&folder, &format!("{master}/bonding/slaves"));
        let slaves = slaves.unwrap_or_default();
        let states: Vec<String> = slaves
            .split_whitespace()
            .filter_map(|slave| {
                // Older kernels call the folder slave_X, newer ones lower_X.
                ["lower", "slave"].iter().find_map(|prefix| {
                    let name = format!("{master}/{prefix}_{slave}/bonding_slave/mii_status");
                    reader::attribute(&folder, &name)
                })
            })
            .collect();
        let active = states.iter().filter(|state| *state == "up").count();
        let labels = [("master", master)];
        out.gauge(
            "node_bonding_slaves",
            "Number of configured slaves per bonding interface.",
            &labels,
            slaves.split_whitespace().count() as f64,
        );
        out.gauge(
            "node_bonding_active",
            "Number of active slaves per bonding interface.",
            &labels,
            active as f64,
        );
    }
    Ok(())
}
