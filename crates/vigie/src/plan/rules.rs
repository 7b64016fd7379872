//! How rules are evaluated, by flags or settings.

use anyhow::{Context, Result};
use vigie_alert::ManagerOptions;

use crate::args::PrometheusArgs;
use crate::config::{Settings, duration};

/// As `[alert]` of `vigie.toml` says.
pub(super) fn from_settings(settings: &Settings) -> Result<ManagerOptions> {
    let alert = &settings.alert;
    let most = alert.concurrent_evaluations_max;
    Ok(ManagerOptions {
        for_outage_tolerance_ms: milliseconds(&alert.for_outage_tolerance)
            .context("[alert] for_outage_tolerance")?,
        for_grace_period_ms: milliseconds(&alert.for_grace_period)
            .context("[alert] for_grace_period")?,
        resend_delay_ms: milliseconds(&alert.resend_delay).context("[alert] resend_delay")?,
        is_concurrent: most > 0,
        concurrent_evaluations_max: most.max(1),
        ..ManagerOptions::default()
    })
}

/// As Prometheus' flags say.
pub(super) fn from_prometheus(args: &PrometheusArgs) -> Result<ManagerOptions> {
    let mut features = args.features.iter().flat_map(|list| list.split(','));
    Ok(ManagerOptions {
        for_outage_tolerance_ms: milliseconds(&args.for_outage_tolerance)
            .context("--rules.alert.for-outage-tolerance")?,
        for_grace_period_ms: milliseconds(&args.for_grace_period)
            .context("--rules.alert.for-grace-period")?,
        resend_delay_ms: milliseconds(&args.resend_delay).context("--rules.alert.resend-delay")?,
        is_concurrent: features.any(|name| name.trim() == "concurrent-rule-eval"),
        concurrent_evaluations_max: args.rule_evaluations_max,
        ..ManagerOptions::default()
    })
}

fn milliseconds(text: &str) -> Result<i64> {
    Ok(i64::try_from(duration(text)?.as_millis())?)
}
