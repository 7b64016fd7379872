//! A small SMTP client (RFC 5321): STARTTLS or TLS from the start, PLAIN, LOGIN and CRAM-MD5.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;

use vigie_dial::sign::{hex, hmac};

/// What a server may say in one answer.
const ANSWER_BYTES_MAX: u64 = 64 * 1024;
/// Characters of an answer that an error tells.
const DETAIL_CHARACTERS_MAX: usize = 300;

/// Why a mail was not sent.
#[derive(Debug, thiserror::Error)]
#[error("{reason}")]
pub(super) struct SmtpError {
    /// Whether the server said never (5xx), rather than not now.
    pub(super) is_final: bool,
    pub(super) reason: String,
}

type Result<T> = std::result::Result<T, SmtpError>;

fn passing(reason: impl Into<String>) -> SmtpError {
    SmtpError { is_final: false, reason: reason.into() }
}

fn final_error(reason: impl Into<String>) -> SmtpError {
    SmtpError { is_final: true, reason: reason.into() }
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// How TLS is made, and with whom.
#[derive(Debug, Clone)]
pub(super) struct Tls {
    pub(super) config: Arc<ClientConfig>,
    pub(super) server_name: String,
}

/// A connection to a server that has said hello.
pub(super) struct Connection {
    stream: BufReader<Box<dyn Stream>>,
    extensions: Vec<String>,
    hello: String,
    is_encrypted: bool,
}

struct Answer {
    code: u16,
    lines: Vec<String>,
}

/// Who logs in.
#[derive(Debug)]
pub(super) struct Login<'a> {
    pub(super) identity: &'a str,
    pub(super) user: &'a str,
    pub(super) password: &'a str,
    /// For CRAM-MD5.
    pub(super) secret: &'a str,
    /// Whether the server is this machine, to which a password may go in clear.
    pub(super) is_local: bool,
}

impl Connection {
    /// Connects, and says hello as `hello`.
    pub(super) async fn open(
        stream: TcpStream,
        hello: &str,
        implicit_tls: Option<&Tls>,
    ) -> Result<Self> {
        let stream: Box<dyn Stream> = Box::new(stream);
        let stream = match implicit_tls {
            Some(tls) => encrypt(stream, tls).await?,
            None => stream,
        };
        let mut connection = Self {
            stream: BufReader::new(stream),
            extensions: Vec::new(),
            hello: hello.to_owned(),
            is_encrypted: implicit_tls.is_some(),
        };
        connection.read().await?.expect(220, "greeting")?;
        connection.greet().await?;
        Ok(connection)
    }

    async fn greet(&mut self) -> Result<()> {
        let answer = self.ask(&format!("EHLO {}", self.hello)).await?;
        if answer.code != 250 {
            self.ask(&format!("HELO {}", self.hello)).await?.expect(250, "HELO")?;
            self.extensions.clear();
            return Ok(());
        }
        self.extensions = answer.lines.iter().skip(1).map(|line| line.to_uppercase()).collect();
        Ok(())
    }

    /// The parameters of an extension that the server has.
    fn extension(&self, name: &str) -> Option<&str> {
        self.extensions.iter().find_map(|line| {
            let rest = line.strip_prefix(name)?;
            (rest.is_empty() || rest.starts_with([' ', '='])).then_some(rest)
        })
    }

    /// Goes on encrypted.
    pub(super) async fn start_tls(mut self, tls: &Tls) -> Result<Self> {
        if self.extension("STARTTLS").is_none() {
            return Err(passing(
                "'require_tls' is true (default) but the server does not advertise the STARTTLS \
                 extension",
            ));
        }
        self.ask("STARTTLS").await?.expect(220, "STARTTLS")?;
        if !self.stream.buffer().is_empty() {
            // Somebody on the way put words into the server's mouth before it was encrypted.
            return Err(final_error("the server sent data between STARTTLS and TLS"));
        }
        let stream = encrypt(self.stream.into_inner(), tls).await?;
        self.stream = BufReader::new(stream);
        self.is_encrypted = true;
        self.greet().await?;
        Ok(self)
    }

    /// Logs in by the first way that both sides know, in the server's order. A server without
    /// logins is used without one.
    pub(super) async fn log_in(&mut self, login: &Login<'_>) -> Result<()> {
        let Some(ways) = self.extension("AUTH") else { return Ok(()) };
        let ways: Vec<String> = ways.split([' ', '=']).map(str::to_owned).collect();
        let mut missing = Vec::new();
        for way in ways.iter().filter(|way| !way.is_empty()) {
            match way.as_str() {
                "CRAM-MD5" if !login.secret.is_empty() => return self.cram_md5(login).await,
                "PLAIN" if !login.password.is_empty() => return self.plain(login).await,
                "LOGIN" if !login.password.is_empty() => return self.login(login).await,
                "CRAM-MD5" => missing.push("missing secret for CRAM-MD5 auth mechanism".to_owned()),
                "PLAIN" | "LOGIN" => {
                    missing.push(format!("missing password for {way} auth mechanism"));
                }
                other => missing.push(format!("unknown auth mechanism: {other}")),
            }
        }
        Err(final_error(format!("find auth mechanism: {}", missing.join("; "))))
    }

    fn check_encrypted(&self, login: &Login<'_>) -> Result<()> {
        if self.is_encrypted || login.is_local {
            return Ok(());
        }
        Err(final_error("a password is not sent over an unencrypted connection"))
    }

    async fn plain(&mut self, login: &Login<'_>) -> Result<()> {
        self.check_encrypted(login)?;
        let token = format!("{}\0{}\0{}", login.identity, login.user, login.password);
        let line = format!("AUTH PLAIN {}", BASE64.encode(token));
        self.ask(&line).await?.expect(235, "AUTH PLAIN")
    }

    async fn login(&mut self, login: &Login<'_>) -> Result<()> {
        self.check_encrypted(login)?;
        self.ask("AUTH LOGIN").await?.expect(334, "AUTH LOGIN")?;
        self.ask(&BASE64.encode(login.user)).await?.expect(334, "AUTH LOGIN")?;
        self.ask(&BASE64.encode(login.password)).await?.expect(235, "AUTH LOGIN")
    }

    async fn cram_md5(&mut self, login: &Login<'_>) -> Result<()> {
        let challenge = self.ask("AUTH CRAM-MD5").await?;
        challenge.expect(334, "AUTH CRAM-MD5")?;
        let encoded = challenge.lines.first().map_or("", |line| line.trim());
        let challenge = BASE64
            .decode(encoded)
            .map_err(|_| passing("the challenge of CRAM-MD5 is not valid"))?;
        let digest = hex(&hmac::<md5::Md5>(login.secret.as_bytes(), &challenge));
        let line = BASE64.encode(format!("{} {digest}", login.user));
        self.ask(&line).await?.expect(235, "AUTH CRAM-MD5")
    }

    /// Sends one mail; lines must end in CR LF.
    pub(super) async fn send(&mut self, from: &str, to: &[String], mail: &str) -> Result<()> {
        self.ask(&format!("MAIL FROM:<{from}>")).await?.expect(250, "MAIL")?;
        for address in to {
            let answer = self.ask(&format!("RCPT TO:<{address}>")).await?;
            if !matches!(answer.code, 250 | 251) {
                answer.expect(250, "RCPT")?;
            }
        }
        self.ask("DATA").await?.expect(354, "DATA")?;
        let mut text = String::with_capacity(mail.len() + 8);
        for line in mail.split_inclusive("\r\n") {
            // A dot alone would end the mail.
            if line.starts_with('.') {
                text.push('.');
            }
            text.push_str(line);
        }
        if !text.ends_with("\r\n") {
            text.push_str("\r\n");
        }
        text.push('.');
        self.ask(&text).await?.expect(250, "delivery")
    }

    /// Says goodbye; what the server answers does not matter.
    pub(super) async fn quit(mut self) {
        self.ask("QUIT").await.ok();
    }

    async fn ask(&mut self, line: &str) -> Result<Answer> {
        let written = async {
            self.stream.write_all(line.as_bytes()).await?;
            self.stream.write_all(b"\r\n").await?;
            self.stream.flush().await
        };
        written.await.map_err(|error| passing(format!("connection to the server: {error}")))?;
        self.read().await
    }

    async fn read(&mut self) -> Result<Answer> {
        let broken = |error: std::io::Error| passing(format!("connection to the server: {error}"));
        let mut limited = (&mut self.stream).take(ANSWER_BYTES_MAX);
        let mut lines = Vec::new();
        loop {
            let mut line = Vec::new();
            let count = limited.read_until(b'\n', &mut line).await.map_err(broken)?;
            if count == 0 {
                return Err(passing("the server closed the connection, or says too much"));
            }
            let line = String::from_utf8_lossy(&line);
            let line = line.trim_end();
            let code = line.get(..3).and_then(|code| code.parse().ok());
            let Some(code) = code else {
                return Err(passing("the server does not speak SMTP"));
            };
            lines.push(line.get(4..).unwrap_or("").to_owned());
            if line.get(3..4) != Some("-") {
                return Ok(Answer { code, lines });
            }
        }
    }
}

impl Answer {
    fn expect(&self, code: u16, step: &str) -> Result<()> {
        if self.code == code {
            return Ok(());
        }
        let said = self.lines.join(" ").replace(|c: char| c.is_control(), " ");
        let said = super::message::cut(said, DETAIL_CHARACTERS_MAX);
        let reason = format!("{step}: the server answered {} {said}", self.code);
        Err(SmtpError { is_final: self.code >= 500, reason })
    }
}

async fn encrypt(stream: Box<dyn Stream>, tls: &Tls) -> Result<Box<dyn Stream>> {
    let name = ServerName::try_from(tls.server_name.clone())
        .map_err(|_| final_error("the server's name is not valid"))?;
    let connector = TlsConnector::from(Arc::clone(&tls.config));
    let stream = connector.connect(name, stream).await;
    Ok(Box::new(stream.map_err(|error| passing(format!("establish TLS: {error}")))?))
}
