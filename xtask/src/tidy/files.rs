//! What every source file keeps to.

use std::path::Path;

use anyhow::{Context, Result};

use super::walk;

/// Files longer than this are hard to find one's way in.
const LINES_MAX: usize = 500;

/// Files that are longer, and why they may be. No new entry without a reason.
const LONGER: [(&str, usize, &str); 0] = [];

/// Headers, lengths, names and forbidden words.
pub(super) fn check(root: &Path) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    for folder in ["crates", "xtask"] {
        for path in walk(&root.join(folder), "rs")? {
            let text = std::fs::read_to_string(&path)
                .with_context(|| format!("reading {}", path.display()))?;
            let shown = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
            check_file(&shown, &text, &mut findings);
        }
    }
    Ok(findings)
}

fn check_file(path: &str, text: &str, findings: &mut Vec<String>) {
    let is_test =
        path.ends_with("/tests.rs") || path.contains("/tests/") || path.contains("/benches/");
    if !text.starts_with("//!") {
        findings.push(format!("{path}:1: begins without //! saying what it is for"));
    }
    if path.ends_with("/mod.rs") {
        findings.push(format!("{path}: is called mod.rs; name it after its module"));
    }
    // Tests at the end of a file do not count: they do not have to be read to understand it.
    let lines = text.lines().take_while(|line| !line.starts_with("#[cfg(test)]\nmod")).count();
    let code_lines =
        text.split("\n#[cfg(test)]\nmod tests {").next().map_or(lines, |t| t.lines().count());
    let longest =
        LONGER.iter().find(|(known, ..)| *known == path).map_or(LINES_MAX, |(_, max, _)| *max);
    if !is_test && code_lines > longest {
        findings.push(format!(
            "{path}: {code_lines} lines, more than {longest}; make it a folder of parts"
        ));
    }
    let marks = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];
    for (number, line) in text.lines().enumerate() {
        let number = number + 1;
        if marks.iter().any(|mark| line.contains(mark)) {
            findings.push(format!("{path}:{number}: a note to oneself; do it, or file an issue"));
        }
        if line.trim_start().starts_with("pub use ") && line.trim_end().ends_with("::*;") {
            findings.push(format!("{path}:{number}: re-exports by *; name what is exported"));
        }
        if line.contains(concat!("#[all", "ow(")) {
            findings
                .push(format!("{path}:{number}: #[allow]; use #[expect(..., reason = \"...\")]"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_finds_its_breach() {
        let mut findings = Vec::new();
        let text = format!("use x;\npub use y::*;\n// {}: later\n", concat!("TO", "DO"));
        check_file("crates/a/src/mod.rs", &text, &mut findings);
        check_file("crates/a/src/long.rs", &format!("//! x\n{}", "\n".repeat(600)), &mut findings);
        assert_eq!(findings.len(), 5, "{findings:#?}");
    }
}
