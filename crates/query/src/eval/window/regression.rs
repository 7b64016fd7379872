//! `deriv`, `predict_linear`, `double_exponential_smoothing`: lines through the points.

use super::{Window, WindowCall};
use crate::eval::number::Sum;
use crate::eval::row::Cell;

pub(super) fn deriv(call: &WindowCall<'_>, window: &Window<'_>) -> Cell {
    if !enough(call, window) {
        return Cell::Absent;
    }
    let (slope, _) = line(window, window.times[0]);
    Cell::Float(slope)
}

pub(super) fn predict_linear(call: &WindowCall<'_>, window: &Window<'_>) -> Cell {
    if !enough(call, window) {
        return Cell::Absent;
    }
    let (slope, intercept) = line(window, call.step_ms);
    Cell::Float(slope * call.params[0] + intercept)
}

pub(super) fn double_exponential_smoothing(call: &WindowCall<'_>, window: &Window<'_>) -> Cell {
    if !enough(call, window) {
        return Cell::Absent;
    }
    let ([smoothing, trend_factor], values) = (call.params, window.floats);
    let (mut before, mut level) = (0.0, values[0]);
    let mut trend = values[1] - values[0];
    for (at, value) in values.iter().enumerate().skip(1) {
        if at > 1 {
            trend = trend_factor * (level - before) + (1.0 - trend_factor) * trend;
        }
        let next = smoothing * value + (1.0 - smoothing) * (level + trend);
        (before, level) = (level, next);
    }
    Cell::Float(level)
}

/// Whether there are two floats; tells of histograms that are left out.
fn enough(call: &WindowCall<'_>, window: &Window<'_>) -> bool {
    if !window.floats.is_empty() && !window.histograms.is_empty() {
        call.info_ignored();
    }
    window.floats.len() >= 2
}

/// (slope, value at `intercept_ms`) of the line of least squares.
fn line(window: &Window<'_>, intercept_ms: i64) -> (f64, f64) {
    let first = window.floats[0];
    if window.floats.iter().all(|value| *value == first) {
        // Saves constant series from the errors of the sums below.
        return if first.is_infinite() { (f64::NAN, f64::NAN) } else { (0.0, first) };
    }
    let n = window.floats.len() as f64;
    let [mut x_sum, mut y_sum, mut xy_sum, mut xx_sum] = [Sum::default(); 4];
    for (time, y) in window.times.iter().zip(window.floats) {
        let x = (time - intercept_ms) as f64 / 1000.0;
        x_sum.add(x);
        y_sum.add(*y);
        xy_sum.add(x * y);
        xx_sum.add(x * x);
    }
    let plain = |sum: Sum| sum.value + sum.error;
    let (x, y, xy, xx) = (plain(x_sum), plain(y_sum), plain(xy_sum), plain(xx_sum));
    let covariance = xy - x * y / n;
    let variance = xx - x * x / n;
    let slope = covariance / variance;
    (slope, y / n - slope * x / n)
}
