//! A head against a map, over random writes.

use std::collections::BTreeMap;
use std::sync::Arc;

use vigie_model::{Histogram, Labels, Points, TimeRange};
use vigie_world::Random;

use super::columns::Columns;
use super::series::{NewPoint, Outcome, Series};

type Model = BTreeMap<i64, (f64, i64, Option<f64>)>;

fn point<'a>(random: &Random, time_ms: i64, histogram: Option<&'a Arc<Histogram>>) -> NewPoint<'a> {
    let value = match random.below(3) {
        0 => 1.0,
        1 => random.below(3) as f64,
        _ => random.unit(),
    };
    let value = if histogram.is_some() { f64::NAN } else { value };
    NewPoint { time_ms, start_ms: random.below(3) as i64 / 2 * 7, value, histogram }
}

fn check(series: &Series, columns: &Columns, model: &Model, range: TimeRange) {
    let mut points = Points::default();
    // What is there before must stay untouched.
    points.timestamps_ms.push(i64::MIN);
    points.values.push(0.5);
    series.read(columns, range, &mut points);
    let expected: Vec<_> = model.iter().filter(|(time, _)| range.contains(**time)).collect();
    assert_eq!(points.len(), expected.len() + 1);
    assert_eq!((points.timestamps_ms[0], points.values[0]), (i64::MIN, 0.5));
    for (at, (time, (value, start_ms, count))) in expected.into_iter().enumerate() {
        let at = at + 1;
        assert_eq!(points.timestamps_ms[at], *time);
        assert_eq!(points.start_timestamp_ms(at), *start_ms, "start of {time}");
        assert_eq!(points.histogram_at(at).map(|h| h.count), *count, "histogram at {time}");
        assert!(count.is_some() || points.values[at] == *value, "value at {time}");
    }
}

#[test]
fn series_that_share_columns_keep_what_was_written_first() {
    for seed in 0..200 {
        let random = Random::from_seed(seed);
        let mut columns = Columns::default();
        let mut all: Vec<(Series, Model)> =
            (0..3).map(|_| (Series::new(Labels::empty()), Model::new())).collect();
        for tick in 0..60 {
            for (series, model) in &mut all {
                if random.below(5) == 0 {
                    continue;
                }
                let late = if random.below(6) == 0 { random.below(300) as i64 } else { 0 };
                let own = i64::from(random.below(8) == 0);
                let time_ms = tick * 10 - late + own;
                let histogram =
                    Arc::new(Histogram { count: random.unit(), ..Histogram::default() });
                let histogram = (random.below(9) == 0).then_some(&histogram);
                let point = point(&random, time_ms, histogram);
                let new = (point.value, point.start_ms, histogram.map(|h| h.count));
                let there = model.get(&time_ms).copied();
                match (series.append(&mut columns, point), there) {
                    (Outcome::Taken(_), None) => drop(model.insert(time_ms, new)),
                    (Outcome::Same, Some(old)) => assert!(old.0 == new.0 && old.2 == new.2),
                    (Outcome::Conflict, Some(old)) => assert!(old.0 != new.0 || old.2 != new.2),
                    (outcome, there) => panic!("{outcome:?} although there is {there:?}"),
                }
            }
        }
        for (series, model) in &all {
            check(series, &columns, model, TimeRange::ALL);
            for _ in 0..20 {
                let start_ms = random.below(900) as i64 - 300;
                let end_ms = start_ms + random.below(400) as i64;
                check(series, &columns, model, TimeRange::new(start_ms, end_ms));
            }
            let first = model.first_key_value().map(|(time, _)| *time);
            assert_eq!(series.range(&columns).map(|range| range.start_ms), first);
        }
    }
}
