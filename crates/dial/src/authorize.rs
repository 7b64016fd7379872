//! What a request carries to be let in: basic, bearer, OAuth 2.0, more headers.

use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use vigie_world::World;

use crate::config::{HttpConfig, JWT_BEARER, OAuth2};
use crate::{HttpError, assertion, body};

/// The largest answer of a token issuer that is read.
const TOKEN_BYTES_MAX: u64 = 1 << 20;

/// A token is asked for again this long before it ends, so that none ends on its way.
const TOKEN_MARGIN_MS: i64 = 10_000;

/// How long a token may take.
const TOKEN_TIMEOUT: Duration = Duration::from_secs(30);

/// A token that is known, and until when.
#[derive(Debug, Default)]
pub(super) struct TokenCache(tokio::sync::Mutex<Option<(HeaderValue, i64)>>);

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: String,
    #[serde(default)]
    token_type: String,
    #[serde(default)]
    expires_in: Option<i64>,
}

/// Headers of `config` that need no other server. Files are read each time, so that rotated
/// secrets count at once.
pub(super) fn headers(config: &HttpConfig, world: &World) -> Result<HeaderMap, HttpError> {
    let mut headers = HeaderMap::new();
    if let Some(auth) = &config.basic_auth {
        let user = text_or_file(&auth.username, &auth.username_file, world)?;
        let password = text_or_file(auth.password.reveal(), &auth.password_file, world)?;
        let value = format!("Basic {}", BASE64.encode(format!("{user}:{password}")));
        headers.insert(AUTHORIZATION, secret_value("basic_auth", &value)?);
    }
    if let Some(auth) = &config.authorization {
        let credentials = text_or_file(auth.credentials.reveal(), &auth.credentials_file, world)?;
        let value = format!("{} {credentials}", auth.kind);
        headers.insert(AUTHORIZATION, secret_value("authorization", &value)?);
    }
    for (name, header) in &config.http_headers {
        let header_name = HeaderName::from_bytes(name.as_bytes())
            .map_err(|error| HttpError::Setup(format!("http_headers {name:?}: {error}")))?;
        let mut values = header.values.clone();
        values.extend(header.secrets.iter().map(|secret| secret.reveal().to_owned()));
        for file in &header.files {
            values.push(text_or_file("", file, world)?);
        }
        for value in values {
            headers.append(header_name.clone(), secret_value(name, &value)?);
        }
    }
    Ok(headers)
}

/// The `Authorization` header of an OAuth 2.0 token, from the cache while it is good.
pub(super) async fn token(
    oauth2: &OAuth2,
    cache: &TokenCache,
    client: &reqwest::Client,
    world: &World,
) -> Result<HeaderValue, HttpError> {
    // Held while asking, so that one token serves all who wait.
    let mut cached = cache.0.lock().await;
    let now_ms = world.clock.now_ms();
    if let Some((value, until_ms)) = &*cached
        && now_ms < *until_ms
    {
        return Ok(value.clone());
    }
    let url = &oauth2.token_url;
    let mut request = client.post(url).timeout(TOKEN_TIMEOUT);
    let mut form = Vec::new();
    if oauth2.grant_type == JWT_BEARER {
        let (key, file) = (&oauth2.client_certificate_key, &oauth2.client_certificate_key_file);
        let key = text_or_file(key.reveal(), file, world)?;
        form.push(("grant_type".to_owned(), JWT_BEARER.to_owned()));
        form.push(("assertion".to_owned(), assertion::signed(oauth2, &key, world)?));
    } else {
        let (secret, file) = (&oauth2.client_secret, &oauth2.client_secret_file);
        let secret = text_or_file(secret.reveal(), file, world)?;
        request = request.basic_auth(form_encoded(&oauth2.client_id), Some(form_encoded(&secret)));
        // A password or another grant is named by a parameter.
        if !oauth2.endpoint_params.contains_key("grant_type") {
            form.push(("grant_type".to_owned(), "client_credentials".to_owned()));
        }
        if !oauth2.scopes.is_empty() {
            form.push(("scope".to_owned(), oauth2.scopes.join(" ")));
        }
    }
    form.extend(oauth2.endpoint_params.iter().map(|(name, value)| (name.clone(), value.clone())));
    let response =
        request.form(&form).send().await.map_err(|error| HttpError::from_reqwest(url, &error))?;
    let status = response.status();
    let answer = body::read(url, response, TOKEN_BYTES_MAX).await?;
    if !status.is_success() {
        return Err(HttpError::Setup(format!("oauth2: cannot fetch token: {status}")));
    }
    let answer: TokenAnswer = serde_json::from_slice(&answer)
        .map_err(|error| HttpError::Setup(format!("oauth2: cannot parse token: {error}")))?;
    let kind = match answer.token_type.as_str() {
        "" => "Bearer",
        kind if kind.eq_ignore_ascii_case("bearer") => "Bearer",
        kind => kind,
    };
    let value = secret_value("oauth2", &format!("{kind} {}", answer.access_token))?;
    let lifetime_ms = answer.expires_in.map_or(i64::MAX / 2, |s| s.saturating_mul(1_000));
    let until_ms = now_ms.saturating_add(lifetime_ms).saturating_sub(TOKEN_MARGIN_MS);
    *cached = Some((value.clone(), until_ms));
    Ok(value)
}

/// Forgets the token, which a server has refused.
pub(super) async fn forget_token(cache: &TokenCache) {
    *cache.0.lock().await = None;
}

fn form_encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

fn secret_value(what: &str, value: &str) -> Result<HeaderValue, HttpError> {
    let mut value = HeaderValue::from_str(value)
        .map_err(|_| HttpError::Setup(format!("{what}: the value cannot stand in a header")))?;
    value.set_sensitive(true);
    Ok(value)
}

fn text_or_file(text: &str, file: &Path, world: &World) -> Result<String, HttpError> {
    if file.as_os_str().is_empty() {
        return Ok(text.to_owned());
    }
    let read = world.disk.read(file);
    let bytes = read.map_err(|error| {
        HttpError::Setup(format!("unable to read file {}: {error}", file.display()))
    })?;
    Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
}
