//! Who asks, where a cloud has a way of its own to say it.

mod aws;
mod azure;

use bytes::Bytes;
use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use crate::config::{AzureAdConfig, SigV4Config};
use crate::{HttpEnvironment, HttpError};
use vigie_world::World;

/// Credentials of a cloud.
#[derive(Debug)]
pub enum CloudCredentials {
    /// Each request is signed, for the service of that name (`aps`).
    Aws(SigV4Config, &'static str),
    /// Each request carries a token.
    Azure(AzureAdConfig),
}

/// Credentials, and what was found of them.
#[derive(Debug)]
pub(crate) enum Signer {
    Aws(aws::AwsSigner),
    Azure(azure::AzureTokens),
}

impl Signer {
    pub(crate) fn new(
        credentials: CloudCredentials,
        environment: &HttpEnvironment,
        client: reqwest::Client,
    ) -> Self {
        let variable = environment.variable.clone();
        match credentials {
            CloudCredentials::Aws(config, service) => {
                Self::Aws(aws::AwsSigner::new(config, service, variable, client))
            }
            CloudCredentials::Azure(config) => {
                Self::Azure(azure::AzureTokens::new(config, variable, client))
            }
        }
    }

    /// The headers that say who asks.
    pub(crate) async fn headers(
        &self,
        (method, url, body): (&Method, &str, &Bytes),
        world: &World,
    ) -> Result<HeaderMap, HttpError> {
        let pairs = match self {
            Self::Aws(signer) => signer.headers(method, url, body, world).await?,
            Self::Azure(tokens) => vec![("authorization", tokens.header(world).await?)],
        };
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            let mut value = HeaderValue::from_str(&value)
                .map_err(|_| setup(format!("{name}: the value cannot stand in a header")))?;
            value.set_sensitive(true);
            headers.insert(HeaderName::from_static(name), value);
        }
        Ok(headers)
    }
}

fn setup(message: impl Into<String>) -> HttpError {
    HttpError::Setup(message.into())
}
