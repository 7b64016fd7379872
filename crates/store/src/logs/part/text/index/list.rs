//! Ordered lists of texts with some bytes for each, as the index keeps its words and runs.

use std::sync::{Arc, OnceLock};

use crate::StoreError;
use crate::codec::Input;
use crate::codec::input::put_varint;
use crate::codec::integers::Scratch;
use crate::logs::part::file::{Data, PartFile};
use crate::logs::part::integers::{self, Integers, Place};
use crate::part::container::corrupt;

pub(super) fn put_ascending(out: &mut Vec<u8>, values: &[u32]) {
    put_varint(out, values.len() as u64);
    let mut last = 0;
    for value in values {
        put_varint(out, u64::from(value - last));
        last = *value;
    }
}

pub(super) fn take_ascending(input: &mut Input<'_>) -> Result<Vec<u32>, StoreError> {
    let count = input.count(input.rest().len())?;
    let (mut values, mut last) = (Vec::with_capacity(count), 0_u32);
    for _ in 0..count {
        let gap = input.count(u32::MAX as usize)? as u32;
        last = last.checked_add(gap).ok_or_else(|| corrupt("postings are out of bounds"))?;
        values.push(last);
    }
    Ok(values)
}

/// Writes texts in order, each with some bytes.
pub(super) fn write_list<'a>(
    entries: impl Iterator<Item = (&'a [u8], Vec<u8>)>,
    scratch: &mut Scratch,
    out: &mut Vec<u8>,
    data: &mut Data<'_>,
) -> Result<(), StoreError> {
    let mut entries: Vec<_> = entries.collect();
    entries.sort_unstable();
    let (mut texts, mut bytes, mut ends) = (vec![b'\n'], Vec::new(), Vec::new());
    for (text, entry) in &entries {
        texts.extend_from_slice(text);
        texts.push(b'\n');
        bytes.extend_from_slice(entry);
        ends.push(bytes.len() as i64);
    }
    put_varint(out, u64::from(data.put_compressed(&texts)?));
    put_varint(out, u64::from(data.put_compressed(&bytes)?));
    integers::write(&ends, scratch, data)?.put(out);
    Ok(())
}

/// Where a list of texts is; it is read when first asked.
#[derive(Debug)]
pub(super) struct ListPlace {
    texts: u32,
    bytes: u32,
    ends: Place,
    list: OnceLock<List>,
}

#[derive(Debug)]
pub(super) struct List {
    /// All texts in order, with a line's end before and after each.
    texts: Vec<u8>,
    starts: Vec<u32>,
    bytes: Vec<u8>,
    ends: Vec<i64>,
}

impl ListPlace {
    pub(super) fn take(input: &mut Input<'_>) -> Result<Self, StoreError> {
        let mut number = || input.count(u32::MAX as usize).map(|number| number as u32);
        let (texts, bytes) = (number()?, number()?);
        Ok(Self { texts, bytes, ends: Place::take(input)?, list: OnceLock::new() })
    }

    pub(super) fn list(&self, file: &Arc<PartFile>) -> Result<&List, StoreError> {
        if let Some(list) = self.list.get() {
            return Ok(list);
        }
        let texts = file.compressed(self.texts)?;
        let starts = memchr::memchr_iter(b'\n', &texts).map(|at| at as u32 + 1).collect();
        let bytes = file.compressed(self.bytes)?;
        let ends = Integers::new(Arc::clone(file), self.ends).all()?;
        let list = List { texts, starts, bytes, ends };
        if list.starts.len() != list.ends.len() + 1 {
            return Err(corrupt("a list of words is not well formed"));
        }
        Ok(self.list.get_or_init(|| list))
    }
}

impl List {
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn text(&self, at: usize) -> &[u8] {
        let start = self.starts.get(at).copied().unwrap_or(0) as usize;
        let end = self.starts.get(at + 1).map_or(start, |next| *next as usize - 1);
        self.texts.get(start..end).unwrap_or_default()
    }

    pub(super) fn entry(&self, at: usize) -> Input<'_> {
        let start = at.checked_sub(1).and_then(|at| self.ends.get(at)).copied().unwrap_or(0);
        let end = self.ends.get(at).copied().unwrap_or(start);
        Input::new(self.bytes.get(start as usize..end as usize).unwrap_or_default())
    }

    pub(super) fn find(&self, text: &[u8]) -> Option<usize> {
        let (mut low, mut high) = (0, self.ends.len());
        while low < high {
            let middle = low.midpoint(high);
            if self.text(middle) < text {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        (low < self.ends.len() && self.text(low) == text).then_some(low)
    }

    /// The texts that hold `piece`.
    pub(super) fn holding(&self, piece: &[u8]) -> Vec<usize> {
        let mut found = Vec::new();
        for at in memchr::memmem::find_iter(&self.texts, piece) {
            let text = self.starts.partition_point(|start| *start as usize <= at) - 1;
            if found.last() != Some(&text) {
                found.push(text);
            }
        }
        found
    }
}
