//! Hashes: with a key they are HMACs.

use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};

/// A hash function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Md5,
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

impl Method {
    pub(super) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "MD5" => Self::Md5,
            "SHA1" => Self::Sha1,
            "SHA256" => Self::Sha256,
            "SHA384" => Self::Sha384,
            "SHA512" => Self::Sha512,
            _ => return None,
        })
    }

    /// The hash of `data`, or its HMAC (RFC 2104) when there is a key.
    pub(super) fn digest(self, key: Option<&[u8]>, data: &[u8]) -> Vec<u8> {
        let Some(key) = key else { return self.plain(&[data]) };
        let block_bytes = if matches!(self, Self::Sha384 | Self::Sha512) { 128 } else { 64 };
        let mut padded = if key.len() > block_bytes { self.plain(&[key]) } else { key.to_vec() };
        padded.resize(block_bytes, 0);
        let masked = |mask: u8| padded.iter().map(|byte| byte ^ mask).collect::<Vec<u8>>();
        let inner = self.plain(&[&masked(0x36), data]);
        self.plain(&[&masked(0x5c), &inner])
    }

    fn plain(self, parts: &[&[u8]]) -> Vec<u8> {
        match self {
            Self::Md5 => of::<Md5>(parts),
            Self::Sha1 => of::<Sha1>(parts),
            Self::Sha256 => of::<Sha256>(parts),
            Self::Sha384 => of::<Sha384>(parts),
            Self::Sha512 => of::<Sha512>(parts),
        }
    }
}

fn of<D: Digest>(parts: &[&[u8]]) -> Vec<u8> {
    let mut digest = D::new();
    for part in parts {
        digest.update(part);
    }
    digest.finalize().to_vec()
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// MurmurHash3, 32 bits, seed 0.
pub(super) fn murmur3(data: &[u8]) -> u32 {
    let mix = |word: u32| word.wrapping_mul(0xcc9e_2d51).rotate_left(15).wrapping_mul(0x1b87_3593);
    let mut hash = 0_u32;
    let (words, tail) = data.as_chunks::<4>();
    for word in words {
        hash ^= mix(u32::from_le_bytes(*word));
        hash = hash.rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64);
    }
    if !tail.is_empty() {
        let mut word = 0;
        for (at, byte) in tail.iter().enumerate() {
            word |= u32::from(*byte) << (8 * at);
        }
        hash ^= mix(word);
    }
    hash ^= data.len() as u32;
    hash ^= hash >> 16;
    hash = hash.wrapping_mul(0x85eb_ca6b);
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(0xc2b2_ae35);
    hash ^ (hash >> 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_the_standards() {
        // RFC 2202, RFC 4231 (case 2), and the reference values of MurmurHash3.
        let what = b"what do ya want for nothing?";
        assert_eq!(
            hex(&Method::Sha1.digest(Some(b"Jefe"), what)),
            "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"
        );
        assert_eq!(
            hex(&Method::Md5.digest(Some(b"Jefe"), what)),
            "750c783e6ab0b503eaa86e310a5db738"
        );
        assert_eq!(
            hex(&Method::Sha256.digest(Some(b"Jefe"), what)),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        assert_eq!(hex(&Method::Md5.digest(None, b"")), "d41d8cd98f00b204e9800998ecf8427e");
        assert_eq!(murmur3(b""), 0);
        assert_eq!(murmur3(b"test"), 0xba6b_d213);
        assert_eq!(murmur3(b"Hello, world!"), 0xc036_3e43);
    }
}
