//! Who is called: actions of escalations, schedules, shifts that somebody takes.

use super::access::{Who, audit};
use super::kept::Override;
use super::{Desk, DeskError, Kept};
use crate::link;
use crate::oncall::Shift;

/// Shifts that somebody may take at once.
const OVERRIDES_MAX: usize = 1_000;
/// How far ahead shifts are shown.
const SPAN_MS_MAX: i64 = 92 * 86_400_000;

impl Desk {
    /// The receivers that an action means now, with the person where a schedule says so.
    pub(super) fn receivers_of(&self, action: &str) -> Vec<(String, Option<String>)> {
        let plan = self.plan();
        let overrides: Vec<Override> =
            self.ask(|state| state.overrides.values().cloned().collect());
        plan.oncall.receivers_of(action, self.now_ms(), &overrides)
    }

    /// Who is on call by a schedule.
    pub fn on_call(&self, schedule: &str, at_ms: i64) -> Option<Vec<String>> {
        let plan = self.plan();
        let overrides: Vec<Override> =
            self.ask(|state| state.overrides.values().cloned().collect());
        plan.oncall.on_call(schedule, at_ms, &overrides)
    }

    /// The shifts of a schedule.
    pub fn shifts(
        &self,
        schedule: &str,
        from_ms: i64,
        to_ms: i64,
    ) -> Result<Vec<Shift>, DeskError> {
        if to_ms <= from_ms || to_ms.saturating_sub(from_ms) > SPAN_MS_MAX {
            let message = "`to` is after `from`, at most 92 days".to_owned();
            return Err(DeskError::Invalid(message));
        }
        let plan = self.plan();
        let overrides: Vec<Override> =
            self.ask(|state| state.overrides.values().cloned().collect());
        plan.oncall
            .shifts(schedule, (from_ms, to_ms), &overrides)
            .ok_or_else(|| DeskError::NotFound(format!("no schedule {schedule:?}")))
    }

    /// Somebody takes a shift.
    pub async fn take_shift(
        &self,
        schedule: &str,
        person: &str,
        (from_ms, to_ms): (i64, i64),
        who: &Who,
    ) -> Result<u64, DeskError> {
        let plan = self.plan();
        if !plan.oncall.schedules.contains_key(schedule) {
            return Err(DeskError::NotFound(format!("no schedule {schedule:?}")));
        }
        let is_person = !person.is_empty() && person.len() <= 200;
        if to_ms <= from_ms || !is_person {
            let message = "a shift has a person, and ends after it begins".to_owned();
            return Err(DeskError::Invalid(message));
        }
        let now_ms = self.now_ms();
        let id = self.update(|state| {
            if state.overrides.len() >= OVERRIDES_MAX {
                return Err(DeskError::Conflict(format!("more than {OVERRIDES_MAX} shifts")));
            }
            let id = state.override_next;
            state.override_next += 1;
            let given = Override {
                id,
                schedule: schedule.to_owned(),
                person: person.to_owned(),
                from_ms,
                to_ms,
                by: who.name.clone(),
            };
            state.overrides.insert(id, given.clone());
            state.keep(Kept::Override(given));
            state.audit(audit(now_ms, who, "take shift", format!("{schedule}: {person}")));
            Ok(id)
        })?;
        self.persist().await?;
        Ok(id)
    }

    /// Nobody takes that shift any more.
    pub async fn drop_shift(&self, schedule: &str, id: u64, who: &Who) -> Result<(), DeskError> {
        let now_ms = self.now_ms();
        self.update(|state| {
            let found = state.overrides.get(&id).filter(|given| given.schedule == schedule);
            if found.is_none() {
                return Err(DeskError::NotFound(format!("no shift {id} of {schedule:?}")));
            }
            state.overrides.remove(&id);
            state.keep(Kept::OverrideGone { id });
            state.audit(audit(now_ms, who, "drop shift", format!("{schedule}: {id}")));
            Ok(())
        })?;
        self.persist().await?;
        Ok(())
    }

    /// A link that acknowledges an incident in the name of `by`.
    pub(super) fn acknowledge_url(&self, id: u64, by: &str) -> Option<String> {
        let plan = self.plan();
        if plan.link_key.is_empty() || plan.external_url.is_empty() {
            return None;
        }
        let valid = i64::try_from(plan.link_ms).unwrap_or(i64::MAX);
        let expires_ms = self.now_ms().saturating_add(valid);
        let signed = link::Link { incident: id, by: by.to_owned(), expires_ms };
        let query = signed.query(&plan.link_key, self.id.as_str());
        Some(format!("{}/api/v1/incidents/link?{query}", plan.external_url))
    }

    /// What a signed link says, when it is genuine and still good.
    pub fn read_link(&self, link: &link::Link, signature: &str) -> Result<(), DeskError> {
        let plan = self.plan();
        if plan.link_key.is_empty() || !link.is_genuine(&plan.link_key, self.id.as_str(), signature)
        {
            return Err(DeskError::Forbidden("the link is not genuine".to_owned()));
        }
        if link.expires_ms <= self.now_ms() {
            return Err(DeskError::Forbidden("the link has expired".to_owned()));
        }
        Ok(())
    }

    /// What a running step has written so far.
    pub fn live_output(&self, run: u64, step: usize) -> Option<String> {
        let output = self.live.of(run, step)?;
        Some(self.plan().options.redactor.clean(&output))
    }
}
