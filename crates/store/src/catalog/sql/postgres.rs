//! The catalog in PostgreSQL: it outlives the machine that writes it.
//!
//! One process at a time owns a catalog: it holds an advisory lock in its session, and an epoch
//! that every change is checked against in its own transaction. A process that lost its
//! connection takes the lock again; when another had it meanwhile, the epoch tells, and whoever
//! was first may not write any more.

use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use async_trait::async_trait;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Connection};
use tokio::sync::Mutex;
use tokio::time::{sleep, timeout};

use super::{EPOCH, Guard, LAST_CHANGE, SEALED, SET_META, in_postgres, sqlite};
use crate::StoreError;
use crate::catalog::{Catalog, CatalogState, Change};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How often, and how far apart, something is tried that needs a connection or the lock. The
/// server notices within moments that a killed process has gone.
const ATTEMPTS: u32 = 10;
const ATTEMPT_INTERVAL: Duration = Duration::from_millis(300);
/// One lock for each schema; locks of other programs in the database have other first keys.
const LOCK: &str = "SELECT pg_try_advisory_lock(1447642953, hashtext(current_schema()))";

/// The catalog in PostgreSQL.
#[derive(Debug)]
pub(crate) struct PostgresCatalog {
    options: PgConnectOptions,
    sealed_key: String,
    session: Mutex<Session>,
}

#[derive(Debug)]
struct Session {
    connection: Option<PgConnection>,
    epoch: i64,
    changes: i64,
    /// Another process has, or had, the catalog: nothing may be written any more.
    taken_over: bool,
    /// A change whose answer was lost and that was reported as failed.
    uncertain: Option<i64>,
}

impl PostgresCatalog {
    /// Opens the catalog at `url`, and makes it, with this identity, when it is not there.
    /// `instance` tells the log of this data folder from those of others.
    pub(crate) async fn open(url: &str, identity: u64, instance: u64) -> Result<Self, StoreError> {
        let options = PgConnectOptions::from_str(url)
            .map_err(|error| StoreError::Invalid(format!("catalog_url: {error}")))?
            .application_name("vigie")
            .disable_statement_logging();
        let mut connection = connect(&options).await?;
        in_postgres::prepare(&mut connection, identity).await?;
        let epoch = in_postgres::get_meta(&mut connection, EPOCH).await?.unwrap_or(0) + 1;
        sqlx::query(SET_META).bind(EPOCH).bind(epoch).execute(&mut connection).await?;
        let session = Session {
            connection: Some(connection),
            epoch,
            changes: 0,
            taken_over: false,
            uncertain: None,
        };
        Ok(Self {
            options,
            sealed_key: format!("{SEALED}/{instance:016x}"),
            session: Mutex::new(session),
        })
    }

    /// The connection, made anew when it was lost.
    async fn connected<'a>(
        &self,
        session: &'a mut Session,
    ) -> Result<&'a mut PgConnection, StoreError> {
        if session.taken_over {
            return Err(taken_over());
        }
        let connection = if let Some(connection) = session.connection.take() {
            connection
        } else {
            let mut connection = connect(&self.options).await?;
            let epoch = in_postgres::get_meta(&mut connection, EPOCH).await?;
            if epoch != Some(session.epoch) {
                session.taken_over = true;
                return Err(taken_over());
            }
            connection
        };
        Ok(session.connection.insert(connection))
    }

    /// Makes a change. When that breaks the connection, the connection is gone afterwards.
    async fn try_change(
        &self,
        session: &mut Session,
        change: &Change,
        number: i64,
    ) -> Result<(), StoreError> {
        let guard = Guard { sealed_key: &self.sealed_key, epoch: Some((session.epoch, number)) };
        let connection = self.connected(session).await?;
        match in_postgres::write(connection, change, guard).await {
            Err(StoreError::Catalog(sqlx::Error::RowNotFound)) => {
                session.taken_over = true;
                Err(taken_over())
            }
            Err(error) => {
                // The server's own refusal leaves the connection whole, and changes nothing.
                if !matches!(error, StoreError::Catalog(sqlx::Error::Database(_))) {
                    session.connection = None;
                }
                Err(error)
            }
            Ok(()) => Ok(()),
        }
    }

    /// Whether change `number` is the last that was made.
    async fn is_made(&self, session: &mut Session, number: i64) -> Result<bool, StoreError> {
        let connection = self.connected(session).await?;
        let last = in_postgres::get_meta(connection, LAST_CHANGE).await?;
        Ok(last == Some(number))
    }
}

#[async_trait]
impl Catalog for PostgresCatalog {
    async fn load(&self) -> Result<CatalogState, StoreError> {
        let session = &mut *self.session.lock().await;
        let connection = self.connected(session).await?;
        in_postgres::read(connection, &self.sealed_key).await
    }

    async fn commit(&self, change: &Change) -> Result<(), StoreError> {
        let session = &mut *self.session.lock().await;
        if let Some(number) = session.uncertain {
            if self.is_made(session, number).await? {
                let message = "the catalog made a change whose answer was lost; start again";
                return Err(StoreError::Unavailable(message.to_owned()));
            }
            session.uncertain = None;
        }
        session.changes += 1;
        let number = (session.epoch << 32) | session.changes;
        let first = self.try_change(session, change, number).await;
        let Err(error) = first else { return Ok(()) };
        if session.connection.is_some() || session.taken_over {
            return Err(error);
        }
        // The connection broke: was the change made before that?
        for _ in 0..ATTEMPTS {
            match self.is_made(session, number).await {
                Ok(true) => return Ok(()),
                Ok(false) => return self.try_change(session, change, number).await,
                Err(error) if session.taken_over => return Err(error),
                Err(_) => session.connection = None,
            }
            sleep(ATTEMPT_INTERVAL).await;
        }
        session.uncertain = Some(number);
        Err(error)
    }

    async fn copy_to(&self, folder: &Path, state: &CatalogState) -> Result<(), StoreError> {
        sqlite::copy(folder, state).await
    }
}

fn taken_over() -> StoreError {
    StoreError::Unavailable("another Vigie has taken the catalog over".to_owned())
}

/// A connection that holds the lock.
async fn connect(options: &PgConnectOptions) -> Result<PgConnection, StoreError> {
    let place = format!("{}:{}", options.get_host(), options.get_port());
    let unreachable = |detail: String| {
        StoreError::Unavailable(format!("the catalog at {place} cannot be reached: {detail}"))
    };
    let connection = timeout(CONNECT_TIMEOUT, PgConnection::connect_with(options)).await;
    let mut connection = connection
        .map_err(|_| unreachable(format!("no answer in {} s", CONNECT_TIMEOUT.as_secs())))?
        .map_err(|error| unreachable(error.to_string()))?;
    for _ in 0..ATTEMPTS {
        if sqlx::query_scalar::<_, bool>(LOCK).fetch_one(&mut connection).await? {
            return Ok(connection);
        }
        sleep(ATTEMPT_INTERVAL).await;
    }
    Err(StoreError::Unavailable(format!(
        "the catalog at {place} is in use by another Vigie; give each its own database or schema"
    )))
}
