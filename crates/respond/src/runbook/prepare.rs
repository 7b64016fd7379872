//! From a step to what exactly would be done: every placeholder filled, every argument checked,
//! and a hash of all of it, which an approval pins.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use sha2::{Digest, Sha256};
use vigie_language::runbook::{Action, Part, Query, Step, Text};
use vigie_world::ProcessRequest;

use super::RunbookOptions;

/// Bytes of one variable of the environment; longer ones are left out.
const VARIABLE_BYTES_MAX: usize = 16 << 10;
/// Labels that become variables.
const LABELS_MAX: usize = 64;

/// Values that placeholders have.
#[derive(Debug, Clone, Copy)]
pub struct Values<'a> {
    /// Inputs of the run.
    pub inputs: &'a BTreeMap<String, String>,
    /// Variables of the run.
    pub variables: &'a BTreeMap<String, String>,
    /// What the step is repeated for.
    pub item: Option<&'a str>,
    /// Labels of the alert, for the environment.
    pub labels: &'a BTreeMap<String, String>,
}

/// What would be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deed {
    /// Run a program.
    Process(Box<ProcessRequest>),
    /// Ask.
    Query(Query),
    /// Make a request.
    Http {
        /// The method.
        method: String,
        /// Where.
        url: String,
        /// Headers.
        headers: Vec<(String, String)>,
        /// What is sent.
        body: String,
        /// Statuses that are a success.
        expect: Vec<u16>,
    },
    /// Tell a receiver.
    Notify {
        /// Who.
        receiver: String,
        /// What.
        message: String,
    },
}

/// A deed with what people see of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    /// What would be done.
    pub deed: Deed,
    /// The argument vector, the program first; empty for what is no program.
    pub argv: Vec<String>,
    /// In one line.
    pub text: String,
    /// SHA-256 of the deed, in hexadecimal.
    pub hash: String,
    /// Why it is not done, where a rule of safety says so.
    pub refusal: Option<String>,
}

/// What `action` of `step` would do with these values.
pub fn prepare(
    step: &Step,
    action: &Action,
    values: Values<'_>,
    options: &RunbookOptions,
) -> Result<Prepared, String> {
    let (deed, argv, refusal) = match action {
        Action::Command(words) => command(step, words, values, options)?,
        Action::Script { interpreter, text } => script(step, interpreter, text, values, options)?,
        Action::Query(query) => (Deed::Query(query.clone()), Vec::new(), None),
        Action::Http(call) => {
            let url = filled(&call.url, values)?;
            let headers = call.headers.iter();
            let headers = headers.map(|(name, text)| Ok((name.clone(), filled(text, values)?)));
            let headers = headers.collect::<Result<Vec<_>, String>>()?;
            let refusal = options.allow.request(&call.method, &url).err();
            let (method, expect) = (call.method.clone(), call.expect.clone());
            let body = filled(&call.body, values)?;
            (Deed::Http { method, url, headers, body, expect }, Vec::new(), refusal)
        }
        Action::Notify { receiver, message } => {
            let message = filled(message, values)?;
            (Deed::Notify { receiver: receiver.clone(), message }, Vec::new(), None)
        }
    };
    let text = match &deed {
        Deed::Process(_) => argv.join(" "),
        Deed::Query(query) => query.text().to_owned(),
        Deed::Http { method, url, .. } => format!("{method} {url}"),
        Deed::Notify { receiver, message } => format!("notify {receiver}: {message}"),
    };
    let text = crate::desk::shortened(text.replace(['\n', '\r'], " "), 2 << 10);
    Ok(Prepared { hash: hash(step, &deed), deed, argv, text, refusal })
}

type Program = (Deed, Vec<String>, Option<String>);

fn command(
    step: &Step,
    words: &[Text],
    values: Values<'_>,
    options: &RunbookOptions,
) -> Result<Program, String> {
    let mut argv = Vec::new();
    for word in words {
        let argument = filled(word, values)?;
        let begins_filled = word.0.first().is_some_and(|part| !matches!(part, Part::Plain(_)));
        if begins_filled && argument.starts_with('-') {
            let shown = crate::desk::shortened(argument, 60);
            return Err(format!("{word} is {shown:?}, which would be taken for an option"));
        }
        argv.push(argument);
    }
    let (program, refusal) = match options.allow.program(&argv) {
        Ok(program) => (program, None),
        Err(reason) => (PathBuf::new(), Some(reason)),
    };
    let arguments = argv.iter().skip(1).cloned().collect();
    if refusal.is_none()
        && let Some(first) = argv.first_mut()
    {
        *first = program.display().to_string();
    }
    let request = request(step, program, arguments, values, options)?;
    Ok((Deed::Process(Box::new(request)), argv, refusal))
}

fn script(
    step: &Step,
    interpreter: &str,
    text: &str,
    values: Values<'_>,
    options: &RunbookOptions,
) -> Result<Program, String> {
    let sha256 = hex(&Sha256::digest(text.as_bytes()));
    let (program, refusal) = match options.allow.script(interpreter, &sha256) {
        Ok(program) => (program, None),
        Err(reason) => (PathBuf::new(), Some(reason)),
    };
    // The text is the file's own: no placeholder of it is filled, values are in the environment.
    let arguments = vec!["-c".to_owned(), text.to_owned()];
    let mut argv = vec![interpreter.to_owned()];
    argv.extend(arguments.iter().cloned());
    let request = request(step, program, arguments, values, options)?;
    Ok((Deed::Process(Box::new(request)), argv, refusal))
}

fn request(
    step: &Step,
    program: PathBuf,
    arguments: Vec<String>,
    values: Values<'_>,
    options: &RunbookOptions,
) -> Result<ProcessRequest, String> {
    let timeout_ms = step.timeout_ms.unwrap_or(options.timeout_ms).min(options.timeout_ms_max);
    let mut environment = options.environment.clone();
    for (name, text) in &step.environment {
        environment.push((name.clone(), filled(text, values)?));
    }
    for (name, value) in values.labels.iter().take(LABELS_MAX) {
        environment.push((format!("ALERT_LABEL_{}", variable_name(name)), value.clone()));
    }
    for (name, value) in values.inputs {
        environment.push((format!("INPUT_{}", variable_name(name)), value.clone()));
    }
    // The kernel has no way to say NUL there.
    environment.retain(|(name, value)| {
        !value.contains('\0')
            && value.len() <= VARIABLE_BYTES_MAX
            && !name.is_empty()
            && !name.contains(['=', '\0'])
    });
    Ok(ProcessRequest {
        program,
        arguments,
        environment,
        folder: options.folder.clone(),
        user: options.user,
        timeout: Duration::from_millis(timeout_ms),
        output_bytes_max: options.output_bytes_max,
        limits: options.limits,
    })
}

/// A label's name as variables of the environment are named.
fn variable_name(name: &str) -> String {
    name.chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' })
        .collect()
}

fn filled(text: &Text, values: Values<'_>) -> Result<String, String> {
    let filled = text.fill(&|part| match part {
        Part::Plain(plain) => Some(plain.clone()),
        Part::Input(name) => values.inputs.get(name).cloned(),
        Part::Variable(name) => values.variables.get(name).cloned(),
        Part::Item => values.item.map(str::to_owned),
    })?;
    if filled.contains('\0') {
        return Err(format!("{text} contains NUL"));
    }
    Ok(filled)
}

/// The hash of all that decides what is done: the deed with its values, and the condition.
fn hash(step: &Step, deed: &Deed) -> String {
    let mut digest = Sha256::new();
    let condition = step.condition.as_ref().map(ToString::to_string).unwrap_or_default();
    for text in [step.name.clone(), condition, format!("{deed:?}"), format!("{:?}", step.rollback)]
    {
        digest.update((text.len() as u64).to_le_bytes());
        digest.update(text.as_bytes());
    }
    hex(&digest.finalize())
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
