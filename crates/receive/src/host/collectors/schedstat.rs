//! `schedstat`: what the scheduler did on each CPU.

use super::{CollectError, Context, Families};
use crate::host::reader;

pub(super) fn collect(context: &Context<'_>, out: &mut Families) -> Result<(), CollectError> {
    let text = reader::read_or_no_data(&context.options.proc("schedstat"))?;
    for line in text.lines() {
        let Some((cpu, [running, waiting, slices])) = parse(line) else { continue };
        let labels = [("cpu", cpu)];
        out.counter(
            "node_schedstat_running_seconds_total",
            "Number of seconds CPU spent running a process.",
            &labels,
            running / 1e9,
        );
        out.counter(
            "node_schedstat_waiting_seconds_total",
            "Number of seconds spent by processing waiting for this CPU.",
            &labels,
            waiting / 1e9,
        );
        out.counter(
            "node_schedstat_timeslices_total",
            "Number of timeslices executed by CPU.",
            &labels,
            slices,
        );
    }
    Ok(())
}

/// `cpu0 498494191 0 3533438552 2553969831 3853684107 2465731542 2045936778163 343796328169361
/// 4767485306`: the last three are nanoseconds running, waiting, and slices.
fn parse(line: &str) -> Option<(&str, [f64; 3])> {
    let mut fields = line.split_whitespace();
    let cpu = fields.next()?.strip_prefix("cpu")?;
    let mut values = fields.skip(6).map_while(|field| field.parse().ok());
    Some((cpu, [values.next()?, values.next()?, values.next()?]))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_last_three_columns() {
        let line = "cpu0 1 0 3 4 5 6 2045936778163 343796328169361 4767485306";
        let expected = ("0", [2_045_936_778_163.0, 343_796_328_169_361.0, 4_767_485_306.0]);
        assert_eq!(super::parse(line), Some(expected));
        assert_eq!(super::parse("domain0 00000000,00000003 1 2"), None);
    }
}
