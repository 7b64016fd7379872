//! How many different values: exact for few, HyperLogLog for many.
//!
//! Source: Flajolet et al., "HyperLogLog" (2007), with linear counting for the range between.

use hashbrown::HashSet;

/// Registers are 2 to this.
const PRECISION: u32 = 14;

/// A counter of different values.
#[derive(Debug, Clone)]
pub(super) enum Distinct {
    Exact(HashSet<u64, foldhash::fast::FixedState>),
    Registers(Vec<u8>),
}

impl Default for Distinct {
    fn default() -> Self {
        Self::Exact(HashSet::default())
    }
}

impl Distinct {
    /// Counts a value by its hash; more than `exact_max` are estimated.
    pub(super) fn add(&mut self, hash: u64, exact_max: usize) {
        match self {
            Self::Exact(set) => {
                set.insert(hash);
                if set.len() > exact_max {
                    let mut registers = vec![0; 1 << PRECISION];
                    for hash in set.iter() {
                        register(&mut registers, *hash);
                    }
                    *self = Self::Registers(registers);
                }
            }
            Self::Registers(registers) => register(registers, hash),
        }
    }

    /// How many.
    pub(super) fn count(&self) -> u64 {
        let registers = match self {
            Self::Exact(set) => return set.len() as u64,
            Self::Registers(registers) => registers,
        };
        let size = registers.len() as f64;
        let sum: f64 = registers.iter().map(|rank| 0.5_f64.powi(i32::from(*rank))).sum();
        let raw = 0.7213 / (1.0 + 1.079 / size) * size * size / sum;
        let empty = registers.iter().filter(|rank| **rank == 0).count();
        if raw <= 2.5 * size && empty > 0 {
            return (size * (size / empty as f64).ln()).round() as u64;
        }
        raw.round() as u64
    }
}

fn register(registers: &mut [u8], hash: u64) {
    let at = (hash >> (64 - PRECISION)) as usize;
    let rank = ((hash << PRECISION) | (1 << (PRECISION - 1))).leading_zeros() as u8 + 1;
    if let Some(register) = registers.get_mut(at) {
        *register = (*register).max(rank);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_near() {
        for (values, exact_max, within) in
            [(1_000_u64, 3_000, 0.0), (20_000, 3_000, 0.03), (500_000, 3_000, 0.03)]
        {
            let mut distinct = Distinct::default();
            for value in 0..values {
                let hash = xxhash_rust::xxh3::xxh3_64(&value.to_le_bytes());
                distinct.add(hash, exact_max);
                distinct.add(hash, exact_max);
            }
            let off = (distinct.count() as f64 - values as f64).abs() / values as f64;
            assert!(off <= within, "{values}: {}", distinct.count());
        }
    }
}
