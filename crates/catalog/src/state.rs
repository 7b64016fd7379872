//! Everything that is decided, as it is now.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde_json::Value;

use crate::{
    Account, Annotation, Change, Dashboard, DashboardVersion, DataSource, Folder, Preferences,
    ProvisionedKind, Session, Token, User,
};

/// Everything that is decided.
#[derive(Debug, Clone, Default)]
pub struct State {
    numbers_taken: u64,
    users: BTreeMap<u64, Arc<User>>,
    sessions: BTreeMap<u64, Arc<Session>>,
    accounts: BTreeMap<u64, Arc<Account>>,
    tokens: BTreeMap<u64, Arc<Token>>,
    dashboards: BTreeMap<String, Arc<Dashboard>>,
    versions: BTreeMap<(String, u64), Arc<DashboardVersion>>,
    folders: BTreeMap<String, Arc<Folder>>,
    annotations: BTreeMap<u64, Arc<Annotation>>,
    data_sources: BTreeMap<String, Arc<DataSource>>,
    preferences: BTreeMap<String, Arc<Preferences>>,
    provisioned: BTreeMap<(ProvisionedKind, String), Arc<Value>>,
    // Found by every request, so not by looking at all.
    session_by_secret: HashMap<String, u64>,
    token_by_secret: HashMap<String, u64>,
}

impl State {
    /// A number that nothing has had yet, `ahead` numbers after the next.
    pub fn free_number(&self, ahead: u64) -> u64 {
        self.numbers_taken + 1 + ahead
    }

    /// Users by number.
    pub fn users(&self) -> &BTreeMap<u64, Arc<User>> {
        &self.users
    }

    /// A user.
    pub fn user(&self, id: u64) -> Option<&Arc<User>> {
        self.users.get(&id)
    }

    /// The user with this login or address, whatever its capitals.
    pub fn user_named(&self, login_or_email: &str) -> Option<&Arc<User>> {
        let wanted = login_or_email.to_lowercase();
        let by_login = self.users.values().find(|user| user.login.to_lowercase() == wanted);
        by_login.or_else(|| {
            self.users
                .values()
                .find(|user| !user.email.is_empty() && user.email.to_lowercase() == wanted)
        })
    }

    /// Sessions by number.
    pub fn sessions(&self) -> &BTreeMap<u64, Arc<Session>> {
        &self.sessions
    }

    /// The session whose secret has this hash.
    pub fn session_of(&self, secret_hash: &str) -> Option<&Arc<Session>> {
        self.sessions.get(self.session_by_secret.get(secret_hash)?)
    }

    /// Accounts of programs by number.
    pub fn accounts(&self) -> &BTreeMap<u64, Arc<Account>> {
        &self.accounts
    }

    /// An account.
    pub fn account(&self, id: u64) -> Option<&Arc<Account>> {
        self.accounts.get(&id)
    }

    /// Tokens by number.
    pub fn tokens(&self) -> &BTreeMap<u64, Arc<Token>> {
        &self.tokens
    }

    /// The token whose secret has this hash.
    pub fn token_of(&self, secret_hash: &str) -> Option<&Arc<Token>> {
        self.tokens.get(self.token_by_secret.get(secret_hash)?)
    }

    /// Dashboards by uid.
    pub fn dashboards(&self) -> &BTreeMap<String, Arc<Dashboard>> {
        &self.dashboards
    }

    /// A dashboard.
    pub fn dashboard(&self, uid: &str) -> Option<&Arc<Dashboard>> {
        self.dashboards.get(uid)
    }

    /// Versions of a dashboard, the oldest first.
    pub fn versions(&self, uid: &str) -> impl DoubleEndedIterator<Item = &Arc<DashboardVersion>> {
        let range = (uid.to_owned(), 0)..=(uid.to_owned(), u64::MAX);
        self.versions.range(range).map(|(_, version)| version)
    }

    /// Folders by uid.
    pub fn folders(&self) -> &BTreeMap<String, Arc<Folder>> {
        &self.folders
    }

    /// A folder.
    pub fn folder(&self, uid: &str) -> Option<&Arc<Folder>> {
        self.folders.get(uid)
    }

    /// Annotations by number.
    pub fn annotations(&self) -> &BTreeMap<u64, Arc<Annotation>> {
        &self.annotations
    }

    /// Data sources by uid.
    pub fn data_sources(&self) -> &BTreeMap<String, Arc<DataSource>> {
        &self.data_sources
    }

    /// A data source.
    pub fn data_source(&self, uid: &str) -> Option<&Arc<DataSource>> {
        self.data_sources.get(uid)
    }

    /// How `owner` likes it.
    pub fn preferences(&self, owner: &str) -> Arc<Preferences> {
        self.preferences.get(owner).cloned().unwrap_or_default()
    }

    /// Something that was provisioned.
    pub fn provisioned(&self, kind: ProvisionedKind, name: &str) -> Option<&Arc<Value>> {
        self.provisioned.get(&(kind, name.to_owned()))
    }

    /// Everything of a kind that was provisioned, by name.
    pub fn all_provisioned(
        &self,
        kind: ProvisionedKind,
    ) -> impl Iterator<Item = (&str, &Arc<Value>)> {
        let of_kind = self.provisioned.range((kind, String::new())..);
        of_kind.take_while(move |((found, _), _)| *found == kind).map(|((_, n), v)| (n.as_str(), v))
    }

    pub(crate) fn provisioned_count(&self) -> usize {
        self.provisioned.len()
    }

    /// Takes a change.
    pub(crate) fn apply(&mut self, change: Change) {
        self.take_numbers(&change);
        match change {
            Change::NumbersTaken(taken) => self.numbers_taken = self.numbers_taken.max(taken),
            Change::User(user) => drop(self.users.insert(user.id, Arc::new(user))),
            Change::UserGone(id) => self.remove_user(id),
            Change::Session(session) => {
                self.remove_session(session.id);
                self.session_by_secret.insert(session.secret_hash.clone(), session.id);
                self.sessions.insert(session.id, Arc::new(session));
            }
            Change::SessionGone(id) => self.remove_session(id),
            Change::Account(account) => {
                drop(self.accounts.insert(account.id, Arc::new(account)));
            }
            Change::AccountGone(id) => self.remove_account(id),
            Change::Token(token) => {
                self.token_by_secret.insert(token.secret_hash.clone(), token.id);
                self.tokens.insert(token.id, Arc::new(token));
            }
            Change::TokenGone(id) => self.remove_token(id),
            change => self.apply_content(change),
        }
    }

    /// The changes that are about no user and no program.
    fn apply_content(&mut self, change: Change) {
        match change {
            Change::Dashboard(dashboard) => {
                self.dashboards.insert(dashboard.uid.clone(), Arc::from(dashboard));
            }
            Change::Version(version) => {
                let key = (version.dashboard_uid.clone(), version.version);
                self.versions.insert(key, Arc::from(version));
            }
            Change::VersionGone { uid, version } => drop(self.versions.remove(&(uid, version))),
            Change::DashboardGone(uid) => {
                self.versions.retain(|(of, _), _| *of != uid);
                self.annotations.retain(|_, annotation| annotation.dashboard_uid != uid);
                self.dashboards.remove(&uid);
            }
            Change::Folder(folder) => {
                drop(self.folders.insert(folder.uid.clone(), Arc::new(folder)));
            }
            Change::FolderGone(uid) => drop(self.folders.remove(&uid)),
            Change::Annotation(annotation) => {
                self.annotations.insert(annotation.id, Arc::new(annotation));
            }
            Change::AnnotationGone(id) => drop(self.annotations.remove(&id)),
            Change::DataSource(source) => {
                self.data_sources.insert(source.uid.clone(), Arc::from(source));
            }
            Change::DataSourceGone(uid) => drop(self.data_sources.remove(&uid)),
            Change::Preferences { owner, preferences } => {
                self.preferences.insert(owner, Arc::new(preferences));
            }
            Change::Provisioned { kind, name, value } => {
                if value.is_null() {
                    self.provisioned.remove(&(kind, name));
                } else {
                    self.provisioned.insert((kind, name), Arc::new(value));
                }
            }
            _ => {}
        }
    }

    fn take_numbers(&mut self, change: &Change) {
        let number = match change {
            Change::User(user) => user.id,
            Change::Session(session) => session.id,
            Change::Account(account) => account.id,
            Change::Token(token) => token.id,
            Change::Dashboard(dashboard) => dashboard.id,
            Change::Folder(folder) => folder.id,
            Change::Annotation(annotation) => annotation.id,
            Change::DataSource(source) => source.id,
            _ => 0,
        };
        self.numbers_taken = self.numbers_taken.max(number);
    }

    fn remove_user(&mut self, id: u64) {
        let theirs = self.sessions.values().filter(|session| session.user_id == id);
        let theirs: Vec<u64> = theirs.map(|session| session.id).collect();
        for session in theirs {
            self.remove_session(session);
        }
        self.preferences.remove(&format!("user:{id}"));
        self.users.remove(&id);
    }

    fn remove_session(&mut self, id: u64) {
        if let Some(session) = self.sessions.remove(&id) {
            self.session_by_secret.remove(&session.secret_hash);
        }
    }

    fn remove_account(&mut self, id: u64) {
        let its = self.tokens.values().filter(|token| token.account_id == id);
        let its: Vec<u64> = its.map(|token| token.id).collect();
        for token in its {
            self.remove_token(token);
        }
        self.accounts.remove(&id);
    }

    fn remove_token(&mut self, id: u64) {
        if let Some(token) = self.tokens.remove(&id) {
            self.token_by_secret.remove(&token.secret_hash);
        }
    }

    /// Changes that make this state of an empty one.
    pub(crate) fn as_changes(&self) -> impl Iterator<Item = Change> {
        let people = std::iter::once(Change::NumbersTaken(self.numbers_taken))
            .chain(self.users.values().map(|user| Change::User((**user).clone())))
            .chain(self.sessions.values().map(|session| Change::Session((**session).clone())))
            .chain(self.accounts.values().map(|account| Change::Account((**account).clone())))
            .chain(self.tokens.values().map(|token| Change::Token((**token).clone())));
        let preferences = self.preferences.iter().map(|(owner, preferences)| Change::Preferences {
            owner: owner.clone(),
            preferences: (**preferences).clone(),
        });
        let provisioned = self.provisioned.iter().map(|((kind, name), value)| {
            Change::Provisioned { kind: *kind, name: name.clone(), value: (**value).clone() }
        });
        people
            .chain(self.folders.values().map(|folder| Change::Folder((**folder).clone())))
            .chain(self.dashboards.values().map(|d| Change::Dashboard(Box::new((**d).clone()))))
            .chain(self.versions.values().map(|v| Change::Version(Box::new((**v).clone()))))
            .chain(self.annotations.values().map(|a| Change::Annotation((**a).clone())))
            .chain(self.data_sources.values().map(|s| Change::DataSource(Box::new((**s).clone()))))
            .chain(preferences)
            .chain(provisioned)
    }
}
