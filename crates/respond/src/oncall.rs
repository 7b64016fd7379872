//! On-call: who is called for which action, by schedules with rotations, layers, restrictions,
//! overrides and time zones, and by calendars that others keep.

mod calendar;
mod layer;
mod read;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use crate::desk::Override;
use crate::runbook::Selector;

pub use calendar::{Calendar, CalendarError};
pub use layer::{Layer, Restriction, Rotation};
pub use read::read_oncall;

/// A step at which shifts are looked for; what is shorter shows by its own edges.
const STEP_MS: i64 = 900_000;

/// A person.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Person {
    /// The receiver that reaches them; empty: that of the action.
    pub receiver: String,
}

/// What an action of an escalation means.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NotifyTarget {
    /// The receiver, where the schedule names nobody or the person has none.
    pub receiver: String,
    /// Who is on call.
    pub schedule: String,
}

/// A schedule.
#[derive(Debug, Clone)]
pub struct Schedule {
    /// Its time zone.
    pub time_zone: jiff::tz::TimeZone,
    /// The zone's name.
    pub time_zone_name: String,
    /// Layers; a later one takes the place of an earlier one where it has somebody.
    pub layers: Vec<Layer>,
    /// A calendar, which takes the place of the layers where it has somebody.
    pub calendar: Option<Calendar>,
    /// Shifts that somebody takes, from the file.
    pub overrides: Vec<(String, i64, i64)>,
}

/// A step of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyStep {
    /// How long after the incident was opened.
    pub after_ms: u64,
    /// Who: an action.
    pub action: String,
}

/// Who is called for which incidents.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Name.
    pub name: String,
    /// Which alerts; `None`: all.
    pub selector: Option<Selector>,
    /// Steps.
    pub steps: Vec<PolicyStep>,
}

/// Who is on call from when to when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shift {
    /// From when; milliseconds since the epoch.
    pub from_ms: i64,
    /// Until when.
    pub to_ms: i64,
    /// Who.
    pub people: Vec<String>,
    /// By what: a layer's name, `calendar` or `override`.
    pub layer: String,
}

/// Everybody who can be called.
#[derive(Debug, Clone, Default)]
pub struct OnCall {
    /// People by name.
    pub people: BTreeMap<String, Person>,
    /// Schedules by name.
    pub schedules: BTreeMap<String, Schedule>,
    /// What actions mean.
    pub targets: BTreeMap<String, NotifyTarget>,
    /// Who is called for which incidents, besides what runbooks say.
    pub policies: Vec<Policy>,
}

impl OnCall {
    /// The receivers of an action, with the person where a schedule says so. An action that is
    /// not mapped is the name of a receiver.
    pub fn receivers_of(
        &self,
        action: &str,
        at_ms: i64,
        overrides: &[Override],
    ) -> Vec<(String, Option<String>)> {
        let Some(target) = self.targets.get(action) else {
            return vec![(action.to_owned(), None)];
        };
        let people = self.on_call(&target.schedule, at_ms, overrides).unwrap_or_default();
        let mut receivers: Vec<(String, Option<String>)> = Vec::new();
        for person in people {
            let own = self.people.get(&person).map(|person| person.receiver.clone());
            let receiver = own.filter(|receiver| !receiver.is_empty());
            let receiver = receiver.unwrap_or_else(|| target.receiver.clone());
            if !receiver.is_empty() {
                receivers.push((receiver, Some(person)));
            }
        }
        // Nobody is on call: the receiver is told all the same.
        if receivers.is_empty() && !target.receiver.is_empty() {
            receivers.push((target.receiver.clone(), None));
        }
        receivers
    }

    /// Who is on call by a schedule.
    pub fn on_call(
        &self,
        schedule: &str,
        at_ms: i64,
        overrides: &[Override],
    ) -> Option<Vec<String>> {
        let found = self.schedules.get(schedule)?;
        Some(found.at(at_ms, &own(schedule, overrides)).0)
    }

    /// The shifts of a schedule.
    pub fn shifts(
        &self,
        schedule: &str,
        (from_ms, to_ms): (i64, i64),
        overrides: &[Override],
    ) -> Option<Vec<Shift>> {
        let found = self.schedules.get(schedule)?;
        let overrides = own(schedule, overrides);
        let mut edges: BTreeSet<i64> = BTreeSet::from([from_ms]);
        let mut at_ms = from_ms - from_ms.rem_euclid(STEP_MS) + STEP_MS;
        while at_ms < to_ms {
            edges.insert(at_ms);
            at_ms += STEP_MS;
        }
        let given = overrides.iter().chain(&found.overrides);
        edges.extend(
            given.flat_map(|(_, from, to)| [*from, *to]).filter(|at| (from_ms..to_ms).contains(at)),
        );
        let mut shifts: Vec<Shift> = Vec::new();
        for at_ms in edges {
            let (people, layer) = found.at(at_ms, &overrides);
            match shifts.last_mut() {
                Some(last) if last.people == people && last.layer == layer => {}
                last => {
                    if let Some(last) = last {
                        last.to_ms = at_ms;
                    }
                    shifts.push(Shift { from_ms: at_ms, to_ms, people, layer });
                }
            }
        }
        shifts.retain(|shift| !shift.people.is_empty());
        Some(shifts)
    }
}

fn own(schedule: &str, overrides: &[Override]) -> Vec<(String, i64, i64)> {
    let own = overrides.iter().filter(|given| given.schedule == schedule);
    own.map(|given| (given.person.clone(), given.from_ms, given.to_ms)).collect()
}

impl Schedule {
    /// Who is on call, and by what.
    fn at(&self, at_ms: i64, overrides: &[(String, i64, i64)]) -> (Vec<String>, String) {
        let mut given = overrides.iter().chain(&self.overrides);
        // The latest said counts.
        if let Some((person, ..)) = given.rfind(|(_, from, to)| (*from..*to).contains(&at_ms)) {
            return (vec![person.clone()], "override".to_owned());
        }
        if let Some(calendar) = &self.calendar {
            let people = calendar.at(at_ms);
            if !people.is_empty() {
                return (people, "calendar".to_owned());
            }
        }
        let mut layers = self.layers.iter().rev();
        let found = layers.find_map(|layer| {
            layer.at(at_ms, &self.time_zone).map(|person| (vec![person], layer.name.clone()))
        });
        found.unwrap_or_default()
    }
}
