//! Words of texts as a filter.

use vigie_language::search::Operator;
use vigie_store::logs::{LogFilter, LogTest, TokenPattern};

use super::{Compiler, and, at_least, or, tokens};
use crate::search::SearchError;
use crate::search::dsl::{MatchKind, MatchQuery};
use crate::search::schema::FieldKind;

impl Compiler {
    /// Analysed text in one field.
    pub(crate) fn match_filter(
        &self,
        name: &str,
        query: &MatchQuery,
    ) -> Result<LogFilter, SearchError> {
        let field = self.schema.field(name);
        if field.kind != FieldKind::Text {
            return self.exact(&field, &query.text, query.is_lenient || !field.is_mapped);
        }
        let words = tokens(&query.text);
        let test = |test| LogFilter::field(field.path.clone(), test);
        let Some(last) = words.last() else {
            return Ok(if query.zero_terms_all { LogFilter::All } else { LogFilter::None });
        };
        let edits = |word: &str| query.fuzziness.map_or(0, |fuzziness| fuzziness.edits(word));
        Ok(match query.kind {
            MatchKind::Phrase | MatchKind::PhrasePrefix => test(LogTest::Phrase {
                last_is_prefix: query.kind == MatchKind::PhrasePrefix,
                slop: query.slop,
                tokens: words,
            }),
            MatchKind::Words if words.iter().all(|word| edits(word) == 0) => {
                let needed = match (&query.minimum, query.operator) {
                    (Some(minimum), Operator::Or) => minimum.of(words.len()).max(1),
                    (_, Operator::And) => words.len(),
                    (None, Operator::Or) => 1,
                };
                if needed == 1 {
                    test(LogTest::AnyToken(words))
                } else if needed >= words.len() {
                    test(LogTest::AllTokens(words))
                } else {
                    at_least(
                        needed,
                        words.into_iter().map(|word| test(LogTest::AnyToken(vec![word]))).collect(),
                    )?
                }
            }
            MatchKind::Words | MatchKind::BoolPrefix => {
                let is_prefix = query.kind == MatchKind::BoolPrefix;
                let each = words.iter().enumerate().map(|(at, word)| {
                    if is_prefix && at + 1 == words.len() {
                        return test(LogTest::Token(TokenPattern::Prefix(last.clone())));
                    }
                    match edits(word) {
                        0 => test(LogTest::AnyToken(vec![word.clone()])),
                        edits => test(LogTest::Token(TokenPattern::Fuzzy {
                            token: word.clone(),
                            edits,
                            prefix: query.prefix_length,
                        })),
                    }
                });
                let each: Vec<LogFilter> = each.collect();
                match (&query.minimum, query.operator) {
                    (Some(minimum), Operator::Or) => at_least(minimum.of(each.len()).max(1), each)?,
                    (_, Operator::And) => and(each),
                    (None, Operator::Or) => or(each),
                }
            }
        })
    }
}
