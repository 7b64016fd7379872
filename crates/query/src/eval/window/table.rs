//! Which range function a name means.

use super::{Window, WindowCall, over_time, rate, regression};
use crate::eval::row::Cell;

/// From a window to a value.
pub(crate) type WindowFunction = fn(&WindowCall<'_>, &Window<'_>) -> Cell;

/// The range function of that name.
pub(crate) fn window_function(name: &str) -> Option<WindowFunction> {
    Some(match name {
        "rate" => rate::rate,
        "increase" => rate::increase,
        "delta" => rate::delta,
        "irate" => rate::irate,
        "idelta" => rate::idelta,
        "sum_over_time" => over_time::sum,
        "avg_over_time" => over_time::avg,
        "count_over_time" => over_time::count,
        "present_over_time" | "absent_over_time" => over_time::present,
        "max_over_time" => over_time::max,
        "min_over_time" => over_time::min,
        "ts_of_max_over_time" => over_time::time_of_max,
        "ts_of_min_over_time" => over_time::time_of_min,
        "ts_of_first_over_time" => over_time::time_of_first,
        "ts_of_last_over_time" => over_time::time_of_last,
        "first_over_time" => over_time::first,
        "last_over_time" => over_time::last,
        "stdvar_over_time" => over_time::stdvar,
        "stddev_over_time" => over_time::stddev,
        "quantile_over_time" => over_time::quantile_of,
        "mad_over_time" => over_time::median_deviation,
        "changes" => over_time::changes,
        "resets" => over_time::resets,
        "deriv" => regression::deriv,
        "predict_linear" => regression::predict_linear,
        "double_exponential_smoothing" => regression::double_exponential_smoothing,
        _ => return None,
    })
}
