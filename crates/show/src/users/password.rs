//! Passwords: bcrypt over a hash of the password, so that long ones count whole.

use std::collections::HashMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};
use tokio::sync::Semaphore;
use vigie_world::Random;

/// A hash of nothing that anybody knows, at the cost below: an unknown user takes as long.
const DUMMY_HASH: &str = "$2b$10$QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi";
const COST: u32 = 10;
const PASSWORD_BYTES_MAX: usize = 1024;
const REMEMBERED_MAX: usize = 1024;
/// bcrypt is slow on purpose; this many at once leave a core for the rest.
const AT_ONCE_MAX: usize = 2;

/// Verifies passwords, and remembers which were right, so that bcrypt runs once a password and
/// not once a request.
#[derive(Debug)]
pub(super) struct Passwords {
    // Of this process only, so that what is remembered is of no use to who reads its memory.
    key: [u64; 4],
    remembered: Mutex<HashMap<[u8; 32], bool>>,
    slots: Arc<Semaphore>,
}

/// bcrypt reads 72 bytes and stops at a zero; a hash in letters has neither problem.
fn prepared(password: &str) -> String {
    STANDARD.encode(Sha256::digest(password))
}

/// The hash to keep, computed on this thread.
pub(super) fn hash_now(password: &str) -> Result<String, String> {
    if password.len() > PASSWORD_BYTES_MAX {
        return Err("the password is too long".to_owned());
    }
    bcrypt::hash(prepared(password), COST).map_err(|error| error.to_string())
}

impl Passwords {
    pub(super) fn new(random: &Random) -> Self {
        Self {
            key: [(); 4].map(|()| random.next_u64()),
            remembered: Mutex::default(),
            slots: Arc::new(Semaphore::new(AT_ONCE_MAX)),
        }
    }

    pub(super) async fn hash(&self, password: &str) -> Result<String, String> {
        let password = password.to_owned();
        let _slot = self.slots.acquire().await.map_err(|error| error.to_string())?;
        let hashing = tokio::task::spawn_blocking(move || hash_now(&password));
        hashing.await.map_err(|error| error.to_string())?
    }

    /// Whether `password` has this hash. Without one, or with an empty one, it takes as long and
    /// is wrong.
    pub(super) async fn verify(&self, name: &str, password: &str, hash: Option<&str>) -> bool {
        if password.len() > PASSWORD_BYTES_MAX {
            return false;
        }
        let hash = hash.filter(|hash| !hash.is_empty());
        let is_known = hash.is_some();
        let hash = hash.unwrap_or(DUMMY_HASH).to_owned();
        let key = self.remember_as(name, password, &hash);
        if let Some(right) = self.remembered.lock().get(&key) {
            return *right && is_known;
        }
        let Ok(_slot) = self.slots.acquire().await else { return false };
        let password = prepared(password);
        let verifying =
            tokio::task::spawn_blocking(move || bcrypt::verify(password, &hash).unwrap_or(false));
        let right = verifying.await.unwrap_or(false) && is_known;
        if is_known {
            let mut remembered = self.remembered.lock();
            if remembered.len() >= REMEMBERED_MAX {
                remembered.clear();
            }
            remembered.insert(key, right);
        }
        right
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

    #[tokio::test]
    async fn only_the_right_password_fits_whole() {
        let passwords = Passwords::new(&Random::from_seed(1));
        let long = "x".repeat(100);
        let hash = passwords.hash(&long).await.unwrap();
        assert!(passwords.verify("ada", &long, Some(&hash)).await);
        assert!(passwords.verify("ada", &long, Some(&hash)).await, "also when remembered");
        for wrong in ["", "x", &"x".repeat(99), &"x".repeat(2000)] {
            assert!(!passwords.verify("ada", wrong, Some(&hash)).await, "{}", wrong.len());
        }
        for nobody in [None, Some("")] {
            assert!(!passwords.verify("bob", &long, nobody).await);
        }
    }
}
