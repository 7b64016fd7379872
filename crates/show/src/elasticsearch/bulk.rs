//! `_bulk`: many operations, each with its own outcome.
//!
//! The body is read whole before anything is written, so that a malformed one changes nothing.
//! An answer is always JSON with one item for each operation: senders take anything else for
//! success and forget what they sent.

mod lines;

use serde_json::{Value, json};
use vigie_model::{LogAction, LogBatch, LogOutcome};

use super::answer::Reply;
use super::call::Call;
use super::error::ApiError;
use super::state::Api;
use super::write::{Asked, Target, Targets, failed, item, push};
use super::{ingest, update};
use lines::{Entry, Lines};

/// A batch that grows past this is written in parts.
const BATCH_BYTES: usize = 8 << 20;

/// What is to be done, in order.
enum Step<'a> {
    /// Write these; the numbers of their items.
    Write(LogBatch, Vec<usize>),
    /// Read a document, change it, write it.
    Update(usize, Target, &'a [u8]),
}

/// One operation and, in the end, its answer.
struct Item {
    asked: Asked,
    index: String,
    id: Option<String>,
    told: Option<(u16, Value)>,
}

pub(super) fn bulk(api: &Api, call: &Call, index: Option<&str>) -> Result<Reply, ApiError> {
    let started = api.state.world.clock.monotonic();
    let mut plan =
        Plan { api, call, items: Vec::new(), steps: Vec::new(), targets: Targets::default() };
    let mut lines = Lines::new(&call.body)?;
    while let Some(entry) = lines.next()? {
        plan.take(entry, index);
    }
    if plan.items.is_empty() {
        return Err(ApiError::new("parse_exception", "request body is required", 400));
    }
    plan.run();
    let took_ms = api.state.world.clock.monotonic().checked_sub(started).unwrap().as_millis();
    Ok(answer(api, plan.items, took_ms as u64))
}

struct Plan<'a> {
    api: &'a Api,
    call: &'a Call,
    items: Vec<Item>,
    steps: Vec<Step<'a>>,
    targets: Targets,
}

impl<'a> Plan<'a> {
    fn take(&mut self, entry: Entry<'a>, default_index: Option<&str>) {
        let index = entry.index.as_deref().or(default_index).unwrap_or_default().to_owned();
        let at = self.items.len();
        self.items.push(Item { asked: entry.asked, index, id: entry.id.clone(), told: None });
        if let Err(error) = self.plan(&entry, at)
            && let Some(item) = self.items.get_mut(at)
        {
            item.told = Some(failed(&item.index, item.id.as_deref(), &error));
        }
    }

    fn plan(&mut self, entry: &Entry<'a>, at: usize) -> Result<(), ApiError> {
        let (api, call) = (self.api, self.call);
        let name = self.items.get(at).map(|item| item.index.clone()).unwrap_or_default();
        if name.is_empty() {
            return Err(ApiError::new(
                "action_request_validation_exception",
                "Validation Failed: 1: index is missing;",
                400,
            ));
        }
        let mut target = self.targets.get(api, call, &name)?;
        if target.is_data_stream && !matches!(entry.asked, Asked::Create) {
            return Err(ApiError::argument(
                "only write ops with an op_type of create are allowed in data streams",
            ));
        }
        let mut changed = None;
        if matches!(entry.asked, Asked::Index | Asked::Create) {
            let given = entry.pipeline.as_deref().or(call.parameter("pipeline"));
            match ingest::apply(api, call, given, &target, entry.id.as_deref(), entry.source)? {
                ingest::Ingested::Unchanged => {}
                ingest::Ingested::Dropped => {
                    let told = json!({"_index": target.index, "_id": entry.id, "_version": -3, "result": "noop", "status": 200});
                    if let Some(item) = self.items.get_mut(at) {
                        item.told = Some((200, told));
                    }
                    return Ok(());
                }
                ingest::Ingested::Changed(document) => {
                    if document.index != target.index {
                        target = self.targets.get(api, call, &document.index)?;
                    }
                    if let Some(item) = self.items.get_mut(at) {
                        item.id.clone_from(&document.id);
                    }
                    changed = Some(document.source);
                }
            }
        }
        let id = self.items.get_mut(at).and_then(|item| {
            item.index.clone_from(&target.index);
            item.id.clone()
        });
        let source = changed.as_deref().unwrap_or(entry.source);
        let action = match entry.asked {
            Asked::Update => {
                self.steps.push(Step::Update(at, target, entry.source));
                return Ok(());
            }
            Asked::Index => LogAction::Index,
            Asked::Create if id.is_some() => LogAction::Create,
            Asked::Create => LogAction::Index,
            Asked::Delete => LogAction::Delete,
        };
        let (batch, numbers) = self.batch();
        push(batch, action, &target, id.as_deref(), source, api.now_ms())?;
        batch.expect_sequence(entry.if_sequence);
        numbers.push(at);
        Ok(())
    }

    /// The batch that operations go to.
    fn batch(&mut self) -> (&mut LogBatch, &mut Vec<usize>) {
        let is_open = matches!(self.steps.last(), Some(Step::Write(batch, _)) if batch.byte_count() < BATCH_BYTES);
        if !is_open {
            self.steps.push(Step::Write(LogBatch::new(), Vec::new()));
        }
        match self.steps.last_mut() {
            Some(Step::Write(batch, numbers)) => (batch, numbers),
            _ => unreachable!("a step to write was just added"),
        }
    }

    fn run(&mut self) {
        for step in std::mem::take(&mut self.steps) {
            match step {
                Step::Write(batch, numbers) => self.write(batch, &numbers),
                Step::Update(at, target, source) => {
                    let Some(item) = self.items.get_mut(at) else { continue };
                    let id = item.id.clone().unwrap_or_default();
                    item.told =
                        Some(match update::update(self.api, self.call, &target, &id, source) {
                            Ok(updated) => (updated.status, updated.told),
                            Err(error) => failed(&target.index, Some(&id), &error),
                        });
                }
            }
        }
    }

    fn write(&mut self, batch: LogBatch, numbers: &[usize]) {
        let report = self.api.write(self.call, batch);
        for (place, at) in numbers.iter().enumerate() {
            let Some(entry) = self.items.get_mut(*at) else { continue };
            let (index, id) = (&entry.index, entry.id.as_deref());
            entry.told = Some(match &report {
                Ok(report) => {
                    let lost = LogOutcome::Unavailable("the store said nothing of it".to_owned());
                    item(entry.asked, index, id, report.outcomes.get(place).unwrap_or(&lost))
                }
                Err(error) => failed(index, id, error),
            });
        }
    }
}

fn answer(api: &Api, items: Vec<Item>, took_ms: u64) -> Reply {
    let (mut out, mut has_errors, mut taken) = (Vec::with_capacity(items.len() * 160), false, 0);
    let count = items.len() as u64;
    for (at, item) in items.into_iter().enumerate() {
        let told = item.told.unwrap_or_else(|| {
            failed(&item.index, item.id.as_deref(), &ApiError::unavailable("it was not written"))
        });
        let is_error = told.1.get("error").is_some();
        has_errors |= is_error;
        taken += u64::from(!is_error);
        if at > 0 {
            out.push(b',');
        }
        out.extend_from_slice(format!("{{\"{}\":", item.asked.name()).as_bytes());
        out.extend_from_slice(told.1.to_string().as_bytes());
        out.push(b'}');
    }
    api.documents.add(taken);
    api.refused.add(count - taken);
    let mut whole =
        format!("{{\"took\":{took_ms},\"errors\":{has_errors},\"items\":[").into_bytes();
    whole.extend_from_slice(&out);
    whole.extend_from_slice(b"]}");
    Reply::written(whole)
}

/// Reads anything as a body.
pub(super) fn fuzz(data: &[u8]) {
    let Ok(mut lines) = Lines::new(data) else { return };
    while let Ok(Some(_)) = lines.next() {}
}
