//! What the alerts' engine decided, on the timelines of incidents.

use super::Desk;
use crate::engine::Told;
use crate::incident::{Moment, MomentKind};
use crate::why::Event;

impl Desk {
    /// Takes entries of the engine's timelines.
    pub(super) fn take_feed(&self, feed: Vec<Told>) {
        if feed.is_empty() {
            return;
        }
        self.update(|state| {
            for told in feed {
                let Some((kind, text)) = described(&told) else { continue };
                let incident = state.book.of_group(&told.group_key).map(|incident| incident.id);
                if let Some(id) = incident {
                    let moment = Moment::new(told.entry.at_ms, kind, "", text);
                    state.book.note(id, moment);
                }
            }
        });
    }
}

/// What of it belongs on an incident's timeline.
fn described(told: &Told) -> Option<(MomentKind, String)> {
    let receiver = &told.receiver;
    Some(match &told.entry.event {
        Event::Told { integration, reason, firing, resolved, detail, .. } => {
            let text = format!(
                "{receiver} was told by {integration}: {reason}, {firing} firing, {resolved} \
                 resolved ({detail})"
            );
            (MomentKind::Notification, text)
        }
        Event::Failed { integration, attempts, error } => {
            let text = format!(
                "{receiver} could not be told by {integration} in {attempts} attempts: {error}"
            );
            (MomentKind::Notification, text)
        }
        Event::Silenced { alert, by } => {
            (MomentKind::Silence, format!("{alert} is silenced by {}", by.join(", ")))
        }
        Event::Acknowledged { by, .. } => {
            (MomentKind::Notification, format!("{by} acknowledged the notifications"))
        }
        Event::Muted { by, .. } => {
            (MomentKind::Silence, format!("{receiver} is muted by {}", by.join(", ")))
        }
        _ => return None,
    })
}
