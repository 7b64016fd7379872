//! Basic authentication against the bcrypt hashes of the web configuration.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use axum::http::header;
use axum::http::request::Parts;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};
use tokio::sync::Semaphore;
use vigie_world::Random;

/// A hash of nothing that anybody knows, at the cost that people use: an unknown user takes as
/// long as a known one.
const DUMMY_HASH: &str = "$2b$10$QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi";
const REMEMBERED_MAX: usize = 1024;
/// bcrypt is slow on purpose; this many at once leave a core for the rest.
const VERIFYING_MAX: usize = 2;
/// bcrypt takes no more of a password anyway.
const PASSWORD_BYTES_MAX: usize = 1024;

/// What is known of a caller.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// No users are configured.
    Open,
    /// This user.
    User(Arc<str>),
    /// Nobody.
    Refused,
}

/// Users and their bcrypt hashes.
pub(super) type Users = Arc<BTreeMap<Arc<str>, Arc<str>>>;

/// Verifies passwords, and remembers which were right, so that bcrypt runs once a password and
/// not once a request.
#[derive(Debug)]
pub(super) struct Authenticator {
    // Of this process only, so that what is remembered is of no use to who reads its memory.
    key: [u64; 4],
    remembered: Mutex<HashMap<[u8; 32], bool>>,
    verifying: Arc<Semaphore>,
}

impl Authenticator {
    pub(super) fn new(random: &Random) -> Self {
        Self {
            key: [(); 4].map(|()| random.next_u64()),
            remembered: Mutex::default(),
            verifying: Arc::new(Semaphore::new(VERIFYING_MAX)),
        }
    }

    pub(super) async fn verify(&self, users: &Users, head: &Parts) -> Verdict {
        if users.is_empty() {
            return Verdict::Open;
        }
        let given = head.headers.get(header::AUTHORIZATION).and_then(|v| v.to_str().ok());
        let Some((name, password)) = given.and_then(credentials) else { return Verdict::Refused };
        let known = users.get_key_value(name.as_str());
        let hash = known.map_or_else(|| Arc::from(DUMMY_HASH), |(_, hash)| Arc::clone(hash));
        let right = self.verify_password(&name, password, hash).await;
        match known {
            Some((user, _)) if right => Verdict::User(Arc::clone(user)),
            _ => Verdict::Refused,
        }
    }

    async fn verify_password(&self, name: &str, password: String, hash: Arc<str>) -> bool {
        let key = self.remember_as(name, &password, &hash);
        if let Some(right) = self.remembered.lock().get(&key) {
            return *right;
        }
        let Ok(_permit) = self.verifying.acquire().await else { return false };
        let verified =
            tokio::task::spawn_blocking(move || bcrypt::verify(password, &hash).unwrap_or(false));
        let right = verified.await.unwrap_or(false);
        let mut remembered = self.remembered.lock();
        if remembered.len() >= REMEMBERED_MAX {
            remembered.clear();
        }
        remembered.insert(key, right);
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

fn credentials(authorization: &str) -> Option<(String, String)> {
    let (scheme, encoded) = authorization.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = STANDARD.decode(encoded.trim()).ok()?;
    let text = String::from_utf8(decoded).ok()?;
    let (name, password) = text.split_once(':')?;
    (password.len() <= PASSWORD_BYTES_MAX).then(|| (name.to_owned(), password.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(authorization: Option<&str>) -> Parts {
        let mut request = axum::http::Request::new(());
        if let Some(value) = authorization {
            request.headers_mut().insert(header::AUTHORIZATION, value.parse().unwrap());
        }
        request.into_parts().0
    }

    #[tokio::test]
    async fn only_the_right_password_of_a_known_user_is_let_in() {
        let authenticator = Authenticator::new(&Random::from_seed(1));
        let hash = bcrypt::hash("secret", 4).unwrap();
        let users: Users = Arc::new(BTreeMap::from([(Arc::from("ada"), Arc::from(hash))]));
        let basic = |text: &str| format!("Basic {}", STANDARD.encode(text));
        for _again in 0..2 {
            let right = authenticator.verify(&users, &head(Some(&basic("ada:secret")))).await;
            assert_eq!(right, Verdict::User(Arc::from("ada")));
            for wrong in ["ada:Secret", "ada:", "bob:secret", "adasecret", "ada:secret:"] {
                let verdict = authenticator.verify(&users, &head(Some(&basic(wrong)))).await;
                assert_eq!(verdict, Verdict::Refused, "{wrong}");
            }
        }
        assert_eq!(authenticator.verify(&users, &head(None)).await, Verdict::Refused);
        assert_eq!(authenticator.verify(&Users::default(), &head(None)).await, Verdict::Open);
    }

    #[test]
    fn the_dummy_hash_is_one_that_bcrypt_spends_time_on() {
        assert!(bcrypt::verify("x", DUMMY_HASH).is_ok());
    }
}
