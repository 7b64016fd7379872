//! One HTTP client for scraping and discovery, made from Prometheus' `http_config`.
//!
//! Secrets in files are read again for each request. Certificates are read when the client is
//! made. Every body has a limit, as sent and as decompressed, and every request a timeout.

#[cfg(test)]
#[path = "tests.rs"]
mod tests;

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::HeaderMap;
use reqwest::{ClientBuilder, Method, StatusCode};
use vigie_world::World;

use crate::cloud::{CloudCredentials, Signer};
use crate::config::HttpConfig;
use crate::{BODY_BYTES_MAX, HttpError, authorize, body, guard, proxy, tls};

/// Looks up an environment variable.
pub type VariableLookup = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// What clients need to know of the process they run in.
#[derive(Clone)]
pub struct HttpEnvironment {
    /// Environment variables, for `proxy_from_environment` and `kubernetes_sd_configs`.
    pub variable: VariableLookup,
    /// What requests say of who asks.
    pub user_agent: String,
}

impl fmt::Debug for HttpEnvironment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpEnvironment")
            .field("user_agent", &self.user_agent)
            .finish_non_exhaustive()
    }
}

impl Default for HttpEnvironment {
    /// Without environment variables.
    fn default() -> Self {
        Self {
            variable: Arc::new(|_| None),
            user_agent: concat!("Vigie/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

/// A whole answer.
#[derive(Debug, Clone)]
pub struct HttpAnswer {
    /// The status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// The body, decompressed.
    pub body: Bytes,
}

impl HttpAnswer {
    /// The header `name` as text.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The answer if its status is 200, else an error in Prometheus' words.
    pub fn success(self) -> Result<Self, HttpError> {
        if self.status == StatusCode::OK { Ok(self) } else { Err(status_error(self.status)) }
    }
}

fn status_error(status: StatusCode) -> HttpError {
    HttpError::Status(
        format!("{} {}", status.as_u16(), status.canonical_reason().unwrap_or_default()),
        status.as_u16(),
    )
}

/// How much of an answer is taken, and how long that may take.
#[derive(Debug, Clone, Copy)]
pub struct RequestLimits {
    /// Largest body; 0 for [`BODY_BYTES_MAX`].
    pub body_bytes: u64,
    /// Longest wait, body included.
    pub timeout: Duration,
}

/// An HTTP client with a `http_config`.
#[derive(Clone)]
pub struct HttpClient(Arc<Inner>);

struct Inner {
    client: reqwest::Client,
    token_client: Option<reqwest::Client>,
    token: authorize::TokenCache,
    config: HttpConfig,
    world: World,
    guard: Guard,
    signer: Option<Signer>,
}

/// What a client refuses to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Guard {
    None,
    LinkLocal,
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpClient").field("config", &self.0.config).finish_non_exhaustive()
    }
}

impl HttpClient {
    /// A client with `config`.
    pub fn new(
        config: &HttpConfig,
        environment: &HttpEnvironment,
        world: &World,
    ) -> Result<Self, HttpError> {
        Self::with_socket(config, environment, world, None)
    }

    /// A client whose requests carry the credentials of a cloud.
    pub fn with_credentials(
        config: &HttpConfig,
        credentials: CloudCredentials,
        environment: &HttpEnvironment,
        world: &World,
    ) -> Result<Self, HttpError> {
        let tokens = build(proxy::apply(base_builder(environment), &config.proxy, environment)?)?;
        let signer = Signer::new(credentials, environment, tokens);
        let built = Self::build(config, environment, world, None, Guard::None)?;
        let mut inner = Arc::try_unwrap(built.0)
            .map_err(|_| HttpError::Setup("the client is in use already".to_owned()))?;
        inner.signer = Some(signer);
        Ok(Self(Arc::new(inner)))
    }

    /// A client for addresses that come from many hands: unless `allows_link_local`, it asks no
    /// link-local address nor a cloud's metadata service, whatever a name or a redirect says.
    pub fn guarded(
        config: &HttpConfig,
        environment: &HttpEnvironment,
        world: &World,
        allows_link_local: bool,
    ) -> Result<Self, HttpError> {
        let guard = if allows_link_local { Guard::None } else { Guard::LinkLocal };
        Self::build(config, environment, world, None, guard)
    }

    /// A client that talks over a Unix socket, whatever the address says.
    pub fn over_unix_socket(
        config: &HttpConfig,
        environment: &HttpEnvironment,
        world: &World,
        socket: &Path,
    ) -> Result<Self, HttpError> {
        Self::with_socket(config, environment, world, Some(socket))
    }

    fn with_socket(
        config: &HttpConfig,
        environment: &HttpEnvironment,
        world: &World,
        socket: Option<&Path>,
    ) -> Result<Self, HttpError> {
        Self::build(config, environment, world, socket, Guard::None)
    }

    fn build(
        config: &HttpConfig,
        environment: &HttpEnvironment,
        world: &World,
        socket: Option<&Path>,
        guard: Guard,
    ) -> Result<Self, HttpError> {
        let mut builder = base_builder(environment);
        if let Some(socket) = socket {
            builder = builder.unix_socket(socket.to_path_buf());
        }
        if !config.enable_http2 {
            builder = builder.http1_only();
        }
        builder = builder.redirect(if config.follow_redirects {
            reqwest::redirect::Policy::limited(10)
        } else {
            reqwest::redirect::Policy::none()
        });
        if guard == Guard::LinkLocal {
            builder = guard::apply(builder, config.follow_redirects);
        }
        builder = tls::apply(builder, &config.tls_config, world)?;
        builder = proxy::apply(builder, &config.proxy, environment)?;
        let token_client = match &config.oauth2 {
            None => None,
            Some(oauth2) => {
                let builder = tls::apply(base_builder(environment), &oauth2.tls_config, world)?;
                Some(build(proxy::apply(builder, &oauth2.proxy, environment)?)?)
            }
        };
        Ok(Self(Arc::new(Inner {
            client: build(builder)?,
            token_client,
            token: authorize::TokenCache::default(),
            config: config.clone(),
            world: world.clone(),
            guard,
            signer: None,
        })))
    }

    /// Asks for `url`, with `headers` besides those of the configuration.
    pub async fn get(
        &self,
        url: &str,
        headers: HeaderMap,
        limits: RequestLimits,
    ) -> Result<HttpAnswer, HttpError> {
        let work = async {
            let response = self.open(url, headers, Some(limits.timeout)).await?;
            let status = response.status();
            let headers = response.headers().clone();
            let limit = if limits.body_bytes == 0 { BODY_BYTES_MAX } else { limits.body_bytes };
            let body = body::read(url, response, limit).await?;
            Ok(HttpAnswer { status, headers, body })
        };
        match tokio::time::timeout(limits.timeout, work).await {
            Ok(answer) => answer,
            Err(_) => Err(HttpError::Timeout { url: url.to_owned() }),
        }
    }

    /// Sends `body` to `url`. The answer's status is the caller's to judge; an answer whose body
    /// cannot be read or is too large has an empty one.
    pub async fn post(
        &self,
        url: &str,
        headers: HeaderMap,
        body: Bytes,
        limits: RequestLimits,
    ) -> Result<HttpAnswer, HttpError> {
        self.request(Method::POST, url, headers, body, limits).await
    }

    /// Sends `body` to `url` by `method`; as [`post`](Self::post) otherwise.
    pub async fn request(
        &self,
        method: Method,
        url: &str,
        headers: HeaderMap,
        body: Bytes,
        limits: RequestLimits,
    ) -> Result<HttpAnswer, HttpError> {
        let is_refused = |url| url::Url::parse(url).is_ok_and(|url| guard::is_refused_url(&url));
        if self.0.guard == Guard::LinkLocal && is_refused(url) {
            let reason = "link-local address refused".to_owned();
            return Err(HttpError::Transport { url: url.to_owned(), reason });
        }
        let request = self.0.client.request(method.clone(), url).body(body.clone());
        let request = request.timeout(limits.timeout);
        let work = async {
            let response = self.send((&method, url, &body), request, headers).await?;
            let (status, headers) = (response.status(), response.headers().clone());
            let body = body::read(url, response, limits.body_bytes).await.unwrap_or_default();
            Ok(HttpAnswer { status, headers, body })
        };
        match tokio::time::timeout(limits.timeout, work).await {
            Ok(answer) => answer,
            Err(_) => Err(HttpError::Timeout { url: url.to_owned() }),
        }
    }

    /// Asks for `url` and returns as soon as the headers are there: for watches, whose bodies
    /// have no end. The caller must limit what it reads.
    pub async fn open(
        &self,
        url: &str,
        headers: HeaderMap,
        timeout: Option<Duration>,
    ) -> Result<reqwest::Response, HttpError> {
        let mut request = self.0.client.get(url);
        if let Some(timeout) = timeout {
            request = request.timeout(timeout);
        }
        self.send((&Method::GET, url, &Bytes::new()), request, headers).await
    }

    async fn send(
        &self,
        (method, url, body): (&Method, &str, &Bytes),
        request: reqwest::RequestBuilder,
        mut headers: HeaderMap,
    ) -> Result<reqwest::Response, HttpError> {
        let inner = &*self.0;
        for (name, value) in &authorize::headers(&inner.config, &inner.world)? {
            headers.append(name.clone(), value.clone());
        }
        if let (Some(oauth2), Some(client)) = (&inner.config.oauth2, &inner.token_client) {
            let token = authorize::token(oauth2, &inner.token, client, &inner.world).await?;
            headers.insert(reqwest::header::AUTHORIZATION, token);
        }
        if let Some(signer) = &inner.signer {
            let signed = signer.headers((method, url, body), &inner.world).await?;
            for (name, value) in &signed {
                headers.insert(name.clone(), value.clone());
            }
        }
        let response = request
            .headers(headers)
            .send()
            .await
            .map_err(|error| HttpError::from_reqwest(url, &error))?;
        if response.status() == StatusCode::UNAUTHORIZED {
            authorize::forget_token(&inner.token).await;
        }
        Ok(response)
    }
}

fn base_builder(environment: &HttpEnvironment) -> ClientBuilder {
    // An error says that a provider is installed already, which serves as well.
    rustls::crypto::ring::default_provider().install_default().ok();
    reqwest::Client::builder()
        .user_agent(&environment.user_agent)
        .no_gzip()
        .no_proxy()
        .pool_idle_timeout(Duration::from_mins(5))
        .pool_max_idle_per_host(2)
        .tcp_nodelay(true)
}

fn build(builder: ClientBuilder) -> Result<reqwest::Client, HttpError> {
    builder.build().map_err(|error| HttpError::Setup(error.to_string()))
}
