//! Amazon SNS, with AWS' signature.

use vigie_dial::sign::{AWS_FORM, AwsRequest};
use vigie_dial::{HttpAnswer, Method};
use vigie_language::template::Time;
use vigie_language::yaml::Secret;

use super::message::{Message, wrong};
use super::post::{Post, Request};
use super::provider::{Provider, receipt};
use super::{NotifyError, NotifyReceipt};
use crate::config::SnsConfig;

/// What SNS takes in a message, and as a text to a telephone.
const MESSAGE_BYTES_MAX: usize = 256 * 1024;
const PHONE_BYTES_MAX: usize = 1600;

/// Amazon SNS.
#[derive(Debug)]
pub(super) struct Sns(pub(super) SnsConfig);

impl Sns {
    fn form(&self, message: &Message<'_>) -> Result<String, NotifyError> {
        let config = &self.0;
        let mut form = vec![
            ("Action".to_owned(), "Publish".to_owned()),
            ("Version".to_owned(), "2010-03-31".to_owned()),
        ];
        let mut limit = MESSAGE_BYTES_MAX;
        let mut put = |name: &str, value: String| form.push((name.to_owned(), value));
        if !config.topic_arn.is_empty() {
            let topic = message.text(&config.topic_arn)?;
            if topic.rsplit_once('.').is_some_and(|(_, kind)| kind == "fifo") {
                put("MessageDeduplicationId", message.key_hash());
                put("MessageGroupId", message.key_hash());
            }
            put("TopicArn", topic);
        }
        if !config.phone_number.is_empty() {
            limit = PHONE_BYTES_MAX;
            put("PhoneNumber", message.text(&config.phone_number)?);
        }
        if !config.target_arn.is_empty() {
            put("TargetArn", message.text(&config.target_arn)?);
        }
        if !config.subject.is_empty() {
            put("Subject", message.text(&config.subject)?);
        }
        let mut attributes = Vec::new();
        for (name, value) in &config.attributes {
            attributes.push((message.text(name)?, message.text(value)?));
        }
        let mut text = message.text(&config.message)?;
        if text.len() > limit {
            while !text.is_char_boundary(limit) {
                limit -= 1;
            }
            text.truncate(limit);
            attributes.push(("truncated".to_owned(), "true".to_owned()));
        }
        put("Message", text);
        for (index, (name, value)) in attributes.into_iter().enumerate() {
            let entry = format!("MessageAttributes.entry.{}", index + 1);
            put(&format!("{entry}.Name"), name);
            put(&format!("{entry}.Value.DataType"), "String".to_owned());
            put(&format!("{entry}.Value.StringValue"), value);
        }
        Ok(url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish())
    }
}

impl Provider for Sns {
    fn requests(&self, message: &Message<'_>, post: &Post) -> Result<Vec<Request>, NotifyError> {
        let sigv4 = &self.0.sigv4;
        if sigv4.access_key.is_empty() {
            return Err(wrong(
                "sigv4 without access_key and secret_key: credentials of the machine, profiles \
                 and roles are not supported",
            ));
        }
        let api_url = message.text(&self.0.api_url)?;
        let region = region(&sigv4.region, &api_url)
            .ok_or_else(|| wrong("region not configured in sns.sigv4.region"))?;
        let url = if api_url.is_empty() {
            format!("https://sns.{region}.amazonaws.com/")
        } else {
            api_url
        };
        let parsed =
            url::Url::parse(&url).map_err(|error| wrong(format!("api_url of sns: {error}")))?;
        let host = match (parsed.host_str(), parsed.port()) {
            (Some(host), Some(port)) => format!("{host}:{port}"),
            (Some(host), None) => host.to_owned(),
            (None, _) => return Err(wrong("api_url of sns has no host")),
        };
        let body = self.form(message)?;
        let time = Time::from_unix_ms(post.now_ms()).format("20060102T150405Z");
        let signed = AwsRequest {
            method: "POST",
            host: &host,
            path: parsed.path(),
            query: "",
            region: &region,
            service: "sns",
            access_key: &sigv4.access_key,
            secret_key: sigv4.secret_key.reveal(),
            token: None,
            time: &time,
            content_type: Some(AWS_FORM),
            body: body.as_bytes(),
        };
        let headers = signed.headers();
        Ok(vec![Request {
            method: Method::POST,
            url: Secret::new(url),
            headers: headers.into_iter().map(|(name, value)| (name, Secret::new(value))).collect(),
            body,
            secrets: vec![sigv4.secret_key.reveal().to_owned()],
        }])
    }

    fn retried(&self) -> &'static [u16] {
        &[429]
    }

    fn accept(&self, _: &Request, answer: &HttpAnswer) -> Result<NotifyReceipt, NotifyError> {
        let body = String::from_utf8_lossy(&answer.body);
        let id = body.split_once("<MessageId>").and_then(|(_, rest)| rest.split_once('<'));
        let id = id.map_or("", |(id, _)| id);
        Ok(NotifyReceipt { detail: format!("message {id}"), ..receipt(answer) })
    }
}

/// The region that is written, or that of an address such as `sns.eu-west-1.amazonaws.com`.
fn region(written: &str, api_url: &str) -> Option<String> {
    if !written.is_empty() {
        return Some(written.to_owned());
    }
    let (_, host) = api_url.split_once("sns.")?;
    let (region, rest) = host.split_once('.')?;
    rest.starts_with("amazonaws").then(|| region.to_owned())
}
