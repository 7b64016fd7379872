//! Date patterns of Joda-Time, as the `date` filter and `%{+...}` name them: reading and writing,
//! in English, with milliseconds, as Joda-Time 2 does (`DateTimeFormat`, `ISODateTimeFormat`).
//!
//! Deviations: other locales than English are not known; years before 1600 are of the Gregorian
//! calendar, those beyond 9999 are refused; a week-based year beside a month is ignored.

mod iso8601;
mod pattern;
mod read;
mod text;
mod write;

pub use iso8601::read_iso8601;
pub use pattern::JodaPattern;

#[cfg(test)]
mod tests;
