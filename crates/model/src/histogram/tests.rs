//! Histogram operations on small histograms whose answers can be worked out by hand.

use std::sync::Arc;

use super::*;

fn exponential(schema: i32, offset: i32, buckets: &[f64]) -> Histogram {
    Histogram {
        schema,
        count: buckets.iter().sum(),
        positive_spans: vec![Span { offset, length: buckets.len() as u32 }],
        positive_buckets: buckets.to_vec(),
        ..Histogram::default()
    }
}

fn custom(bounds: &[f64], buckets: &[f64]) -> Histogram {
    Histogram {
        schema: CUSTOM_BUCKETS_SCHEMA,
        custom_values: Some(Arc::from(bounds)),
        ..exponential(0, 0, buckets)
    }
}

#[test]
fn bounds_are_exact_at_powers_of_two_and_end_at_the_largest_float() {
    let bounds = |schema, index| buckets::exponential_bound(index, schema);
    assert_eq!(bounds(0, 0), 1.0);
    assert_eq!(bounds(0, -3), 0.125);
    assert_eq!(bounds(2, 8), 4.0);
    assert_eq!(bounds(2, 2), 2_f64.sqrt());
    assert_eq!(bounds(-4, 1), 65_536.0);
    assert_eq!(bounds(0, 1024), f64::MAX);
    assert_eq!(bounds(0, 1025), f64::INFINITY);
    assert_eq!(bounds(0, -1074), f64::from_bits(1));
    assert_eq!(bounds(-4, 64), f64::MAX);
}

#[test]
fn addition_brings_both_to_the_coarser_schema() {
    let mut sum = exponential(1, 1, &[1.0, 2.0, 3.0]); // (1,1.41], (1.41,2], (2,2.83]
    sum.add(&exponential(0, 1, &[10.0])).unwrap(); // (1,2]
    assert_eq!(sum.schema, 0);
    assert_eq!(sum.positive_buckets, [13.0, 3.0]);
    assert_eq!(sum.count, 16.0);
}

#[test]
fn a_wider_zero_bucket_swallows_the_buckets_it_cuts() {
    let mut sum = exponential(0, 0, &[1.0, 2.0, 4.0]); // (0.5,1], (1,2], (2,4]
    let other =
        Histogram { zero_threshold: 1.5, zero_count: 8.0, count: 8.0, ..Histogram::default() };
    sum.add(&other).unwrap();
    assert_eq!((sum.zero_threshold, sum.zero_count), (2.0, 11.0));
    assert_eq!(sum.positive_buckets, [4.0]);
}

#[test]
fn custom_bounds_that_differ_are_reduced_to_the_shared_ones() {
    let mut sum = custom(&[1.0, 2.0, 3.0], &[1.0, 1.0, 1.0, 1.0]);
    let combined = sum.add(&custom(&[2.0, 4.0], &[10.0, 10.0, 10.0])).unwrap();
    assert!(combined.bounds_reconciled);
    assert_eq!(sum.custom_values.as_deref(), Some(&[2.0][..]));
    assert_eq!(sum.positive_buckets, [12.0, 22.0]);
    assert_eq!(sum.add(&exponential(0, 0, &[1.0])), Err(IncompatibleHistograms));
}

#[test]
fn large_addends_that_cancel_leave_the_small_one() {
    let mut sum = HistogramSum::new(&exponential(0, 0, &[1.0]));
    sum.add(&exponential(0, 0, &[1e100])).unwrap();
    sum.subtract(&exponential(0, 0, &[1e100])).unwrap();
    assert_eq!(sum.total().positive_buckets, [1.0]);
    assert_eq!(sum.total().count, 1.0);
}

#[test]
fn contradicting_hints_are_told() {
    let with = |hint| Histogram { counter_reset_hint: hint, ..exponential(0, 0, &[1.0]) };
    let mut sum = with(CounterResetHint::CounterReset);
    let combined = sum.add(&with(CounterResetHint::NotCounterReset)).unwrap();
    assert!(combined.counter_reset_collision);
    assert_eq!(sum.counter_reset_hint, CounterResetHint::Unknown);
}

#[test]
fn resets_are_seen_through_changes_of_layout() {
    let fine = exponential(1, 1, &[1.0, 2.0, 3.0]);
    let coarse = exponential(0, 1, &[3.0, 3.0]);
    assert!(!coarse.detect_reset(&fine), "the same population at lower resolution");
    assert!(fine.detect_reset(&coarse), "resolution only grows by a restart");
    assert!(exponential(0, 1, &[2.0, 5.0]).detect_reset(&fine));
    assert!(exponential(0, 2, &[9.0]).detect_reset(&fine), "a populated bucket is gone");
    let shifted = custom(&[1.0, 2.5], &[1.0, 3.0, 0.0]);
    assert!(!shifted.detect_reset(&custom(&[1.0, 2.0], &[1.0, 1.0, 0.0])));
    assert!(shifted.detect_reset(&custom(&[1.0, 2.0], &[2.0, 0.0, 0.0])));
}

#[test]
fn quantiles_interpolate_by_the_kind_of_bucket() {
    let histogram = exponential(0, 1, &[4.0, 4.0]); // (1,2], (2,4]
    assert_eq!(histogram.quantile(0.25).value, 2_f64.sqrt());
    assert_eq!(histogram.quantile(0.75).value, 8_f64.sqrt());
    assert_eq!(histogram.quantile(-1.0).value, f64::NEG_INFINITY);
    assert_eq!(custom(&[1.0, 2.0], &[0.0, 4.0, 0.0]).quantile(0.25).value, 1.25);
    assert_eq!(custom(&[1.0, 2.0], &[0.0, 0.0, 4.0]).quantile(0.25).value, 2.0);
    let nan = Histogram { sum: f64::NAN, count: 16.0, ..histogram };
    assert_eq!(nan.quantile(0.9).note, Some(QuantileNote::NanResult));
    assert_eq!(nan.quantile(0.1).note, Some(QuantileNote::NanSkew));
}

#[test]
fn fractions_are_the_inverse_of_quantiles() {
    let histogram = exponential(0, 1, &[4.0, 4.0]);
    for q in [0.1, 0.25, 0.5, 0.9] {
        let value = histogram.quantile(q).value;
        let fraction = histogram.fraction(f64::NEG_INFINITY, value).value;
        assert!((fraction - q).abs() < 1e-12, "{q} -> {value} -> {fraction}");
    }
    assert!(histogram.fraction(f64::NAN, 1.0).value.is_nan());
}

#[test]
fn trimming_keeps_one_side() {
    let mut histogram = exponential(0, 1, &[4.0, 4.0]);
    histogram.trim_upper(2.0);
    assert_eq!((histogram.count, histogram.positive_buckets.as_slice()), (4.0, &[4.0][..]));
    let mut histogram = custom(&[1.0, 2.0], &[0.0, 4.0, 2.0]);
    histogram.trim_lower(1.5);
    assert_eq!(histogram.positive_buckets, [2.0, 2.0]);
    assert_eq!(histogram.count, 4.0);
}

#[test]
fn what_is_no_histogram_is_refused() {
    let valid = exponential(0, 1, &[4.0]);
    assert_eq!(valid.validate(), Ok(()));
    let broken = Histogram { positive_buckets: vec![], ..valid.clone() };
    assert_eq!(broken.validate(), Err(HistogramError::SpansBucketsMismatch { needed: 1, have: 0 }));
    assert_eq!(Histogram { schema: 9, ..valid }.validate(), Err(HistogramError::Schema(9)));
    assert_eq!(custom(&[2.0, 1.0], &[1.0]).validate(), Err(HistogramError::CustomBoundsOrder));
    assert_eq!(custom(&[1.0], &[1.0; 3]).validate(), Err(HistogramError::CustomBoundsTooFew));
}

#[test]
fn display_lists_populated_buckets() {
    let histogram = Histogram { sum: 12.5, ..exponential(0, 1, &[4.0, 0.0, 1.0]) };
    assert_eq!(histogram.to_string(), "{count:5, sum:12.5, (1,2]:4, (4,8]:1}");
}
