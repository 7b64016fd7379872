//! Whether a password has a bcrypt hash: of the web configuration's users, and of the catalog's.

use std::collections::HashMap;

use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};
use tokio::sync::Semaphore;
use vigie_world::Random;

/// A hash of nothing that anybody knows, at the cost that people use: an unknown user takes as
/// long as a known one.
const DUMMY_HASH: &str = "$2b$10$QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi";
const REMEMBERED_MAX: usize = 1024;
/// bcrypt is slow on purpose; this many at once leave a core for the rest.
const AT_ONCE_MAX: usize = 2;
/// Of a password's bytes; bcrypt itself takes 72.
pub(crate) const PASSWORD_BYTES_MAX: usize = 1024;

/// Verifies passwords, and remembers which were right, so that bcrypt runs once a password and
/// not once a request.
#[derive(Debug)]
pub(crate) struct Passwords {
    // Of this process only, so that what is remembered is of no use to who reads its memory.
    key: [u64; 4],
    remembered: Mutex<HashMap<[u8; 32], bool>>,
    slots: Semaphore,
}

impl Passwords {
    pub(crate) fn new(random: &Random) -> Self {
        Self {
            key: [(); 4].map(|()| random.next_u64()),
            remembered: Mutex::default(),
            slots: Semaphore::new(AT_ONCE_MAX),
        }
    }

    /// Whether `password` has this hash. Without a hash, or with an empty one, it takes as long and
    /// is wrong.
    pub(crate) async fn verify(&self, name: &str, password: String, hash: Option<&str>) -> bool {
        let hash = hash.filter(|hash| !hash.is_empty());
        let is_known = hash.is_some();
        let hash = hash.unwrap_or(DUMMY_HASH).to_owned();
        let key = self.remember_as(name, &password, &hash);
        if let Some(right) = self.remembered.lock().get(&key) {
            return *right && is_known;
        }
        let verify = move || bcrypt::verify(password, &hash).unwrap_or(false);
        let right = self.slowly(verify).await.unwrap_or(false);
        // Also of an unknown user: that a second try takes as long as the first would tell.
        let mut remembered = self.remembered.lock();
        if remembered.len() >= REMEMBERED_MAX {
            remembered.clear();
        }
        remembered.insert(key, right);
        right && is_known
    }

    /// Runs bcrypt beside the requests, when there is a place.
    pub(crate) async fn slowly<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, String> {
        let _slot = self.slots.acquire().await.map_err(|error| error.to_string())?;
        tokio::task::spawn_blocking(work).await.map_err(|error| error.to_string())
    }

    fn remember_as(&self, name: &str, password: &str, hash: &str) -> [u8; 32] {
        let mut digest = Sha256::new();
        for part in self.key {
            digest.update(part.to_le_bytes());
        }
        for text in [name, password, hash] {
            digest.update((text.len() as u64).to_le_bytes());
            digest.update(text);
        }
        digest.finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dummy_hash_is_one_that_bcrypt_spends_time_on() {
        assert!(bcrypt::verify("x", DUMMY_HASH).is_ok());
    }

    #[tokio::test]
    async fn an_unknown_user_is_remembered_as_a_known_one_is() {
        let passwords = Passwords::new(&Random::from_seed(1));
        let hash = bcrypt::hash("right", 4).unwrap();
        for (name, hash) in [("ada", Some(hash.as_str())), ("bob", None), ("eve", Some(""))] {
            let before = passwords.remembered.lock().len();
            for _again in 0..2 {
                assert!(!passwords.verify(name, "wrong".into(), hash).await);
                assert_eq!(passwords.remembered.lock().len(), before + 1, "{name}");
            }
        }
    }
}
