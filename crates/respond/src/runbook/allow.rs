//! What may be run: absolute programs whose every argument fits a pattern, scripts by their hash,
//! requests by method and address. What is not listed is refused.

use std::path::{Path, PathBuf};

use regex::Regex;

/// Bytes of one argument.
const ARGUMENT_BYTES_MAX: usize = 128 << 10;
/// Memory that a pattern may take.
const PATTERN_BYTES_MAX: usize = 1 << 20;

/// A program with the arguments that it may have.
#[derive(Debug, Clone)]
pub struct AllowedProgram {
    /// Absolute path.
    pub program: PathBuf,
    /// A pattern for each argument.
    pub arguments: Vec<Regex>,
    /// A pattern for every further argument; `None`: there are no more.
    pub rest: Option<Regex>,
    /// SHA-256 of scripts that it may interpret, in hexadecimal; then there are no arguments.
    pub scripts: Vec<String>,
}

/// A request that may be made.
#[derive(Debug, Clone)]
pub struct AllowedHttp {
    /// The method.
    pub method: String,
    /// A pattern for the whole address.
    pub url: Regex,
}

/// What may be run.
#[derive(Debug, Clone, Default)]
pub struct AllowList {
    /// Programs.
    pub programs: Vec<AllowedProgram>,
    /// Requests.
    pub http: Vec<AllowedHttp>,
}

/// A pattern that a whole text has to fit.
pub fn anchored(pattern: &str) -> Result<Regex, String> {
    regex::RegexBuilder::new(&format!("^(?:{pattern})$"))
        .size_limit(PATTERN_BYTES_MAX)
        .build()
        .map_err(|error| format!("pattern {pattern:?}: {error}"))
}

impl AllowList {
    /// The absolute program of an argument vector, when it may run so.
    pub fn program(&self, argv: &[String]) -> Result<PathBuf, String> {
        let Some((name, arguments)) = argv.split_first() else {
            return Err("the command is empty".to_owned());
        };
        for argument in argv {
            if argument.contains('\0') {
                return Err("an argument contains NUL".to_owned());
            }
            if argument.len() > ARGUMENT_BYTES_MAX {
                return Err(format!("an argument has {} bytes", argument.len()));
            }
        }
        let mut named = self.programs.iter().filter(|allowed| is_named(allowed, name)).peekable();
        if named.peek().is_none() {
            return Err(format!("{name} is not on the allow-list"));
        }
        named
            .find(|allowed| allowed.takes(arguments))
            .map(|allowed| allowed.program.clone())
            .ok_or_else(|| format!("{name} is on the allow-list, but not with these arguments"))
    }

    /// Whether an interpreter may run a script with that hash.
    pub fn script(&self, interpreter: &str, sha256: &str) -> Result<PathBuf, String> {
        let is_it = |allowed: &&AllowedProgram| {
            allowed.program == Path::new(interpreter)
                && allowed.scripts.iter().any(|hash| hash.eq_ignore_ascii_case(sha256))
        };
        let found = self.programs.iter().find(is_it);
        found.map(|allowed| allowed.program.clone()).ok_or_else(|| {
            format!("{interpreter} may not run the script with the SHA-256 {sha256}")
        })
    }

    /// Whether a request may be made.
    pub fn request(&self, method: &str, url: &str) -> Result<(), String> {
        let is_it = |allowed: &AllowedHttp| allowed.method == method && allowed.url.is_match(url);
        if self.http.iter().any(is_it) {
            return Ok(());
        }
        Err(format!("{method} of this address is not on the allow-list"))
    }
}

/// Whether `name` means that program: its path, or its file's name.
fn is_named(allowed: &AllowedProgram, name: &str) -> bool {
    if name.contains('/') {
        return allowed.program == Path::new(name);
    }
    allowed.program.file_name().is_some_and(|file| file == name)
}

impl AllowedProgram {
    fn takes(&self, arguments: &[String]) -> bool {
        if !self.scripts.is_empty() || !self.program.is_absolute() {
            return false;
        }
        let mut patterns = self.arguments.iter();
        let mut arguments_left = arguments.iter();
        for pattern in patterns.by_ref() {
            match arguments_left.next() {
                Some(argument) if pattern.is_match(argument) => {}
                _ => return false,
            }
        }
        match &self.rest {
            Some(rest) => arguments_left.all(|argument| rest.is_match(argument)),
            None => arguments_left.next().is_none(),
        }
    }
}
