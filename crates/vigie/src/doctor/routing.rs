//! Routes that no alert can reach, and inhibition that can never mute.

use std::collections::BTreeSet;
use std::path::Path;

use vigie_alert::{Finding, FindingKind, GroupDefinition, Place};
use vigie_model::MatchOp;
use vigie_respond::config::{ConfigOptions, LoadedConfig, load};
use vigie_respond::{AlertMatcher, AlertMatchers, Route};
use vigie_world::World;

/// Findings in the Alertmanager configuration at `path`, for the alerts of `groups`.
pub(super) fn examine(path: &Path, groups: &[GroupDefinition], world: &World) -> Vec<Finding> {
    // `check` says what is wrong with a file that cannot be read.
    let Ok(loaded) = load(path, world, ConfigOptions::default()) else { return Vec::new() };
    let mut findings = Vec::new();
    let file = path.display().to_string();
    let mut add = |kind, line, message| {
        let place = Place { line, column: 1 };
        findings.push(Finding { kind, file: file.clone(), place, message });
    };
    for route in loaded.routes.nodes() {
        for (line, message) in hidden_children(&loaded, route) {
            add(FindingKind::UnreachableRoute, line, message);
        }
    }
    let names: BTreeSet<&str> = groups
        .iter()
        .flat_map(|group| &group.rules)
        .filter(|rule| rule.is_alerting())
        .map(|rule| rule.name.as_str())
        .collect();
    for route in loaded.routes.nodes().iter().filter(|_| !names.is_empty()) {
        if let Some(matcher) = route.matchers.iter().find(|matcher| is_of_nobody(matcher, &names)) {
            let message = format!(
                "no rule raises an alert named {:?}, so nothing goes this way",
                matcher.value()
            );
            add(FindingKind::UnreachableRoute, route.line, message);
        }
    }
    for rule in loaded.inhibit_rules.iter() {
        if contains_all(&rule.target, &rule.source) {
            let message = "every alert that this would mute is a source of it too, and an alert \
                           that is both is not muted by another such: the rule does nothing; make \
                           the target's matchers exclude the source's"
                .to_owned();
            add(FindingKind::InhibitsItself, rule.line, message);
        }
    }
    findings
}

/// Children that an earlier one without `continue` leaves nothing.
fn hidden_children(loaded: &LoadedConfig, route: &Route) -> Vec<(u32, String)> {
    let children: Vec<&Route> =
        route.children.iter().filter_map(|index| loaded.routes.get(*index)).collect();
    let mut hidden = Vec::new();
    for (at, child) in children.iter().enumerate() {
        let earlier = children.iter().take(at).find(|earlier| {
            !earlier.is_continued && contains_all(&child.matchers, &earlier.matchers)
        });
        if let Some(earlier) = earlier {
            let message = format!(
                "no alert gets here: the route of line {} takes all of them and does not continue",
                earlier.line
            );
            hidden.push((child.line, message));
        }
    }
    hidden
}

/// Whether each of `fewer` is among `more`: then what satisfies `more` satisfies `fewer`.
fn contains_all(more: &AlertMatchers, fewer: &AlertMatchers) -> bool {
    fewer.iter().all(|one| more.iter().any(|other| one == other))
}

/// Whether it asks for an alert's name that no rule has.
fn is_of_nobody(matcher: &AlertMatcher, names: &BTreeSet<&str>) -> bool {
    let is_positive = matches!(matcher.op(), MatchOp::Equal | MatchOp::Regex);
    matcher.name() == "alertname"
        && is_positive
        && !names.iter().any(|name| matcher.matches_value(name))
}
