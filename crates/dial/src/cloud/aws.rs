//! AWS: keys of the configuration, the environment or a profile, a role that is taken on.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use reqwest::Method;
use url::Url;
use vigie_world::World;

use super::setup;
use crate::client::VariableLookup;
use crate::config::SigV4Config;
use crate::sign::{AWS_FORM, AwsRequest};
use crate::{HttpError, body};

/// How long the token service may take, and how much it may say.
const TIMEOUT: Duration = Duration::from_secs(30);
const ANSWER_BYTES_MAX: u64 = 1 << 20;
/// A role counts for so long; it is taken on again a while before.
const ROLE_LIFETIME_MS: i64 = 900_000;
const ROLE_MARGIN_MS: i64 = 120_000;

/// Keys that sign.
#[derive(Clone)]
struct Keys {
    access: String,
    secret: String,
    token: Option<String>,
}

pub(crate) struct AwsSigner {
    config: SigV4Config,
    service: &'static str,
    variable: VariableLookup,
    client: reqwest::Client,
    /// Keys of the role, and until when they are used.
    role: tokio::sync::Mutex<Option<(Keys, i64)>>,
}

impl fmt::Debug for AwsSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwsSigner").field("config", &self.config).finish_non_exhaustive()
    }
}

impl AwsSigner {
    pub(super) fn new(
        config: SigV4Config,
        service: &'static str,
        variable: VariableLookup,
        client: reqwest::Client,
    ) -> Self {
        Self { config, service, variable, client, role: tokio::sync::Mutex::default() }
    }

    pub(super) async fn headers(
        &self,
        method: &Method,
        url: &str,
        body: &Bytes,
        world: &World,
    ) -> Result<Vec<(&'static str, String)>, HttpError> {
        let region = self.region(world)?;
        let keys = self.keys(&region, world).await?;
        let url = Url::parse(url).map_err(|error| setup(format!("{url}: {error}")))?;
        let request = Parts { method: method.as_str(), url: &url, content_type: None, body };
        request.signed(&keys, (&region, self.service), world)
    }

    fn region(&self, world: &World) -> Result<String, HttpError> {
        if !self.config.region.is_empty() {
            return Ok(self.config.region.clone());
        }
        let named = ["AWS_REGION", "AWS_DEFAULT_REGION"];
        let found = named.iter().find_map(|name| (self.variable)(name));
        let found = found.or_else(|| self.of_profile("config", &["region"], world)?.pop()?);
        found
            .filter(|region| !region.is_empty())
            .ok_or_else(|| setup("sigv4: region not configured; write `region`, or set AWS_REGION"))
    }

    async fn keys(&self, region: &str, world: &World) -> Result<Keys, HttpError> {
        let own = self.own_keys(world)?;
        if self.config.role_arn.is_empty() {
            return Ok(own);
        }
        // Held while asking, so that one answer serves all who wait.
        let mut role = self.role.lock().await;
        let now_ms = world.clock.now_ms();
        if let Some((keys, until_ms)) = &*role
            && now_ms < *until_ms
        {
            return Ok(keys.clone());
        }
        let keys = self.assume_role(&own, region, world).await?;
        *role = Some((keys.clone(), now_ms + ROLE_LIFETIME_MS - ROLE_MARGIN_MS));
        Ok(keys)
    }

    /// In the order in which AWS' own libraries look.
    fn own_keys(&self, world: &World) -> Result<Keys, HttpError> {
        let config = &self.config;
        if !config.access_key.is_empty() {
            let secret = config.secret_key.reveal().to_owned();
            return Ok(Keys { access: config.access_key.clone(), secret, token: None });
        }
        let variable = |name: &str| (self.variable)(name).filter(|value| !value.is_empty());
        if config.profile.is_empty()
            && let (Some(access), Some(secret)) =
                (variable("AWS_ACCESS_KEY_ID"), variable("AWS_SECRET_ACCESS_KEY"))
        {
            return Ok(Keys { access, secret, token: variable("AWS_SESSION_TOKEN") });
        }
        let names = ["aws_access_key_id", "aws_secret_access_key", "aws_session_token"];
        if let Some(values) = self.of_profile("credentials", &names, world)
            && let [Some(access), Some(secret), token] = values.as_slice()
        {
            let (access, secret) = (access.clone(), secret.clone());
            return Ok(Keys { access, secret, token: token.clone() });
        }
        Err(setup(
            "sigv4: no keys; write access_key and secret_key, set AWS_ACCESS_KEY_ID and \
             AWS_SECRET_ACCESS_KEY, or name a profile of ~/.aws/credentials (credentials of the \
             machine or the container are not asked for)",
        ))
    }

    /// Values of the profile in AWS' shared file `kind`.
    fn of_profile(&self, kind: &str, names: &[&str], world: &World) -> Option<Vec<Option<String>>> {
        let variable = match kind {
            "credentials" => "AWS_SHARED_CREDENTIALS_FILE",
            _ => "AWS_CONFIG_FILE",
        };
        let path = match (self.variable)(variable) {
            Some(path) => PathBuf::from(path),
            None => PathBuf::from((self.variable)("HOME")?).join(".aws").join(kind),
        };
        let text = String::from_utf8(world.disk.read(&path).ok()?).ok()?;
        let profile = match self.config.profile.as_str() {
            "" => (self.variable)("AWS_PROFILE").unwrap_or_else(|| "default".to_owned()),
            named => named.to_owned(),
        };
        let mut values = vec![None; names.len()];
        let mut is_ours = false;
        for line in text.lines().map(str::trim) {
            if let Some(section) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
                let section = section.trim();
                is_ours = section.strip_prefix("profile ").unwrap_or(section) == profile;
            } else if is_ours && let Some((name, value)) = line.split_once('=') {
                let at = names.iter().position(|known| *known == name.trim());
                if let Some(slot) = at.and_then(|at| values.get_mut(at)) {
                    *slot = Some(value.trim().to_owned());
                }
            }
        }
        Some(values)
    }

    async fn assume_role(
        &self,
        keys: &Keys,
        region: &str,
        world: &World,
    ) -> Result<Keys, HttpError> {
        let fips = if self.config.use_fips_sts_endpoint { "-fips" } else { "" };
        let url = (self.variable)("AWS_ENDPOINT_URL_STS")
            .unwrap_or_else(|| format!("https://sts{fips}.{region}.amazonaws.com/"));
        let parsed = Url::parse(&url).map_err(|error| setup(format!("{url}: {error}")))?;
        let mut form = vec![
            ("Action", "AssumeRole"),
            ("Version", "2011-06-15"),
            ("RoleArn", self.config.role_arn.as_str()),
            ("RoleSessionName", "vigie"),
        ];
        if !self.config.external_id.is_empty() {
            form.push(("ExternalId", self.config.external_id.as_str()));
        }
        let text = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let sent = Bytes::from(text);
        let parts =
            Parts { method: "POST", url: &parsed, content_type: Some(AWS_FORM), body: &sent };
        let mut request = self.client.post(parsed.clone()).timeout(TIMEOUT).body(sent.clone());
        for (name, value) in parts.signed(keys, (region, "sts"), world)? {
            request = request.header(name, value);
        }
        let response = request.send().await;
        let response = response.map_err(|error| HttpError::from_reqwest(&url, &error))?;
        let status = response.status();
        let answer = body::read(&url, response, ANSWER_BYTES_MAX).await?;
        let answer = String::from_utf8_lossy(&answer);
        let part = |name: &str| {
            let (_, rest) = answer.split_once(&format!("<{name}>"))?;
            Some(rest.split_once('<')?.0.to_owned())
        };
        match (part("AccessKeyId"), part("SecretAccessKey"), part("SessionToken")) {
            (Some(access), Some(secret), token) if status.is_success() => {
                Ok(Keys { access, secret, token })
            }
            _ => {
                let why = part("Message").unwrap_or_default();
                Err(setup(format!("sigv4: cannot take on the role: {status} {why}")))
            }
        }
    }
}

/// A request to be signed.
struct Parts<'a> {
    method: &'a str,
    url: &'a Url,
    content_type: Option<&'a str>,
    body: &'a Bytes,
}

impl Parts<'_> {
    fn signed(
        &self,
        keys: &Keys,
        (region, service): (&str, &str),
        world: &World,
    ) -> Result<Vec<(&'static str, String)>, HttpError> {
        let host = match (self.url.host_str(), self.url.port()) {
            (Some(host), Some(port)) => format!("{host}:{port}"),
            (Some(host), None) => host.to_owned(),
            (None, _) => return Err(setup(format!("{}: there is no host", self.url))),
        };
        let time = jiff::Timestamp::from_millisecond(world.clock.now_ms())
            .map_err(|error| setup(error.to_string()))?;
        let mut query: Vec<&str> =
            self.url.query().unwrap_or_default().split('&').filter(|q| !q.is_empty()).collect();
        query.sort_unstable();
        let request = AwsRequest {
            method: self.method,
            host: &host,
            path: self.url.path(),
            query: &query.join("&"),
            region,
            service,
            access_key: &keys.access,
            secret_key: &keys.secret,
            token: keys.token.as_deref(),
            time: &time.strftime("%Y%m%dT%H%M%SZ").to_string(),
            content_type: self.content_type,
            body: self.body,
        };
        Ok(request.headers())
    }
}
