//! `inhibit_rules` as written.

use std::collections::BTreeMap;

use vigie_language::section;

use super::At;

section! {
    /// A rule: while an alert matches the source, those that match the target are not told.
    pub struct WrittenInhibitRule("config.plain") {
        /// What people call it.
        name: String = String::new(),
        /// Old form of `source_matchers`: equal values.
        source_match: BTreeMap<String, String> = BTreeMap::new(),
        /// Old form of `source_matchers`: expressions.
        source_match_re: BTreeMap<String, At<String>> = BTreeMap::new(),
        /// What inhibits.
        source_matchers: Vec<At<String>> = Vec::new(),
        /// Old form of `target_matchers`: equal values.
        target_match: BTreeMap<String, String> = BTreeMap::new(),
        /// Old form of `target_matchers`: expressions.
        target_match_re: BTreeMap<String, At<String>> = BTreeMap::new(),
        /// What is inhibited.
        target_matchers: Vec<At<String>> = Vec::new(),
        /// Labels that both sides must have alike.
        equal: Vec<At<String>> = Vec::new(),
    }
}
