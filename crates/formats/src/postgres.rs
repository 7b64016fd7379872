//! PostgreSQL's wire protocol, version 3: what clients send, and what a server answers.
//!
//! Messages are those of "Frontend/Backend Protocol" in PostgreSQL's documentation. Lengths are
//! checked by whoever reads the connection; here every field is held against the bytes there are.

use std::fmt;

/// Bytes of the first message of a connection at most, as in PostgreSQL.
pub const STARTUP_BYTES_MAX: usize = 10_000;

/// The format code of values as text.
pub const TEXT: i16 = 0;
/// The format code of values in binary.
pub const BINARY: i16 = 1;

/// Why a message cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PostgresError {
    /// It ends within a field, or has bytes after the last one.
    #[error("invalid message format")]
    Length,
    /// Text is not UTF-8.
    #[error("invalid byte sequence for encoding \"UTF8\"")]
    Text,
    /// A version of the protocol that is not 3.
    #[error("unsupported frontend protocol {0}.{1}: server supports 3.0")]
    Version(u16, u16),
}

/// The first message of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Startup<'a> {
    /// Asks for TLS.
    Tls,
    /// Asks for encryption by GSSAPI.
    Gss,
    /// Asks that what the connection with this number does be stopped.
    Cancel {
        /// The connection's number.
        process: i32,
        /// Its secret.
        secret: &'a [u8],
    },
    /// Begins a session.
    Session {
        /// The minor version that the client speaks.
        minor: u16,
        /// Names and values: `user`, `database` and settings.
        parameters: Vec<(&'a str, &'a str)>,
    },
}

/// Reads the first message of a connection, without its length.
pub fn read_startup(body: &[u8]) -> Result<Startup<'_>, PostgresError> {
    let mut fields = Fields(body);
    let (major, minor) = (fields.u16()?, fields.u16()?);
    match (major, minor) {
        (1234, 5678) => Ok(Startup::Cancel { process: fields.i32()?, secret: fields.0 }),
        (1234, 5679) => Ok(Startup::Tls),
        (1234, 5680) => Ok(Startup::Gss),
        (3, minor) => {
            let mut parameters = Vec::new();
            loop {
                let name = fields.text()?;
                if name.is_empty() {
                    return Ok(Startup::Session { minor, parameters });
                }
                parameters.push((name, fields.text()?));
            }
        }
        (major, minor) => Err(PostgresError::Version(major, minor)),
    }
}

/// What a statement or a portal is called where both are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named<'a> {
    /// A prepared statement.
    Statement(&'a str),
    /// A portal: a statement with its values.
    Portal(&'a str),
}

/// What a client asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request<'a> {
    /// Statements, carried out at once.
    Query(&'a str),
    /// Prepares a statement.
    Parse {
        /// Its name; empty for the unnamed one.
        name: &'a str,
        /// Its text.
        text: &'a str,
        /// Numbers of the types of its parameters; 0 where the server is to tell.
        types: Vec<u32>,
    },
    /// Gives a statement its values.
    Bind {
        /// The portal's name.
        portal: &'a str,
        /// The statement's name.
        statement: &'a str,
        /// Formats of the values: none, one for all, or one for each.
        formats: Vec<i16>,
        /// The values; `None` is null.
        values: Vec<Option<&'a [u8]>>,
        /// Formats of the answer's columns: none, one for all, or one for each.
        answer_formats: Vec<i16>,
    },
    /// Asks for parameters and columns.
    Describe(Named<'a>),
    /// Carries out a portal.
    Execute {
        /// Its name.
        portal: &'a str,
        /// Rows that are wanted at most; 0 for all.
        rows_max: u32,
    },
    /// Forgets a statement or portal.
    Close(Named<'a>),
    /// Asks for all answers so far.
    Flush,
    /// Ends a series of messages.
    Sync,
    /// A password.
    Password(&'a str),
    /// Ends the connection.
    Terminate,
    /// Something else, by its letter.
    Other(u8),
}

/// Reads a message by its letter and what follows the length.
pub fn read_request(letter: u8, body: &[u8]) -> Result<Request<'_>, PostgresError> {
    let mut fields = Fields(body);
    let request = match letter {
        b'Q' => Request::Query(fields.text()?),
        b'P' => {
            let (name, text) = (fields.text()?, fields.text()?);
            let types = fields.list(4, |fields| fields.i32().map(i32::cast_unsigned))?;
            Request::Parse { name, text, types }
        }
        b'B' => Request::Bind {
            portal: fields.text()?,
            statement: fields.text()?,
            formats: fields.list(2, Fields::i16)?,
            values: fields.list(4, Fields::value)?,
            answer_formats: fields.list(2, Fields::i16)?,
        },
        b'D' => Request::Describe(fields.named()?),
        b'E' => {
            let portal = fields.text()?;
            // Negative means the same as 0.
            Request::Execute { portal, rows_max: fields.i32()?.try_into().unwrap_or(0) }
        }
        b'C' => Request::Close(fields.named()?),
        b'H' => Request::Flush,
        b'S' => Request::Sync,
        b'p' => Request::Password(fields.text()?),
        b'X' => Request::Terminate,
        other => return Ok(Request::Other(other)),
    };
    if fields.0.is_empty() { Ok(request) } else { Err(PostgresError::Length) }
}

/// What is left of a message.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn bytes(&mut self, length: usize) -> Result<&'a [u8], PostgresError> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(PostgresError::Length)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], PostgresError> {
        self.bytes(N)?.try_into().map_err(|_| PostgresError::Length)
    }

    fn u16(&mut self) -> Result<u16, PostgresError> {
        self.array().map(u16::from_be_bytes)
    }

    fn i16(&mut self) -> Result<i16, PostgresError> {
        self.array().map(i16::from_be_bytes)
    }

    fn i32(&mut self) -> Result<i32, PostgresError> {
        self.array().map(i32::from_be_bytes)
    }

    /// Text up to a byte of zeros.
    fn text(&mut self) -> Result<&'a str, PostgresError> {
        let end = memchr::memchr(0, self.0).ok_or(PostgresError::Length)?;
        let text = self.bytes(end)?;
        self.bytes(1)?;
        std::str::from_utf8(text).map_err(|_| PostgresError::Text)
    }

    fn named(&mut self) -> Result<Named<'a>, PostgresError> {
        let [kind] = self.array()?;
        let name = self.text()?;
        match kind {
            b'S' => Ok(Named::Statement(name)),
            b'P' => Ok(Named::Portal(name)),
            _ => Err(PostgresError::Length),
        }
    }

    fn value(&mut self) -> Result<Option<&'a [u8]>, PostgresError> {
        match self.i32()? {
            -1 => Ok(None),
            length => {
                let length = length.try_into().map_err(|_| PostgresError::Length)?;
                self.bytes(length).map(Some)
            }
        }
    }

    /// A count and as many items of at least `bytes` bytes.
    fn list<T>(
        &mut self,
        bytes: usize,
        read: impl Fn(&mut Self) -> Result<T, PostgresError>,
    ) -> Result<Vec<T>, PostgresError> {
        let count = usize::from(self.u16()?);
        if count * bytes > self.0.len() {
            return Err(PostgresError::Length);
        }
        (0..count).map(|_| read(self)).collect()
    }
}

/// Whether a transaction is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transaction {
    /// None.
    None,
    /// One is open.
    Open,
    /// One is open and has failed.
    Failed,
}

/// A column of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column<'a> {
    /// Its name.
    pub name: &'a str,
    /// The number of its type.
    pub type_id: u32,
    /// The bytes of a value; -1 where they differ.
    pub type_bytes: i16,
    /// [`TEXT`] or [`BINARY`].
    pub format: i16,
}

/// Messages of a server, one after the other.
#[derive(Default)]
pub struct Answers {
    bytes: Vec<u8>,
}

impl fmt::Debug for Answers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // They hold people's data.
        f.debug_struct("Answers").field("bytes", &self.bytes.len()).finish()
    }
}

impl Answers {
    /// The bytes so far.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Forgets what was sent.
    pub fn clear(&mut self) {
        self.bytes.clear();
    }

    /// Who asks is let in.
    pub fn authenticated(&mut self) {
        self.message(b'R', |out| out.extend(0_i32.to_be_bytes()));
    }

    /// A password is wanted, as it is.
    pub fn password_wanted(&mut self) {
        self.message(b'R', |out| out.extend(3_i32.to_be_bytes()));
    }

    /// The server speaks 3.0 only and does not know these settings of the protocol.
    pub fn version<'a>(&mut self, unknown: impl Iterator<Item = &'a str>) {
        self.message(b'v', |out| {
            let at = out.len() + 4;
            out.extend([0; 8]);
            let mut count = 0_i32;
            for name in unknown {
                text(out, name);
                count += 1;
            }
            if let Some(place) = out.get_mut(at..at + 4) {
                place.copy_from_slice(&count.to_be_bytes());
            }
        });
    }

    /// A setting of the server.
    pub fn setting(&mut self, name: &str, value: &str) {
        self.message(b'S', |out| {
            text(out, name);
            text(out, value);
        });
    }

    /// By what the connection can be told to stop.
    pub fn key(&mut self, process: i32, secret: i32) {
        self.message(b'K', |out| {
            out.extend(process.to_be_bytes());
            out.extend(secret.to_be_bytes());
        });
    }

    /// The server waits for the next statement.
    pub fn ready(&mut self, transaction: Transaction) {
        let letter = match transaction {
            Transaction::None => b'I',
            Transaction::Open => b'T',
            Transaction::Failed => b'E',
        };
        self.message(b'Z', |out| out.push(letter));
    }

    /// A statement is prepared.
    pub fn parsed(&mut self) {
        self.message(b'1', |_| {});
    }

    /// A portal is there.
    pub fn bound(&mut self) {
        self.message(b'2', |_| {});
    }

    /// A statement or portal is gone.
    pub fn closed(&mut self) {
        self.message(b'3', |_| {});
    }

    /// There are no columns.
    pub fn no_data(&mut self) {
        self.message(b'n', |_| {});
    }

    /// There was no statement in the text.
    pub fn empty(&mut self) {
        self.message(b'I', |_| {});
    }

    /// There are more rows.
    pub fn suspended(&mut self) {
        self.message(b's', |_| {});
    }

    /// Numbers of the types of a statement's parameters.
    pub fn parameters(&mut self, types: &[u32]) {
        self.message(b't', |out| {
            out.extend(count(types.len()));
            out.extend(types.iter().flat_map(|id| id.to_be_bytes()));
        });
    }

    /// The columns of the rows that follow.
    pub fn columns<'a>(&mut self, columns: impl ExactSizeIterator<Item = Column<'a>>) {
        self.message(b'T', |out| {
            out.extend(count(columns.len()));
            for column in columns {
                text(out, column.name);
                out.extend([0; 6]);
                out.extend(column.type_id.to_be_bytes());
                out.extend(column.type_bytes.to_be_bytes());
                out.extend((-1_i32).to_be_bytes());
                out.extend(column.format.to_be_bytes());
            }
        });
    }

    /// A row of so many values, each of which `write` appends; `false` says null.
    pub fn row(&mut self, columns: usize, mut write: impl FnMut(usize, &mut Vec<u8>) -> bool) {
        self.message(b'D', |out| {
            out.extend(count(columns));
            for at in 0..columns {
                let length = out.len();
                out.extend((-1_i32).to_be_bytes());
                if write(at, out) {
                    put_length(out, length, length + 4);
                }
            }
        });
    }

    /// A statement is carried out.
    pub fn complete(&mut self, tag: &str) {
        self.message(b'C', |out| text(out, tag));
    }

    /// An error, by its fields: `S` and `V` (severity), `C` (SQLSTATE), `M` (message), `P`
    /// (character of the statement, from 1), `H` (hint).
    pub fn error<'a>(&mut self, fields: impl Iterator<Item = (u8, &'a str)>) {
        self.message(b'E', |out| {
            for (letter, value) in fields {
                out.push(letter);
                text(out, value);
            }
            out.push(0);
        });
    }

    fn message(&mut self, letter: u8, write: impl FnOnce(&mut Vec<u8>)) {
        self.bytes.push(letter);
        let length = self.bytes.len();
        self.bytes.extend([0; 4]);
        write(&mut self.bytes);
        put_length(&mut self.bytes, length, length);
    }
}

/// Writes at `at` how many bytes there are from `from`.
fn put_length(out: &mut [u8], at: usize, from: usize) {
    let length = i32::try_from(out.len() - from).unwrap_or(i32::MAX);
    if let Some(place) = out.get_mut(at..at + 4) {
        place.copy_from_slice(&length.to_be_bytes());
    }
}

fn count(count: usize) -> [u8; 2] {
    u16::try_from(count).unwrap_or(u16::MAX).to_be_bytes()
}

/// Text ends with a byte of zeros, so that it holds none.
fn text(out: &mut Vec<u8>, text: &str) {
    out.extend(text.bytes().filter(|byte| *byte != 0));
    out.push(0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_messages_are_told_apart() {
        assert_eq!(read_startup(&[0x04, 0xd2, 0x16, 0x2f]), Ok(Startup::Tls));
        assert_eq!(read_startup(&[0x04, 0xd2, 0x16, 0x30]), Ok(Startup::Gss));
        let cancel = [4, 0xd2, 0x16, 0x2e, 0, 0, 0, 7, 1, 2, 3, 4];
        let expected = Startup::Cancel { process: 7, secret: &[1, 2, 3, 4] };
        assert_eq!(read_startup(&cancel), Ok(expected));
        let expected =
            Startup::Session { minor: 0, parameters: vec![("user", "ann"), ("database", "x")] };
        assert_eq!(read_startup(b"\0\x03\0\0user\0ann\0database\0x\0\0"), Ok(expected));
        assert_eq!(read_startup(&[0, 2, 0, 0]), Err(PostgresError::Version(2, 0)));
        assert_eq!(read_startup(b"\0\x03\0\0user\0ann"), Err(PostgresError::Length));
    }

    #[test]
    fn values_are_bound() {
        let body = b"p\0s\0\0\x01\0\x01\0\x02\0\0\0\x02ab\xff\xff\xff\xff\0\0";
        let expected = Request::Bind {
            portal: "p",
            statement: "s",
            formats: vec![BINARY],
            values: vec![Some(b"ab"), None],
            answer_formats: Vec::new(),
        };
        assert_eq!(read_request(b'B', body), Ok(expected));
        // More values than there are bytes for, a length past the end, bytes after the last field.
        for wrong in [
            &b"p\0s\0\0\0\xff\xff"[..],
            b"p\0s\0\0\0\0\x01\0\0\0\x09ab\0\0",
            b"p\0s\0\0\0\0\x01\xff\xff\xff\xfe\0\0",
            b"p\0s\0\0\0\0\0\0\0!",
        ] {
            assert_eq!(read_request(b'B', wrong), Err(PostgresError::Length));
        }
    }

    #[test]
    fn whatever_is_cut_off_is_an_error() {
        let messages: [(u8, &[u8]); 6] = [
            (b'Q', b"SELECT 1\0"),
            (b'P', b"name\0SELECT $1\0\0\x01\0\0\0\x19"),
            (b'B', b"p\0s\0\0\x01\0\x01\0\x02\0\0\0\x02ab\xff\xff\xff\xff\0\x01\0\x01"),
            (b'D', b"Sname\0"),
            (b'E', b"p\0\0\0\0\x05"),
            (b'C', b"Pp\0"),
        ];
        for (letter, body) in messages {
            assert!(read_request(letter, body).is_ok());
            for end in 0..body.len() {
                assert!(read_request(letter, &body[..end]).is_err(), "{letter} {end}");
            }
        }
    }

    #[test]
    fn rows_have_lengths_and_nulls() {
        let mut answers = Answers::default();
        answers.row(2, |at, out| {
            out.extend(b"xyz".iter().filter(|_| at == 0));
            at == 0
        });
        answers.complete("SELECT 1");
        let expected = b"D\0\0\0\x11\0\x02\0\0\0\x03xyz\xff\xff\xff\xffC\0\0\0\x0dSELECT 1\0";
        assert_eq!(answers.bytes(), expected);
    }
}
