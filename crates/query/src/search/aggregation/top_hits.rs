//! `top_hits`: the first documents of each bucket.

use serde_json::{Map, Value, json};

use super::collect::{Collector, Context, Pairs};
use super::metric::slot;
use crate::search::SearchError;
use crate::search::hits::{Fetch, Fetcher, RowRef};
use crate::search::json::Options;
use crate::search::sort::{By, SortField, SortValue, compare_all};
use crate::search::values::Block;

/// `index.max_inner_result_window`
const SIZE_MAX: usize = 100;

/// The first documents.
#[derive(Debug)]
pub(super) struct TopHits {
    sort: Vec<SortField>,
    is_sorted: bool,
    fetch: Fetch,
    from: usize,
    size: usize,
    context: Context,
    owners: Vec<Best>,
}

/// The best documents of one bucket, in order, and how many there are.
#[derive(Debug, Clone, Default)]
struct Best {
    count: u64,
    hits: Vec<(Vec<SortValue>, RowRef)>,
}

impl TopHits {
    pub(super) fn new(body: &Value, context: &Context) -> Result<Self, SearchError> {
        let options = Options::of("top_hits", body)?;
        let (from, size) =
            (options.count("from")?.unwrap_or(0), options.count("size")?.unwrap_or(3));
        if from + size > SIZE_MAX {
            let reason = format!(
                "Top hits result window is too large, the top hits aggregator's from + size must be less than or equal to: [{SIZE_MAX}] but was [{}].",
                from + size
            );
            return Err(SearchError::argument(reason).at("top_hits"));
        }
        let sort = options
            .get("sort")
            .map(|sort| SortField::parse(sort, &context.compiler.schema))
            .transpose()?;
        Ok(Self {
            is_sorted: sort.is_some(),
            sort: sort.unwrap_or_default(),
            fetch: Fetch::parse(options)?,
            from,
            size,
            context: context.clone(),
            owners: Vec::new(),
        })
    }
}

impl Collector for TopHits {
    fn collect(&mut self, block: Block<'_>, pairs: &Pairs) -> Result<(), SearchError> {
        let wanted = self.from + self.size;
        let columns = self.sort.iter().map(|field| field.values(block, &pairs.rows));
        let columns: Vec<Vec<SortValue>> = columns.collect::<Result<_, _>>()?;
        for index in 0..pairs.rows.len() {
            let best = slot(&mut self.owners, pairs.owner(index), Best::default());
            best.count += 1;
            let at = RowRef { part: block.part_at as u32, row: block.row(pairs.row(index)) };
            let values: Vec<SortValue> = columns
                .iter()
                .map(|column| column.get(index).cloned().unwrap_or(SortValue::Missing))
                .collect();
            let sort = &self.sort;
            let place = best.hits.partition_point(|(known, known_at)| {
                compare_all(sort, known, &values).then(known_at.cmp(&at)).is_lt()
            });
            if place < wanted {
                best.hits.insert(place, (values, at));
                best.hits.truncate(wanted);
            }
        }
        Ok(())
    }

    fn finish(&mut self, owner: u32) -> Result<Value, SearchError> {
        let best = self.owners.get(owner as usize).cloned().unwrap_or_default();
        let fetcher = Fetcher {
            snapshot: &self.context.snapshot,
            schema: &self.context.compiler.schema,
            fetch: &self.fetch,
        };
        let score = (!self.is_sorted).then_some(1.0);
        let mut hits = Vec::new();
        for (values, at) in best.hits.iter().skip(self.from) {
            let mut hit = fetcher.hit(*at, score)?;
            if self.is_sorted {
                let told = self.sort.iter().zip(values).map(|(field, value)| match field.by {
                    By::Doc | By::Score => Value::from(at.row),
                    By::Field(_) => field.tell(value),
                });
                hit.rest.insert("sort".into(), told.collect());
            }
            hits.push(hit.to_json());
        }
        let mut told = Map::new();
        told.insert("total".into(), json!({"value": best.count, "relation": "eq"}));
        told.insert(
            "max_score".into(),
            score.filter(|_| !hits.is_empty()).map_or(Value::Null, Value::from),
        );
        told.insert("hits".into(), hits.into());
        Ok(json!({"hits": told}))
    }
}
