//! The way out for alerts: external labels and relabelling for all, then every sink.

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use vigie_language::relabel::{RelabelRule, relabel};
use vigie_model::{Alert, AlertSink, LabelsBuilder, TenantId};

/// What a reload changes.
#[derive(Debug, Default)]
struct Setting {
    external_labels: BTreeMap<String, String>,
    rules: Vec<RelabelRule>,
    sinks: Vec<Arc<dyn AlertSink>>,
}

/// Hands alerts on as `alerting:` of the configuration says.
#[derive(Debug, Default)]
pub struct AlertOutlet(ArcSwap<Setting>);

impl AlertOutlet {
    /// From now on alerts get these labels where they have no such label, are changed by
    /// `alert_relabel_configs`, and go to all `sinks`.
    pub fn set(
        &self,
        external_labels: BTreeMap<String, String>,
        alert_relabel_configs: Vec<RelabelRule>,
        sinks: Vec<Arc<dyn AlertSink>>,
    ) {
        self.0.store(Arc::new(Setting { external_labels, rules: alert_relabel_configs, sinks }));
    }
}

impl AlertSink for AlertOutlet {
    fn send(&self, tenant: &TenantId, mut alerts: Vec<Alert>) {
        let setting = self.0.load();
        alerts.retain_mut(|alert| {
            let mut labels = LabelsBuilder::from_labels(&alert.labels);
            for (name, value) in &setting.external_labels {
                if labels.get(name).is_none() {
                    labels.set(name, value);
                }
            }
            let keep = relabel(&setting.rules, &mut labels);
            alert.labels = labels.build();
            keep && !alert.labels.is_empty()
        });
        let Some((last, others)) = setting.sinks.split_last() else { return };
        if alerts.is_empty() {
            return;
        }
        for sink in others {
            sink.send(tenant, alerts.clone());
        }
        last.send(tenant, alerts);
    }
}

#[cfg(test)]
mod tests {
    use parking_lot::Mutex;
    use vigie_language::relabel::RelabelConfig;
    use vigie_model::Labels;

    use super::*;

    #[derive(Debug, Default)]
    struct Kept(Mutex<Vec<Labels>>);

    impl AlertSink for Kept {
        fn send(&self, _tenant: &TenantId, alerts: Vec<Alert>) {
            self.0.lock().extend(alerts.into_iter().map(|alert| alert.labels));
        }
    }

    fn alert(pairs: &[(&str, &str)]) -> Alert {
        Alert {
            labels: Labels::from_pairs(pairs.iter().copied()),
            annotations: BTreeMap::new(),
            starts_at_ms: Some(0),
            ends_at_ms: Some(1),
            generator_url: String::new(),
        }
    }

    #[test]
    fn external_labels_do_not_replace_own_ones_and_relabelling_comes_after() {
        let (one, two) = (Arc::new(Kept::default()), Arc::new(Kept::default()));
        let drop_rule = RelabelRule::new(RelabelConfig {
            source_labels: vec!["replica".to_owned()],
            regex: "b".to_owned(),
            action: "drop".to_owned(),
            ..RelabelConfig::default()
        })
        .unwrap();
        let outlet = AlertOutlet::default();
        outlet.set(
            BTreeMap::from([("replica".to_owned(), "a".to_owned())]),
            vec![drop_rule],
            vec![Arc::clone(&one) as _, Arc::clone(&two) as _],
        );
        let alerts =
            vec![alert(&[("alertname", "X")]), alert(&[("alertname", "Y"), ("replica", "b")])];
        outlet.send(&TenantId::default_tenant(), alerts);
        let expected = Labels::from_pairs([("alertname", "X"), ("replica", "a")]);
        assert_eq!(*one.0.lock(), std::slice::from_ref(&expected));
        assert_eq!(*two.0.lock(), [expected]);
    }
}
