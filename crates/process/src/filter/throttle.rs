//! `throttle`: counts events of a key within a time; the common options apply to those that come
//! before `before_count` or after `after_count`.

use std::collections::HashMap;

use parking_lot::Mutex;
use vigie_language::logstash::{ConfigError, Sprintf};
use vigie_model::event::Event;

use super::{Filter, Scope, Verdict};
use crate::options::Options;
use crate::text;

#[derive(Debug)]
struct Throttle {
    key: Sprintf,
    before_count: Option<Sprintf>,
    after_count: Option<Sprintf>,
    period: Sprintf,
    max_counters: usize,
    /// For each key: when its time began, and how many came since.
    counters: Mutex<HashMap<String, (i64, u64)>>,
}

pub(super) fn build(options: &Options<'_>) -> Result<Box<dyn Filter>, ConfigError> {
    let most = options.number("max_counters", 100_000.0)?;
    options.ignore(&["max_age"]);
    Ok(Box::new(Throttle {
        key: options.template(&options.required("key")?)?,
        before_count: options.sprintf("before_count")?,
        after_count: options.sprintf("after_count")?,
        period: options.template(&options.text("period")?.unwrap_or_else(|| "60".to_owned()))?,
        max_counters: if most < 1.0 { 100_000 } else { most as usize },
        counters: Mutex::default(),
    }))
}

impl Filter for Throttle {
    fn apply(&self, event: &mut Event, scope: &mut Scope<'_>) -> Verdict {
        let render = |template: &Sprintf| text::render(template, event, scope.now_ns);
        let number = |template: &Option<Sprintf>| {
            template.as_ref().map_or(-1, |template| text::to_integer(&render(template)))
        };
        let (key, before, after) =
            (render(&self.key), number(&self.before_count), number(&self.after_count));
        let period_ns =
            text::to_integer(&render(&self.period)).max(1).saturating_mul(1_000_000_000);
        let time_ns = event.time_ns().unwrap_or(scope.now_ns);
        let mut counters = self.counters.lock();
        if counters.len() >= self.max_counters && !counters.contains_key(&key) {
            counters.retain(|_, (start, _)| time_ns - *start < period_ns);
            if counters.len() >= self.max_counters {
                event.add_tag("_throttled_warning");
                return Verdict::Passed;
            }
        }
        let (start, count) = counters.entry(key).or_insert((time_ns, 0));
        if time_ns.saturating_sub(*start) >= period_ns {
            (*start, *count) = (time_ns, 0);
        }
        *count += 1;
        let count = *count as i64;
        let is_throttled = (before >= 0 && count < before) || (after >= 0 && count > after);
        if is_throttled { Verdict::Matched } else { Verdict::Passed }
    }
}
