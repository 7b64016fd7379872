//! How many spans one span stands for, and how large it is.

use vigie_model::span::{AttributeValue, Span, SpanBatch};

/// Thresholds are fractions of this.
const THRESHOLD_ONE: f64 = (1_u64 << 56) as f64;
/// A threshold has at most so many hexadecimal digits.
const THRESHOLD_DIGITS: usize = 14;

/// How many calls a span with this trace state stands for: 1, unless the sender sampled and said
/// so. OpenTelemetry's member `ot` holds `th`, the threshold below which spans were dropped, as up
/// to 14 hexadecimal digits with trailing zeros left out; older senders wrote `p`, the exponent of
/// the probability 2^-p.
pub(crate) fn of_trace_state(state: &str) -> f64 {
    let Some(member) = state.split(',').find_map(|member| member.trim().strip_prefix("ot=")) else {
        return 1.0;
    };
    for field in member.split(';') {
        let weight = match field.split_once(':') {
            Some(("th", digits)) => of_threshold(digits),
            Some(("p", exponent)) => {
                exponent.parse::<u8>().ok().filter(|p| *p < 63).map(|p| 2_f64.powi(i32::from(p)))
            }
            _ => None,
        };
        if let Some(weight) = weight {
            return weight;
        }
    }
    1.0
}

fn of_threshold(digits: &str) -> Option<f64> {
    if digits.is_empty() || digits.len() > THRESHOLD_DIGITS {
        return None;
    }
    let value = u64::from_str_radix(digits, 16).ok()?;
    let threshold = value << (4 * (THRESHOLD_DIGITS - digits.len()));
    Some(THRESHOLD_ONE / (THRESHOLD_ONE - threshold as f64))
}

/// About how many bytes `span` has on the wire, with its attributes, events and links, as if it
/// had come as OTLP. Tempo counts the protobuf's bytes; here no protobuf need have been there.
pub(crate) fn bytes_of(batch: &SpanBatch, span: &Span) -> f64 {
    // Ids, times, kind, status, and the tags and lengths around them.
    const FIXED: usize = 64;
    let attributes = |range: &std::ops::Range<u32>| -> usize {
        batch
            .attributes_of(range)
            .iter()
            .map(|one| {
                let value = match one.value {
                    AttributeValue::Text(text)
                    | AttributeValue::Bytes(text)
                    | AttributeValue::List(text)
                    | AttributeValue::Map(text) => batch.text(text).len(),
                    AttributeValue::Bool(_) => 1,
                    AttributeValue::Integer(_) => 4,
                    AttributeValue::Float(_) => 8,
                };
                // Four tags and four lengths.
                batch.text(one.key).len() + value + 8
            })
            .sum()
    };
    let own = batch.text(span.name).len()
        + batch.text(span.trace_state).len()
        + batch.text(span.status_message).len()
        + attributes(&span.attributes);
    let events: usize = batch
        .events_of(span)
        .iter()
        .map(|event| 13 + batch.text(event.name).len() + attributes(&event.attributes))
        .sum();
    let links: usize =
        batch.links_of(span).iter().map(|link| 30 + attributes(&link.attributes)).sum();
    (FIXED + own + events + links) as f64
}

#[cfg(test)]
mod tests {
    use super::of_trace_state;

    #[test]
    fn sampled_spans_stand_for_those_left_out() {
        for (state, expected) in [
            ("", 1.0),
            ("vendor=x", 1.0),
            // Half, three quarters, and 1 % as the OpenTelemetry specification gives it.
            ("ot=th:8", 2.0),
            ("vendor=x, ot=rv:abcdef01234567;th:c", 4.0),
            ("ot=th:0", 1.0),
            ("ot=p:3;r:5", 8.0),
            // What cannot be read counts once.
            ("ot=th:", 1.0),
            ("ot=th:xyz", 1.0),
            ("ot=th:123456789012345", 1.0),
            ("ot=p:63", 1.0),
        ] {
            assert_eq!(of_trace_state(state), expected, "{state}");
        }
        assert!((of_trace_state("ot=th:fd70a4") - 100.0).abs() < 0.01);
    }
}
