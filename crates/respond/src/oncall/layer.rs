//! A layer of a schedule: people who take turns, at hours of the local day.

use jiff::civil::{DateTime, Time, Weekday};
use jiff::tz::TimeZone;

/// How long a turn is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotation {
    /// So many days by the local calendar: the hour of handing over stays when clocks are set.
    Days(i64),
    /// So much time.
    Milliseconds(i64),
}

/// When a layer counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restriction {
    /// On which days; none: all.
    pub days: Vec<Weekday>,
    /// From which hour of the day.
    pub from: Time,
    /// Until which; before `from`: of the next day.
    pub to: Time,
}

/// People who take turns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// Name.
    pub name: String,
    /// When the first turn begins, by the local clock.
    pub start: DateTime,
    /// How long a turn is.
    pub rotation: Rotation,
    /// Who, in their order.
    pub people: Vec<String>,
    /// When it counts; none: always.
    pub restrictions: Vec<Restriction>,
}

impl Layer {
    /// Who has the turn, if the layer counts then.
    pub(super) fn at(&self, at_ms: i64, zone: &TimeZone) -> Option<String> {
        let local = jiff::Timestamp::from_millisecond(at_ms).ok()?.to_zoned_datetime(zone.clone());
        let local = local.datetime();
        if !self.restrictions.is_empty()
            && !self.restrictions.iter().any(|restriction| restriction.holds(local))
        {
            return None;
        }
        let turn = match self.rotation {
            Rotation::Days(days) => {
                let since = local.duration_since(self.start).as_secs();
                since.div_euclid(days.max(1).saturating_mul(86_400))
            }
            Rotation::Milliseconds(length) => {
                let start =
                    self.start.to_zoned_datetime(zone.clone()).ok()?.timestamp().as_millisecond();
                at_ms.saturating_sub(start).div_euclid(length.max(1))
            }
        };
        // Nobody has a turn before the first.
        let turn = usize::try_from(turn).ok()?;
        self.people.get(turn.checked_rem(self.people.len())?).cloned()
    }
}

impl Restriction {
    fn holds(&self, local: DateTime) -> bool {
        let is_day = |day: Weekday| self.days.is_empty() || self.days.contains(&day);
        let (time, today) = (local.time(), local.date().weekday());
        if self.from < self.to {
            return is_day(today) && self.from <= time && time < self.to;
        }
        // Over midnight: the day is that on which it began.
        (is_day(today) && time >= self.from) || (is_day(today.previous()) && time < self.to)
    }
}
