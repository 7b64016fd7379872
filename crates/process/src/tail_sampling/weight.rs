//! What a kept trace stands for, written into its trace state as OpenTelemetry's samplers do.

use vigie_model::span::TraceId;

use crate::span_metrics::weight_of;

/// Thresholds are fractions of this.
const ONE: u64 = 1 << 56;

/// `state` of a span of `trace`, when a trace like it is kept with `probability`. What the sender
/// sampled before is multiplied in. The member `ot` holds the threshold (`th`), below which
/// randomness is sampled away, and randomness above it (`rv`), as the trace's id was not what
/// decided.
pub(super) fn restated(state: &str, trace: TraceId, probability: f64) -> String {
    let before = weight_of(state).max(1.0);
    let kept = (probability / before).clamp(1.0 / ONE as f64, 1.0);
    let threshold = (((1.0 - kept) * ONE as f64) as u64).min(ONE - 1);
    let digits = format!("{threshold:014x}");
    let digits = digits.trim_end_matches('0');
    let low = trace.0.iter().skip(9).fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
    let randomness = threshold + low % (ONE - threshold);
    let mut ot =
        format!("ot=th:{};rv:{randomness:014x}", if digits.is_empty() { "0" } else { digits });
    let mut rest = String::new();
    for member in state.split(',').map(str::trim).filter(|member| !member.is_empty()) {
        match member.strip_prefix("ot=") {
            Some(fields) => {
                let others = fields.split(';').filter(|field| {
                    !["th:", "rv:", "p:", "r:"].iter().any(|known| field.starts_with(known))
                });
                others.filter(|field| !field.is_empty()).for_each(|field| {
                    ot.push(';');
                    ot.push_str(field);
                });
            }
            None => {
                rest.push(',');
                rest.push_str(member);
            }
        }
    }
    ot + &rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_told_and_multiplied() {
        let trace = TraceId::parse("0af7651916cd43dd8448eb211c80319c").unwrap();
        for (state, probability, weight, rest) in [
            ("", 0.5, 2.0, ""),
            ("vendor=x", 0.25, 4.0, ",vendor=x"),
            ("vendor=x,ot=th:8;rv:ffffffffffffff;k:v", 0.1, 20.0, ";k:v,vendor=x"),
            ("ot=p:3", 1.0, 8.0, ""),
        ] {
            let told = restated(state, trace, probability);
            assert!((weight_of(&told) / weight - 1.0).abs() < 1e-9, "{state}: {told}");
            assert!(told.ends_with(rest), "{told}");
            // Randomness is never below the threshold: the span is one that is kept.
            let fields = told.strip_prefix("ot=th:").unwrap();
            let (threshold, rv) = fields.split_once(";rv:").unwrap();
            let padded = format!("{threshold:0<14}");
            assert!(rv[..14] >= *padded, "{told}");
        }
    }
}
