//! Bits of a chunk, most significant first, and the numbers that Prometheus writes in them.

/// Reads bits.
#[derive(Debug, Clone)]
pub(super) struct BitReader<'a> {
    bytes: &'a [u8],
    /// Bits that are read.
    at: usize,
}

impl<'a> BitReader<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Bits that are left: an upper bound of whatever a count promises.
    pub(super) const fn left(&self) -> usize {
        self.bytes.len() * 8 - self.at
    }

    pub(super) fn bit(&mut self) -> Option<bool> {
        let byte = *self.bytes.get(self.at / 8)?;
        let bit = byte >> (7 - self.at % 8) & 1;
        self.at += 1;
        Some(bit == 1)
    }

    /// Up to 64 bits.
    pub(super) fn bits(&mut self, count: u32) -> Option<u64> {
        let mut value = 0_u64;
        let mut left = count as usize;
        while left > 0 {
            let byte = u64::from(*self.bytes.get(self.at / 8)?);
            let available = 8 - self.at % 8;
            let taken = available.min(left);
            let bits = byte >> (available - taken) & ((1 << taken) - 1);
            value = value << taken | bits;
            self.at += taken;
            left -= taken;
        }
        Some(value)
    }

    pub(super) fn float(&mut self) -> Option<f64> {
        self.bits(64).map(f64::from_bits)
    }

    /// 7 bits a byte, byte after byte wherever they begin.
    pub(super) fn uvarint(&mut self) -> Option<u64> {
        let mut value = 0_u64;
        for at in 0..10 {
            let byte = self.bits(8)?;
            value |= (byte & 0x7f).checked_shl(7 * at)?;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    pub(super) fn varint(&mut self) -> Option<i64> {
        self.uvarint().map(crate::protobuf::zigzag)
    }

    /// How many bits follow the prefix of a varbit number.
    fn varbit_size(&mut self) -> Option<u32> {
        const SIZES: [u32; 9] = [0, 3, 6, 9, 12, 18, 25, 56, 64];
        let mut ones = 0;
        while ones < 8 && self.bit()? {
            ones += 1;
        }
        SIZES.get(ones).copied()
    }

    pub(super) fn varbit_uint(&mut self) -> Option<u64> {
        let size = self.varbit_size()?;
        self.bits(size)
    }

    pub(super) fn varbit_int(&mut self) -> Option<i64> {
        let size = self.varbit_size()?;
        let bits = self.bits(size)?;
        Some(signed(bits, size))
    }

    /// The next value of a series of floats in Gorilla's XOR encoding.
    pub(super) fn xor(&mut self, state: &mut Xor) -> Option<f64> {
        if !self.bit()? {
            return Some(state.value);
        }
        if self.bit()? {
            state.leading = self.bits(5)? as u32;
            let significant = match self.bits(6)? {
                0 => 64,
                significant => significant as u32,
            };
            state.trailing = 64_u32.checked_sub(state.leading + significant)?;
        }
        let bits = self.bits(64 - state.leading - state.trailing)?;
        let bits = bits.checked_shl(state.trailing)?;
        state.value = f64::from_bits(state.value.to_bits() ^ bits);
        Some(state.value)
    }
}

/// What the next value of a series of floats is compared with.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Xor {
    pub(super) value: f64,
    leading: u32,
    trailing: u32,
}

impl Xor {
    pub(super) fn starting(value: f64) -> Self {
        Self { value, ..Self::default() }
    }
}

/// `bits` of that many as a signed number whose largest value is 2^(size-1), as Prometheus reads.
pub(super) const fn signed(bits: u64, size: u32) -> i64 {
    if size == 0 || size == 64 || bits <= 1 << (size - 1) {
        bits as i64
    } else {
        bits as i64 - (1_i64 << size)
    }
}
