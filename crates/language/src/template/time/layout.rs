//! Go's date layouts: the parts of the moment `Mon Jan 2 15:04:05 MST 2006` stand for those of the
//! time.

use super::{Time, WEEKDAYS};
use crate::calendar_names::MONTHS;

/// A part of a layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Year,
    ShortYear,
    MonthName,
    ShortMonthName,
    Month {
        padded: bool,
    },
    Weekday,
    ShortWeekday,
    Day(Fill),
    YearDay(Fill),
    Hour24,
    Hour12 {
        padded: bool,
    },
    Minute {
        padded: bool,
    },
    Second {
        padded: bool,
    },
    Noon {
        upper: bool,
    },
    ZoneName,
    Offset {
        z_for_utc: bool,
        colon: bool,
        fields: usize,
    },
    /// Digits after the point; without `fixed`, zeros at the end fall.
    Fraction {
        digits: usize,
        fixed: bool,
        comma: bool,
    },
}

/// What stands before a number that is too short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fill {
    Nothing,
    Zero,
    Space,
}

/// The layout's next part: the text before it, it, and what follows.
pub(super) fn next_part(layout: &str) -> Option<(&str, Part, &str)> {
    for (at, _) in layout.char_indices() {
        let rest = layout.get(at..)?;
        let Some((part, length)) = part_at(rest) else { continue };
        // `_2006` is an underscore and a year.
        let skip = usize::from(part == Part::Year && rest.starts_with('_'));
        return Some((layout.get(..at + skip)?, part, rest.get(length..)?));
    }
    None
}

fn part_at(text: &str) -> Option<(Part, usize)> {
    let fixed = [
        ("January", Part::MonthName),
        ("Monday", Part::Weekday),
        ("MST", Part::ZoneName),
        ("002", Part::YearDay(Fill::Zero)),
        ("01", Part::Month { padded: true }),
        ("02", Part::Day(Fill::Zero)),
        ("03", Part::Hour12 { padded: true }),
        ("04", Part::Minute { padded: true }),
        ("05", Part::Second { padded: true }),
        ("06", Part::ShortYear),
        ("15", Part::Hour24),
        ("1", Part::Month { padded: false }),
        ("2006", Part::Year),
        ("2", Part::Day(Fill::Nothing)),
        ("_2006", Part::Year),
        ("_2", Part::Day(Fill::Space)),
        ("__2", Part::YearDay(Fill::Space)),
        ("3", Part::Hour12 { padded: false }),
        ("4", Part::Minute { padded: false }),
        ("5", Part::Second { padded: false }),
        ("PM", Part::Noon { upper: true }),
        ("pm", Part::Noon { upper: false }),
    ];
    // Names may not run on in lower case: "Janet" is no month.
    for (name, part) in [("Jan", Part::ShortMonthName), ("Mon", Part::ShortWeekday)] {
        let after = text.strip_prefix(name).map(|after| after.chars().next());
        if let Some(after) = after
            && !text.starts_with("January")
            && !text.starts_with("Monday")
        {
            let runs_on = after.is_some_and(|c| c.is_ascii_lowercase());
            return (!runs_on).then_some((part, name.len()));
        }
    }
    let found = fixed.iter().find(|(name, _)| text.starts_with(name));
    found
        .map(|(name, part)| (*part, name.len()))
        .or_else(|| offset(text))
        .or_else(|| fraction(text))
}

fn offset(text: &str) -> Option<(Part, usize)> {
    let z_for_utc = text.starts_with('Z');
    let rest = text.strip_prefix(['-', 'Z'])?;
    for (form, colon, fields) in [
        ("07:00:00", true, 3),
        ("070000", false, 3),
        ("07:00", true, 2),
        ("0700", false, 2),
        ("07", false, 1),
    ] {
        if rest.starts_with(form) {
            return Some((Part::Offset { z_for_utc, colon, fields }, form.len() + 1));
        }
    }
    None
}

fn fraction(text: &str) -> Option<(Part, usize)> {
    let rest = text.strip_prefix(['.', ','])?;
    let digit = rest.chars().next().filter(|c| matches!(c, '0' | '9'))?;
    let digits = rest.len() - rest.trim_start_matches(digit).len();
    let after = rest.get(digits..)?;
    if after.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let part = Part::Fraction { digits, fixed: digit == '0', comma: text.starts_with(',') };
    Some((part, digits + 1))
}

pub(super) fn format(time: &Time, layout: &str) -> String {
    let mut text = String::new();
    let mut rest = layout;
    while let Some((before, part, after)) = next_part(rest) {
        text.push_str(before);
        push(&mut text, time, part);
        rest = after;
    }
    text.push_str(rest);
    text
}

fn push(text: &mut String, time: &Time, part: Part) {
    let civil = time.civil();
    let hour12 = (civil.hour() + 11) % 12 + 1;
    let month = civil.month();
    let weekday = civil.weekday().to_sunday_zero_offset();
    let month_name = usize::try_from(month - 1).ok().and_then(|m| MONTHS.get(m)).unwrap_or(&"");
    let weekday_name = usize::try_from(weekday).ok().and_then(|d| WEEKDAYS.get(d)).unwrap_or(&"");
    let short = |name: &str| name.chars().take(3).collect::<String>();
    let written = match part {
        Part::Year if civil.year() < 0 => format!("-{:04}", -i32::from(civil.year())),
        Part::Year => format!("{:04}", civil.year()),
        Part::ShortYear => format!("{:02}", civil.year().rem_euclid(100)),
        Part::MonthName => (*month_name).to_owned(),
        Part::ShortMonthName => short(month_name),
        Part::Month { padded } => padded_to_two(month, padded),
        Part::Weekday => (*weekday_name).to_owned(),
        Part::ShortWeekday => short(weekday_name),
        Part::Day(Fill::Space) => format!("{:2}", civil.day()),
        Part::Day(fill) => padded_to_two(civil.day(), fill == Fill::Zero),
        Part::YearDay(Fill::Space) => format!("{:3}", civil.date().day_of_year()),
        Part::YearDay(_) => format!("{:03}", civil.date().day_of_year()),
        Part::Hour24 => padded_to_two(civil.hour(), true),
        Part::Hour12 { padded } => padded_to_two(hour12, padded),
        Part::Minute { padded } => padded_to_two(civil.minute(), padded),
        Part::Second { padded } => padded_to_two(civil.second(), padded),
        Part::Noon { upper } => {
            let noon = if civil.hour() >= 12 { "PM" } else { "AM" };
            if upper { noon.to_owned() } else { noon.to_lowercase() }
        }
        Part::ZoneName => match time.abbreviation() {
            name if name.is_empty() => offset_text(time.offset().seconds(), false, 2),
            name => name,
        },
        Part::Offset { z_for_utc: true, .. } if time.offset().seconds() == 0 => "Z".to_owned(),
        Part::Offset { colon, fields, .. } => offset_text(time.offset().seconds(), colon, fields),
        Part::Fraction { digits, fixed, comma } => {
            fraction_text(civil.subsec_nanosecond(), digits, fixed, comma)
        }
    };
    text.push_str(&written);
}

fn padded_to_two(number: i8, padded: bool) -> String {
    if padded { format!("{number:02}") } else { number.to_string() }
}

fn offset_text(seconds: i32, colon: bool, fields: usize) -> String {
    let sign = if seconds < 0 { '-' } else { '+' };
    let magnitude = seconds.unsigned_abs();
    let parts = [magnitude / 3600, magnitude / 60 % 60, magnitude % 60];
    let parts: Vec<String> = parts.iter().take(fields).map(|part| format!("{part:02}")).collect();
    format!("{sign}{}", parts.join(if colon { ":" } else { "" }))
}

fn fraction_text(nanoseconds: i32, digits: usize, fixed: bool, comma: bool) -> String {
    let all = format!("{nanoseconds:09}");
    let mut written: String = all.chars().take(digits.min(9)).collect();
    if !fixed {
        written.truncate(written.trim_end_matches('0').len());
        if written.is_empty() {
            return written;
        }
    }
    format!("{}{written}", if comma { ',' } else { '.' })
}
