//! Who connects: encryption, version, user, tenant.

use std::collections::HashMap;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use vigie_formats::postgres::{Request, Startup, read_request, read_startup};
use vigie_model::TenantId;
use vigie_sql::POSTGRES_VERSION;

use super::PostgresService;
use super::fault::Fault;
use super::session::Session;
use super::stream::{Stream, read_first};
use crate::{Denied, Entry};

/// What the protocol is called in TLS.
const PROTOCOL: &[u8] = b"postgresql";

/// The protocol's letters for what encryption there is.
const ENCRYPTED: &[u8] = b"S";
const PLAIN: &[u8] = b"N";

/// Serves a connection to its end.
pub(super) async fn serve(service: &PostgresService, entry: Entry<'_>, mut stream: TcpStream) {
    let greeting = tokio::time::timeout(entry.patience(), greet(service, &entry, &mut stream));
    let first = match greeting.await {
        Ok(Ok(Some(first))) => first,
        Ok(Ok(None)) => return,
        Ok(Err(fault)) => {
            entry.count_refused("startup");
            return last_word(Stream::new(stream), &fault).await;
        }
        Err(_) => return entry.count_refused("startup_timeout"),
    };
    let Some(tls) = entry.tls(PROTOCOL) else {
        return admit(service, &entry, Stream::new(stream), first).await;
    };
    if !first.is_empty() {
        let fault = Fault::new("28000", "this port takes encrypted connections only")
            .with_hint("Connect with sslmode=require, or verify-full with the right certificate.");
        entry.count_refused("startup");
        return last_word(Stream::new(stream), &fault).await;
    }
    let handshake = TlsAcceptor::from(tls).accept(stream);
    match tokio::time::timeout(entry.patience(), handshake).await {
        Ok(Ok(mut stream)) => {
            match tokio::time::timeout(entry.patience(), read_first(&mut stream)).await {
                Ok(Ok(first)) => admit(service, &entry, Stream::new(stream), first).await,
                Ok(Err(fault)) => last_word(Stream::new(stream), &fault).await,
                Err(_) => entry.count_refused("startup_timeout"),
            }
        }
        Ok(Err(error)) => {
            entry.count_refused("tls");
            tracing::debug!(part = "postgres", peer = %entry.peer(), %error, "no TLS handshake");
        }
        Err(_) => entry.count_refused("tls_timeout"),
    }
}

/// Answers requests for encryption. Gives the first message that is none of them; nothing of it
/// where the client now begins to encrypt; `None` where the connection was only to cancel.
async fn greet(
    service: &PostgresService,
    entry: &Entry<'_>,
    stream: &mut TcpStream,
) -> Result<Option<Vec<u8>>, Fault> {
    // Once for each kind of encryption.
    for _ in 0..3 {
        let body = read_first(stream).await?;
        match read_startup(&body)? {
            Startup::Tls if entry.tls(PROTOCOL).is_some() => {
                stream.write_all(ENCRYPTED).await?;
                return Ok(Some(Vec::new()));
            }
            Startup::Tls | Startup::Gss => stream.write_all(PLAIN).await?,
            Startup::Cancel { process, secret } => {
                service.sessions.cancel(process, secret);
                return Ok(None);
            }
            Startup::Session { .. } => return Ok(Some(body)),
        }
    }
    Err(Fault::protocol("encryption was asked for too often"))
}

async fn last_word<S: AsyncRead + AsyncWrite + Unpin>(mut stream: Stream<S>, fault: &Fault) {
    fault.write(&mut stream.answers, true);
    // Nobody is there to be told that nobody was told.
    stream.send().await.ok();
}

/// Lets a session in, and serves it.
async fn admit<S: AsyncRead + AsyncWrite + Unpin>(
    service: &PostgresService,
    entry: &Entry<'_>,
    mut stream: Stream<S>,
    first: Vec<u8>,
) {
    let patience = entry.patience();
    let tenant =
        match tokio::time::timeout(patience, who(service, entry, &mut stream, &first)).await {
            Ok(Ok(Some(tenant))) => tenant,
            Ok(Ok(None)) => return,
            Ok(Err(fault)) => {
                entry.count_refused("startup");
                return last_word(stream, &fault).await;
            }
            Err(_) => return entry.count_refused("startup_timeout"),
        };
    let secret = (entry.secret() >> 32) as u32;
    let open = service.sessions.open(secret.cast_signed());
    greet_session(&mut stream, open.process, open.secret);
    if let Err(fault) = Session::new(service, stream, tenant, open).run(entry.closing()).await {
        tracing::debug!(part = "postgres", peer = %entry.peer(), %fault, "connection ended");
    }
}

/// Whose data is meant, once it is known who asks.
async fn who<S: AsyncRead + AsyncWrite + Unpin>(
    service: &PostgresService,
    entry: &Entry<'_>,
    stream: &mut Stream<S>,
    first: &[u8],
) -> Result<Option<TenantId>, Fault> {
    let (minor, parameters) = match read_startup(first)? {
        Startup::Session { minor, parameters } => (minor, parameters),
        Startup::Cancel { process, secret } => {
            service.sessions.cancel(process, secret);
            return Ok(None);
        }
        Startup::Tls | Startup::Gss => {
            return Err(Fault::protocol("the connection is encrypted already"));
        }
    };
    let unknown = || parameters.iter().map(|(name, _)| *name).filter(|n| n.starts_with("_pq_."));
    if minor > 0 || unknown().next().is_some() {
        stream.answers.version(unknown());
    }
    let settings: HashMap<&str, &str> = parameters.iter().copied().collect();
    let Some(user) = settings.get("user").copied().filter(|user| !user.is_empty()) else {
        return Err(Fault::new("28000", "no PostgreSQL user name specified in startup packet"));
    };
    let database = settings.get("database").copied().unwrap_or_default();
    let tenant = tenant(database, user)?;
    let denied = match entry.reader(None, tenant.clone()).await {
        Ok(_) => {
            stream.answers.authenticated();
            return Ok(Some(tenant));
        }
        Err(denied) => denied,
    };
    if let Denied::TooOften = denied {
        return Err(refused(denied, user));
    }
    stream.answers.password_wanted();
    stream.send().await?;
    let letter = stream.next().await?;
    let body = stream.body();
    let Request::Password(password) = read_request(letter, &body)? else {
        return Err(Fault::protocol("expected password response"));
    };
    entry.reader(Some((user, password)), tenant.clone()).await.map_err(|d| refused(d, user))?;
    stream.answers.authenticated();
    Ok(Some(tenant))
}

fn refused(denied: Denied, user: &str) -> Fault {
    match denied {
        Denied::Password => {
            Fault::new("28P01", format!("password authentication failed for user \"{user}\""))
        }
        Denied::TooOften => Fault::new("53300", "too many wrong passwords, try again later"),
        Denied::Role(message) => Fault::new("42501", message),
    }
}

/// The tenant of a database. Clients that name none name the user's; tools of PostgreSQL's own
/// ask for `postgres` where they know no better.
fn tenant(database: &str, user: &str) -> Result<TenantId, Fault> {
    if database.is_empty() || database == user || matches!(database, "vigie" | "postgres") {
        return Ok(TenantId::default_tenant());
    }
    TenantId::new(database).map_err(|error| {
        Fault::new("3D000", format!("database \"{database}\" does not exist: {error}"))
            .with_hint("The database is the tenant; \"vigie\" is the one of who names none.")
    })
}

fn greet_session<S>(stream: &mut Stream<S>, process: i32, secret: i32) {
    let version = format!("{POSTGRES_VERSION} (Vigie {})", env!("CARGO_PKG_VERSION"));
    let answers = &mut stream.answers;
    for (name, value) in
        super::command::SETTINGS.iter().filter(|(name, _)| *name != "server_version")
    {
        answers.setting(name, value);
    }
    answers.setting("server_version", &version);
    answers.key(process, secret);
}
