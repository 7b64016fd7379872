//! Parts of dates in UTC, by the proleptic Gregorian calendar.

/// Which part of a date.
#[derive(Debug, Clone, Copy)]
pub(crate) enum DatePart {
    Minute,
    Hour,
    DayOfWeek,
    DayOfMonth,
    DayOfYear,
    DaysInMonth,
    Month,
    Year,
}

impl DatePart {
    pub(crate) fn of_function(name: &str) -> Option<Self> {
        Some(match name {
            "minute" => Self::Minute,
            "hour" => Self::Hour,
            "day_of_week" => Self::DayOfWeek,
            "day_of_month" => Self::DayOfMonth,
            "day_of_year" => Self::DayOfYear,
            "days_in_month" => Self::DaysInMonth,
            "month" => Self::Month,
            "year" => Self::Year,
            _ => return None,
        })
    }

    /// This part of the date at `seconds` since the epoch.
    pub(crate) fn of(self, seconds: f64) -> f64 {
        let seconds = whole_seconds(seconds);
        let days = seconds.div_euclid(86_400) as i64;
        let within = seconds.rem_euclid(86_400) as i64;
        let (year, month, day) = civil(days);
        let part = match self {
            Self::Minute => within / 60 % 60,
            Self::Hour => within / 3600,
            // The epoch was a Thursday.
            Self::DayOfWeek => (days + 4).rem_euclid(7),
            Self::DayOfMonth => day,
            Self::DayOfYear => days - days_before(year, 1) + 1,
            Self::DaysInMonth => {
                let (next_year, next) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
                days_before(next_year, next) - days_before(year, month)
            }
            Self::Month => month,
            Self::Year => year,
        };
        part as f64
    }
}

/// The seconds that Go takes `seconds` for. What is no `int64` becomes the least one, and the
/// least ones lie before Go's first year and count as after its last.
fn whole_seconds(seconds: f64) -> i128 {
    /// Go's years begin here, in -292,277,022,399.
    const FIRST: i128 = -9_223_371_966_579_724_800;
    let fits = seconds >= i64::MIN as f64 && seconds < i64::MAX as f64;
    let whole = i128::from(if fits { seconds as i64 } else { i64::MIN });
    if whole < FIRST { whole + (1 << 64) } else { whole }
}

/// (year, month, day) of a day since the epoch. After Howard Hinnant's "chrono-compatible
/// low-level date algorithms": years begin in March, so that the leap day is the last.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days.saturating_add(719_468);
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// Days from the epoch to the first day of a month.
fn days_before(year: i64, month: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let shifted_month = if month > 2 { month - 3 } else { month + 9 };
    let day_of_year = (153 * shifted_month + 2) / 5;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::DatePart;

    #[track_caller]
    fn check(seconds: f64, expected: [f64; 8]) {
        let parts = [
            DatePart::Year,
            DatePart::Month,
            DatePart::DayOfMonth,
            DatePart::Hour,
            DatePart::Minute,
            DatePart::DayOfWeek,
            DatePart::DayOfYear,
            DatePart::DaysInMonth,
        ];
        assert_eq!(parts.map(|part| part.of(seconds)), expected);
    }

    #[test]
    fn parts_of_dates() {
        check(0.0, [1970.0, 1.0, 1.0, 0.0, 0.0, 4.0, 1.0, 31.0]);
        // 2024-02-29 23:59:59, a Thursday.
        check(1_709_251_199.0, [2024.0, 2.0, 29.0, 23.0, 59.0, 4.0, 60.0, 29.0]);
        // 1969-12-31 23:59:59.
        check(-1.0, [1969.0, 12.0, 31.0, 23.0, 59.0, 3.0, 365.0, 31.0]);
    }

    /// What Go 1.26 says on amd64.
    #[test]
    fn what_is_no_date_is_gos() {
        for odd in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300] {
            check(odd, [292_277_026_596.0, 12.0, 4.0, 15.0, 30.0, 0.0, 339.0, 31.0]);
        }
        check(-9e18, [-285_198_644_592.0, 9.0, 12.0, 8.0, 0.0, 1.0, 256.0, 30.0]);
        check(9e18, [285_198_648_531.0, 4.0, 21.0, 16.0, 0.0, 6.0, 111.0, 30.0]);
    }
}
