//! A session: statements come, answers go.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;
use vigie_formats::postgres::{Named, Request, Transaction, read_request};
use vigie_model::TenantId;
use vigie_sql::arrow::datatypes::Schema;
use vigie_sql::{ScalarValue, SqlError};

use super::command::{Command, command};
use super::fault::Fault;
use super::prepared::{
    Field, Portal, Prepared, Rows, What, check_formats, closed, describe, fields_of, format_at,
    no_portal, no_statement,
};
use super::stream::Stream;
use super::value::{self, Type};
use super::{OpenSession, PostgresService};

/// Prepared statements of a session, at most, and bytes of their texts.
const STATEMENTS_MAX: usize = 256;
const STATEMENTS_BYTES_MAX: usize = 1 << 20;
/// Portals of a session, at most.
const PORTALS_MAX: usize = 16;
/// How long a statement waits until there is room for its answer.
const WAITING: Duration = Duration::from_secs(30);

/// A session that was let in.
#[derive(Debug)]
pub(super) struct Session<'a, S> {
    service: &'a PostgresService,
    stream: Stream<S>,
    tenant: TenantId,
    open: OpenSession<'a>,
    closing: CancellationToken,
    transaction: Transaction,
    statements: HashMap<String, Arc<Prepared>>,
    portals: HashMap<String, Portal>,
}

impl<'a, S: AsyncRead + AsyncWrite + Unpin> Session<'a, S> {
    pub(super) fn new(
        service: &'a PostgresService,
        stream: Stream<S>,
        tenant: TenantId,
        open: OpenSession<'a>,
    ) -> Self {
        Self {
            service,
            stream,
            tenant,
            open,
            closing: CancellationToken::new(),
            transaction: Transaction::None,
            statements: HashMap::new(),
            portals: HashMap::new(),
        }
    }

    /// Serves until the client has had enough, or `closing`.
    pub(super) async fn run(mut self, closing: &CancellationToken) -> Result<(), Fault> {
        self.closing = closing.clone();
        let ended = self.serve().await;
        if let Err(fault @ Fault::Told { .. }) = &ended {
            fault.write(&mut self.stream.answers, true);
            self.stream.send().await?;
        }
        ended
    }

    async fn serve(&mut self) -> Result<(), Fault> {
        self.ready().await?;
        // After an error, all is passed over until the client knows of it.
        let mut passes_over = false;
        loop {
            let closing = self.closing.clone();
            let letter = tokio::select! {
                letter = self.stream.next() => letter?,
                () = closing.cancelled() => return Err(closed()),
            };
            let body = self.stream.body();
            match read_request(letter, &body)? {
                Request::Terminate => return Ok(()),
                Request::Query(text) => {
                    let done = self.query(text).await;
                    self.tell(done)?;
                    self.ready().await?;
                }
                Request::Sync => {
                    passes_over = false;
                    if self.transaction == Transaction::None {
                        self.portals.clear();
                    }
                    self.ready().await?;
                }
                Request::Flush => self.stream.send().await?,
                Request::Password(_) | Request::Other(_) => {
                    let text = format!("invalid frontend message type {letter}");
                    return Err(Fault::protocol(text));
                }
                _ if passes_over => {}
                request => {
                    let done = self.extended(request).await;
                    passes_over = self.tell(done)?;
                    self.stream.send_if_much().await?;
                }
            }
        }
    }

    async fn ready(&mut self) -> Result<(), Fault> {
        self.stream.answers.ready(self.transaction);
        self.stream.send().await
    }

    /// Tells the client of an error; says whether there was one.
    fn tell(&mut self, done: Result<(), Fault>) -> Result<bool, Fault> {
        match done {
            Ok(()) => Ok(false),
            Err(gone @ Fault::Gone(_)) => Err(gone),
            Err(fault) if self.closing.is_cancelled() => Err(fault),
            Err(fault) => {
                fault.write(&mut self.stream.answers, false);
                if self.transaction == Transaction::Open {
                    self.transaction = Transaction::Failed;
                }
                Ok(true)
            }
        }
    }

    /// Carries out all statements of a text.
    async fn query(&mut self, text: &str) -> Result<(), Fault> {
        let statements = vigie_sql::split(text);
        if statements.is_empty() {
            self.stream.answers.empty();
        }
        for text in statements {
            match command(&text) {
                Some(command) => self.obey(&command, true)?,
                None => {
                    self.check_transaction()?;
                    let (schema, mut rows) = self.answer(&text, Vec::new()).await?;
                    let fields = fields_of(&schema);
                    describe(&mut self.stream.answers, &fields, &[]);
                    let sent = self.send_rows(&mut rows, &fields, &[], usize::MAX).await?;
                    self.stream.answers.complete(&format!("SELECT {sent}"));
                }
            }
        }
        Ok(())
    }

    async fn extended(&mut self, request: Request<'_>) -> Result<(), Fault> {
        match request {
            Request::Parse { name, text, types } => self.parse(name, text, &types).await,
            Request::Bind { portal, statement, formats, values, answer_formats } => {
                self.bind((portal, statement), &formats, &values, answer_formats)
            }
            Request::Describe(Named::Statement(name)) => {
                let statement = self.statement(name)?;
                let types: Vec<u32> = statement.parameters.iter().map(|kind| kind.id()).collect();
                self.stream.answers.parameters(&types);
                describe(&mut self.stream.answers, &statement.columns, &[]);
                Ok(())
            }
            Request::Describe(Named::Portal(name)) => {
                let portal = self.portals.get(name).ok_or_else(|| no_portal(name))?;
                describe(&mut self.stream.answers, &portal.statement.columns, &portal.formats);
                Ok(())
            }
            Request::Execute { portal, rows_max } => self.execute(portal, rows_max).await,
            Request::Close(named) => {
                match named {
                    Named::Statement(name) => drop(self.statements.remove(name)),
                    Named::Portal(name) => drop(self.portals.remove(name)),
                }
                self.stream.answers.closed();
                Ok(())
            }
            _ => Err(Fault::protocol("unexpected message")),
        }
    }

    async fn parse(&mut self, name: &str, text: &str, types: &[u32]) -> Result<(), Fault> {
        if !name.is_empty() && self.statements.contains_key(name) {
            let text = format!("prepared statement \"{name}\" already exists");
            return Err(Fault::new("42P05", text));
        }
        let bytes: usize = self.statements.values().map(|statement| statement.text.len()).sum();
        if self.statements.len() >= STATEMENTS_MAX || bytes + text.len() > STATEMENTS_BYTES_MAX {
            let text = format!("a session keeps at most {STATEMENTS_MAX} prepared statements");
            return Err(Fault::new("53400", text).with_hint("DEALLOCATE those that are not used."));
        }
        let mut statements = vigie_sql::split(text).into_iter();
        let (first, second) = (statements.next(), statements.next());
        if second.is_some() {
            let text = "cannot insert multiple commands into a prepared statement";
            return Err(Fault::new("42601", text));
        }
        let text = first.unwrap_or_default();
        let mut columns = Vec::new();
        let mut found = Vec::new();
        let what = if text.is_empty() {
            What::Nothing
        } else if let Some(command) = command(&text) {
            if let Command::Show(name, _) = &command {
                columns.push(Field { name: (*name).to_owned(), kind: Type::Text });
            }
            What::Command(command)
        } else {
            self.check_transaction()?;
            let sql = &self.service.sql;
            let asked = sql.engine.describe(&text, sql.tables(&self.tenant));
            let description = self.unless_stopped(&text, asked).await?;
            columns = fields_of(&description.schema);
            found = description.parameters;
            What::Question
        };
        let mut parameters = Vec::with_capacity(found.len());
        for at in 0..found.len() {
            let named = types.get(at).map_or(Ok(None), |id| Type::of_id(*id))?;
            let told = found.get(at).and_then(Option::as_ref).map(Type::of);
            parameters.push(named.or(told).unwrap_or(Type::Text));
        }
        let statement = Arc::new(Prepared { text, what, parameters, columns });
        self.statements.insert(name.to_owned(), statement);
        self.stream.answers.parsed();
        Ok(())
    }

    fn bind(
        &mut self,
        (name, statement): (&str, &str),
        formats: &[i16],
        values: &[Option<&[u8]>],
        answer_formats: Vec<i16>,
    ) -> Result<(), Fault> {
        let prepared = self.statement(statement)?;
        if values.len() != prepared.parameters.len() {
            return Err(Fault::protocol(format!(
                "bind message supplies {} parameters, but prepared statement \"{statement}\" \
                 requires {}",
                values.len(),
                prepared.parameters.len()
            )));
        }
        check_formats(formats, values.len())?;
        check_formats(&answer_formats, prepared.columns.len())?;
        if !name.is_empty() && self.portals.contains_key(name) {
            return Err(Fault::new("42P03", format!("cursor \"{name}\" already exists")));
        }
        if self.portals.len() >= PORTALS_MAX {
            let text = format!("a session has at most {PORTALS_MAX} open cursors");
            return Err(Fault::new("53400", text));
        }
        let typed = prepared.parameters.iter().zip(values).enumerate();
        let values = typed
            .map(|(at, (kind, value))| value::parameter(*kind, format_at(formats, at), *value))
            .collect::<Result<_, _>>()?;
        let portal = Portal { statement: prepared, values, formats: answer_formats, rows: None };
        self.portals.insert(name.to_owned(), portal);
        self.stream.answers.bound();
        Ok(())
    }

    async fn execute(&mut self, name: &str, rows_max: u32) -> Result<(), Fault> {
        let mut portal = self.portals.remove(name).ok_or_else(|| no_portal(name))?;
        let statement = Arc::clone(&portal.statement);
        match &statement.what {
            What::Nothing => self.stream.answers.empty(),
            What::Command(command) => return self.obey(command, false),
            What::Question => {
                self.check_transaction()?;
                let mut rows = match portal.rows.take() {
                    Some(rows) => rows,
                    None => {
                        let values = portal.values.clone();
                        let (schema, rows) = self.answer(&statement.text, values).await?;
                        // A field came since the client was told of the columns.
                        if fields_of(&schema) != statement.columns {
                            let text = "cached plan must not change result type";
                            return Err(Fault::new("0A000", text));
                        }
                        rows
                    }
                };
                let max = if rows_max == 0 { usize::MAX } else { rows_max as usize };
                let columns = &statement.columns;
                let sent = self.send_rows(&mut rows, columns, &portal.formats, max).await?;
                if rows.batches.is_empty() {
                    self.stream.answers.complete(&format!("SELECT {sent}"));
                } else {
                    self.stream.answers.suspended();
                    portal.rows = Some(rows);
                    self.portals.insert(name.to_owned(), portal);
                }
            }
        }
        Ok(())
    }

    /// Does what a command says.
    fn obey(&mut self, command: &Command, with_columns: bool) -> Result<(), Fault> {
        let ends = matches!(command, Command::Commit | Command::Rollback);
        if !ends && !matches!(command, Command::Nothing("ROLLBACK")) {
            self.check_transaction()?;
        }
        let answers = &mut self.stream.answers;
        match command {
            Command::Begin => {
                self.transaction = Transaction::Open;
                answers.complete("BEGIN");
            }
            Command::Commit | Command::Rollback => {
                let is_kept =
                    *command == Command::Commit && self.transaction != Transaction::Failed;
                self.transaction = Transaction::None;
                self.portals.clear();
                answers.complete(if is_kept { "COMMIT" } else { "ROLLBACK" });
            }
            Command::Nothing(tag) => {
                if *tag == "ROLLBACK" && self.transaction == Transaction::Failed {
                    self.transaction = Transaction::Open;
                }
                answers.complete(tag);
            }
            Command::Deallocate(None) => {
                self.statements.clear();
                answers.complete("DEALLOCATE ALL");
            }
            Command::Deallocate(Some(name)) => {
                self.statements.remove(name).ok_or_else(|| no_statement(name))?;
                answers.complete("DEALLOCATE");
            }
            Command::Show(name, value) => {
                if with_columns {
                    let field = Field { name: (*name).to_owned(), kind: Type::Text };
                    describe(answers, &[field], &[]);
                }
                answers.row(1, |_, out| {
                    out.extend(value.as_bytes());
                    true
                });
                answers.complete("SHOW");
            }
        }
        Ok(())
    }

    /// Carries out a statement that asks.
    async fn answer(
        &self,
        text: &str,
        values: Vec<ScalarValue>,
    ) -> Result<(Arc<Schema>, Rows), Fault> {
        let room = Arc::clone(&self.service.answers).acquire_owned();
        let Ok(Ok(held)) = tokio::time::timeout(WAITING, room).await else {
            return Err(Fault::new("53300", "too many statements are answered already")
                .with_hint("Read to its end, or close, what was asked before."));
        };
        let sql = &self.service.sql;
        let asked = sql.engine.batches(text, values, sql.tables(&self.tenant));
        let found = self.unless_stopped(text, asked).await?;
        let batches = found.batches.into_iter().filter(|batch| batch.num_rows() > 0).collect();
        Ok((found.schema, Rows { batches, next: 0, _held: held }))
    }

    /// What `work` on a statement gives, unless the client or the end of all stops it.
    async fn unless_stopped<T>(
        &self,
        text: &str,
        work: impl Future<Output = Result<T, SqlError>>,
    ) -> Result<T, Fault> {
        let stopped = self.open.begin();
        tokio::select! {
            found = work => found.map_err(|error| Fault::statement(&error, text)),
            () = stopped.cancelled() => {
                Err(Fault::new("57014", "canceling statement due to user request"))
            }
            () = self.closing.cancelled() => Err(closed()),
        }
    }

    /// Sends up to `max` rows; says how many.
    async fn send_rows(
        &mut self,
        rows: &mut Rows,
        fields: &[Field],
        formats: &[i16],
        max: usize,
    ) -> Result<usize, Fault> {
        let mut sent = 0;
        while let Some(batch) = rows.batches.front() {
            while rows.next < batch.num_rows() && sent < max {
                let row = rows.next;
                self.stream.answers.row(fields.len(), |column, out| {
                    let Some(field) = fields.get(column) else { return false };
                    let place = (column, row);
                    value::write(out, batch, place, (field.kind, format_at(formats, column)))
                });
                rows.next += 1;
                sent += 1;
                self.stream.send_if_much().await?;
            }
            if rows.next < batch.num_rows() {
                break;
            }
            rows.batches.pop_front();
            rows.next = 0;
        }
        Ok(sent)
    }

    fn statement(&self, name: &str) -> Result<Arc<Prepared>, Fault> {
        self.statements.get(name).cloned().ok_or_else(|| no_statement(name))
    }

    fn check_transaction(&self) -> Result<(), Fault> {
        if self.transaction != Transaction::Failed {
            return Ok(());
        }
        let text =
            "current transaction is aborted, commands ignored until end of transaction block";
        Err(Fault::new("25P02", text))
    }
}
