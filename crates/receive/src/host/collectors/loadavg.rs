//! `loadavg`: how many processes ran or waited.

use super::{CollectError, Context, Families};
use crate::host::reader;

pub(super) fn collect(context: &Context<'_>, out: &mut Families) -> Result<(), CollectError> {
    let text = reader::read(&context.options.proc("loadavg"))?;
    let loads: Vec<f64> =
        text.split_whitespace().take(3).filter_map(|field| field.parse().ok()).collect();
    let [one, five, fifteen] = loads[..] else {
        return Err(CollectError::parse("loadavg", &text));
    };
    out.gauge("node_load1", "1m load average.", &[], one);
    out.gauge("node_load5", "5m load average.", &[], five);
    out.gauge("node_load15", "15m load average.", &[], fifteen);
    Ok(())
}
