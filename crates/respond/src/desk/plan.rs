//! What is configured for a desk.

use std::sync::Arc;

use vigie_language::runbook::{Mode, Runbook};

use crate::incident::BookOptions;
use crate::oncall::OnCall;
use crate::runbook::{RunbookOptions, Selector};

/// A runbook with which alerts start it.
#[derive(Debug, Clone)]
pub struct ReadyRunbook {
    /// The runbook.
    pub runbook: Arc<Runbook>,
    /// The file it was read from.
    pub file: String,
    /// Which alerts start it.
    pub selector: Option<Selector>,
}

/// What is configured for a desk.
#[derive(Debug, Clone, Default)]
pub struct DeskPlan {
    /// Incidents.
    pub book: BookOptions,
    /// Which alerts become incidents; `None`: all.
    pub opens: Option<Selector>,
    /// The limits of runbooks.
    pub options: RunbookOptions,
    /// Runbooks by their names.
    pub runbooks: Vec<ReadyRunbook>,
    /// Who is called.
    pub oncall: Arc<OnCall>,
    /// The address under which people reach this server, without a slash at its end.
    pub external_url: String,
    /// Signs links in messages; empty: there are none.
    pub link_key: Vec<u8>,
    /// How long such a link is good for.
    pub link_ms: u64,
}

impl DeskPlan {
    /// The runbook of that name.
    pub fn runbook(&self, name: &str) -> Option<&ReadyRunbook> {
        self.runbooks.iter().find(|ready| ready.runbook.name == name)
    }

    /// How far that runbook may go here: no further than itself, nor than all.
    pub fn mode_of(&self, runbook: &Runbook) -> Mode {
        self.options.mode.min(runbook.mode)
    }

    /// Takes runbooks of a file; the error says what is wrong with them.
    pub fn add(&mut self, file: &str, runbooks: Vec<Runbook>) -> Result<(), String> {
        for runbook in runbooks {
            if self.runbook(&runbook.name).is_some() {
                return Err(format!("{file}: there are two runbooks {:?}", runbook.name));
            }
            let selector = Selector::new(&runbook.starts.alerts, &runbook.starts.matchers);
            let selector = selector.map_err(|error| format!("{file}: {error}"))?;
            let runbook = Arc::new(runbook);
            self.runbooks.push(ReadyRunbook { runbook, file: file.to_owned(), selector });
        }
        Ok(())
    }
}
