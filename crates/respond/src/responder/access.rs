//! What people change: silences, acknowledgements; and test notifications. Whatever is answered
//! with success is on disk.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use vigie_model::Labels;

use super::tenant::Tenant;
use crate::notify::{NotifyAlert, NotifyContext, NotifyError, NotifyReason, NotifyReceipt};
use crate::{Acknowledgement, Fingerprint, Silence, SilenceError, SilenceRequest};

/// How long a test notification may take.
const TEST_TIMEOUT: Duration = Duration::from_secs(30);

/// Why something was not changed.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// The silence cannot be.
    #[error(transparent)]
    Silence(#[from] SilenceError),
    /// It could not be written, and may be lost at a restart.
    #[error("not on disk: {0}")]
    Disk(#[from] std::io::Error),
    /// There is no such group, receiver or route.
    #[error("{0} not found")]
    NotFound(&'static str),
}

impl Tenant {
    /// Makes or changes a silence.
    pub async fn set_silence(&self, request: SilenceRequest) -> Result<Silence, AccessError> {
        let now = self.now();
        let silence = self.engine.lock().set_silence(request, now)?;
        self.persist().await?;
        self.wake();
        Ok(silence)
    }

    /// Ends a silence.
    pub async fn expire_silence(&self, id: &str) -> Result<(), AccessError> {
        let now = self.now();
        self.engine.lock().expire_silence(id, now)?;
        self.persist().await?;
        Ok(())
    }

    /// Takes an acknowledgement of a group.
    pub async fn acknowledge(
        &self,
        group_key: &str,
        by: String,
        comment: String,
        until_ms: i64,
    ) -> Result<(), AccessError> {
        let now = self.now();
        let acknowledgement = Acknowledgement { by, comment, at_ms: now.wall_ms, until_ms };
        if !self.engine.lock().acknowledge(group_key, acknowledgement, now) {
            return Err(AccessError::NotFound("group"));
        }
        self.persist().await?;
        Ok(())
    }

    /// Sends a test notification to each integration of a receiver; gives each one's answer.
    pub async fn test_receiver(
        &self,
        receiver: &str,
        labels: Labels,
        annotations: BTreeMap<String, String>,
    ) -> Result<Vec<(String, Result<NotifyReceipt, NotifyError>)>, AccessError> {
        let now = self.now();
        let running = self.engine.lock().running().clone();
        let integrations = running.integrations.get(receiver);
        let integrations = integrations.ok_or(AccessError::NotFound("receiver"))?;
        let alerts = [NotifyAlert {
            fingerprint: Fingerprint::of(&labels),
            annotations: Arc::new(annotations),
            starts_at_ms: now.wall_ms,
            ends_at_ms: None,
            generator_url: Arc::from(""),
            labels: labels.clone(),
        }];
        let context = NotifyContext {
            group_key: format!("{{}}/test:{}", crate::route::label_set(&labels)),
            receiver: receiver.to_owned(),
            group_labels: labels,
            route_labels: Arc::default(),
            reason: NotifyReason::Test,
            now_ms: now.wall_ms,
            timeout: TEST_TIMEOUT,
            attempt: 1,
            remembered: BTreeMap::new(),
        };
        let mut answers = Vec::new();
        for integration in integrations {
            let name = format!("{}[{}]", integration.kind, integration.index);
            let told = integration.notifier.notify(&context, &alerts);
            let answer = tokio::time::timeout(TEST_TIMEOUT, told).await.unwrap_or_else(|_| {
                Err(NotifyError {
                    retry: true,
                    failure: crate::notify::NotifyFailure::Timeout,
                    reason: "no answer".to_owned(),
                })
            });
            answers.push((name, answer));
        }
        Ok(answers)
    }
}
