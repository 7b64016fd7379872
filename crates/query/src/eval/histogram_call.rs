//! Functions of histograms, native and classic.

use hashbrown::HashMap;
use vigie_language::promql::Position;
use vigie_model::{Histogram, Labels, LabelsBuilder, QuantileNote};

use super::buckets::{self, ClassicBucket};
use super::call::{first, text_of};
use super::row::{Grid, Row};
use super::{Evaluator, Sink, go_float, invalid_quantile, without_metadata};
use crate::QueryError;
use crate::annotations::ForcedNote;
use crate::plan::{Argument, CallNode};

const BUCKET_LABEL: &str = "le";

/// What is asked of each histogram.
enum Question<'a> {
    Quantile(&'a [f64]),
    Fraction(&'a [f64], &'a [f64]),
}

/// The rows of the classic histogram or native histogram of one label set.
#[derive(Default)]
struct Family {
    labels: Labels,
    /// (upper bound, row)
    buckets: Vec<(f64, usize)>,
    /// Rows with native histograms and the same labels.
    native: Vec<usize>,
}

impl Evaluator<'_> {
    pub(super) fn stream_histogram_call(
        &self,
        call: &CallNode,
        grid: Grid,
        sink: Sink<'_>,
    ) -> Result<(), QueryError> {
        let simple: Option<fn(&Histogram) -> f64> = match call.function.name {
            "histogram_count" => Some(|h| h.count),
            "histogram_sum" => Some(|h| h.sum),
            "histogram_avg" => Some(|h| h.sum / h.count),
            "histogram_stddev" => Some(|h| h.variance().sqrt()),
            "histogram_stdvar" => Some(Histogram::variance),
            _ => None,
        };
        if let Some(function) = simple {
            return self.stream_nameless(first(call)?, grid, sink, |row| {
                for step in 0..grid.count {
                    match row.histogram(step).map(|histogram| function(histogram)) {
                        Some(value) => row.values[step] = value,
                        None => row.clear(step),
                    }
                }
                row.histograms.clear();
            });
        }
        match call.function.name {
            "histogram_quantile" => self.stream_quantile(call, grid, sink),
            "histogram_quantiles" => self.stream_quantiles(call, grid, sink),
            "histogram_fraction" => {
                let lower = self.scalar_argument(&call.args, 0, grid)?;
                let upper = self.scalar_argument(&call.args, 1, grid)?;
                let families = self.families(argument(call, 2)?, grid)?;
                let question = Question::Fraction(&lower, &upper);
                self.answer(&families, &question, None, grid, sink)
            }
            name => Err(QueryError::Execution(format!("unknown function with name {name:?}"))),
        }
    }

    fn stream_quantile(
        &self,
        call: &CallNode,
        grid: Grid,
        sink: Sink<'_>,
    ) -> Result<(), QueryError> {
        let q = self.scalar_argument(&call.args, 0, grid)?;
        self.check_quantiles(&q, argument(call, 0)?.position);
        let families = self.families(argument(call, 1)?, grid)?;
        self.answer(&families, &Question::Quantile(&q), None, grid, sink)
    }

    fn stream_quantiles(
        &self,
        call: &CallNode,
        grid: Grid,
        sink: Sink<'_>,
    ) -> Result<(), QueryError> {
        let label = call.args.get(1).and_then(text_of).unwrap_or("");
        let families = self.families(argument(call, 0)?, grid)?;
        for at in 2..call.args.len() {
            let q = self.scalar_argument(&call.args, at, grid)?;
            self.check_quantiles(&q, argument(call, at)?.position);
            let constant = q.windows(2).all(|pair| pair[0].to_bits() == pair[1].to_bits());
            if constant {
                let value = open_metrics_float(q.first().copied().unwrap_or(f64::NAN));
                let label = Some((label, value.as_str()));
                self.answer(&families, &Question::Quantile(&q), label, grid, sink)?;
                continue;
            }
            for (step, q) in q.iter().enumerate() {
                let value = open_metrics_float(*q);
                self.answer_step(&families, (step, *q), (label, &value), grid, sink)?;
            }
        }
        Ok(())
    }

    /// A quantile that changes from step to step: each step is a series of its own label.
    fn answer_step(
        &self,
        families: &Families,
        (step, q): (usize, f64),
        label: (&str, &str),
        grid: Grid,
        sink: Sink<'_>,
    ) -> Result<(), QueryError> {
        let all = vec![q; grid.count];
        self.answer(families, &Question::Quantile(&all), Some(label), grid, &mut |row| {
            for other in (0..grid.count).filter(|other| *other != step) {
                row.clear(other);
            }
            if row.is_empty() { Ok(()) } else { sink(row) }
        })
    }

    fn check_quantiles(&self, q: &[f64], position: Position) {
        let wrong = |q: &&f64| !(0.0..=1.0).contains(*q);
        let mut last: Option<u64> = None;
        for q in q.iter().filter(wrong) {
            if last != Some(q.to_bits()) {
                self.warn(&invalid_quantile(*q), position);
            }
            last = Some(q.to_bits());
        }
    }

    /// Gathers the buckets and native histograms of `arg` by label set.
    fn families(&self, arg: &Argument, grid: Grid) -> Result<Families, QueryError> {
        let rows = self.rows(&arg.node, grid)?;
        let mut places: HashMap<Labels, usize> = HashMap::new();
        let mut families: Vec<Family> = Vec::new();
        let mut family = |labels: Labels| {
            let next = families.len();
            let place = *places.entry(labels.clone()).or_insert(next);
            if place == next {
                families.push(Family { labels, ..Family::default() });
            }
            place
        };
        let mut found: Vec<(usize, Option<f64>, usize)> = Vec::new();
        for (at, row) in rows.iter().enumerate() {
            if row.values.iter().any(|value| super::row::is_float(*value)) {
                let bound = row.labels.get(BUCKET_LABEL).unwrap_or("");
                match parse_bound(bound) {
                    Some(upper) => {
                        let labels = row.labels.filtered(|name| name != BUCKET_LABEL);
                        found.push((family(labels), Some(upper), at));
                    }
                    None => self.warn_bound(row, bound, arg.position),
                }
            }
            if row.histograms.iter().any(Option::is_some) {
                found.push((family(row.labels.clone()), None, at));
            }
        }
        for (place, upper, at) in found {
            match upper {
                Some(upper) => families[place].buckets.push((upper, at)),
                None => families[place].native.push(at),
            }
        }
        Ok(Families { rows, all: families, position: arg.position })
    }

    fn warn_bound(&self, row: &Row, bound: &str, position: Position) {
        let text = format!("bucket label \"le\" is missing or has a malformed value of {bound:?}");
        self.warn(&self.with_metric_name(text, &row.labels), position);
    }

    /// Names are known at this place only when they are removed at the end.
    fn with_metric_name(&self, text: String, labels: &Labels) -> String {
        match labels.metric_name().filter(|_| self.features.delayed_name_removal) {
            Some(name) => format!("{text} for metric name {name:?}"),
            None => text,
        }
    }

    fn answer(
        &self,
        families: &Families,
        question: &Question<'_>,
        label: Option<(&str, &str)>,
        grid: Grid,
        sink: Sink<'_>,
    ) -> Result<(), QueryError> {
        let delayed = self.features.delayed_name_removal;
        let mut answered: Vec<Row> = Vec::new();
        for family in &families.all {
            self.check()?;
            let mut labels = family.labels.clone();
            if !delayed {
                labels = without_metadata(&labels);
            }
            if let Some((name, value)) = label {
                labels = LabelsBuilder::from_labels(&labels).set(name, value).build();
            }
            let mut row = Row::new(labels, grid.count);
            row.drop_name = true;
            self.answer_family(families, family, question, grid, &mut row);
            if !row.is_empty() {
                answered.push(row);
            }
        }
        if !delayed {
            answered = super::merge::same_labels(answered, |row| row.labels.clone())?;
        }
        answered.iter_mut().try_for_each(sink)
    }

    fn answer_family(
        &self,
        families: &Families,
        family: &Family,
        question: &Question<'_>,
        grid: Grid,
        row: &mut Row,
    ) {
        let mut buckets: Vec<ClassicBucket> = Vec::with_capacity(family.buckets.len());
        let mut notes: Option<ForcedNote> = None;
        for step in 0..row.values.len() {
            buckets.clear();
            for (upper, at) in &family.buckets {
                if let Some(count) = families.rows[*at].float(step) {
                    buckets.push(ClassicBucket { upper: *upper, count });
                }
            }
            let native = family.native.iter().find_map(|at| families.rows[*at].histogram(step));
            match (native, buckets.is_empty()) {
                (Some(_), false) => {
                    let text = "vector contains a mix of classic and native histograms".to_owned();
                    let text = self.with_metric_name(text, &family.labels);
                    self.warn(&text, families.position);
                }
                (Some(histogram), true) => {
                    row.values[step] =
                        self.native(histogram, question, step, families, &family.labels);
                }
                (None, false) => {
                    row.values[step] = match question {
                        Question::Quantile(q) => {
                            let (value, note) = buckets::quantile(q[step], &mut buckets);
                            ForcedNote::gather(&mut notes, note, grid.time_ms(step));
                            value
                        }
                        Question::Fraction(lower, upper) => {
                            buckets::fraction(lower[step], upper[step], &mut buckets)
                        }
                    };
                }
                (None, true) => {}
            }
        }
        if let Some(note) = notes {
            let text = self.with_metric_name(FORCED.to_owned(), &family.labels);
            self.annotations.borrow_mut().forced(text, families.position, note);
        }
    }

    fn native(
        &self,
        histogram: &Histogram,
        question: &Question<'_>,
        step: usize,
        families: &Families,
        labels: &Labels,
    ) -> f64 {
        let tell = |text: &str| {
            let text = match labels.metric_name() {
                Some(name) if self.features.delayed_name_removal => {
                    format!("{text} for metric name {name:?}")
                }
                _ => text.to_owned(),
            };
            self.info(&text, families.position);
        };
        match question {
            Question::Quantile(q) => {
                let result = histogram.quantile(q[step]);
                match result.note {
                    Some(QuantileNote::NanResult) => {
                        tell("input to histogram_quantile has NaN observations, result is NaN");
                    }
                    Some(QuantileNote::NanSkew) => tell(
                        "input to histogram_quantile has NaN observations, result is skewed higher",
                    ),
                    None => {}
                }
                result.value
            }
            Question::Fraction(lower, upper) => {
                let result = histogram.fraction(lower[step], upper[step]);
                if result.excludes_nan {
                    tell(
                        "input to histogram_fraction has NaN observations, which are excluded from all fractions",
                    );
                }
                result.value
            }
        }
    }
}

const FORCED: &str = "input to histogram_quantile needed to be fixed for monotonicity (see https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)";

struct Families {
    rows: Vec<Row>,
    all: Vec<Family>,
    /// Where the argument stands.
    position: Position,
}

fn argument(call: &CallNode, at: usize) -> Result<&Argument, QueryError> {
    let missing = || QueryError::Internal(format!("argument {at} is missing"));
    call.args.get(at).ok_or_else(missing)
}

/// A bucket's bound as Go reads floats.
fn parse_bound(text: &str) -> Option<f64> {
    // Rust reads what Go does, hexadecimal floats and underscores apart, which nobody writes.
    text.parse().ok()
}

/// A float as OpenMetrics has it in labels: with a point or an exponent.
fn open_metrics_float(value: f64) -> String {
    if value == value.trunc() && value.abs() < 1e21 {
        return format!("{value:.1}");
    }
    go_float(value)
}
