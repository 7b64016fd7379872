//! What the integrations over HTTP have in common: make requests, send them in turn, judge each
//! answer.

use std::fmt;

use futures::future::BoxFuture;
use vigie_dial::HttpAnswer;

use super::message::{Message, MessageTemplates};
use super::post::{Post, Request, clean, judge};
use super::{Notifier, NotifyAlert, NotifyContext, NotifyError, NotifyReceipt, Rendered};

/// An integration that can say beforehand what it will ask.
pub(super) trait Provider: Send + Sync + fmt::Debug {
    /// The requests of a notification, in their order; none where nothing is to be told.
    fn requests(&self, message: &Message<'_>, post: &Post) -> Result<Vec<Request>, NotifyError>;

    /// Statuses besides 5xx that may go better another time.
    fn retried(&self) -> &'static [u16] {
        &[]
    }

    /// What an answer with a good status says.
    fn accept(&self, request: &Request, answer: &HttpAnswer) -> Result<NotifyReceipt, NotifyError> {
        let _ = request;
        Ok(receipt(answer))
    }
}

/// The status alone.
pub(super) fn receipt(answer: &HttpAnswer) -> NotifyReceipt {
    NotifyReceipt { detail: format!("HTTP {}", answer.status.as_u16()), ..Default::default() }
}

/// A provider with what it needs.
#[derive(Debug)]
pub(super) struct HttpNotifier<P> {
    pub(super) provider: P,
    pub(super) post: Post,
    pub(super) templates: MessageTemplates,
}

impl<P: Provider> HttpNotifier<P> {
    async fn tell(
        &self,
        context: &NotifyContext,
        alerts: &[NotifyAlert],
    ) -> Result<NotifyReceipt, NotifyError> {
        let message = Message::new(&self.templates, context, alerts);
        let requests = self.provider.requests(&message, &self.post)?;
        let mut receipt = NotifyReceipt {
            remember: context.remembered.clone(),
            detail: "nothing to tell".into(),
        };
        for request in &requests {
            let answer = self.post.send(request, context.timeout).await?;
            judge(request, &answer, self.provider.retried())?;
            let next = self.provider.accept(request, &answer)?;
            receipt.detail = next.detail;
            receipt.remember.extend(next.remember);
        }
        Ok(receipt)
    }
}

impl<P: Provider> Notifier for HttpNotifier<P> {
    fn notify<'a>(
        &'a self,
        context: &'a NotifyContext,
        alerts: &'a [NotifyAlert],
    ) -> BoxFuture<'a, Result<NotifyReceipt, NotifyError>> {
        Box::pin(self.tell(context, alerts))
    }

    fn render(
        &self,
        context: &NotifyContext,
        alerts: &[NotifyAlert],
    ) -> Result<Rendered, NotifyError> {
        let message = Message::new(&self.templates, context, alerts);
        let requests = self.provider.requests(&message, &self.post)?;
        Ok(shown(&requests))
    }
}

/// Requests as a preview shows them.
pub(super) fn shown(requests: &[Request]) -> Rendered {
    let mut parts = Vec::new();
    for request in requests {
        let body = match serde_json::from_str::<serde_json::Value>(&request.body) {
            Ok(json) => serde_json::to_string_pretty(&json).unwrap_or_default(),
            Err(_) => request.body.clone(),
        };
        let mut hidden = body;
        for secret in request.secrets.iter().filter(|secret| secret.len() > 3) {
            hidden = hidden.replace(secret.as_str(), "<secret>");
        }
        parts.push(("body".to_owned(), hidden));
    }
    Rendered { parts }
}

/// Whether the answer is JSON, and what it says.
pub(super) fn json(answer: &HttpAnswer) -> Option<serde_json::Value> {
    serde_json::from_slice(&answer.body).ok()
}

/// A text from an answer, as errors may tell it.
pub(super) fn answer_text(request: &Request, answer: &HttpAnswer) -> String {
    clean(request, &String::from_utf8_lossy(&answer.body))
}
