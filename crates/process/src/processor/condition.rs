//! Conditions, ready to be asked.

use std::net::IpAddr;

use vigie_language::filebeat::{Condition, RangeTest};
use vigie_model::event::{Event, Value};

use super::access;
use crate::text;

/// A condition.
#[derive(Debug)]
pub(super) struct Test(Condition);

impl Test {
    pub(super) fn new(condition: &Condition) -> Self {
        Self(condition.clone())
    }

    /// Whether `event` passes.
    pub(super) fn holds(&self, event: &Event) -> bool {
        holds(&self.0, event)
    }
}

fn holds(condition: &Condition, event: &Event) -> bool {
    match condition {
        Condition::And(all) => all.iter().all(|one| holds(one, event)),
        Condition::Or(all) => all.iter().any(|one| holds(one, event)),
        Condition::Not(one) => !holds(one, event),
        Condition::HasFields(names) => names.iter().all(|name| access::get(event, name).is_some()),
        Condition::Equals(fields) => fields.iter().all(|(name, wanted)| {
            access::get(event, name).is_some_and(|value| is_equal(value, wanted))
        }),
        Condition::Contains(fields) => fields.iter().all(|(name, wanted)| {
            access::get(event, name)
                .is_some_and(|value| texts(value).iter().any(|text| text.contains(wanted.as_str())))
        }),
        Condition::Regexp(fields) => fields.iter().all(|(name, pattern)| {
            access::get(event, name)
                .is_some_and(|value| texts(value).iter().any(|text| pattern.is_match(text)))
        }),
        Condition::Range(tests) => tests.iter().all(|(name, test, bound)| {
            let number = match access::get(event, name) {
                Some(Value::Integer(number)) => *number as f64,
                Some(Value::Float(number)) => *number,
                Some(Value::String(text)) => match text.trim().parse() {
                    Ok(number) => number,
                    Err(_) => return false,
                },
                _ => return false,
            };
            match test {
                RangeTest::Less => number < *bound,
                RangeTest::LessEqual => number <= *bound,
                RangeTest::Greater => number > *bound,
                RangeTest::GreaterEqual => number >= *bound,
            }
        }),
        Condition::Network(fields) => fields.iter().all(|(name, networks)| {
            access::get(event, name).is_some_and(|value| {
                texts(value).iter().any(|text| {
                    text.parse()
                        .is_ok_and(|address| networks.iter().any(|network| is_in(address, network)))
                })
            })
        }),
    }
}

/// Numbers are equal to numbers in text, as configurations write both.
fn is_equal(value: &Value, wanted: &Value) -> bool {
    match (value, wanted) {
        (Value::Integer(a), Value::Float(b)) | (Value::Float(b), Value::Integer(a)) => {
            (*a as f64).total_cmp(b).is_eq()
        }
        (Value::String(text), Value::Integer(_) | Value::Float(_) | Value::Boolean(_)) => {
            *text == text::of_value(wanted)
        }
        _ => value == wanted,
    }
}

/// The text of a value, or the texts of a list.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::List(items) => items.iter().map(text::of_value).collect(),
        other => vec![text::of_value(other)],
    }
}

/// Whether an address is in a network, by CIDR or name.
fn is_in(address: IpAddr, network: &str) -> bool {
    let is_private = match address {
        IpAddr::V4(four) => four.is_private(),
        // fc00::/7
        IpAddr::V6(six) => six.segments().first().is_some_and(|first| first & 0xfe00 == 0xfc00),
    };
    let is_link_local = match address {
        IpAddr::V4(four) => four.is_link_local(),
        // fe80::/10
        IpAddr::V6(six) => six.segments().first().is_some_and(|first| first & 0xffc0 == 0xfe80),
    };
    match network {
        "loopback" => address.is_loopback(),
        "unspecified" => address.is_unspecified(),
        "multicast" => address.is_multicast(),
        "private" => is_private,
        "link_local_unicast" => is_link_local,
        "public" => {
            !is_private
                && !is_link_local
                && !address.is_loopback()
                && !address.is_unspecified()
                && !address.is_multicast()
        }
        "unicast" | "global_unicast" => {
            !address.is_multicast() && !address.is_unspecified() && !address.is_loopback()
        }
        cidr => in_cidr(address, cidr),
    }
}

fn in_cidr(address: IpAddr, cidr: &str) -> bool {
    let Some((base, length)) = cidr.split_once('/') else { return false };
    let (Ok(base), Ok(length)) = (base.parse::<IpAddr>(), length.parse::<u32>()) else {
        return false;
    };
    let bits = |address: IpAddr| match address {
        IpAddr::V4(four) => (u128::from(u32::from(four)) << 96, 32),
        IpAddr::V6(six) => (u128::from(six), 128),
    };
    let ((one, width), (other, base_width)) = (bits(address), bits(base));
    let mask = if length == 0 { 0 } else { u128::MAX << (128 - length.min(width)) };
    width == base_width && one & mask == other & mask
}
