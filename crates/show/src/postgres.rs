//! PostgreSQL's protocol over what is kept: SQL for `psql`, drivers and data sources that know
//! nothing of Vigie.
//!
//! A connection says who it is ([`startup`]), then asks ([`session`], which holds what is
//! [`prepared`]); messages come and go by [`stream`], values are turned by [`value`]. What is no
//! question but about the session itself is a [`command`]. Statements only read, within the limits
//! of [`crate::sql`].

mod command;
mod fault;
mod prepared;
mod session;
mod startup;
mod stream;
mod value;

use std::collections::HashMap;
use std::sync::Arc;

use futures::future::BoxFuture;
use parking_lot::Mutex;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::sql::SqlState;
use crate::{Entry, WireService};

/// Answers that are held at once over all connections, each as large as an answer may be.
const ANSWERS_MAX: usize = 16;

/// The port's service.
#[derive(Debug)]
pub struct PostgresService {
    sql: Arc<SqlState>,
    sessions: Sessions,
    answers: Arc<Semaphore>,
}

impl PostgresService {
    /// Answers from `sql`.
    pub fn new(sql: Arc<SqlState>) -> Self {
        let answers = Arc::new(Semaphore::new(ANSWERS_MAX));
        Self { sql, sessions: Sessions::default(), answers }
    }
}

impl WireService for PostgresService {
    fn serve<'a>(&'a self, entry: Entry<'a>, stream: TcpStream) -> BoxFuture<'a, ()> {
        Box::pin(startup::serve(self, entry, stream))
    }
}

/// Connections that can be told to stop what they do.
#[derive(Debug, Default)]
struct Sessions(Mutex<Open>);

#[derive(Debug, Default)]
struct Open {
    next: i32,
    by_process: HashMap<i32, (i32, CancellationToken)>,
}

impl Sessions {
    /// A number for a connection with this secret.
    fn open(&self, secret: i32) -> OpenSession<'_> {
        let mut open = self.0.lock();
        // Numbers come again after so many connections that the first ones are long gone.
        open.next = open.next.checked_add(1).unwrap_or(1);
        let process = open.next;
        open.by_process.insert(process, (secret, CancellationToken::new()));
        OpenSession { sessions: self, process, secret }
    }

    /// Stops what the connection does, if the secret is right.
    fn cancel(&self, process: i32, secret: &[u8]) {
        let open = self.0.lock();
        if let Some((known, doing)) = open.by_process.get(&process)
            && known.to_be_bytes() == secret
        {
            doing.cancel();
        }
    }
}

/// A connection, as others see it.
#[derive(Debug)]
struct OpenSession<'a> {
    sessions: &'a Sessions,
    process: i32,
    secret: i32,
}

impl OpenSession<'_> {
    /// Something new begins: what was cancelled before is over.
    fn begin(&self) -> CancellationToken {
        let token = CancellationToken::new();
        let mut open = self.sessions.0.lock();
        open.by_process.insert(self.process, (self.secret, token.clone()));
        token
    }
}

impl Drop for OpenSession<'_> {
    fn drop(&mut self) {
        self.sessions.0.lock().by_process.remove(&self.process);
    }
}
