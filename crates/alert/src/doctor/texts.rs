//! Which labels the texts of a rule use.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use regex::Regex;

/// Labels of the series that `template` uses: `$labels.job`, `.Labels.job`,
/// `index $labels "job"`.
pub(super) fn labels_used(template: &str) -> BTreeSet<String> {
    static PATTERN: OnceLock<Option<Regex>> = OnceLock::new();
    let pattern = PATTERN.get_or_init(|| {
        let name = r"([A-Za-z_][A-Za-z0-9_]*)";
        let field = format!(r"(?:\$labels|\$\.Labels|\B\.Labels)\.{name}");
        let index = format!(r#"index\s+(?:\$labels|\.Labels)\s+"{name}""#);
        Regex::new(&format!("{field}|{index}")).ok()
    });
    let mut used = BTreeSet::new();
    for action in template.split("{{").skip(1) {
        let inside = action.split("}}").next().unwrap_or_default();
        // Within `range` and `with`, `.Labels` is that of a query's sample.
        let is_nested = template.contains("range") || template.contains("with");
        for found in pattern.iter().flat_map(|pattern| pattern.captures_iter(inside)) {
            let whole = found.get(0).map_or("", |m| m.as_str());
            if is_nested && whole.starts_with(".Labels") {
                continue;
            }
            let name = found.get(1).or_else(|| found.get(2));
            used.extend(name.map(|name| name.as_str().to_owned()));
        }
    }
    used
}

#[cfg(test)]
mod tests {
    use super::labels_used;

    #[test]
    fn labels_are_found_within_actions_only() {
        let used = |text: &str| labels_used(text).into_iter().collect::<Vec<_>>().join(" ");
        assert_eq!(used("{{ $labels.job }} on {{.Labels.instance}} $labels.no"), "instance job");
        assert_eq!(used("{{ if eq $labels.a \"x\" }}{{ index $labels \"b\" }}{{ end }}"), "a b");
        assert_eq!(used("{{ range query \"up\" }}{{ .Labels.other }}{{ end }}"), "");
        assert_eq!(used("no action"), "");
    }
}
