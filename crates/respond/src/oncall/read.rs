//! The file of people, schedules and who is called.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::civil::{DateTime, Time, Weekday};
use jiff::tz::TimeZone;
use serde::Deserialize;
use vigie_language::yaml::DurationMs;
use vigie_world::Disk;

use super::{
    Calendar, Layer, NotifyTarget, OnCall, Person, Policy, PolicyStep, Restriction, Rotation,
    Schedule,
};
use crate::runbook::Selector;

/// Bytes that a calendar may have.
const CALENDAR_BYTES_MAX: u64 = 8 << 20;
/// Entries of each list.
const ENTRIES_MAX: usize = 1_000;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    oncall: Written,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Written {
    people: BTreeMap<String, WrittenPerson>,
    schedules: BTreeMap<String, WrittenSchedule>,
    notify: BTreeMap<String, WrittenTarget>,
    policies: Vec<WrittenPolicy>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct WrittenPerson {
    receiver: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenSchedule {
    #[serde(default = "utc")]
    time_zone: String,
    #[serde(default)]
    layers: Vec<WrittenLayer>,
    calendar: Option<PathBuf>,
    #[serde(default)]
    overrides: Vec<WrittenOverride>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenLayer {
    #[serde(default)]
    name: String,
    start: String,
    rotation: String,
    people: Vec<String>,
    #[serde(default)]
    restrictions: Vec<WrittenRestriction>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenRestriction {
    #[serde(default)]
    days: Vec<String>,
    #[serde(default = "midnight")]
    from: String,
    #[serde(default = "midnight")]
    to: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenOverride {
    person: String,
    from: String,
    to: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct WrittenTarget {
    receiver: String,
    schedule: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct WrittenPolicy {
    name: String,
    starts_on: WrittenStarts,
    steps: Vec<WrittenStep>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct WrittenStarts {
    alerts: Vec<String>,
    matchers: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenStep {
    after: String,
    notify: String,
}

fn utc() -> String {
    "UTC".to_owned()
}

fn midnight() -> String {
    "00:00".to_owned()
}

/// Reads the file at `path`; calendars that it names are read from its folder.
pub fn read_oncall(text: &str, path: &Path, disk: &dyn Disk) -> Result<OnCall, String> {
    let file: File = serde_saphyr::from_str(text).map_err(|error| error.to_string())?;
    let written = file.oncall;
    let sizes = [written.people.len(), written.schedules.len(), written.policies.len()];
    if sizes.iter().any(|size| *size > ENTRIES_MAX) {
        return Err(format!("more than {ENTRIES_MAX} entries"));
    }
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut schedules = BTreeMap::new();
    for (name, schedule) in written.schedules {
        let read = schedule.read(folder, disk);
        schedules.insert(name.clone(), read.map_err(|error| format!("schedule {name}: {error}"))?);
    }
    let mut policies = Vec::new();
    for policy in written.policies {
        policies.push(policy.read()?);
    }
    for (name, target) in &written.notify {
        if !target.schedule.is_empty() && !schedules.contains_key(&target.schedule) {
            return Err(format!("notify {name}: there is no schedule {:?}", target.schedule));
        }
    }
    let people = written.people.into_iter();
    let targets = written.notify.into_iter();
    Ok(OnCall {
        people: people.map(|(name, p)| (name, Person { receiver: p.receiver })).collect(),
        schedules,
        targets: targets
            .map(|(name, t)| (name, NotifyTarget { receiver: t.receiver, schedule: t.schedule }))
            .collect(),
        policies,
    })
}

impl WrittenSchedule {
    fn read(self, folder: &Path, disk: &dyn Disk) -> Result<Schedule, String> {
        let time_zone = TimeZone::get(&self.time_zone)
            .map_err(|_| format!("the time zone {:?} is not known", self.time_zone))?;
        let mut layers = Vec::new();
        for (at, layer) in self.layers.into_iter().enumerate() {
            layers.push(layer.read(at)?);
        }
        let calendar = match self.calendar {
            Some(path) => {
                let path = folder.join(path);
                let fail = |error: std::io::Error| format!("{}: {error}", path.display());
                if disk.open_read(&path).map_err(fail)?.length() > CALENDAR_BYTES_MAX {
                    return Err(format!("{} is too large", path.display()));
                }
                let text = disk.read(&path).map_err(fail)?;
                let parsed = Calendar::parse(&String::from_utf8_lossy(&text), &time_zone);
                Some(parsed.map_err(|error| format!("{}: {error}", path.display()))?)
            }
            None => None,
        };
        let mut overrides = Vec::new();
        for given in self.overrides {
            let from = moment(&given.from, &time_zone)?;
            overrides.push((given.person, from, moment(&given.to, &time_zone)?));
        }
        let time_zone_name = self.time_zone;
        Ok(Schedule { time_zone, time_zone_name, layers, calendar, overrides })
    }
}

impl WrittenLayer {
    fn read(self, at: usize) -> Result<Layer, String> {
        let name = if self.name.is_empty() { format!("layer {}", at + 1) } else { self.name };
        let fail = |error: String| format!("{name}: {error}");
        let start = civil(&self.start).map_err(fail)?;
        let rotation = match self.rotation.as_str() {
            "daily" => Rotation::Days(1),
            "weekly" => Rotation::Days(7),
            other => {
                let length = DurationMs::parse(other).filter(|length| length.0 >= 60_000);
                let length = length.and_then(|length| i64::try_from(length.0).ok());
                let length = length.ok_or_else(|| {
                    fail(format!("rotation {other:?}: daily, weekly, or a duration such as 12h"))
                })?;
                if length % 86_400_000 == 0 {
                    Rotation::Days(length / 86_400_000)
                } else {
                    Rotation::Milliseconds(length)
                }
            }
        };
        if self.people.is_empty() {
            return Err(fail("nobody is in it".to_owned()));
        }
        let mut restrictions = Vec::new();
        for restriction in self.restrictions {
            restrictions.push(restriction.read().map_err(fail)?);
        }
        Ok(Layer { start, rotation, people: self.people, restrictions, name })
    }
}

impl WrittenRestriction {
    fn read(self) -> Result<Restriction, String> {
        let time = |text: &str| {
            let text = if text == "24:00" { "00:00" } else { text };
            Time::strptime("%H:%M", text).map_err(|_| format!("{text:?} is no hour (09:00)"))
        };
        let days = self.days.iter().map(|day| weekday(day));
        let days = days.collect::<Result<Vec<Weekday>, String>>()?;
        Ok(Restriction { days, from: time(&self.from)?, to: time(&self.to)? })
    }
}

fn weekday(name: &str) -> Result<Weekday, String> {
    let all = [
        Weekday::Monday,
        Weekday::Tuesday,
        Weekday::Wednesday,
        Weekday::Thursday,
        Weekday::Friday,
        Weekday::Saturday,
        Weekday::Sunday,
    ];
    let lower = name.to_ascii_lowercase();
    let found = all.into_iter().find(|day| {
        let full = format!("{day:?}").to_ascii_lowercase();
        lower.len() >= 3 && full.starts_with(&lower)
    });
    found.ok_or_else(|| format!("{name:?} is no day of the week"))
}

impl WrittenPolicy {
    fn read(self) -> Result<Policy, String> {
        let fail = |error: String| format!("policy {}: {error}", self.name);
        let selector = Selector::new(&self.starts_on.alerts, &self.starts_on.matchers);
        let mut steps = Vec::new();
        for step in &self.steps {
            let after = DurationMs::parse(&step.after);
            let after =
                after.ok_or_else(|| fail(format!("{:?} is no duration (5m)", step.after)))?;
            steps.push(PolicyStep { after_ms: after.0, action: step.notify.clone() });
        }
        let selector = selector.map_err(fail)?;
        Ok(Policy { name: self.name, selector, steps })
    }
}

/// A time by the local clock: `2026-11-23T09:00`, or a day.
fn civil(text: &str) -> Result<DateTime, String> {
    let text = text.trim().replace(' ', "T");
    let read = text.parse::<DateTime>().or_else(|_| {
        text.parse::<jiff::civil::Date>().map(|date| date.to_datetime(Time::midnight()))
    });
    read.map_err(|_| format!("{text:?} is no time (2026-11-23T09:00)"))
}

/// The same, or with a zone of its own.
fn moment(text: &str, zone: &TimeZone) -> Result<i64, String> {
    if let Ok(moment) = text.parse::<jiff::Timestamp>() {
        return Ok(moment.as_millisecond());
    }
    let local = civil(text)?.to_zoned_datetime(zone.clone()).map_err(|error| error.to_string())?;
    Ok(local.timestamp().as_millisecond())
}
