//! Filters: one file each, named as in `logstash.conf`.

mod bytes;
mod cidr;
mod clone;
mod csv;
mod date;
mod de_dot;
mod digest;
mod dissect;
mod drop;
mod fingerprint;
mod geoip;
mod grok;
mod json;
mod json_encode;
mod kv;
mod mutate;
mod prune;
mod split;
mod syslog_pri;
mod throttle;
mod translate;
mod truncate;
mod urldecode;
mod useragent;
mod uuid;
mod xml;

use std::fmt;

use vigie_language::logstash::ConfigError;
use vigie_model::event::Event;
use vigie_world::World;

use crate::build::Context;
use crate::options::Options;

/// What a filter says of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It did its work: the common options apply.
    Matched,
    /// It had nothing to do.
    Passed,
    /// It could not do its work, and said so by a tag.
    Failed,
    /// The event ends here.
    Dropped,
}

/// What a filter may use besides the event.
pub(crate) struct Scope<'a> {
    /// The time, nanoseconds since the epoch.
    pub(crate) now_ns: i64,
    pub(crate) world: &'a World,
    /// Events that the filter made, and whether the common options apply to them.
    pub(crate) new_events: Vec<(Event, bool)>,
}

/// A step that changes events.
pub(crate) trait Filter: Send + Sync + fmt::Debug {
    /// Changes `event`.
    fn apply(&self, event: &mut Event, scope: &mut Scope<'_>) -> Verdict;
}

/// Adds `tags`; the filter failed.
pub(crate) fn fail(event: &mut Event, tags: &[String]) -> Verdict {
    for tag in tags {
        event.add_tag(tag);
    }
    Verdict::Failed
}

/// Names of the filters that are known.
pub(crate) const KNOWN: [&str; 26] = [
    "bytes",
    "cidr",
    "clone",
    "csv",
    "date",
    "de_dot",
    "dissect",
    "drop",
    "fingerprint",
    "geoip",
    "grok",
    "json",
    "json_encode",
    "kv",
    "mutate",
    "prune",
    "split",
    "syslog_pri",
    "throttle",
    "translate",
    "truncate",
    "urldecode",
    "useragent",
    "uuid",
    "xml",
    "noop",
];

/// Names of the filters that are served.
pub const fn names() -> &'static [&'static str] {
    &KNOWN
}

/// Builds the filter that `options` name.
pub(crate) fn build(
    options: &Options<'_>,
    context: &mut Context<'_>,
) -> Result<Box<dyn Filter>, ConfigError> {
    Ok(match options.plugin().name.as_str() {
        "bytes" => bytes::build(options)?,
        "cidr" => cidr::build(options)?,
        "clone" => clone::build(options, context)?,
        "csv" => csv::build(options)?,
        "date" => date::build(options, context)?,
        "de_dot" => de_dot::build(options)?,
        "dissect" => dissect::build(options)?,
        "drop" => drop::build(options)?,
        "fingerprint" => fingerprint::build(options, context)?,
        "geoip" => geoip::build(options, context)?,
        "grok" => grok::build(options, context)?,
        "json" => json::build(options)?,
        "json_encode" => json_encode::build(options)?,
        "kv" => kv::build(options, context)?,
        "mutate" => mutate::build(options)?,
        "prune" => prune::build(options)?,
        "split" => split::build(options)?,
        "syslog_pri" => syslog_pri::build(options, context)?,
        "throttle" => throttle::build(options)?,
        "translate" => translate::build(options, context)?,
        "truncate" => truncate::build(options)?,
        "urldecode" => urldecode::build(options)?,
        "useragent" => useragent::build(options, context)?,
        "uuid" => uuid::build(options)?,
        "xml" => xml::build(options)?,
        "noop" => Box::new(Noop),
        other => return Err(options.error(&refusal(other))),
    })
}

/// A filter that does nothing but what is common to all.
#[derive(Debug)]
struct Noop;

impl Filter for Noop {
    fn apply(&self, _event: &mut Event, _scope: &mut Scope<'_>) -> Verdict {
        Verdict::Matched
    }
}

fn refusal(name: &str) -> String {
    let alternative = match name {
        "ruby" => {
            "code in Ruby is not run here; use mutate, translate, grok, dissect, split, prune or a \
             conditional"
        }
        "aggregate" => {
            "its code is Ruby, which is not run here; count and correlate in searches and rules, \
             or use throttle"
        }
        "sleep" => "a pipeline that sleeps holds up its senders; use throttle",
        "dns" => "names are not looked up in a pipeline here; use translate with a dictionary",
        "elasticsearch" | "jdbc_streaming" | "jdbc_static" | "http" | "memcached" => {
            "other systems are not asked in a pipeline here; use translate with a dictionary"
        }
        _ => return format!("no such filter here; there are {}", KNOWN.join(", ")),
    };
    format!("is refused: {alternative}")
}
