//! Which series satisfy matchers: postings combined, cheapest first.

use roaring::RoaringBitmap;

use super::index::Name;
use super::reader::MetricPart;
use crate::matching::Candidates;
use crate::{CompiledMatcher, StoreError};

/// Up to so many candidates, reading their labels is cheaper than scanning values.
const LABELS_SCAN_MAX: u64 = 256;

/// The entry of label `name`.
pub(super) fn find_name<'a>(names: &'a [Name], name: &str) -> Option<&'a Name> {
    let at = names.binary_search_by(|entry| entry.label.as_str().cmp(name)).ok()?;
    names.get(at)
}

/// The series of `part` that satisfy all `matchers`.
pub(super) fn select(
    part: &MetricPart,
    matchers: &[CompiledMatcher],
) -> Result<RoaringBitmap, StoreError> {
    let names = part.names()?;
    let mut order: Vec<&CompiledMatcher> = matchers.iter().filter(|m| !m.is_always()).collect();
    order.sort_by_key(|matcher| cost(matcher, find_name(&names, matcher.name())));
    let mut found: Option<RoaringBitmap> = None;
    for matcher in order {
        let name = find_name(&names, matcher.name());
        let narrowed = match found {
            Some(found) if scan_labels(&found, matcher, name) => {
                filter_by_labels(part, &found, matcher)?
            }
            found => narrow(part, found, matcher, name)?,
        };
        if narrowed.is_empty() {
            return Ok(narrowed);
        }
        found = Some(narrowed);
    }
    Ok(found.unwrap_or_else(|| everything(part)))
}

fn everything(part: &MetricPart) -> RoaringBitmap {
    let mut all = RoaringBitmap::new();
    all.insert_range(0..part.series());
    all
}

/// About how many values have to be looked at.
fn cost(matcher: &CompiledMatcher, name: Option<&Name>) -> usize {
    let values = name.map_or(0, |name| name.values);
    match matcher.candidates() {
        Candidates::Literals(literals) if !matcher.is_negative() => literals.len().min(values),
        Candidates::Literals(literals) => 1_000 + literals.len().min(values),
        Candidates::Prefix(_) => 10_000 + values / 4,
        Candidates::Any => 10_000 + values,
    }
}

fn scan_labels(found: &RoaringBitmap, matcher: &CompiledMatcher, name: Option<&Name>) -> bool {
    let looked_up = match matcher.candidates() {
        Candidates::Literals(literals) => literals.len(),
        Candidates::Prefix(_) | Candidates::Any => name.map_or(0, |name| name.values),
    };
    found.len() <= LABELS_SCAN_MAX && found.len() < looked_up as u64
}

fn filter_by_labels(
    part: &MetricPart,
    found: &RoaringBitmap,
    matcher: &CompiledMatcher,
) -> Result<RoaringBitmap, StoreError> {
    let mut kept = RoaringBitmap::new();
    for id in found {
        if matcher.matches(&part.labels(id)?) {
            kept.insert(id);
        }
    }
    Ok(kept)
}

/// The series of `found` (all, when there is none yet) that satisfy `matcher`. A series without
/// the label has the empty value, which is in no postings: a matcher that the empty value
/// satisfies takes away the series whose values fail, any other keeps those whose values pass.
fn narrow(
    part: &MetricPart,
    found: Option<RoaringBitmap>,
    matcher: &CompiledMatcher,
    name: Option<&Name>,
) -> Result<RoaringBitmap, StoreError> {
    let takes_absent = matcher.matches_value("");
    let Some(name) = name else {
        let all = || found.unwrap_or_else(|| everything(part));
        return Ok(if takes_absent { all() } else { RoaringBitmap::new() });
    };
    let wanted = values_that(part, matcher, name, !takes_absent)?;
    Ok(match (found, takes_absent) {
        (found, true) => found.unwrap_or_else(|| everything(part)) - wanted,
        (Some(found), false) => found & wanted,
        (None, false) => wanted,
    })
}

/// The union of the postings of all values that the matcher accepts, or of those it refuses.
fn values_that(
    part: &MetricPart,
    matcher: &CompiledMatcher,
    name: &Name,
    accepted: bool,
) -> Result<RoaringBitmap, StoreError> {
    let mut union = RoaringBitmap::new();
    // What the regular expression itself matches is what its candidates bound.
    if matcher.is_negative() != accepted {
        match matcher.candidates() {
            Candidates::Literals(literals) => {
                for literal in literals.iter().filter(|literal| !literal.is_empty()) {
                    add_value(part, name, literal, &mut union)?;
                }
                return Ok(union);
            }
            Candidates::Prefix(prefix) => {
                let test = |value: &str| matcher.matches_value(value) == accepted;
                add_values(part, name, prefix, &test, &mut union)?;
                return Ok(union);
            }
            Candidates::Any => {}
        }
    }
    let test = |value: &str| matcher.matches_value(value) == accepted;
    add_values(part, name, "", &test, &mut union)?;
    Ok(union)
}

fn block_of(name: &Name, value: &str) -> Option<usize> {
    name.firsts.partition_point(|first| first.as_str() <= value).checked_sub(1)
}

fn add_value(
    part: &MetricPart,
    name: &Name,
    value: &str,
    union: &mut RoaringBitmap,
) -> Result<(), StoreError> {
    let Some(block) = block_of(name, value) else { return Ok(()) };
    let values = part.values(name.block + block)?;
    if let Ok(at) = values.find(value) {
        *union |= values.postings(at, part.series())?;
    }
    Ok(())
}

fn add_values(
    part: &MetricPart,
    name: &Name,
    prefix: &str,
    test: &dyn Fn(&str) -> bool,
    union: &mut RoaringBitmap,
) -> Result<(), StoreError> {
    for block in block_of(name, prefix).unwrap_or(0)..name.firsts.len() {
        let values = part.values(name.block + block)?;
        let start = values.find(prefix).unwrap_or_else(|at| at);
        for at in start..values.len() {
            let value = values.value(at);
            if !value.starts_with(prefix) {
                return Ok(());
            }
            if test(value) {
                *union |= values.postings(at, part.series())?;
            }
        }
    }
    Ok(())
}
