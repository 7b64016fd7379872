//! Silences: who wants not to be told of what, until when.

use std::collections::BTreeMap;

use vigie_model::Labels;
use vigie_world::Random;

use crate::matcher::{AlertMatcher, AlertMatchers};
use crate::{Limits, MatcherSyntax};

/// Where a silence is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SilenceState {
    /// It holds.
    Active,
    /// It will hold.
    Pending,
    /// It held.
    Expired,
}

impl SilenceState {
    /// As the API names it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Pending => "pending",
            Self::Expired => "expired",
        }
    }
}

/// One silence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Silence {
    /// Its id, a UUID.
    pub id: String,
    /// What it silences: alerts that satisfy all.
    pub matchers: AlertMatchers,
    /// From when; milliseconds since the epoch.
    pub starts_at_ms: i64,
    /// Until when.
    pub ends_at_ms: i64,
    /// When it was last changed.
    pub updated_at_ms: i64,
    /// By whom.
    pub created_by: String,
    /// Why.
    pub comment: String,
    /// More: `owner`, `ticket`, `kind` (`maintenance`, `acknowledgement`), ...
    pub annotations: BTreeMap<String, String>,
}

impl Silence {
    /// Where it is in its life at `now_ms`.
    pub const fn state(&self, now_ms: i64) -> SilenceState {
        if now_ms < self.starts_at_ms {
            SilenceState::Pending
        } else if now_ms < self.ends_at_ms {
            SilenceState::Active
        } else {
            SilenceState::Expired
        }
    }

    fn bytes(&self) -> usize {
        let matchers = self.matchers.iter().map(|m| m.name().len() + m.value().len() + 8);
        let more = self.annotations.iter().map(|(name, value)| name.len() + value.len());
        self.created_by.len() + self.comment.len() + matchers.chain(more).sum::<usize>()
    }
}

/// What somebody wants to silence.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SilenceRequest {
    /// Which silence is changed; `None` for a new one.
    pub id: Option<String>,
    /// What.
    pub matchers: Vec<AlertMatcher>,
    /// From when; `None` for now.
    pub starts_at_ms: Option<i64>,
    /// Until when.
    pub ends_at_ms: i64,
    /// By whom.
    pub created_by: String,
    /// Why.
    pub comment: String,
    /// More.
    pub annotations: BTreeMap<String, String>,
}

/// Why a silence was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SilenceError {
    /// There is no silence of that id.
    #[error("silence not found")]
    NotFound,
    /// It cannot be.
    #[error("{0}")]
    Invalid(String),
}

/// All silences of a tenant.
#[derive(Debug, Default)]
pub(crate) struct Silences {
    by_id: BTreeMap<String, Silence>,
}

impl Silences {
    /// Puts back what was kept.
    pub(crate) fn restore(&mut self, silence: Silence) {
        self.by_id.insert(silence.id.clone(), silence);
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Silence> {
        self.by_id.values()
    }

    pub(crate) fn get(&self, id: &str) -> Option<&Silence> {
        self.by_id.get(id)
    }

    /// The silences that hold for `labels`, by id.
    pub(crate) fn muting(&self, labels: &Labels, now_ms: i64) -> Vec<&Silence> {
        let holds = |silence: &&Silence| {
            silence.state(now_ms) == SilenceState::Active && silence.matchers.matches(labels)
        };
        self.by_id.values().filter(holds).collect()
    }

    /// Makes or changes a silence. A change that would rewrite history makes a new one and ends
    /// the old. Gives the changed silences; the last is the one that was asked for.
    pub(crate) fn set(
        &mut self,
        request: SilenceRequest,
        now_ms: i64,
        (limits, random, syntax): (&Limits, &Random, MatcherSyntax),
    ) -> Result<Vec<Silence>, SilenceError> {
        let mut silence = check(request, now_ms, syntax)?;
        let bytes = silence.bytes();
        if bytes > limits.silence_bytes_max {
            let most = limits.silence_bytes_max;
            return Err(SilenceError::Invalid(format!(
                "silence exceeded maximum size: {bytes} bytes (limit: {most} bytes)"
            )));
        }
        let previous = match silence.id.as_str() {
            "" => None,
            id => Some(self.by_id.get(id).cloned().ok_or(SilenceError::NotFound)?),
        };
        let mut changed = Vec::new();
        if previous.as_ref().is_none_or(|previous| !can_change(previous, &silence, now_ms)) {
            if self.by_id.len() >= limits.silences_max {
                return Err(SilenceError::Invalid(format!(
                    "exceeded maximum number of silences: {} (limit: {})",
                    self.by_id.len(),
                    limits.silences_max
                )));
            }
            silence.id = new_id(random);
            silence.starts_at_ms = silence.starts_at_ms.max(now_ms);
            changed.extend(previous.and_then(|p| self.expire(&p.id, now_ms).ok().flatten()));
        }
        self.by_id.insert(silence.id.clone(), silence.clone());
        changed.push(silence);
        Ok(changed)
    }

    /// Ends a silence; `None` when it was over already.
    pub(crate) fn expire(
        &mut self,
        id: &str,
        now_ms: i64,
    ) -> Result<Option<Silence>, SilenceError> {
        let silence = self.by_id.get_mut(id).ok_or(SilenceError::NotFound)?;
        match silence.state(now_ms) {
            SilenceState::Expired => return Ok(None),
            SilenceState::Active => {}
            SilenceState::Pending => silence.starts_at_ms = now_ms,
        }
        silence.ends_at_ms = now_ms;
        silence.updated_at_ms = now_ms;
        Ok(Some(silence.clone()))
    }

    /// Forgets those that have been over for `retention_ms`; gives their ids.
    pub(crate) fn collect(&mut self, now_ms: i64, retention_ms: i64) -> Vec<String> {
        let is_old = |silence: &Silence| silence.ends_at_ms.saturating_add(retention_ms) <= now_ms;
        let old: Vec<String> =
            self.by_id.values().filter(|s| is_old(s)).map(|s| s.id.clone()).collect();
        for id in &old {
            self.by_id.remove(id);
        }
        old
    }
}

fn check(
    request: SilenceRequest,
    now_ms: i64,
    syntax: MatcherSyntax,
) -> Result<Silence, SilenceError> {
    let invalid = |message: String| SilenceError::Invalid(format!("invalid silence: {message}"));
    if request.matchers.is_empty() {
        return Err(invalid("at least one matcher required".into()));
    }
    for (at, matcher) in request.matchers.iter().enumerate() {
        if !syntax.is_label_name(matcher.name()) {
            let name = matcher.name();
            return Err(invalid(format!(
                "invalid label matcher {at}: invalid label name {name:?}"
            )));
        }
    }
    // Which a mistake more often makes than a wish.
    let says_nothing = |m: &AlertMatcher| m.is_equal() && m.matches_value("");
    if request.matchers.iter().all(says_nothing) {
        return Err(invalid("at least one matcher must not match the empty string".into()));
    }
    let starts_at_ms = request.starts_at_ms.unwrap_or(now_ms);
    if request.ends_at_ms <= starts_at_ms {
        return Err(SilenceError::Invalid(
            "Failed to create silence: start time must be before end time".into(),
        ));
    }
    if request.ends_at_ms < now_ms {
        return Err(SilenceError::Invalid(
            "Failed to create silence: end time can't be in the past".into(),
        ));
    }
    Ok(Silence {
        id: request.id.unwrap_or_default(),
        matchers: AlertMatchers::new(request.matchers),
        starts_at_ms,
        ends_at_ms: request.ends_at_ms,
        updated_at_ms: now_ms,
        created_by: request.created_by,
        comment: request.comment,
        annotations: request.annotations,
    })
}

/// Whether `old` may become `new` without rewriting what was silenced when.
fn can_change(old: &Silence, new: &Silence, now_ms: i64) -> bool {
    if old.matchers != new.matchers {
        return false;
    }
    match old.state(now_ms) {
        SilenceState::Active => {
            old.starts_at_ms.div_euclid(1_000) == new.starts_at_ms.div_euclid(1_000)
        }
        SilenceState::Pending => new.starts_at_ms >= now_ms,
        SilenceState::Expired => false,
    }
}

/// A random UUID, version 4.
fn new_id(random: &Random) -> String {
    let bytes = (u128::from(random.next_u64()) << 64) | u128::from(random.next_u64());
    uuid::Builder::from_random_bytes(bytes.to_be_bytes()).into_uuid().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(text: &str, from: Option<i64>, to: i64) -> SilenceRequest {
        SilenceRequest {
            matchers: MatcherSyntax::Fallback.parse_list(text).unwrap().matchers,
            starts_at_ms: from,
            ends_at_ms: to,
            ..SilenceRequest::default()
        }
    }

    fn set(silences: &mut Silences, request: SilenceRequest, now_ms: i64) -> Vec<Silence> {
        try_set(silences, request, now_ms).unwrap()
    }

    fn try_set(
        silences: &mut Silences,
        request: SilenceRequest,
        now_ms: i64,
    ) -> Result<Vec<Silence>, SilenceError> {
        let limits = Limits { silences_max: 3, ..Limits::default() };
        let random = Random::from_seed(silences.by_id.len() as u64);
        silences.set(request, now_ms, (&limits, &random, MatcherSyntax::Fallback))
    }

    #[test]
    fn a_silence_holds_between_its_times() {
        let mut silences = Silences::default();
        let labels = Labels::from_pairs([("a", "1"), ("b", "2")]);
        let made = set(&mut silences, request("a=1,b=~\"1|2\"", Some(2_000), 3_000), 1_000);
        assert_eq!(made[0].state(1_000), SilenceState::Pending);
        for (now, holds) in [(1_999, false), (2_000, true), (2_999, true), (3_000, false)] {
            assert_eq!(silences.muting(&labels, now).len(), usize::from(holds), "{now}");
        }
        assert!(silences.muting(&Labels::from_pairs([("a", "1")]), 2_000).is_empty());
        assert_eq!(made[0].id.len(), 36);
    }

    #[test]
    fn changes_that_would_rewrite_history_make_a_new_silence() {
        let mut silences = Silences::default();
        let made = set(&mut silences, request("a=1", None, 10_000), 1_000).remove(0);
        let change = |text, to| SilenceRequest {
            id: Some(made.id.clone()),
            ..request(text, Some(1_000), to)
        };
        let longer = set(&mut silences, change("a=1", 20_000), 2_000);
        assert_eq!((longer.len(), &longer[0].id), (1, &made.id), "longer: the same");
        let other = set(&mut silences, change("a=2", 20_000), 3_000);
        assert_eq!(other.len(), 2);
        assert_eq!((&other[0].id, other[0].ends_at_ms), (&made.id, 3_000));
        assert_ne!(other[1].id, made.id);
        assert_eq!(other[1].starts_at_ms, 3_000, "not in the past");
        let unknown = SilenceRequest { id: Some("x".into()), ..request("a=1", None, 10_000) };
        assert_eq!(try_set(&mut silences, unknown, 0), Err(SilenceError::NotFound));
    }

    #[test]
    fn what_says_nothing_or_is_over_is_refused() {
        let mut silences = Silences::default();
        for (request, expected) in [
            (request("", None, 10), "at least one matcher required"),
            (request("a=\"\"", None, 10), "must not match the empty string"),
            (request("a=~\".*\"", None, 10), "must not match the empty string"),
            (request("a=1", Some(10), 10), "start time must be before end time"),
            (request("a=1", Some(-20), -10), "end time can't be in the past"),
        ] {
            let error = try_set(&mut silences, request, 0).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        for _ in 0..3 {
            set(&mut silences, request("a=1", None, 10), 0);
        }
        let error = try_set(&mut silences, request("a=1", None, 10), 0).unwrap_err();
        assert!(error.to_string().contains("maximum number of silences"), "{error}");
    }

    #[test]
    fn ended_silences_are_kept_for_a_while() {
        let mut silences = Silences::default();
        let active = set(&mut silences, request("a=1", None, 100), 0).remove(0);
        let pending = set(&mut silences, request("a=1", Some(50), 100), 0).remove(0);
        silences.expire(&active.id, 10).unwrap();
        let ended = silences.expire(&pending.id, 10).unwrap().unwrap();
        assert_eq!((ended.starts_at_ms, ended.ends_at_ms), (10, 10));
        assert_eq!(silences.expire(&active.id, 20), Ok(None), "once is enough");
        assert_eq!(silences.expire("x", 20), Err(SilenceError::NotFound));
        assert!(silences.collect(109, 100).is_empty());
        assert_eq!(silences.collect(110, 100).len(), 2);
    }
}
