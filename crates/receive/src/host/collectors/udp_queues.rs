//! `udp_queues`: bytes waiting in UDP sockets.

use super::{CollectError, Context, Families};
use crate::host::reader;

pub(super) fn collect(context: &Context<'_>, out: &mut Families) -> Result<(), CollectError> {
    let mut found = false;
    for (file, version) in [("net/udp", "v4"), ("net/udp6", "v6")] {
        let Ok(text) = reader::read(&context.options.proc(file)) else { continue };
        found = true;
        let (transmit, receive) = parse(&text);
        for (queue, bytes) in [("tx", transmit), ("rx", receive)] {
            out.gauge(
                "node_udp_queues",
                "Number of allocated memory in the kernel for UDP datagrams in bytes.",
                &[("queue", queue), ("ip", version)],
                bytes as f64,
            );
        }
    }
    if found { Ok(()) } else { Err(CollectError::NoData) }
}

/// Sums of the fifth column, `tx_queue:rx_queue` in hexadecimal.
fn parse(text: &str) -> (u64, u64) {
    let queues = |line: &str| {
        let (transmit, receive) = line.split_whitespace().nth(4)?.split_once(':')?;
        let bytes = |text| u64::from_str_radix(text, 16).ok();
        Some((bytes(transmit)?, bytes(receive)?))
    };
    text.lines().skip(1).filter_map(queues).fold((0, 0), |(transmit, receive), line| {
        (transmit.saturating_add(line.0), receive.saturating_add(line.1))
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn queues_are_summed() {
        let text = "  sl  local_address rem_address   st tx_queue rx_queue tr\n\
            \x20  0: 0A000005:0016 00000000:0000 0A 00000015:00000000 00:00000000 0\n\
            \x20  1: 00000000:0016 00000000:0000 0A 00000001:00000002 00:00000000 0\n";
        assert_eq!(super::parse(text), (22, 2));
    }
}
