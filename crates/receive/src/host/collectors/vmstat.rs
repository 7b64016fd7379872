//! `vmstat`: paging.

use super::{CollectError, Context, Families};
use crate::host::family::Kind;
use crate::host::reader;

pub(super) fn collect(context: &Context<'_>, out: &mut Families) -> Result<(), CollectError> {
    let text = reader::read(&context.options.proc("vmstat"))?;
    for line in text.lines() {
        let mut fields = line.split_whitespace();
        let (Some(field), Some(value)) = (fields.next(), fields.next()) else { continue };
        if context.options.vmstat_fields.ignores(field) {
            continue;
        }
        let value = value.parse().map_err(|_| CollectError::parse("vmstat", line))?;
        let help = format!("/proc/vmstat information field {field}.");
        out.add(Kind::Untyped, format!("node_vmstat_{field}"), help, &[], value);
    }
    Ok(())
}
