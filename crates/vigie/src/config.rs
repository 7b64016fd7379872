//! Configuration: finds the files, tells which tool each belongs to, reads what is served.

mod incidents;
mod process;
mod recognise;
mod settings;

pub(crate) use incidents::{IncidentsSettings, RunbooksSettings};
pub(crate) use process::{ProcessSettings, SpanMetricsSettings};
pub(crate) use recognise::{Found, Kind, recognise};
pub(crate) use settings::{
    LimitSettings, LogstashSettings, RespondSettings, Settings, StoreSettings, bytes, duration,
};

/// A variable of the process' environment, where the replaced tools look one up.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
pub(crate) fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// All variables of the environment whose names begin with one of `prefixes`.
pub(crate) fn environment_of(prefixes: &[&str]) -> Vec<(String, String)> {
    let all = std::env::vars_os();
    let text =
        all.filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    text.filter(|(name, _)| prefixes.iter().any(|prefix| name.starts_with(prefix))).collect()
}
