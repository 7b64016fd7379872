//! What templates can call on times and durations.

use super::{Time, duration_text};
use crate::template::function::{Function, Parameter};
use crate::template::value::Value;

type Result = std::result::Result<Value, String>;

const SECOND_NS: i64 = 1_000_000_000;

/// The methods of `time.Time`.
pub(in crate::template) static TIME_METHODS: &[Function] = &[
    Function::new("Format", &[Parameter::Text], |_, a| {
        with(a, |time| Value::from(time.format(text(a, 1))))
    }),
    Function::new("String", &[], |_, a| with(a, |time| Value::from(time.to_string()))),
    Function::new("Unix", &[], |_, a| {
        with(a, |time| Value::Int(time.unix_ns().div_euclid(i128::from(SECOND_NS)) as i64))
    }),
    Function::new("UnixMilli", &[], |_, a| {
        with(a, |time| Value::Int(time.unix_ns().div_euclid(1_000_000) as i64))
    }),
    Function::new("UnixMicro", &[], |_, a| {
        with(a, |time| Value::Int(time.unix_ns().div_euclid(1_000) as i64))
    }),
    Function::new("UnixNano", &[], |_, a| with(a, |time| Value::Int(time.unix_ns() as i64))),
    Function::new("UTC", &[], |_, a| with(a, |time| Value::Time(time.utc()))),
    Function::new("Local", &[], |_, a| with(a, |time| Value::Time(time.utc()))),
    Function::new("IsZero", &[], |_, a| with(a, |time| Value::Bool(time.is_zero()))),
    Function::new("Year", &[], |_, a| with(a, |time| Value::Int(i64::from(time.civil().year())))),
    Function::new("Month", &[], |_, a| {
        with(a, |time| Value::Month(i64::from(time.civil().month())))
    }),
    Function::new("Day", &[], |_, a| with(a, |time| Value::Int(i64::from(time.civil().day())))),
    Function::new("YearDay", &[], |_, a| {
        with(a, |time| Value::Int(i64::from(time.civil().date().day_of_year())))
    }),
    Function::new("Weekday", &[], |_, a| {
        let day = |time: &Time| time.civil().weekday().to_sunday_zero_offset();
        with(a, |time| Value::Weekday(i64::from(day(time))))
    }),
    Function::new("Hour", &[], |_, a| with(a, |time| Value::Int(i64::from(time.civil().hour())))),
    Function::new("Minute", &[], |_, a| {
        with(a, |time| Value::Int(i64::from(time.civil().minute())))
    }),
    Function::new("Second", &[], |_, a| {
        with(a, |time| Value::Int(i64::from(time.civil().second())))
    }),
    Function::new("Nanosecond", &[], |_, a| {
        with(a, |time| Value::Int(i64::from(time.civil().subsec_nanosecond())))
    }),
    Function::new("Add", &[Parameter::Duration], |_, a| {
        with(a, |time| Value::Time(time.add_ns(i128::from(integer(a, 1)))))
    }),
    Function::new("AddDate", &[Parameter::Int, Parameter::Int, Parameter::Int], add_date),
    Function::new("Sub", &[Parameter::Time], |_, a| {
        with_two(a, |time, other| Value::Duration(time.since_ns(other)))
    }),
    Function::new("After", &[Parameter::Time], |_, a| {
        with_two(a, |time, other| Value::Bool(time.unix_ns() > other.unix_ns()))
    }),
    Function::new("Before", &[Parameter::Time], |_, a| {
        with_two(a, |time, other| Value::Bool(time.unix_ns() < other.unix_ns()))
    }),
    Function::new("Equal", &[Parameter::Time], |_, a| {
        with_two(a, |time, other| Value::Bool(time.unix_ns() == other.unix_ns()))
    }),
    Function::new("Truncate", &[Parameter::Duration], |_, a| {
        with(a, |time| Value::Time(time.add_ns(-since_multiple(time, integer(a, 1)))))
    }),
    Function::new("Round", &[Parameter::Duration], |_, a| {
        let unit = integer(a, 1);
        with(a, |time| {
            let over = since_multiple(time, unit);
            let down = over + over < i128::from(unit);
            Value::Time(time.add_ns(if down { -over } else { i128::from(unit.max(0)) - over }))
        })
    }),
];

/// The methods of `time.Duration`.
pub(in crate::template) static DURATION_METHODS: &[Function] = &[
    Function::new("String", &[], |_, a| Ok(Value::from(duration_text(integer(a, 0))))),
    Function::new("Seconds", &[], |_, a| Ok(Value::Float(integer(a, 0) as f64 / 1e9))),
    Function::new("Minutes", &[], |_, a| Ok(Value::Float(integer(a, 0) as f64 / 6e10))),
    Function::new("Hours", &[], |_, a| Ok(Value::Float(integer(a, 0) as f64 / 3.6e12))),
    Function::new("Nanoseconds", &[], |_, a| Ok(Value::Int(integer(a, 0)))),
    Function::new("Microseconds", &[], |_, a| Ok(Value::Int(integer(a, 0) / 1_000))),
    Function::new("Milliseconds", &[], |_, a| Ok(Value::Int(integer(a, 0) / 1_000_000))),
    Function::new("Abs", &[], |_, a| Ok(Value::Duration(integer(a, 0).saturating_abs()))),
    Function::new("Truncate", &[Parameter::Duration], |_, a| {
        let (value, unit) = (integer(a, 0), integer(a, 1));
        Ok(Value::Duration(if unit <= 0 { value } else { value - value % unit }))
    }),
    Function::new("Round", &[Parameter::Duration], |_, a| {
        Ok(Value::Duration(round(integer(a, 0), integer(a, 1))))
    }),
];

fn with(arguments: &[Value], method: impl FnOnce(&Time) -> Value) -> Result {
    match arguments.first() {
        Some(Value::Time(time)) => Ok(method(time)),
        _ => Err("not a time".to_owned()),
    }
}

fn with_two(arguments: &[Value], method: impl FnOnce(&Time, &Time) -> Value) -> Result {
    match arguments {
        [Value::Time(time), Value::Time(other)] => Ok(method(time, other)),
        _ => Err("not a time".to_owned()),
    }
}

fn text(arguments: &[Value], index: usize) -> &str {
    arguments.get(index).and_then(Value::as_text).map_or("", |text| text)
}

fn integer(arguments: &[Value], index: usize) -> i64 {
    arguments.get(index).and_then(Value::as_integer).unwrap_or(0)
}

/// How far the time is past a multiple of the unit since Go's zero.
fn since_multiple(time: &Time, unit: i64) -> i128 {
    if unit <= 0 {
        return 0;
    }
    (time.unix_ns() - Time::ZERO.unix_ns()).rem_euclid(i128::from(unit))
}

/// To the nearest multiple, halves away from zero.
fn round(value: i64, unit: i64) -> i64 {
    if unit <= 0 {
        return value;
    }
    let over = (value % unit).unsigned_abs();
    let magnitude = value.unsigned_abs() - over;
    let unit = unit.unsigned_abs();
    let rounded = if over + over < unit { magnitude } else { magnitude.saturating_add(unit) };
    let rounded = i64::try_from(rounded).unwrap_or(i64::MAX);
    if value < 0 { -rounded } else { rounded }
}

/// Go's `AddDate` lets days run over into the next month.
fn add_date(_: &dyn crate::template::function::Host, arguments: &[Value]) -> Result {
    let [Value::Time(time), years, months, days] = arguments else {
        return Err("not a time".to_owned());
    };
    let number = |value: &Value| value.as_integer().unwrap_or(0);
    let civil = time.civil();
    let months_total = i64::from(civil.year())
        .saturating_add(number(years))
        .saturating_mul(12)
        .saturating_add(i64::from(civil.month()) - 1)
        .saturating_add(number(months));
    let first = i16::try_from(months_total.div_euclid(12)).ok().and_then(|year| {
        jiff::civil::Date::new(year, (months_total.rem_euclid(12) + 1) as i8, 1).ok()
    });
    let days = number(days).saturating_add(i64::from(civil.day()) - 1);
    let date = first.and_then(|first| {
        let span = jiff::Span::new().try_days(days).ok()?;
        first.checked_add(span).ok()
    });
    let Some(date) = date else { return Err("the date is out of range".to_owned()) };
    let moved = date.to_datetime(civil.time());
    let between = moved.duration_since(civil).as_nanos();
    Ok(Value::Time(time.add_ns(between)))
}
