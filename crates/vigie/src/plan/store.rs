//! How the store is opened, from `vigie.toml`.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use vigie_language::promql::parse_selector;
use vigie_model::{Matcher, TenantId};
use vigie_store::{Downsampling, ReplicaOptions, RetentionRule, StoreOptions, TenantLimits};

use crate::config::{LimitSettings, Settings, StoreSettings, bytes, duration, environment_of};

/// The options, and the retention as people read it.
pub(super) fn store_options(data: &Path, settings: &Settings) -> Result<(StoreOptions, String)> {
    let mut options = StoreOptions::new(data);
    let store = &settings.store;
    if let Some(text) = &store.retention {
        options.retention = kept(text).context("retention")?;
    }
    if let Some(text) = &store.retention_size {
        let kept = bytes(text).context("retention size")?;
        options.retention_bytes = Some(kept).filter(|kept| *kept != 0);
    }
    if let Some(text) = &store.memory {
        options.memory_bytes_max = bytes(text).context("[store] memory")?;
    }
    options.parts_url.clone_from(&store.parts_url);
    options.parts_options = store.parts_options.clone().into_iter().collect();
    options.parts_environment = environment_of(&["AWS_", "GOOGLE_", "AZURE_"]);
    options.catalog_url.clone_from(&store.catalog_url);
    policies(store, &mut options)?;
    limits(store, &mut options)?;
    let time = store.retention.clone().unwrap_or_else(|| "15d".to_owned());
    let text = match &store.retention_size {
        Some(size) => format!("{time} or {size}"),
        None => time,
    };
    Ok((options, text))
}

/// A retention; `0` keeps all.
fn kept(text: &str) -> Result<Option<Duration>> {
    Ok(Some(duration(text)?).filter(|kept| !kept.is_zero()))
}

fn selector(text: Option<&str>) -> Result<Vec<Matcher>> {
    let Some(text) = text else { return Ok(Vec::new()) };
    parse_selector(text).map_err(|error| anyhow::anyhow!("match {text:?}: {error}"))
}

fn policies(store: &StoreSettings, options: &mut StoreOptions) -> Result<()> {
    for rule in &store.retention_rules {
        let rule = || -> Result<_> {
            Ok(RetentionRule { matchers: selector(Some(&rule.selector))?, keep: kept(&rule.keep)? })
        };
        options.retention_rules.push(rule().context("[[store.retention_rules]]")?);
    }
    for rule in &store.downsampling {
        let rule = || -> Result<_> {
            let extremes = match rule.keep.as_deref() {
                None | Some("last") => false,
                Some("extremes") => true,
                Some(other) => bail!("keep {other:?} is neither \"last\" nor \"extremes\""),
            };
            let every = duration(&rule.every).context("every")?;
            if every < Duration::from_secs(1) {
                bail!("every {:?} is less than a second", rule.every);
            }
            let matchers = selector(rule.selector.as_deref())?;
            let after = duration(&rule.after).context("after")?;
            Ok(Downsampling { matchers, after, every, extremes })
        };
        options.downsampling.push(rule().context("[[store.downsampling]]")?);
    }
    if let Some(text) = &store.dedup_interval {
        let interval = duration(text).context("[store] dedup_interval")?;
        options.dedup_interval = Some(interval).filter(|interval| !interval.is_zero());
    }
    if let Some(replicas) = &store.replicas {
        options.replicas = Some(ReplicaOptions {
            cluster_label: replicas.cluster_label.clone(),
            replica_label: replicas.replica_label.clone(),
            failover: duration(&replicas.failover).context("[store.replicas] failover")?,
        });
    }
    Ok(())
}

fn limits(store: &StoreSettings, options: &mut StoreOptions) -> Result<()> {
    let general = LimitSettings {
        series_max: store.series_max,
        series_per_metric_max: store.series_per_metric_max,
        values_per_label_max: store.values_per_label_max,
    };
    options.limits.general = limits_over(TenantLimits::default(), &general);
    for (name, own) in &store.tenants {
        let tenant = TenantId::new(name).map_err(anyhow::Error::msg).context("[store.tenants]")?;
        options.limits.tenants.push((tenant, limits_over(options.limits.general, own)));
    }
    Ok(())
}

fn limits_over(general: TenantLimits, own: &LimitSettings) -> TenantLimits {
    TenantLimits {
        series_max: own.series_max.unwrap_or(general.series_max),
        series_per_metric_max: own.series_per_metric_max.unwrap_or(general.series_per_metric_max),
        values_per_label_max: own.values_per_label_max.unwrap_or(general.values_per_label_max),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<StoreOptions> {
        let settings: Settings = toml::from_str(text)?;
        store_options(Path::new("data"), &settings).map(|(options, _)| options)
    }

    #[test]
    fn policies_are_read() {
        let options = read(
            r#"
            [store]
            retention = "30d"
            dedup_interval = "1m"
            series_max = 10
            series_per_metric_max = 5
            retention_rules = [
                { match = '{job="slo"}', keep = "1y" },
                { match = 'debug_total', keep = "1d" },
            ]
            downsampling = [
                { after = "30d", every = "5m" },
                { match = '{job="node"}', after = "180d", every = "1h", keep = "extremes" },
            ]
            [store.replicas]
            replica_label = "replica"
            [store.tenants.big]
            series_max = 1000
            "#,
        )
        .unwrap();
        assert_eq!(options.retention_rules.len(), 2);
        assert_eq!(
            options.retention_rules[1].matchers,
            [Matcher::equal("__name__", "debug_total")]
        );
        assert_eq!(options.retention_rules[0].keep, Some(Duration::from_hours(365 * 24)));
        assert!(options.downsampling[0].matchers.is_empty() && !options.downsampling[0].extremes);
        assert!(options.downsampling[1].extremes);
        let replicas = options.replicas.unwrap();
        assert_eq!((&*replicas.cluster_label, &*replicas.replica_label), ("cluster", "replica"));
        assert_eq!(replicas.failover, Duration::from_secs(30));
        let big = options.limits.of(&TenantId::new("big").unwrap());
        assert_eq!((big.series_max, big.series_per_metric_max), (1000, 5));
        assert_eq!(options.limits.of(&TenantId::default_tenant()).series_max, 10);
    }

    #[test]
    fn what_is_wrong_with_a_policy_is_named() {
        for (text, expected) in [
            ("retention_rules = [{ match = '{job=', keep = '1d' }]", "retention_rules"),
            ("retention_rules = [{ match = 'a', keep = 'long' }]", "not a duration"),
            ("retention_rules = [{ keep = '1d' }]", "missing field `match`"),
            ("downsampling = [{ after = '1d', every = '5m', keep = 'all' }]", "neither"),
            ("downsampling = [{ after = '1d', every = '0' }]", "less than a second"),
        ] {
            let error = format!("{:#}", read(&format!("[store]\n{text}")).unwrap_err());
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
