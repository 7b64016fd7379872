//! `significant_terms`: values that are more frequent in the selection than in all documents.

use serde_json::{Value, json};
use vigie_store::logs::{LogFilter, LogQuery, LogTest};

use super::collect::{Children, Collector, Context, Pairs};
use super::source::Source;
use super::terms::Terms;
use crate::search::json::{Options, scalar_text};
use crate::search::values::Block;
use crate::search::{Query, SearchError};

/// Values whose frequency in all documents is looked up.
const CANDIDATES_MAX: usize = 1_000;

/// Values by how much more frequent they are.
#[derive(Debug)]
pub(super) struct SignificantTerms {
    terms: Terms,
    source: Source,
    size: usize,
    count_min: u64,
    score: Score,
    background: LogQuery,
    context: Context,
    counts: Vec<u64>,
}

#[derive(Debug, Clone, Copy)]
enum Score {
    /// How much more times how much more often.
    Jlh,
    ChiSquare,
    Percentage,
}

impl SignificantTerms {
    pub(super) fn new(
        options: Options<'_>,
        children: Children,
        context: &Context,
    ) -> Result<Self, SearchError> {
        let mut map = options.map().clone();
        map.insert("size".into(), CANDIDATES_MAX.into());
        map.insert("min_doc_count".into(), 1.into());
        map.remove("background_filter");
        let mut background = context.scope.clone();
        if let Some(filter) = options.get("background_filter") {
            background.filter = context.compiler.filter(&Query::parse(filter)?)?;
        }
        for unknown in ["p_value", "gnd", "mutual_information", "script_heuristic"] {
            if options.get(unknown).is_some() {
                return Err(
                    SearchError::not_served(&format!("the heuristic [{unknown}]")).at(unknown)
                );
            }
        }
        let score = if options.get("chi_square").is_some() {
            Score::ChiSquare
        } else if options.get("percentage").is_some() {
            Score::Percentage
        } else {
            Score::Jlh
        };
        Ok(Self {
            terms: Terms::new(Options::new("significant_terms", &map), children, context)?,
            source: Source::new(options, context)?,
            size: options.count("size")?.unwrap_or(10).max(1),
            count_min: options.count("min_doc_count")?.unwrap_or(3) as u64,
            score,
            background,
            context: context.clone(),
            counts: Vec::new(),
        })
    }

    fn background(&self, test: Option<LogFilter>) -> Result<u64, SearchError> {
        let mut query = self.background.clone();
        if let Some(test) = test {
            query.filter = crate::search::compile::and(vec![query.filter, test]);
        }
        Ok(self.context.snapshot.count(&query)?)
    }
}

impl Score {
    /// From the share of the value in the selection and in all.
    fn of(self, here: f64, here_total: f64, all: f64, all_total: f64) -> f64 {
        let (share, usual) = (here / here_total, all / all_total);
        if share <= usual {
            return 0.0;
        }
        match self {
            Self::Jlh => (share - usual) * (share / usual),
            Self::Percentage => here / all,
            Self::ChiSquare => {
                let (rest, rest_total) = (all - here, (all_total - here_total).max(1.0));
                let (a, b) = (here, here_total - here);
                let (c, d) = (rest, rest_total - rest);
                let total = a + b + c + d;
                let product = (a + b) * (c + d) * (a + c) * (b + d);
                if product > 0.0 { total * (a * d - b * c).powi(2) / product } else { 0.0 }
            }
        }
    }
}

impl Collector for SignificantTerms {
    fn collect(&mut self, block: Block<'_>, pairs: &Pairs) -> Result<(), SearchError> {
        let mut last = None;
        for (index, row) in pairs.rows.iter().enumerate() {
            let owner = pairs.owner(index);
            if last.replace((owner, *row)) != Some((owner, *row)) {
                *super::metric::slot(&mut self.counts, owner, 0) += 1;
            }
        }
        self.terms.collect(block, pairs)
    }

    fn finish(&mut self, owner: u32) -> Result<Value, SearchError> {
        let here_total = self.counts.get(owner as usize).copied().unwrap_or(0);
        let all_total = self.background(None)?;
        let mut told = self.terms.finish(owner)?;
        let buckets = told.get_mut("buckets").and_then(Value::as_array_mut).map(std::mem::take);
        let mut scored = Vec::new();
        for mut bucket in buckets.unwrap_or_default() {
            let here = bucket.get("doc_count").and_then(Value::as_u64).unwrap_or(0);
            if here < self.count_min {
                continue;
            }
            let key = bucket.get("key_as_string").or(bucket.get("key")).and_then(scalar_text);
            let test = LogTest::Equals(vec![key.unwrap_or_default()]);
            let all = self
                .background(Some(LogFilter::field(self.source.field.path.clone(), test)))?
                .max(here);
            let score = self.score.of(
                here as f64,
                here_total as f64,
                all as f64,
                (all_total.max(1)) as f64,
            );
            if score > 0.0
                && let Some(map) = bucket.as_object_mut()
            {
                map.insert("score".into(), score.into());
                map.insert("bg_count".into(), all.into());
                scored.push((score, bucket));
            }
        }
        scored.sort_by(|a, b| b.0.total_cmp(&a.0));
        scored.truncate(self.size);
        let buckets: Vec<Value> = scored.into_iter().map(|(_, bucket)| bucket).collect();
        Ok(json!({"doc_count": here_total, "bg_count": all_total, "buckets": buckets}))
    }
}
