//! Role `ingress`: one target a path of a rule.

use super::cluster::View;
use super::labels::MetaLabels;
use super::object::{Ingress, IngressRule};
use crate::discovery::TargetGroup;

/// The group of an ingress.
pub(super) fn group(source: String, view: &View<'_>, ingress: &Ingress) -> TargetGroup {
    let metadata = &ingress.metadata;
    let mut labels = MetaLabels::default();
    labels.set("namespace", &metadata.namespace);
    labels.set_some("ingress_class_name", ingress.spec.ingress_class_name.as_deref());
    labels.add_object("ingress", metadata);
    labels.add_namespace(view, &metadata.namespace);
    let mut targets = Vec::new();
    for rule in &ingress.spec.rules {
        let mut certified = ingress.spec.tls.iter().flat_map(|tls| &tls.hosts);
        let has_tls = certified.any(|pattern| covers(pattern, &rule.host));
        for path in paths(rule) {
            let mut target = MetaLabels::at(&rule.host);
            target.set("ingress_scheme", if has_tls { "https" } else { "http" });
            target.set("ingress_host", &rule.host);
            target.set("ingress_path", path);
            targets.push(target.build());
        }
    }
    TargetGroup { source, targets, labels: labels.build() }
}

/// The paths of a rule: all of them when it names none.
fn paths(rule: &IngressRule) -> Vec<&str> {
    let Some(http) = &rule.http else { return vec!["/"] };
    let paths = http.paths.iter().map(|path| path.path.as_str());
    paths.map(|path| if path.is_empty() { "/" } else { path }).collect()
}

/// Whether a certificate for `pattern` is good for `host`: `*.` stands for one name.
fn covers(pattern: &str, host: &str) -> bool {
    match pattern.strip_prefix("*.") {
        Some(rest) => pattern == host || host.split_once('.').is_some_and(|(_, up)| up == rest),
        None => pattern == host || (pattern == "*" && !host.contains('.')),
    }
}
