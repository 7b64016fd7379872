//! `drop`: the event ends here, or each with a chance.

use vigie_language::logstash::ConfigError;
use vigie_model::event::Event;

use super::{Filter, Scope, Verdict};
use crate::options::Options;

#[derive(Debug)]
struct Drop {
    chance: f64,
}

pub(super) fn build(options: &Options<'_>) -> Result<Box<dyn Filter>, ConfigError> {
    Ok(Box::new(Drop { chance: options.number("percentage", 100.0)? / 100.0 }))
}

impl Filter for Drop {
    fn apply(&self, _event: &mut Event, scope: &mut Scope<'_>) -> Verdict {
        let is_dropped = self.chance >= 1.0 || scope.world.random.unit() < self.chance;
        if is_dropped { Verdict::Dropped } else { Verdict::Passed }
    }
}
