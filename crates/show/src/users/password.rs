//! Passwords: bcrypt over a hash of the password, so that long ones count whole.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use crate::passwords::{PASSWORD_BYTES_MAX, Passwords};

const COST: u32 = 10;

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

/// The hash to keep.
pub(super) async fn hash(passwords: &Passwords, password: &str) -> Result<String, String> {
    let password = password.to_owned();
    passwords.slowly(move || hash_now(&password)).await?
}

/// Whether `password` has this hash. Without one, or with an empty one, it takes as long and is
/// wrong.
pub(super) async fn verify(
    passwords: &Passwords,
    name: &str,
    password: &str,
    hash: Option<&str>,
) -> bool {
    password.len() <= PASSWORD_BYTES_MAX && passwords.verify(name, prepared(password), hash).await
}

#[cfg(test)]
mod tests {
    use vigie_world::Random;

    use super::*;

    #[tokio::test]
    async fn only_the_right_password_fits_whole() {
        let passwords = Passwords::new(&Random::from_seed(1));
        let long = "x".repeat(100);
        let hash = hash(&passwords, &long).await.unwrap();
        assert!(verify(&passwords, "ada", &long, Some(&hash)).await);
        assert!(verify(&passwords, "ada", &long, Some(&hash)).await, "also when remembered");
        for wrong in ["", "x", &"x".repeat(99), &"x".repeat(2000)] {
            assert!(!verify(&passwords, "ada", wrong, Some(&hash)).await, "{}", wrong.len());
        }
        for nobody in [None, Some("")] {
            assert!(!verify(&passwords, "bob", &long, nobody).await);
        }
    }
}
