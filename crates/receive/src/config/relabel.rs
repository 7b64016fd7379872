//! Relabelling rules as they are written.

use vigie_language::yaml::section;

section! {
    /// A relabelling rule as written; the language crate compiles and applies it.
    pub struct RelabelRule("relabel.plain", check = check_rule) {
        /// Labels whose values are joined.
        source_labels: Vec<String> = Vec::new(),
        /// What stands between them.
        separator: String = ";".to_owned(),
        /// What the joined value must match as a whole.
        regex: String = "(.*)".to_owned(),
        /// For `hashmod`.
        modulus: u64 = 0,
        /// The label to write.
        target_label: String = String::new(),
        /// What to write, with `$1` for groups.
        replacement: String = "$1".to_owned(),
        /// What to do.
        action: String = "replace".to_owned(),
    }
}

fn check_rule(rule: &mut RelabelRule) -> Result<(), String> {
    let compiled = vigie_language::relabel::RelabelRule::new((&*rule).into());
    compiled.map(drop).map_err(|error| error.to_string())
}
