//! Who people and programs are: passwords, sessions, tokens, and how often one may guess.
//!
//! Kept in the catalog as hashes only; a secret is shown to the one who asked for it, once. The
//! front door asks here who sends a request, Grafana's API changes what is kept.

mod attempts;
mod password;
mod secret;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use vigie_catalog::{Account, Catalog, CatalogError, Change, Role, Session, State, Token, User};
use vigie_world::World;

pub(crate) use secret::{secret_hash, token_secret, uid};

use crate::passwords::Passwords;

use attempts::Attempts;

/// How long sessions last and who is let in without one.
#[derive(Debug, Clone)]
pub struct UsersOptions {
    /// What somebody who has not signed in may do on the page's port.
    pub anonymous: Role,
    /// Name of the cookie.
    pub cookie_name: String,
    /// Whether the cookie goes over TLS alone, whatever the listener speaks.
    pub cookie_secure: bool,
    /// A session that was not used for so long is over.
    pub session_idle: Duration,
    /// A session that was opened so long ago is over.
    pub session_lifetime: Duration,
    /// Whether requests may carry a user's name and password.
    pub basic_auth: bool,
}

impl Default for UsersOptions {
    fn default() -> Self {
        Self {
            anonymous: Role::None,
            cookie_name: "grafana_session".to_owned(),
            cookie_secure: false,
            // As in Grafana.
            session_idle: Duration::from_secs(7 * 86_400),
            session_lifetime: Duration::from_secs(30 * 86_400),
            basic_auth: true,
        }
    }
}

/// Why somebody was not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SignInError {
    /// No such user, another password, or a user who is kept out.
    Wrong,
    /// Too many wrong guesses; again after that many seconds.
    TooOften(u64),
}

/// The users, sessions and tokens of a process.
#[derive(Debug)]
pub struct Users {
    catalog: Arc<Catalog>,
    world: World,
    options: UsersOptions,
    passwords: Passwords,
    attempts: Attempts,
}

/// A session is noted as used no more often than this.
const SEEN_AGAIN_MS: i64 = 3_600_000;
const TEXT_BYTES_MAX: usize = 512;

impl Users {
    /// The users of `catalog`.
    pub fn new(catalog: Arc<Catalog>, world: World, options: UsersOptions) -> Self {
        let passwords = Passwords::new(&world.random);
        Self { catalog, world, options, passwords, attempts: Attempts::default() }
    }

    /// Makes the first administrator when there is no user yet: with `password`, or with one that
    /// is made up and returned.
    pub fn ensure_administrator(
        &self,
        login: &str,
        email: &str,
        password: Option<String>,
    ) -> Result<Option<String>, CatalogError> {
        if !self.catalog.state().users().is_empty() {
            return Ok(None);
        }
        let (password, made_up) = match password {
            Some(password) => (password, None),
            None => {
                let made_up = secret::random_text(&self.world.random, 20);
                (made_up.clone(), Some(made_up))
            }
        };
        let hash = password::hash_now(&password).map_err(std::io::Error::other)?;
        let now_ms = self.world.clock.now_ms();
        let uid = uid(&self.world.random);
        self.catalog.change(|state| {
            if !state.users().is_empty() {
                return Ok((Vec::new(), ()));
            }
            let user = User {
                id: state.free_number(0),
                uid,
                login: login.to_owned(),
                email: email.to_owned(),
                name: String::new(),
                password_hash: hash,
                role: Role::Administrator,
                is_disabled: false,
                created_ms: now_ms,
                updated_ms: now_ms,
            };
            Ok::<_, CatalogError>((vec![Change::User(user)], ()))
        })?;
        Ok(made_up)
    }

    pub(crate) fn options(&self) -> &UsersOptions {
        &self.options
    }

    pub(crate) fn state(&self) -> Arc<State> {
        self.catalog.state()
    }

    /// The hash to keep for a password.
    pub(crate) async fn hash_password(&self, password: &str) -> Result<String, String> {
        password::hash(&self.passwords, password).await
    }

    /// Whether `password` is this user's.
    pub(crate) async fn is_password_of(&self, user: &User, password: &str) -> bool {
        password::verify(&self.passwords, &user.login, password, Some(&user.password_hash)).await
    }

    /// The user with this name (or address) and password.
    pub(crate) async fn sign_in(
        &self,
        login: &str,
        password: &str,
        peer: IpAddr,
    ) -> Result<Arc<User>, SignInError> {
        let now = self.world.clock.monotonic();
        self.attempts.check(login, peer, now).map_err(SignInError::TooOften)?;
        let user = self.state().user_named(login).cloned();
        let hash = user.as_ref().map(|user| user.password_hash.as_str());
        let is_right = password::verify(&self.passwords, login, password, hash).await;
        match user {
            Some(user) if is_right && !user.is_disabled => {
                self.attempts.succeeded(login, peer);
                Ok(user)
            }
            _ => {
                self.attempts.failed(login, peer, now);
                tracing::info!(%peer, "somebody gave a wrong name or password");
                Err(SignInError::Wrong)
            }
        }
    }

    /// Opens a session; gives the secret for the cookie. Waits for the disk.
    pub(crate) fn open_session(
        &self,
        user: &User,
        peer: IpAddr,
        user_agent: &str,
    ) -> Result<String, CatalogError> {
        let secret = secret::random_text(&self.world.random, 43);
        let now_ms = self.world.clock.now_ms();
        let session = |id| Session {
            id,
            user_id: user.id,
            secret_hash: secret_hash(&secret),
            client_address: peer.to_string(),
            user_agent: user_agent.chars().take(TEXT_BYTES_MAX).collect(),
            created_ms: now_ms,
            seen_ms: now_ms,
        };
        self.catalog.change(|state| {
            let over = state.sessions().values().filter(|session| self.is_over(session, now_ms));
            let mut changes: Vec<Change> =
                over.map(|session| Change::SessionGone(session.id)).collect();
            changes.push(Change::Session(session(state.free_number(0))));
            Ok::<_, CatalogError>((changes, ()))
        })?;
        Ok(secret)
    }

    fn is_over(&self, session: &Session, now_ms: i64) -> bool {
        let ms = |duration: Duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        now_ms.saturating_sub(session.seen_ms) > ms(self.options.session_idle)
            || now_ms.saturating_sub(session.created_ms) > ms(self.options.session_lifetime)
    }

    /// The session with this secret and its user, when both still count.
    pub(crate) fn session(&self, secret: &str) -> Option<(Arc<Session>, Arc<User>)> {
        let state = self.state();
        let session = state.session_of(&secret_hash(secret))?;
        let now_ms = self.world.clock.now_ms();
        let user = state.user(session.user_id)?;
        if self.is_over(session, now_ms) || user.is_disabled {
            return None;
        }
        if now_ms.saturating_sub(session.seen_ms) > SEEN_AGAIN_MS {
            self.note_seen(Arc::clone(session), now_ms);
        }
        Some((Arc::clone(session), Arc::clone(user)))
    }

    fn note_seen(&self, session: Arc<Session>, now_ms: i64) {
        let catalog = Arc::clone(&self.catalog);
        let noting = move || {
            let noted = catalog.change(|state| {
                let is_there = state.sessions().contains_key(&session.id);
                let seen = Session { seen_ms: now_ms, ..(*session).clone() };
                let changes = if is_there { vec![Change::Session(seen)] } else { Vec::new() };
                Ok::<_, CatalogError>((changes, ()))
            });
            if let Err(error) = noted {
                tracing::warn!(%error, "a session could not be noted as used");
            }
        };
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            drop(runtime.spawn_blocking(noting));
        }
    }

    /// The token with this secret and its account, when both still count.
    pub(crate) fn token(&self, secret: &str) -> Option<(Arc<Token>, Arc<Account>)> {
        let state = self.state();
        let token = state.token_of(&secret_hash(secret))?;
        let account = state.account(token.account_id)?;
        let is_over = token.expires_ms.is_some_and(|at| at <= self.world.clock.now_ms());
        (!is_over && !account.is_disabled).then(|| (Arc::clone(token), Arc::clone(account)))
    }
}
