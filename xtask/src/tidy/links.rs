//! Links from Markdown to files of the repository are alive.

use std::path::Path;

use anyhow::{Context, Result};

use super::walk;

/// Relative links whose target is not there.
pub(super) fn check(root: &Path) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    for path in walk(root, "md")? {
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("reading {}", path.display()))?;
        let folder = path.parent().unwrap_or(root);
        for link in links(&text) {
            let file = link.split('#').next().unwrap_or_default();
            let external = link.contains("://") || link.starts_with("mailto:");
            if !external && !file.is_empty() && !folder.join(file).exists() {
                let shown = path.strip_prefix(root).unwrap_or(&path).display();
                findings.push(format!("{shown}: links to {link}, which is not there"));
            }
        }
    }
    Ok(findings)
}

/// Targets of `[text](target)`, outside of code.
fn links(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut fenced = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if fenced {
            continue;
        }
        // Within backticks nothing is a link: look at every other piece.
        for prose in line.split('`').step_by(2) {
            for rest in prose.split("](").skip(1) {
                found.extend(rest.split(')').next());
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_in_code_are_none() {
        assert_eq!(links("[a](b.md) `[c](d)`\n```\n[e](f)\n```\n[g](h#i)"), ["b.md", "h#i"]);
    }
}
