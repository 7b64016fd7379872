//! `syslog_pri`: the number at the beginning of a line of syslog as facility and severity.

use vigie_language::logstash::{ConfigError, FieldReference};
use vigie_model::event::{Event, Value};

use super::{Filter, Scope, Verdict};
use crate::build::{Context, Ecs};
use crate::field;
use crate::options::Options;
use crate::text;

const FACILITIES: [&str; 24] = [
    "kernel",
    "user-level",
    "mail",
    "daemon",
    "security/authorization",
    "syslogd",
    "line printer",
    "network news",
    "uucp",
    "clock",
    "security/authorization",
    "ftp",
    "ntp",
    "log audit",
    "log alert",
    "clock",
    "local0",
    "local1",
    "local2",
    "local3",
    "local4",
    "local5",
    "local6",
    "local7",
];
const SEVERITIES: [&str; 8] =
    ["emergency", "alert", "critical", "error", "warning", "notice", "informational", "debug"];
/// `user-level`, `notice`.
const PRIORITY_DEFAULT: i64 = 13;

#[derive(Debug)]
struct SyslogPri {
    source: FieldReference,
    /// Codes and names of facility and severity.
    targets: [FieldReference; 4],
    has_labels: bool,
}

pub(super) fn build(
    options: &Options<'_>,
    context: &mut Context<'_>,
) -> Result<Box<dyn Filter>, ConfigError> {
    let is_ecs = context.ecs(options)? != Ecs::Disabled;
    let (source, targets) = if is_ecs {
        (
            "[log][syslog][priority]",
            [
                "[log][syslog][facility][code]",
                "[log][syslog][facility][name]",
                "[log][syslog][severity][code]",
                "[log][syslog][severity][name]",
            ],
        )
    } else {
        (
            "syslog_pri",
            ["syslog_facility_code", "syslog_facility", "syslog_severity_code", "syslog_severity"],
        )
    };
    let source = options.text("syslog_pri_field_name")?.unwrap_or_else(|| source.to_owned());
    let [a, b, c, d] = targets.map(|name| options.reference(name));
    options.ignore(&["facility_labels", "severity_labels"]);
    Ok(Box::new(SyslogPri {
        source: options.reference(&source)?,
        targets: [a?, b?, c?, d?],
        has_labels: options.boolean("use_labels", true)?,
    }))
}

impl Filter for SyslogPri {
    fn apply(&self, event: &mut Event, _scope: &mut Scope<'_>) -> Verdict {
        let priority = match field::get(event, &self.source) {
            None | Some(Value::Null) => PRIORITY_DEFAULT,
            Some(value) => text::to_integer(&text::of_value(value)),
        };
        let (facility, severity) = (priority >> 3, priority & 7);
        let name = |names: &[&str], code: i64| {
            let name = usize::try_from(code).ok().and_then(|code| names.get(code));
            name.map(|name| Value::from(*name))
        };
        let [facility_code, facility_name, severity_code, severity_name] = &self.targets;
        field::set(event, facility_code, Value::Integer(facility));
        field::set(event, severity_code, Value::Integer(severity));
        if self.has_labels {
            if let Some(name) = name(&FACILITIES, facility) {
                field::set(event, facility_name, name);
            }
            if let Some(name) = name(&SEVERITIES, severity) {
                field::set(event, severity_name, name);
            }
        }
        Verdict::Matched
    }
}
