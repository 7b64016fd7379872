//! Basic authentication against the bcrypt hashes of the web configuration.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::http::header;
use axum::http::request::Parts;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use vigie_world::Random;

use crate::passwords::{PASSWORD_BYTES_MAX, Passwords};

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

/// Says who a caller is.
#[derive(Debug)]
pub(super) struct Authenticator {
    passwords: Passwords,
}

impl Authenticator {
    pub(super) fn new(random: &Random) -> Self {
        Self { passwords: Passwords::new(random) }
    }

    pub(super) async fn verify(&self, users: &Users, head: &Parts) -> Verdict {
        if users.is_empty() {
            return Verdict::Open;
        }
        let given = head.headers.get(header::AUTHORIZATION).and_then(|v| v.to_str().ok());
        let Some((name, password)) = given.and_then(credentials) else { return Verdict::Refused };
        let known = users.get_key_value(name.as_str());
        let hash = known.map(|(_, hash)| &**hash);
        let right = self.passwords.verify(&name, password, hash).await;
        match known {
            Some((user, _)) if right => Verdict::User(Arc::clone(user)),
            _ => Verdict::Refused,
        }
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
}
