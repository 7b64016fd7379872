//! Bit-packing: `width` bits a value.
//!
//! Full blocks of 1,024 values are laid out as 16 lanes of 64 rows, as in FastLanes (Afroozeh and
//! Boncz, VLDB 2023), so that the compiler turns the loops into vector instructions. The values
//! after the last full block follow one another, lowest bit first.

use super::{CodecError, Input};

/// Values of a full block.
pub const BLOCK: usize = 1024;
const LANES: usize = 16;
const ROWS: usize = BLOCK / LANES;

/// Bytes that `count` values of `width` bits take.
pub const fn packed_length(count: usize, width: u32) -> usize {
    (count / BLOCK) * (BLOCK / 8) * width as usize + (count % BLOCK * width as usize).div_ceil(8)
}

const fn mask(width: u32) -> u64 {
    if width >= 64 { u64::MAX } else { (1 << width) - 1 }
}

/// Appends the lowest `width` bits of each value; higher bits must be zero.
pub fn pack(values: &[u64], width: u32, out: &mut Vec<u8>) {
    debug_assert!(values.iter().all(|v| *v <= mask(width)), "a value is wider than the width");
    if width == 0 {
        return;
    }
    let (blocks, tail) = values.as_chunks::<BLOCK>();
    for block in blocks {
        pack_block(block, width as usize, out);
    }
    pack_tail(tail, width, out);
}

fn pack_block(block: &[u64; BLOCK], width: usize, out: &mut Vec<u8>) {
    let mut words = [[0u64; LANES]; 64 + 1];
    for (row, values) in block.as_chunks::<LANES>().0.iter().enumerate() {
        let bit = row * width;
        let (word, shift) = (bit / 64, bit % 64);
        for (lane, value) in values.iter().enumerate() {
            words[word][lane] |= value << shift;
            if shift + width > 64 {
                words[word + 1][lane] |= value >> (64 - shift);
            }
        }
    }
    for word in words[..width].as_flattened() {
        out.extend_from_slice(&word.to_le_bytes());
    }
}

fn pack_tail(tail: &[u64], width: u32, out: &mut Vec<u8>) {
    let (mut pending, mut bits) = (0u128, 0);
    for value in tail {
        pending |= u128::from(*value) << bits;
        bits += width;
        while bits >= 64 {
            out.extend_from_slice(&(pending as u64).to_le_bytes());
            pending >>= 64;
            bits -= 64;
        }
    }
    out.extend_from_slice(&(pending as u64).to_le_bytes()[..bits.div_ceil(8) as usize]);
}

/// Fills `values` from bytes that [`pack`] wrote with the same width and count.
pub fn unpack(input: &mut Input<'_>, width: u32, values: &mut [u64]) -> Result<(), CodecError> {
    if width > 64 {
        return Err(CodecError("a bit width is over 64"));
    }
    if width == 0 {
        values.fill(0);
        return Ok(());
    }
    let (blocks, tail) = values.as_chunks_mut::<BLOCK>();
    for block in blocks {
        unpack_block(input.take(packed_length(BLOCK, width))?, width, block);
    }
    unpack_tail(input.take(packed_length(tail.len(), width))?, width, tail);
    Ok(())
}

#[inline]
fn load(words: &[[u8; LANES * 8]], at: usize) -> [u64; LANES] {
    let mut lanes = [0; LANES];
    if let Some(word) = words.get(at) {
        for (lane, bytes) in lanes.iter_mut().zip(word.as_chunks::<8>().0) {
            *lane = u64::from_le_bytes(*bytes);
        }
    }
    lanes
}

fn unpack_block(bytes: &[u8], width: u32, block: &mut [u64; BLOCK]) {
    let words = bytes.as_chunks::<{ LANES * 8 }>().0;
    let mask = mask(width);
    let (mut word, mut shift) = (0, 0);
    let mut current = load(words, 0);
    let rows: &mut [[u64; LANES]] = block.as_chunks_mut().0;
    debug_assert_eq!(rows.len(), ROWS, "a block has 64 rows");
    for row in rows {
        let end = shift + width;
        if end < 64 {
            for (out, low) in row.iter_mut().zip(&current) {
                *out = (low >> shift) & mask;
            }
            shift = end;
            continue;
        }
        word += 1;
        let next = load(words, word);
        if end == 64 {
            for (out, low) in row.iter_mut().zip(&current) {
                *out = (low >> shift) & mask;
            }
        } else {
            for ((out, low), high) in row.iter_mut().zip(&current).zip(&next) {
                *out = ((low >> shift) | (high << (64 - shift))) & mask;
            }
        }
        current = next;
        shift = end - 64;
    }
}

fn unpack_tail(bytes: &[u8], width: u32, tail: &mut [u64]) {
    let mask = mask(width);
    let mut bit = 0;
    // Eight bytes from the value's first byte on hold it whole when width + 7 <= 64; the last
    // values, whose eight bytes would end past the slice, and wide ones take the slow way.
    let fast = if width <= 57 && bytes.len() >= 8 {
        ((bytes.len() - 8) * 8 / width as usize + 1).min(tail.len())
    } else {
        0
    };
    let (quick, slow) = tail.split_at_mut(fast);
    for value in quick {
        let word = bytes.get(bit >> 3..).and_then(|b| b.first_chunk::<8>()).copied();
        *value = (u64::from_le_bytes(word.unwrap_or_default()) >> (bit & 7)) & mask;
        bit += width as usize;
    }
    for value in slow {
        let mut wide = [0; 16];
        let rest = bytes.get(bit >> 3..).unwrap_or_default();
        let length = rest.len().min(16);
        wide[..length].copy_from_slice(&rest[..length]);
        *value = (u128::from_le_bytes(wide) >> (bit & 7)) as u64 & mask;
        bit += width as usize;
    }
}
