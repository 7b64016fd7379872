//! A column in memory.

use hashbrown::HashTable;

use super::Presence;
use crate::StoreError;
use crate::logs::column::{BLOCK_ROWS, LogColumn, LogColumnKind, Mask};
use crate::logs::number::Decimal;

/// After so many values a column is looked at: does it repeat itself?
const VALUES_BEFORE_CHOICE: usize = 512;
/// Values with a scale of this are texts that are no plain decimals.
const NO_DECIMAL: u8 = u8::MAX;

/// Byte strings one after the other.
#[derive(Debug, Clone, Default)]
pub(crate) struct Texts {
    pub(crate) bytes: Vec<u8>,
    pub(crate) ends: Vec<u32>,
}

impl Texts {
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    #[inline]
    pub(crate) fn get(&self, at: usize) -> &[u8] {
        let start =
            at.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        let end = self.ends.get(at).copied().unwrap_or(start);
        self.bytes.get(start as usize..end as usize).unwrap_or_default()
    }

    #[inline]
    pub(crate) fn push(&mut self, value: &[u8]) {
        self.bytes.extend_from_slice(value);
        self.ends.push(self.bytes.len() as u32);
    }

    fn memory(&self) -> usize {
        self.bytes.capacity() + self.ends.capacity() * 4
    }

    fn shrink(&mut self) {
        self.bytes.shrink_to_fit();
        self.ends.shrink_to_fit();
    }

    fn pop(&mut self) {
        self.ends.pop();
        self.bytes.truncate(self.ends.last().copied().unwrap_or(0) as usize);
    }
}

/// The values of a column, for the rows that have one.
#[derive(Debug, Clone)]
pub(crate) enum Values {
    /// Texts, lists, JSON, booleans: codes of a dictionary, or one by one.
    Bytes { codes: Option<Vec<u32>>, texts: Texts },
    /// Numbers: mantissa and scale, or a place among `texts`.
    Numbers { mantissas: Vec<i64>, scales: Vec<u8>, texts: Texts },
    /// The document's own time.
    Time,
}

/// A column in memory.
#[derive(Debug, Clone)]
pub(crate) struct MemoryColumn {
    pub(crate) kind: LogColumnKind,
    pub(crate) presence: Presence,
    pub(crate) values: Values,
}

impl MemoryColumn {
    pub(crate) fn new(kind: LogColumnKind) -> Self {
        let values = match kind {
            LogColumnKind::Number => Values::Numbers {
                mantissas: Vec::new(),
                scales: Vec::new(),
                texts: Texts::default(),
            },
            LogColumnKind::Time => Values::Time,
            _ => Values::Bytes { codes: Some(Vec::new()), texts: Texts::default() },
        };
        Self { kind, presence: Presence::default(), values }
    }

    /// Bytes that it takes in memory, what is reserved included.
    pub(crate) fn bytes(&self) -> usize {
        self.presence.bytes()
            + match &self.values {
                Values::Bytes { codes, texts } => {
                    codes.as_ref().map_or(0, Vec::capacity) * 4 + texts.memory()
                }
                Values::Numbers { mantissas, texts, .. } => {
                    mantissas.capacity() * 9 + texts.memory()
                }
                Values::Time => 0,
            }
    }

    /// Gives back what was reserved for more values.
    pub(crate) fn shrink(&mut self) {
        match &mut self.values {
            Values::Bytes { codes, texts } => {
                codes.iter_mut().for_each(Vec::shrink_to_fit);
                texts.shrink();
            }
            Values::Numbers { mantissas, scales, texts } => {
                mantissas.shrink_to_fit();
                scales.shrink_to_fit();
                texts.shrink();
            }
            Values::Time => {}
        }
    }

    /// Appends a value of bytes for `row`.
    #[inline]
    pub(crate) fn push_bytes(&mut self, row: u32, value: &[u8], table: &mut HashTable<u32>) {
        self.presence.push(row);
        let Values::Bytes { codes, texts } = &mut self.values else { return };
        let Some(list) = codes else { return texts.push(value) };
        let hash = hash(value);
        let found = table.find(hash, |code| texts.get(*code as usize) == value).copied();
        let code = found.unwrap_or_else(|| {
            let code = texts.len() as u32;
            texts.push(value);
            table.insert_unique(hash, code, |code| self::hash(texts.get(*code as usize)));
            code
        });
        list.push(code);
        let count = list.len();
        // Looked at again and again, since ids may begin to differ late.
        if count.is_multiple_of(VALUES_BEFORE_CHOICE) && texts.len() * 2 > count {
            let mut plain = Texts::default();
            list.iter().for_each(|code| plain.push(texts.get(*code as usize)));
            *texts = plain;
            *codes = None;
            *table = HashTable::new();
        }
    }

    /// Appends a number for `row`.
    #[inline]
    pub(crate) fn push_number(&mut self, row: u32, text: &str) {
        self.presence.push(row);
        let Values::Numbers { mantissas, scales, texts } = &mut self.values else { return };
        if let Some(decimal) = Decimal::parse(text) {
            mantissas.push(decimal.mantissa);
            scales.push(decimal.scale);
        } else {
            mantissas.push(texts.len() as i64);
            scales.push(NO_DECIMAL);
            texts.push(text.as_bytes());
        }
    }

    /// Takes the last row's value back.
    pub(crate) fn pop(&mut self) {
        self.presence.pop();
        match &mut self.values {
            Values::Bytes { codes: Some(codes), .. } => drop(codes.pop()),
            Values::Bytes { codes: None, texts } => texts.pop(),
            Values::Numbers { mantissas, scales, texts } => {
                mantissas.pop();
                if scales.pop() == Some(NO_DECIMAL) {
                    texts.pop();
                }
            }
            Values::Time => {}
        }
    }

    /// Rows whose value is `value`.
    pub(crate) fn rows_with(&self, value: &[u8]) -> Vec<u32> {
        let Values::Bytes { codes, texts } = &self.values else { return Vec::new() };
        let places: Vec<usize> = match codes {
            None => (0..texts.len()).filter(|at| texts.get(*at) == value).collect(),
            Some(codes) => match (0..texts.len()).find(|at| texts.get(*at) == value) {
                None => Vec::new(),
                Some(wanted) => {
                    let places = codes.iter().enumerate();
                    places.filter(|(_, code)| **code as usize == wanted).map(|(at, _)| at).collect()
                }
            },
        };
        places.into_iter().filter_map(|at| self.presence.row(at)).collect()
    }

    /// The bytes of the value at a place.
    pub(crate) fn bytes_at(&self, at: usize) -> &[u8] {
        let Values::Bytes { codes, texts } = &self.values else { return &[] };
        match codes {
            None => texts.get(at),
            Some(codes) => codes.get(at).map_or(&[], |code| texts.get(*code as usize)),
        }
    }

    /// The number at a place: a plain decimal, or its text.
    pub(crate) fn number_at(&self, at: usize) -> Result<Decimal, &[u8]> {
        let Values::Numbers { mantissas, scales, texts } = &self.values else { return Err(&[]) };
        match (mantissas.get(at), scales.get(at)) {
            (Some(mantissa), Some(&NO_DECIMAL)) => Err(texts.get(*mantissa as usize)),
            (Some(mantissa), Some(scale)) => Ok(Decimal { mantissa: *mantissa, scale: *scale }),
            _ => Err(&[]),
        }
    }
}

#[inline]
pub(crate) fn hash(bytes: &[u8]) -> u64 {
    xxhash_rust::xxh3::xxh3_64(bytes)
}

/// The number that a text says, as a float.
pub(crate) fn float_of(text: &[u8]) -> f64 {
    std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).unwrap_or(f64::NAN)
}

impl LogColumn for MemoryColumn {
    fn kind(&self) -> LogColumnKind {
        self.kind
    }

    fn value_count(&self) -> u64 {
        u64::from(self.presence.count())
    }

    fn present(&self, block: usize) -> Result<Mask, StoreError> {
        Ok(self.presence.mask(block))
    }

    fn dictionary_len(&self) -> Option<usize> {
        match &self.values {
            Values::Bytes { codes: Some(_), texts } => Some(texts.len()),
            _ => None,
        }
    }

    fn dictionary_value(&self, code: u32) -> Result<&[u8], StoreError> {
        match &self.values {
            Values::Bytes { codes: Some(_), texts } => Ok(texts.get(code as usize)),
            _ => Ok(&[]),
        }
    }

    fn codes(&self, block: usize, out: &mut [u32; BLOCK_ROWS]) -> Result<(), StoreError> {
        if let Values::Bytes { codes: Some(codes), .. } = &self.values {
            self.presence.each(block, |in_block, at| {
                if let (Some(out), Some(code)) = (out.get_mut(in_block), codes.get(at)) {
                    *out = *code;
                }
            });
        }
        Ok(())
    }

    fn value(&self, row: u32, out: &mut Vec<u8>) -> Result<bool, StoreError> {
        let Some(at) = self.presence.find(row) else { return Ok(false) };
        match self.kind {
            LogColumnKind::Number => match self.number_at(at) {
                Ok(decimal) => decimal.write(out),
                Err(text) => out.extend_from_slice(text),
            },
            _ => out.extend_from_slice(self.bytes_at(at)),
        }
        Ok(true)
    }

    fn numbers(&self, block: usize, numbers: &mut [f64; BLOCK_ROWS]) -> Result<(), StoreError> {
        self.presence.each(block, |in_block, at| {
            if let Some(out) = numbers.get_mut(in_block) {
                *out = match self.number_at(at) {
                    Ok(decimal) => decimal.to_f64(),
                    Err(text) => float_of(text),
                };
            }
        });
        Ok(())
    }

    fn is_whole(&self) -> Result<bool, StoreError> {
        let Values::Numbers { scales, .. } = &self.values else { return Ok(false) };
        Ok(scales.iter().all(|scale| *scale == 0))
    }

    fn decimals(
        &self,
        block: usize,
        decimals: &mut [Option<Decimal>; BLOCK_ROWS],
    ) -> Result<(), StoreError> {
        self.presence.each(block, |in_block, at| {
            if let Some(out) = decimals.get_mut(in_block) {
                *out = self.number_at(at).ok();
            }
        });
        Ok(())
    }
}
