//! Special float values of the Prometheus data model.

/// Bits of the NaN by which a scraper says that a series has ended ("stale marker").
///
/// Source: Prometheus' `model/value` (StaleNaN). Ordinary NaNs are values like any other.
pub const STALE_NAN_BITS: u64 = 0x7ff0_0000_0000_0002;

/// The stale marker as a float. Compare with [`is_stale_nan`], never with `==`.
pub fn stale_nan() -> f64 {
    f64::from_bits(STALE_NAN_BITS)
}

/// Whether `value` is the stale marker, as opposed to an ordinary NaN.
pub fn is_stale_nan(value: f64) -> bool {
    value.to_bits() == STALE_NAN_BITS
}
