//! Ranges of IPv4 addresses, as expressions over addresses as they are written.

use vigie_store::logs::{LogFilter, LogTest};

use crate::search::schema::Field;

/// `10.1.0.0/16` as an expression on addresses as they are written.
pub(super) fn network(field: &Field, text: &str) -> Option<LogFilter> {
    let (base, bits) = text.split_once('/')?;
    let bits: u32 = bits.parse().ok().filter(|bits| *bits <= 32)?;
    let base = u32::from(base.parse::<std::net::Ipv4Addr>().ok()?);
    let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
    Some(addresses(field, base & mask, base | !mask))
}

/// Between two addresses.
pub(super) fn address_range(
    field: &Field,
    from: Option<&(String, bool)>,
    to: Option<&(String, bool)>,
) -> LogFilter {
    let read = |end: Option<&(String, bool)>| {
        end.and_then(|(text, _)| text.parse::<std::net::Ipv4Addr>().ok()).map(u32::from)
    };
    let open = |end: Option<&(String, bool)>| end.is_some_and(|(_, is_in)| !is_in);
    let low = read(from).map_or(0, |n| n.saturating_add(u32::from(open(from))));
    let high = read(to).map_or(u32::MAX, |n| n.saturating_sub(u32::from(open(to))));
    addresses(field, low, high)
}

/// All addresses between two, as an expression over their four numbers.
fn addresses(field: &Field, low: u32, high: u32) -> LogFilter {
    if low > high {
        return LogFilter::None;
    }
    let expression = address_expression(&low.to_be_bytes(), &high.to_be_bytes());
    LogFilter::field(field.path.clone(), LogTest::Matches(expression))
}

fn address_expression(low: &[u8], high: &[u8]) -> String {
    let (Some((first, low_rest)), Some((last, high_rest))) =
        (low.split_first(), high.split_first())
    else {
        return String::new();
    };
    let dot = if low_rest.is_empty() { "" } else { "\\." };
    if first == last {
        return format!("{first}{dot}{}", address_expression(low_rest, high_rest));
    }
    let (least, most) = (vec![0; low_rest.len()], vec![255; low_rest.len()]);
    let mut choices = Vec::new();
    let is_whole = low_rest.iter().all(|n| *n == 0) && high_rest.iter().all(|n| *n == 255);
    let (mut from, mut to) = (*first, *last);
    if !is_whole {
        choices.push(format!("{first}{dot}{}", address_expression(low_rest, &most)));
        choices.push(format!("{last}{dot}{}", address_expression(&least, high_rest)));
        (from, to) = (first.saturating_add(1), last.saturating_sub(1));
    }
    if from <= to {
        let between: Vec<String> = (from..=to).map(|n| n.to_string()).collect();
        let between = if (from, to) == (0, 255) {
            "[0-9]+".to_owned()
        } else {
            format!("(?:{})", between.join("|"))
        };
        let rest =
            if low_rest.is_empty() { String::new() } else { "\\.[0-9]+".repeat(low_rest.len()) };
        choices.push(format!("{between}{rest}"));
    }
    format!("(?:{})", choices.join("|"))
}
