//! Secrets that are made up here, and what is kept of them.

use sha2::{Digest as _, Sha256};
use vigie_world::Random;

const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Letters and digits that nobody can predict: almost six bits each.
pub(super) fn random_text(random: &Random, length: usize) -> String {
    let letter = |_| LETTERS.get(random.below(62) as usize).map_or('0', |byte| char::from(*byte));
    (0..length).map(letter).collect()
}

/// What is kept of a secret that has enough randomness of its own to need no slow hash.
pub(crate) fn secret_hash(secret: &str) -> String {
    let digest = Sha256::digest(secret);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A token in the form of Grafana's service accounts, by which scanners for leaked secrets know
/// them: a prefix, the secret, a checksum.
pub(crate) fn token_secret(random: &Random) -> String {
    let secret = format!("glsa_{}", random_text(random, 32));
    let mut checksum = flate2::Crc::new();
    checksum.update(secret.as_bytes());
    format!("{secret}_{:08x}", checksum.sum())
}

/// A name for addresses, in the form of Grafana's.
pub(crate) fn uid(random: &Random) -> String {
    random_text(random, 14).to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_have_the_known_form_and_are_all_different() {
        let random = Random::from_seed(1);
        let tokens: std::collections::BTreeSet<String> =
            (0..100).map(|_| token_secret(&random)).collect();
        assert_eq!(tokens.len(), 100);
        assert!(tokens.iter().all(|token| token.starts_with("glsa_") && token.len() == 46));
        assert_eq!(secret_hash("").len(), 64);
    }
}
