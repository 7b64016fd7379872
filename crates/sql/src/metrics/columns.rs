//! The columns of samples.

use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, Float64Builder, RecordBatch, RecordBatchOptions, StringViewBuilder,
    TimestampNanosecondBuilder,
};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::Result;
use vigie_model::{Histogram, Labels, METRIC_NAME};

use crate::documents::columns::{COLUMNS_MAX, TIMESTAMP, time_type};

pub(super) const NAME: &str = "name";
const VALUE: &str = "value";
const HISTOGRAM_COUNT: &str = "histogram_count";
const HISTOGRAM_SUM: &str = "histogram_sum";
/// All labels but the metric's name, as a JSON object.
const LABELS: &str = "labels";
const FIXED: [&str; 6] = [TIMESTAMP, NAME, VALUE, HISTOGRAM_COUNT, HISTOGRAM_SUM, LABELS];

/// The columns of `metrics`: those that are always there, and one for each label.
#[derive(Debug)]
pub(crate) struct MetricColumns {
    pub(super) schema: SchemaRef,
    /// The labels of the columns after the fixed ones.
    labels: Vec<String>,
}

impl MetricColumns {
    /// The columns for labels of these names. Of too many, the first ones by name; all are in
    /// `labels`.
    pub(crate) fn new(mut names: Vec<String>) -> Self {
        names.retain(|name| name != METRIC_NAME);
        names.truncate(COLUMNS_MAX);
        let text = |name: &str| Field::new(name, DataType::Utf8View, true);
        let number = |name: &str| Field::new(name, DataType::Float64, true);
        let mut fields = vec![
            Field::new(TIMESTAMP, time_type(), false),
            text(NAME),
            number(VALUE),
            number(HISTOGRAM_COUNT),
            number(HISTOGRAM_SUM),
            text(LABELS),
        ];
        let taken = |name: &str| FIXED.contains(&name);
        names.retain(|name| {
            // `label_value` for a label `value`, unless there is such a label too.
            let column = if taken(name) { format!("label_{name}") } else { name.clone() };
            let is_new = fields.iter().all(|field| field.name() != &column);
            if is_new {
                fields.push(text(&column));
            }
            is_new
        });
        Self { schema: Arc::new(Schema::new(fields)), labels: names }
    }

    /// The label that a column shows.
    pub(super) fn label_of(&self, column: &str) -> Option<&str> {
        if column == NAME {
            return Some(METRIC_NAME);
        }
        let at = self.schema.index_of(column).ok()?.checked_sub(FIXED.len())?;
        self.labels.get(at).map(String::as_str)
    }
}

/// Makes batches of rows, of the columns that are wanted.
pub(super) struct Rows<'a> {
    columns: &'a MetricColumns,
    wanted: &'a [usize],
    schema: SchemaRef,
    builders: Vec<Builder>,
    /// What the text columns say of the series at hand.
    texts: Vec<Option<String>>,
    pub(super) len: usize,
}

enum Builder {
    Time(TimestampNanosecondBuilder),
    Number(Number, Float64Builder),
    Text(StringViewBuilder),
}

#[derive(Clone, Copy)]
enum Number {
    Value,
    Count,
    Sum,
}

impl<'a> Rows<'a> {
    pub(super) fn new(columns: &'a MetricColumns, wanted: &'a [usize], schema: SchemaRef) -> Self {
        let builders = wanted.iter().map(|at| match at {
            0 => Builder::Time(TimestampNanosecondBuilder::new().with_data_type(time_type())),
            2 => Builder::Number(Number::Value, Float64Builder::new()),
            3 => Builder::Number(Number::Count, Float64Builder::new()),
            4 => Builder::Number(Number::Sum, Float64Builder::new()),
            _ => Builder::Text(StringViewBuilder::new().with_deduplicate_strings()),
        });
        let builders = builders.collect();
        Self { columns, wanted, schema, builders, texts: Vec::new(), len: 0 }
    }

    /// The rows that follow are of this series.
    pub(super) fn series(&mut self, labels: &Labels) {
        let text = |at: &usize| match at {
            0 | 2 | 3 | 4 => None,
            1 => labels.metric_name().map(str::to_owned),
            5 => Some(json(labels)),
            at => {
                let name = self.columns.labels.get(at - FIXED.len())?;
                labels.get(name).map(str::to_owned)
            }
        };
        self.texts = self.wanted.iter().map(text).collect();
    }

    pub(super) fn push(&mut self, time_ms: i64, value: f64, histogram: Option<&Histogram>) {
        for (builder, text) in self.builders.iter_mut().zip(&self.texts) {
            match builder {
                Builder::Time(times) => times.append_value(time_ms.saturating_mul(1_000_000)),
                Builder::Text(texts) => texts.append_option(text.as_deref()),
                Builder::Number(number, numbers) => numbers.append_option(match number {
                    Number::Value => histogram.is_none().then_some(value),
                    Number::Count => histogram.map(|histogram| histogram.count),
                    Number::Sum => histogram.map(|histogram| histogram.sum),
                }),
            }
        }
        self.len += 1;
    }

    /// The rows since the last batch.
    pub(super) fn batch(&mut self) -> Result<RecordBatch> {
        let finish = |builder: &mut Builder| -> ArrayRef {
            match builder {
                Builder::Time(times) => Arc::new(times.finish()),
                Builder::Number(_, numbers) => Arc::new(numbers.finish()),
                Builder::Text(texts) => Arc::new(texts.finish()),
            }
        };
        let arrays = self.builders.iter_mut().map(finish).collect();
        let rows = std::mem::take(&mut self.len);
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        Ok(RecordBatch::try_new_with_options(Arc::clone(&self.schema), arrays, &options)?)
    }
}

fn json(labels: &Labels) -> String {
    let own = labels.iter().filter(|(name, _)| *name != METRIC_NAME);
    let object: serde_json::Map<_, _> =
        own.map(|(name, value)| (name.to_owned(), value.into())).collect();
    serde_json::Value::Object(object).to_string()
}
