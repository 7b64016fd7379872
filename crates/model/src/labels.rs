//! Label sets, packed into one allocation.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// The label that holds a metric's name.
pub const METRIC_NAME: &str = "__name__";

/// A set of labels: names ascending (by bytes) and unique, values never empty.
///
/// Packed as `(length, name, length, value)*` with LEB128 lengths in one shared allocation, so
/// that a clone is a counter's increment, equality is one comparison of bytes, and millions of
/// sets are cheap to keep.
#[derive(Clone, PartialEq, Eq)]
pub struct Labels(Arc<[u8]>);

impl Labels {
    /// The set without labels.
    pub fn empty() -> Self {
        Self(Arc::from([]))
    }

    /// A set of these pairs: sorted; a name's last value counts; empty values are left out.
    pub fn from_pairs<N: AsRef<str>, V: AsRef<str>>(
        pairs: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        let mut builder = LabelsBuilder::new();
        for (name, value) in pairs {
            builder.set(name.as_ref(), value.as_ref());
        }
        builder.build()
    }

    /// Takes bytes that are packed labels already. `None` unless they are well formed: lengths
    /// within bounds, valid UTF-8, names strictly ascending, no empty value.
    pub fn from_packed(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes;
        let mut last: Option<&str> = None;
        while !rest.is_empty() {
            let name = take_checked(&mut rest)?;
            let value = take_checked(&mut rest)?;
            if value.is_empty() || last.is_some_and(|last| last >= name) {
                return None;
            }
            last = Some(name);
        }
        Some(Self(Arc::from(bytes)))
    }

    /// Takes bytes that this type wrote and a checksum has guarded since. Reading ill-formed
    /// bytes later yields fewer labels, never undefined behaviour.
    pub fn from_trusted_packed(bytes: &[u8]) -> Self {
        debug_assert!(Self::from_packed(bytes).is_some(), "labels are not well formed");
        Self(Arc::from(bytes))
    }

    /// The packed bytes: equal sets have equal bytes.
    pub fn as_packed(&self) -> &[u8] {
        &self.0
    }

    /// Pairs in ascending order of names.
    pub fn iter(&self) -> LabelsIter<'_> {
        LabelsIter { rest: &self.0 }
    }

    /// The value of label `name`.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(n, _)| *n == name).map(|(_, v)| v)
    }

    /// The metric's name.
    pub fn metric_name(&self) -> Option<&str> {
        self.get(METRIC_NAME)
    }

    /// Number of labels.
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// Whether there is no label.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A stable 64-bit hash of the set (XXH3 of the packed bytes).
    pub fn hash64(&self) -> u64 {
        xxhash_rust::xxh3::xxh3_64(&self.0)
    }

    /// The set without the metric's name.
    pub fn without_name(&self) -> Self {
        self.filtered(|name| name != METRIC_NAME)
    }

    /// The set of those labels whose names `keep` accepts.
    pub fn filtered(&self, mut keep: impl FnMut(&str) -> bool) -> Self {
        let mut packed = Vec::with_capacity(self.0.len());
        for (name, value) in self {
            if keep(name) {
                push_pair(&mut packed, name, value);
            }
        }
        if packed.len() == self.0.len() { self.clone() } else { Self(Arc::from(packed)) }
    }
}

impl Default for Labels {
    fn default() -> Self {
        Self::empty()
    }
}

impl Hash for Labels {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(&self.0);
    }
}

impl Ord for Labels {
    /// By name, then value, pair after pair, as Prometheus orders series.
    fn cmp(&self, other: &Self) -> Ordering {
        if self.0 == other.0 { Ordering::Equal } else { self.iter().cmp(other.iter()) }
    }
}

impl PartialOrd for Labels {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<'a> IntoIterator for &'a Labels {
    type Item = (&'a str, &'a str);
    type IntoIter = LabelsIter<'a>;
    fn into_iter(self) -> LabelsIter<'a> {
        self.iter()
    }
}

/// Pairs of a [`Labels`], ascending by name.
#[derive(Debug, Clone)]
pub struct LabelsIter<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for LabelsIter<'a> {
    type Item = (&'a str, &'a str);
    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        Some((take(&mut self.rest)?, take(&mut self.rest)?))
    }
}

fn take_bytes<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (&first, mut tail) = rest.split_first()?;
    let mut length = usize::from(first & 0x7f);
    if first & 0x80 != 0 {
        let mut shift = 7;
        loop {
            let (&byte, next) = tail.split_first()?;
            tail = next;
            length |= usize::from(byte & 0x7f).checked_shl(shift)?;
            if byte & 0x80 == 0 {
                break;
            }
            shift += 7;
            if shift > 28 {
                return None;
            }
        }
    }
    let (text, tail) = tail.split_at_checked(length)?;
    *rest = tail;
    Some(text)
}

fn take_checked<'a>(rest: &mut &'a [u8]) -> Option<&'a str> {
    std::str::from_utf8(take_bytes(rest)?).ok()
}

fn take<'a>(rest: &mut &'a [u8]) -> Option<&'a str> {
    // Every constructor checked the text or copied it from a `&str`; checking again costs a
    // pass over bytes that are in cache, which is the price of staying without `unsafe`.
    take_checked(rest)
}

fn push_text(packed: &mut Vec<u8>, text: &str) {
    let mut length = text.len();
    while length >= 0x80 {
        packed.push(length as u8 | 0x80);
        length >>= 7;
    }
    packed.push(length as u8);
    packed.extend_from_slice(text.as_bytes());
}

pub(crate) fn push_pair(packed: &mut Vec<u8>, name: &str, value: &str) {
    push_text(packed, name);
    push_text(packed, value);
}

impl fmt::Display for Labels {
    /// `metric{a="b", c="d"}`, as Prometheus prints series.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(name) = self.metric_name() {
            f.write_str(name)?;
        }
        if self.len() == usize::from(self.metric_name().is_some()) && !self.is_empty() {
            return Ok(());
        }
        f.write_str("{")?;
        let mut first = true;
        for (name, value) in self.iter().filter(|(name, _)| *name != METRIC_NAME) {
            write!(f, "{}{name}={value:?}", if first { "" } else { ", " })?;
            first = false;
        }
        f.write_str("}")
    }
}

impl fmt::Debug for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Builds or edits a [`Labels`].
#[derive(Debug, Clone, Default)]
pub struct LabelsBuilder {
    pairs: Vec<(String, String)>,
}

impl LabelsBuilder {
    /// Without labels.
    pub fn new() -> Self {
        Self::default()
    }

    /// With the labels of `labels`.
    pub fn from_labels(labels: &Labels) -> Self {
        Self { pairs: labels.iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect() }
    }

    /// Sets label `name`; an empty `value` removes it.
    pub fn set(&mut self, name: &str, value: &str) -> &mut Self {
        match self.position(name) {
            Ok(at) if value.is_empty() => {
                self.pairs.remove(at);
            }
            Ok(at) => value.clone_into(&mut self.pairs[at].1),
            Err(_) if value.is_empty() => {}
            Err(at) => self.pairs.insert(at, (name.to_owned(), value.to_owned())),
        }
        self
    }

    /// Removes label `name`.
    pub fn remove(&mut self, name: &str) -> &mut Self {
        self.set(name, "")
    }

    /// Keeps only labels whose name and value `keep` accepts.
    pub fn retain(&mut self, mut keep: impl FnMut(&str, &str) -> bool) -> &mut Self {
        self.pairs.retain(|(name, value)| keep(name, value));
        self
    }

    /// The value of label `name`.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.position(name).ok().map(|at| self.pairs[at].1.as_str())
    }

    /// Pairs in ascending order of names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs.iter().map(|(n, v)| (n.as_str(), v.as_str()))
    }

    /// Whether there is no label.
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// The labels as a set.
    pub fn build(&self) -> Labels {
        let mut packed = Vec::new();
        for (name, value) in &self.pairs {
            push_pair(&mut packed, name, value);
        }
        Labels(Arc::from(packed))
    }

    fn position(&self, name: &str) -> Result<usize, usize> {
        self.pairs.binary_search_by(|(n, _)| n.as_str().cmp(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_sorted_unique_and_never_empty() {
        let labels = Labels::from_pairs([("b", "2"), ("a", "0"), ("a", "1"), ("c", "")]);
        assert_eq!(labels.iter().collect::<Vec<_>>(), [("a", "1"), ("b", "2")]);
        assert_eq!(Labels::from_packed(labels.as_packed()), Some(labels));
    }

    #[test]
    fn long_values_survive_packing() {
        let value = "é".repeat(40_000);
        let labels = Labels::from_pairs([("long", value.as_str())]);
        assert_eq!(labels.get("long"), Some(value.as_str()));
    }

    #[test]
    fn ill_formed_bytes_are_refused() {
        for bytes in [&[1, b'a'][..], &[5, b'a'], &[1, b'a', 0], &[0xff; 9], &[1, 0xff, 1, b'x']] {
            assert_eq!(Labels::from_packed(bytes), None, "{bytes:?}");
        }
    }

    #[test]
    fn display_is_as_prometheus_prints() {
        let labels = Labels::from_pairs([("__name__", "up"), ("job", "a\"b")]);
        assert_eq!(labels.to_string(), "up{job=\"a\\\"b\"}");
        assert_eq!(Labels::from_pairs([("__name__", "up")]).to_string(), "up");
        assert_eq!(Labels::empty().to_string(), "{}");
    }

    #[test]
    fn order_is_by_pairs_not_by_bytes() {
        let short = Labels::from_pairs([("a", "zz")]);
        let long = Labels::from_pairs([("ab", "a")]);
        assert!(short < long);
    }
}
