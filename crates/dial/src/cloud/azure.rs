//! Azure: tokens of its directory, for an application, a service account or the machine itself.

use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use vigie_world::World;

use super::setup;
use crate::client::VariableLookup;
use crate::config::AzureAdConfig;
use crate::{HttpError, body};

/// How long a directory may take, and how much it may say.
const TIMEOUT: Duration = Duration::from_secs(30);
const ANSWER_BYTES_MAX: u64 = 1 << 20;
/// A token is asked for again this long before it ends.
const MARGIN_MS: i64 = 300_000;
/// Where Kubernetes puts the token of a service account.
const TOKEN_FILE: &str = "/var/run/secrets/azure/tokens/azure-identity-token";
const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

pub(crate) struct AzureTokens {
    config: AzureAdConfig,
    variable: VariableLookup,
    client: reqwest::Client,
    /// The header, and until when it is used.
    known: tokio::sync::Mutex<Option<(String, i64)>>,
}

impl fmt::Debug for AzureTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AzureTokens").field("config", &self.config).finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct Answer {
    access_token: String,
    /// Seconds: a number of the directory, a text of the machine.
    #[serde(default)]
    expires_in: serde_json::Value,
}

impl AzureTokens {
    pub(super) fn new(
        config: AzureAdConfig,
        variable: VariableLookup,
        client: reqwest::Client,
    ) -> Self {
        Self { config, variable, client, known: tokio::sync::Mutex::default() }
    }

    /// `Bearer ...`, from memory while it is good.
    pub(super) async fn header(&self, world: &World) -> Result<String, HttpError> {
        // Held while asking, so that one token serves all who wait.
        let mut known = self.known.lock().await;
        let now_ms = world.clock.now_ms();
        if let Some((header, until_ms)) = &*known
            && now_ms < *until_ms
        {
            return Ok(header.clone());
        }
        let answer = self.ask(world).await?;
        let seconds = match &answer.expires_in {
            serde_json::Value::String(text) => text.parse().unwrap_or(0),
            other => other.as_i64().unwrap_or(0),
        };
        let header = format!("Bearer {}", answer.access_token);
        let until_ms = now_ms.saturating_add(seconds.saturating_mul(1_000)) - MARGIN_MS;
        *known = Some((header.clone(), until_ms));
        Ok(header)
    }

    async fn ask(&self, world: &World) -> Result<Answer, HttpError> {
        let config = &self.config;
        if let Some(oauth) = &config.oauth {
            let secret = ("client_secret", oauth.client_secret.reveal().to_owned());
            return self.of_directory(&oauth.tenant_id, &oauth.client_id, vec![secret]).await;
        }
        if let Some(workload) = &config.workload_identity {
            let file = if workload.token_file_path.as_os_str().is_empty() {
                let named = (self.variable)("AZURE_FEDERATED_TOKEN_FILE");
                named.unwrap_or_else(|| TOKEN_FILE.to_owned()).into()
            } else {
                workload.token_file_path.clone()
            };
            // It is renewed on disk while it is used.
            let token = world.disk.read(&file);
            let token = token
                .map_err(|error| setup(format!("azuread: reading {}: {error}", file.display())))?;
            let token = String::from_utf8_lossy(&token).trim().to_owned();
            let form =
                vec![("client_assertion_type", ASSERTION.to_owned()), ("client_assertion", token)];
            return self.of_directory(&workload.tenant_id, &workload.client_id, form).await;
        }
        if let Some(identity) = &config.managed_identity {
            return self.of_machine(&identity.client_id).await;
        }
        // What the environment says, as Azure's own libraries read it.
        let variable = |name: &str| (self.variable)(name).unwrap_or_default();
        let (client, secret) = (variable("AZURE_CLIENT_ID"), variable("AZURE_CLIENT_SECRET"));
        if secret.is_empty() {
            return self.of_machine(&client).await;
        }
        let written = config.sdk.as_ref().map(|sdk| sdk.tenant_id.clone()).unwrap_or_default();
        let tenant = if written.is_empty() { variable("AZURE_TENANT_ID") } else { written };
        self.of_directory(&tenant, &client, vec![("client_secret", secret)]).await
    }

    /// Without the `/.default` that the directory wants and the machine does not.
    fn resource(&self) -> String {
        if !self.config.scope.is_empty() {
            return self.config.scope.trim_end_matches("/.default").to_owned();
        }
        match self.config.cloud.as_str() {
            "AzureChina" => "https://monitor.azure.cn/",
            "AzureGovernment" => "https://monitor.azure.us/",
            _ => "https://monitor.azure.com/",
        }
        .to_owned()
    }

    async fn of_directory(
        &self,
        tenant: &str,
        client: &str,
        mut form: Vec<(&str, String)>,
    ) -> Result<Answer, HttpError> {
        let host = (self.variable)("AZURE_AUTHORITY_HOST").unwrap_or_else(|| {
            match self.config.cloud.as_str() {
                "AzureChina" => "https://login.chinacloudapi.cn",
                "AzureGovernment" => "https://login.microsoftonline.us",
                _ => "https://login.microsoftonline.com",
            }
            .to_owned()
        });
        let url = format!("{}/{tenant}/oauth2/v2.0/token", host.trim_end_matches('/'));
        let scope = match self.config.scope.as_str() {
            "" => format!("{}/.default", self.resource()),
            written => written.to_owned(),
        };
        form.push(("grant_type", "client_credentials".to_owned()));
        form.push(("client_id", client.to_owned()));
        form.push(("scope", scope));
        self.read(&url, self.client.post(&url).form(&form)).await
    }

    async fn of_machine(&self, client: &str) -> Result<Answer, HttpError> {
        let host = (self.variable)("AZURE_POD_IDENTITY_AUTHORITY_HOST")
            .unwrap_or_else(|| "http://169.254.169.254".to_owned());
        let url = format!("{}/metadata/identity/oauth2/token", host.trim_end_matches('/'));
        let resource = self.resource();
        let mut query = vec![("api-version", "2018-02-01"), ("resource", resource.as_str())];
        if !client.is_empty() {
            query.push(("client_id", client));
        }
        let query =
            url::form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
        let request = self.client.get(format!("{url}?{query}")).header("Metadata", "true");
        self.read(&url, request).await
    }

    async fn read(&self, url: &str, request: reqwest::RequestBuilder) -> Result<Answer, HttpError> {
        let response = request.timeout(TIMEOUT).send().await;
        let response = response.map_err(|error| HttpError::from_reqwest(url, &error))?;
        let status = response.status();
        let answer = body::read(url, response, ANSWER_BYTES_MAX).await?;
        if !status.is_success() {
            return Err(setup(format!("azuread: cannot fetch token: {status}")));
        }
        serde_json::from_slice(&answer)
            .map_err(|error| setup(format!("azuread: cannot parse token: {error}")))
    }
}
