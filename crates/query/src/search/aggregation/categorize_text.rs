//! `categorize_text`: messages that differ only in their variable parts are one bucket.

use serde_json::{Map, Value, json};

use super::bucket::Buckets;
use super::collect::{Children, Collector, Context, Pairs};
use super::key::Keys;
use super::source::Source;
use crate::search::SearchError;
use crate::search::json::Options;
use crate::search::values::{Block, ValueRef};

/// Words looked at, as in Elasticsearch.
const WORDS_MAX: usize = 100;

/// Buckets of alike messages.
#[derive(Debug)]
pub(super) struct CategorizeText {
    source: Source,
    size: usize,
    count_min: u64,
    keys: Keys,
    buckets: Buckets,
}

impl CategorizeText {
    pub(super) fn new(
        options: Options<'_>,
        children: Children,
        context: &Context,
    ) -> Result<Self, SearchError> {
        Ok(Self {
            source: Source::new(options, context)?,
            size: options.count("size")?.unwrap_or(10).max(1),
            count_min: options.count("min_doc_count")?.unwrap_or(1) as u64,
            keys: Keys::default(),
            buckets: Buckets::new(children, &context.budget),
        })
    }
}

/// The words that stay the same: those without digits that are no addresses or paths.
fn category(text: &str) -> String {
    let mut words: Vec<&str> = Vec::new();
    let ends = |c: char| {
        c.is_whitespace()
            || matches!(
                c,
                ',' | ';' | '=' | '(' | ')' | '[' | ']' | '{' | '}' | '"' | '\'' | '|' | '<' | '>'
            )
    };
    for word in text.split(ends).take(WORDS_MAX * 4) {
        let word = word.trim_matches(|c: char| !c.is_alphanumeric());
        let is_variable = word.is_empty()
            || word.bytes().any(|b| b.is_ascii_digit())
            || word.contains(['/', '\\', '@'])
            || (word.len() >= 8 && word.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-'));
        if !is_variable {
            words.push(word);
        }
        if words.len() >= WORDS_MAX {
            break;
        }
    }
    words.join(" ")
}

impl Collector for CategorizeText {
    fn collect(&mut self, block: Block<'_>, pairs: &Pairs) -> Result<(), SearchError> {
        let (keys, buckets) = (&mut self.keys, &mut self.buckets);
        let mut failed = None;
        self.source.values(block, pairs, &mut |index, value| {
            let ValueRef::Text(text) = value else { return };
            let key = keys.number(ValueRef::Text(&category(text)));
            if let Err(error) = buckets.add(pairs.row(index), pairs.owner(index), u64::from(key)) {
                failed.get_or_insert(error);
            }
        })?;
        failed.map_or(Ok(()), Err)?;
        self.buckets.flush(block)
    }

    fn finish(&mut self, owner: u32) -> Result<Value, SearchError> {
        let mut all = self.buckets.of(owner);
        all.retain(|(_, _, count)| *count >= self.count_min);
        all.sort_by_key(|(number, _, count)| (std::cmp::Reverse(*count), *number));
        all.truncate(self.size);
        self.buckets.tell(all.len())?;
        let mut told = Vec::new();
        for (number, key, count) in all {
            let text = self.keys.get(key as u32).map(super::key::Key::text).unwrap_or_default();
            let words: Vec<String> = text.split(' ').map(regex::escape).collect();
            let mut bucket = Map::new();
            bucket.insert("doc_count".into(), count.into());
            bucket.insert("regex".into(), format!(".*?{}.*?", words.join(".+?")).into());
            bucket.insert("max_matching_length".into(), (text.len() * 5 / 2).into());
            bucket.insert("key".into(), text.into());
            self.buckets.children.finish(number, &mut bucket)?;
            told.push(Value::Object(bucket));
        }
        self.buckets.children.finish_buckets(&mut told);
        Ok(json!({"buckets": told}))
    }
}

#[cfg(test)]
mod tests {
    use super::category;

    #[test]
    fn variable_parts_go() {
        let first = category("Connection from 10.0.0.1:8080 took 35ms (id=deadbeef01)");
        assert_eq!(first, "Connection from took id");
        assert_eq!(first, category("Connection from 10.0.0.9:80 took 2ms (id=0123456789)"));
    }
}
