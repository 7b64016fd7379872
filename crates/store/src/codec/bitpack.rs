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

type Word = [[u8; 8]; LANES];

fn unpack_block(bytes: &[u8], width: u32, block: &mut [u64; BLOCK]) {
    const ZEROS: Word = [[0; 8]; LANES];
    let words: &[Word] = bytes.as_chunks::<8>().0.as_chunks().0;
    let mask = mask(width);
    let mut words = words.iter();
    let mut current = words.next().unwrap_or(&ZEROS);
    let mut shift = 0;
    let rows: &mut [[u64; LANES]] = block.as_chunks_mut().0;
    debug_assert_eq!(rows.len(), ROWS, "a block has 64 rows");
    for row in rows {
        let end = shift + width;
        if end <= 64 {
            for (out, low) in row.iter_mut().zip(current) {
                *out = (u64::from_le_bytes(*low) >> shift) & mask;
            }
        }
        if end < 64 {
            shift = end;
            continue;
        }
        let next = words.next().unwrap_or(&ZEROS);
        if end > 64 {
            for ((out, low), high) in row.iter_mut().zip(current).zip(next) {
                let (low, high) = (u64::from_le_bytes(*low), u64::from_le_bytes(*high));
                *out = ((low >> shift) | (high << (64 - shift))) & mask;
            }
        }
        current = next;
        shift = end - 64;
    }
}

/// Fills groups of eight values as long as the eight bytes from each value's first byte on are
/// there; gives the number of values filled. The width is known when this is compiled, so that
/// places and shifts are constants.
fn unpack_groups<const WIDTH: usize>(bytes: &[u8], values: &mut [u64]) -> usize {
    let mask = mask(WIDTH as u32);
    let mut filled = 0;
    for (at, group) in values.as_chunks_mut::<8>().0.iter_mut().enumerate() {
        let Some(window) = bytes.get(at * WIDTH..at * WIDTH + WIDTH + 8) else { break };
        for (index, value) in group.iter_mut().enumerate() {
            let bit = index * WIDTH;
            let word = window.get(bit / 8..).and_then(|rest| rest.first_chunk::<8>());
            *value = (u64::from_le_bytes(*word.unwrap_or(&[0; 8])) >> (bit % 8)) & mask;
        }
        filled += 8;
    }
    filled
}

/// [`unpack_groups`] for a width that is known only now.
fn unpack_groups_of(width: u32, bytes: &[u8], values: &mut [u64]) -> usize {
    macro_rules! by_width {
        ($($width:literal)*) => {
            match width {
                $($width => unpack_groups::<$width>(bytes, values),)*
                _ => 0,
            }
        };
    }
    // Eight bytes hold a value whole, wherever in a byte it begins, up to 57 bits.
    by_width!(1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29
        30 31 32 33 34 35 36 37 38 39 40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57)
}

fn unpack_tail(bytes: &[u8], width: u32, tail: &mut [u64]) {
    let filled = unpack_groups_of(width, bytes, tail);
    let mut bit = filled * width as usize;
    for value in tail.iter_mut().skip(filled) {
        let mut wide = [0; 16];
        let rest = bytes.get(bit >> 3..).unwrap_or_default();
        let length = rest.len().min(16);
        wide[..length].copy_from_slice(&rest[..length]);
        *value = (u128::from_le_bytes(wide) >> (bit & 7)) as u64 & mask(width);
        bit += width as usize;
    }
}
