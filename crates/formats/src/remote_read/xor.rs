//! Prometheus' XOR chunks, after Facebook's Gorilla paper: timestamps as differences of
//! differences, values as the bits in which they differ from the one before.

/// A chunk of these points; at most 65,535, times ascending.
pub(super) fn encode(timestamps_ms: &[i64], values: &[f64]) -> Vec<u8> {
    let count = timestamps_ms.len().min(values.len()).min(usize::from(u16::MAX));
    let mut bits = Bits { bytes: (count as u16).to_be_bytes().to_vec(), free: 0 };
    let (mut time, mut delta, mut previous) = (0_i64, 0_i64, 0_u64);
    // Leading and trailing zeros of the last difference written in full.
    let mut window: Option<(u32, u32)> = None;
    for (at, (&next_time, value)) in timestamps_ms.iter().zip(values).take(count).enumerate() {
        let next_delta = next_time.wrapping_sub(time);
        match at {
            0 => bits.varint(next_time),
            1 => bits.uvarint(next_delta as u64),
            _ => bits.delta_of_delta(next_delta.wrapping_sub(delta)),
        }
        if at == 0 {
            bits.push(value.to_bits(), 64);
        } else {
            bits.difference(value.to_bits() ^ previous, &mut window);
            delta = next_delta;
        }
        (time, previous) = (next_time, value.to_bits());
    }
    bits.bytes
}

/// A stream of bits, the most significant first.
struct Bits {
    bytes: Vec<u8>,
    /// Bits of the last byte that are not used yet.
    free: u32,
}

impl Bits {
    /// The `count` low bits of `value`.
    fn push(&mut self, value: u64, count: u32) {
        let mut left = count;
        while left > 0 {
            if self.free == 0 {
                self.bytes.push(0);
                self.free = 8;
            }
            let take = left.min(self.free);
            let part = (value >> (left - take)) & ((1 << take) - 1);
            if let Some(last) = self.bytes.last_mut() {
                *last |= (part << (self.free - take)) as u8;
            }
            self.free -= take;
            left -= take;
        }
    }

    fn uvarint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.push(value & 0x7f | 0x80, 8);
            value >>= 7;
        }
        self.push(value, 8);
    }

    fn varint(&mut self, value: i64) {
        self.uvarint(((value << 1) ^ (value >> 63)) as u64);
    }

    fn delta_of_delta(&mut self, value: i64) {
        let fits = |bits: u32| value > -(1 << (bits - 1)) && value <= 1 << (bits - 1);
        if value == 0 {
            self.push(0, 1);
        } else if let Some((at, bits)) = [14, 17, 20].into_iter().enumerate().find(|b| fits(b.1)) {
            // One, two or three ones and a zero say how many bits follow.
            let prefix = (1_u64 << (at + 2)) - 2;
            self.push(prefix, at as u32 + 2);
            self.push(value as u64, bits);
        } else {
            self.push(0b1111, 4);
            self.push(value as u64, 64);
        }
    }

    fn difference(&mut self, xor: u64, window: &mut Option<(u32, u32)>) {
        if xor == 0 {
            return self.push(0, 1);
        }
        self.push(1, 1);
        let (leading, trailing) = (xor.leading_zeros().min(31), xor.trailing_zeros());
        if let Some((known_leading, known_trailing)) = *window
            && leading >= known_leading
            && trailing >= known_trailing
        {
            self.push(0, 1);
            return self.push(xor >> known_trailing, 64 - known_leading - known_trailing);
        }
        *window = Some((leading, trailing));
        let significant = 64 - leading - trailing;
        self.push(1, 1);
        self.push(u64::from(leading), 5);
        // 64 does not fit six bits and is written as 0, which is free.
        self.push(u64::from(significant), 6);
        self.push(xor >> trailing, significant);
    }
}
