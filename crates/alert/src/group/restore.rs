//! Since when alerts have been active, found again after a restart in `ALERTS_FOR_STATE`.

use std::collections::BTreeMap;

use vigie_model::{Labels, METRIC_NAME, MatchOp, Matcher, TimeRange, is_stale_nan};

use super::{Group, RuleState};
use crate::instance::{ALERT_NAME, ALERTS_FOR_STATE};
use crate::metrics::{microseconds, set};
use crate::{Rule, RuleKind};

impl Group {
    /// Looks for the state of each alerting rule, as of `now_ms`.
    pub(super) async fn restore(&self, now_ms: i64) {
        let clock = &self.environment.world.clock;
        let started = clock.monotonic();
        for (rule, state) in self.definition.rules.iter().zip(&self.rules) {
            let RuleKind::Alerting { for_ms, .. } = rule.kind else { continue };
            let options = &self.environment.options;
            // A rule that waits less than the grace period need not wait that long.
            let wanted = for_ms >= options.for_grace_period_ms && !state.lock().alerts.is_empty();
            let known =
                if wanted { self.known_states(rule, now_ms).await } else { BTreeMap::new() };
            let mut state = state.lock();
            apply(&mut state, &known, (for_ms, options.for_grace_period_ms), now_ms);
            state.is_restored = true;
        }
        set(
            &self.numbers.last_restore_duration_us,
            microseconds(clock.monotonic().saturating_sub(started)),
        );
    }

    /// (when last written, active since in seconds) by the alert's labels.
    async fn known_states(&self, rule: &Rule, now_ms: i64) -> BTreeMap<Labels, (i64, f64)> {
        let tolerance_ms = self.environment.options.for_outage_tolerance_ms;
        let range = TimeRange::new(now_ms - tolerance_ms, now_ms);
        let matchers = matchers_of(rule);
        match self.environment.source.newest(&matchers, range).await {
            Ok(found) => found
                .into_iter()
                .map(|(labels, at_ms, since)| (labels.without_name(), (at_ms, since)))
                .collect(),
            Err(error) => {
                tracing::error!(alert = rule.name, error, "the state of alerts was not restored");
                BTreeMap::new()
            }
        }
    }
}

/// All series of `rule`. Labels that are templates differ from alert to alert.
fn matchers_of(rule: &Rule) -> Vec<Matcher> {
    let equal = |name: &str, value: &str| Matcher {
        name: name.to_owned(),
        op: MatchOp::Equal,
        value: value.to_owned(),
    };
    let mut matchers = vec![equal(METRIC_NAME, ALERTS_FOR_STATE), equal(ALERT_NAME, &rule.name)];
    let fixed = rule.labels.iter().filter(|(name, value)| {
        !value.contains("{{") && *name != ALERT_NAME && *name != METRIC_NAME
    });
    matchers.extend(fixed.map(|(name, value)| equal(name, value)));
    matchers
}

fn apply(
    state: &mut RuleState,
    known: &BTreeMap<Labels, (i64, f64)>,
    (for_ms, grace_ms): (i64, i64),
    now_ms: i64,
) {
    for alert in state.alerts.iter_mut() {
        let Some((down_at_ms, since)) = known.get(&alert.labels) else { continue };
        if is_stale_nan(*since) {
            continue;
        }
        let since_ms = (*since as i64).saturating_mul(1000);
        let remaining_ms = for_ms - (down_at_ms - since_ms);
        alert.active_at_ms = if remaining_ms <= 0 {
            // It was firing and goes on at the next evaluation.
            since_ms
        } else if remaining_ms < grace_ms {
            now_ms + grace_ms - for_ms
        } else {
            // The time that nobody looked does not count.
            since_ms + (now_ms - down_at_ms)
        };
    }
}
