//! How to talk to an HTTP server: Prometheus' `http_config`, which many sections hold inline.

use std::collections::BTreeMap;
use std::path::PathBuf;

use vigie_language::section;
use vigie_language::yaml::Secret;

section! {
    /// User and password.
    pub struct BasicAuth("config.BasicAuth", check = check_basic_auth) {
        /// The user.
        username: String = String::new(),
        /// A file with the user.
        username_file: PathBuf = PathBuf::new(),
        /// The password.
        password: Secret = Secret::default(),
        /// A file with the password, read again for each request.
        password_file: PathBuf = PathBuf::new(),
    }
}

section! {
    /// An `Authorization` header.
    pub struct Authorization("config.Authorization", check = check_authorization) {
        /// The scheme, `Bearer` by default.
        kind as "type": String = String::new(),
        /// The credentials.
        credentials: Secret = Secret::default(),
        /// A file with the credentials, read again for each request.
        credentials_file: PathBuf = PathBuf::new(),
    }
}

section! {
    /// A token by OAuth 2.0 client credentials.
    pub struct OAuth2("config.plain", check = check_oauth2) {
        /// Who asks.
        client_id: String = String::new(),
        /// Its secret.
        client_secret: Secret = Secret::default(),
        /// A file with the secret.
        client_secret_file: PathBuf = PathBuf::new(),
        /// `client_credentials`, or RFC 7523's assertion signed with a key.
        grant_type: String = String::new(),
        /// The key, PEM.
        client_certificate_key: Secret = Secret::default(),
        /// A file with the key.
        client_certificate_key_file: PathBuf = PathBuf::new(),
        /// `kid` of the assertion.
        client_certificate_key_id: String = String::new(),
        /// `RS256`, `RS384`, `RS512`.
        signature_algorithm: String = String::new(),
        /// Who the assertion is of, `client_id` by default.
        iss: String = String::new(),
        /// For whom it is, `token_url` by default.
        audience: String = String::new(),
        /// What else it claims.
        claims: BTreeMap<String, String> = BTreeMap::new(),
        /// What the token should allow.
        scopes: Vec<String> = Vec::new(),
        /// Where tokens are issued.
        token_url: String = String::new(),
        /// More form values for the issuer.
        endpoint_params: BTreeMap<String, String> = BTreeMap::new(),
        /// TLS towards the issuer.
        tls_config: TlsConfig = TlsConfig::default(),
    }
    inline {
        /// Proxy towards the issuer.
        proxy: ProxyConfig,
    }
}

section! {
    /// AWS' signature, version 4.
    pub struct SigV4Config("sigv4.SigV4Config", check = check_sigv4) {
        /// The region; that of the environment by default.
        region: String = String::new(),
        /// Who signs; the environment, a profile by default.
        access_key: String = String::new(),
        /// And with what.
        secret_key: Secret = Secret::default(),
        /// A profile of the shared credentials.
        profile: String = String::new(),
        /// A role that is taken on.
        role_arn: String = String::new(),
        /// What its owner agreed on.
        external_id: String = String::new(),
        /// Whether the token service's FIPS address is asked.
        use_fips_sts_endpoint: bool = false,
    }
}

section! {
    /// Tokens of Azure.
    pub struct AzureAdConfig("azuread.AzureADConfig", check = check_azure) {
        /// `AzurePublic`, `AzureChina`, `AzureGovernment`.
        cloud: String = "AzurePublic".to_owned(),
        /// The machine's own identity.
        managed_identity: Option<AzureIdentity> = None,
        /// An application with a secret.
        oauth: Option<AzureOAuth> = None,
        /// A Kubernetes service account.
        workload_identity: Option<AzureWorkload> = None,
        /// What the environment says.
        sdk: Option<AzureSdk> = None,
        /// What the token is for; monitoring by default.
        scope: String = String::new(),
    }
}

section! {
    /// The machine's own identity.
    pub struct AzureIdentity("azuread.ManagedIdentityConfig") {
        /// Which of them.
        client_id: String = String::new(),
    }
}

section! {
    /// An application with a secret.
    pub struct AzureOAuth("azuread.OAuthConfig") {
        /// The application.
        client_id: String = String::new(),
        /// Its secret.
        client_secret: Secret = Secret::default(),
        /// Its directory.
        tenant_id: String = String::new(),
    }
}

section! {
    /// A Kubernetes service account.
    pub struct AzureWorkload("azuread.WorkloadIdentityConfig") {
        /// The application.
        client_id: String = String::new(),
        /// Its directory.
        tenant_id: String = String::new(),
        /// The account's token.
        token_file_path: PathBuf = PathBuf::new(),
    }
}

section! {
    /// What the environment says.
    pub struct AzureSdk("azuread.SDKConfig") {
        /// The directory.
        tenant_id: String = String::new(),
    }
}

section! {
    /// Certificates and versions of TLS.
    pub struct TlsConfig("config.TLSConfig", check = check_tls) {
        /// Certificates of authorities, PEM.
        ca: String = String::new(),
        /// Our certificate, PEM.
        cert: String = String::new(),
        /// Our key, PEM.
        key: Secret = Secret::default(),
        /// File of `ca`.
        ca_file: PathBuf = PathBuf::new(),
        /// File of `cert`.
        cert_file: PathBuf = PathBuf::new(),
        /// File of `key`.
        key_file: PathBuf = PathBuf::new(),
        /// The name that the server's certificate must have.
        server_name: String = String::new(),
        /// Whether any certificate will do.
        insecure_skip_verify: bool = false,
        /// `TLS12` or `TLS13` (`TLS10` and `TLS11` are understood as `TLS12`).
        min_version: String = String::new(),
        /// As `min_version`.
        max_version: String = String::new(),
    }
}

section! {
    /// Which proxy to use.
    pub struct ProxyConfig("config.ProxyConfig") {
        /// The proxy.
        proxy_url: String = String::new(),
        /// Hosts that are asked directly.
        no_proxy: String = String::new(),
        /// Whether `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` count.
        proxy_from_environment: bool = false,
        /// Headers for the proxy's `CONNECT`.
        proxy_connect_header: BTreeMap<String, Vec<Secret>> = BTreeMap::new(),
    }
}

section! {
    /// Values of one header.
    pub struct HttpHeader("config.Header") {
        /// Values shown in the configuration.
        values: Vec<String> = Vec::new(),
        /// Values that are hidden.
        secrets: Vec<Secret> = Vec::new(),
        /// Files with values.
        files: Vec<PathBuf> = Vec::new(),
    }
}

section! {
    /// Everything about talking to an HTTP server.
    pub struct HttpConfig("config.HTTPClientConfig", check = check_alone) {
        /// User and password.
        basic_auth: Option<BasicAuth> = None,
        /// An `Authorization` header.
        authorization: Option<Authorization> = None,
        /// A token by OAuth 2.0.
        oauth2: Option<OAuth2> = None,
        /// Old form of `authorization.credentials`.
        bearer_token: Secret = Secret::default(),
        /// Old form of `authorization.credentials_file`.
        bearer_token_file: PathBuf = PathBuf::new(),
        /// TLS.
        tls_config: TlsConfig = TlsConfig::default(),
        /// Whether redirects are followed.
        follow_redirects: bool = true,
        /// Whether HTTP/2 may be used.
        enable_http2: bool = true,
        /// More headers.
        http_headers: BTreeMap<String, HttpHeader> = BTreeMap::new(),
    }
    inline {
        /// Proxy.
        proxy: ProxyConfig,
    }
}

/// Where the section stands alone; where others hold it inline, they check it.
fn check_alone(config: &mut HttpConfig) -> Result<(), String> {
    config.check()
}

fn is_set(path: &std::path::Path) -> bool {
    !path.as_os_str().is_empty()
}

fn check_basic_auth(auth: &mut BasicAuth) -> Result<(), String> {
    if !auth.username.is_empty() && is_set(&auth.username_file) {
        return Err("at most one of basic_auth username & username_file must be configured".into());
    }
    if !auth.password.is_empty() && is_set(&auth.password_file) {
        return Err("at most one of basic_auth password & password_file must be configured".into());
    }
    Ok(())
}

fn check_authorization(auth: &mut Authorization) -> Result<(), String> {
    if !auth.credentials.is_empty() && is_set(&auth.credentials_file) {
        return Err(
            "at most one of authorization credentials & credentials_file must be configured".into(),
        );
    }
    if auth.kind.is_empty() {
        "Bearer".clone_into(&mut auth.kind);
    }
    if auth.kind.eq_ignore_ascii_case("basic") {
        return Err(
            "authorization type cannot be set to \"basic\", use \"basic_auth\" instead".into()
        );
    }
    Ok(())
}

fn check_oauth2(oauth2: &mut OAuth2) -> Result<(), String> {
    if oauth2.client_id.is_empty() {
        return Err("oauth2 client_id must be configured".into());
    }
    if oauth2.token_url.is_empty() {
        return Err("oauth2 token_url must be configured".into());
    }
    if !oauth2.client_secret.is_empty() && is_set(&oauth2.client_secret_file) {
        return Err(
            "at most one of oauth2 client_secret & client_secret_file must be configured".into()
        );
    }
    match oauth2.grant_type.as_str() {
        "" | "client_credentials" => {}
        JWT_BEARER => {
            let inline = !oauth2.client_certificate_key.is_empty();
            let file = is_set(&oauth2.client_certificate_key_file);
            if !inline && !file {
                return Err("oauth2 client_certificate_key or client_certificate_key_file must be configured for the JWT bearer grant type".into());
            }
            if inline && file {
                return Err("at most one of oauth2 client_certificate_key & client_certificate_key_file must be configured".into());
            }
            if !["", "RS256", "RS384", "RS512"].contains(&oauth2.signature_algorithm.as_str()) {
                return Err("valid signature algorithms are RS256, RS384 and RS512".into());
            }
        }
        other => return Err(format!("oauth2 grant_type {other:?} is not known")),
    }
    oauth2.proxy.check()
}

/// The grant of RFC 7523.
pub(crate) const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

fn check_sigv4(config: &mut SigV4Config) -> Result<(), String> {
    if config.access_key.is_empty() != config.secret_key.is_empty() {
        return Err("must provide a AWS SigV4 Access key and Secret Key if credentials are specified in the SigV4 config".into());
    }
    if !config.external_id.is_empty() && config.role_arn.is_empty() {
        return Err("external_id can only be used with role_arn".into());
    }
    Ok(())
}

fn check_azure(config: &mut AzureAdConfig) -> Result<(), String> {
    let ways = [
        config.managed_identity.is_some(),
        config.oauth.is_some(),
        config.workload_identity.is_some(),
        config.sdk.is_some(),
    ];
    match ways.into_iter().filter(|is_set| *is_set).count() {
        0 => return Err("must provide an Azure Managed Identity, Azure Workload Identity, Azure OAuth or Azure SDK in the Azure AD config".into()),
        1 => {}
        _ => return Err("cannot provide multiple authentication methods in the Azure AD config".into()),
    }
    if !["AzurePublic", "AzureChina", "AzureGovernment"].contains(&config.cloud.as_str()) {
        return Err("must provide a cloud in the Azure AD config: AzurePublic, AzureChina or AzureGovernment".into());
    }
    let needs = |what: &str, values: &[&str]| {
        let is_missing = values.iter().any(|value| value.is_empty());
        is_missing.then(|| format!("must provide {what} in the Azure AD config"))
    };
    let missing = match (&config.oauth, &config.workload_identity) {
        (Some(oauth), _) => needs(
            "an Azure OAuth client_id, client_secret and tenant_id",
            &[&oauth.client_id, oauth.client_secret.reveal(), &oauth.tenant_id],
        ),
        (_, Some(workload)) => needs(
            "an Azure Workload Identity client_id and tenant_id",
            &[&workload.client_id, &workload.tenant_id],
        ),
        _ => None,
    };
    missing.map_or(Ok(()), Err)
}

fn check_tls(tls: &mut TlsConfig) -> Result<(), String> {
    let pairs = [
        ("ca", !tls.ca.is_empty(), is_set(&tls.ca_file)),
        ("cert", !tls.cert.is_empty(), is_set(&tls.cert_file)),
        ("key", !tls.key.is_empty(), is_set(&tls.key_file)),
    ];
    for (name, inline, file) in pairs {
        if inline && file {
            return Err(format!("at most one of {name} and {name}_file must be configured"));
        }
    }
    let has_cert = !tls.cert.is_empty() || is_set(&tls.cert_file);
    let has_key = !tls.key.is_empty() || is_set(&tls.key_file);
    if has_cert && !has_key {
        return Err("exactly one of key or key_file must be configured when a client certificate is configured".into());
    }
    if has_key && !has_cert {
        return Err(
            "exactly one of cert or cert_file must be configured when a client key is configured"
                .into(),
        );
    }
    for version in [&tls.min_version, &tls.max_version] {
        if !matches!(version.as_str(), "" | "TLS10" | "TLS11" | "TLS12" | "TLS13") {
            return Err(format!("unknown TLS version: {version}"));
        }
    }
    Ok(())
}

impl ProxyConfig {
    fn check(&self) -> Result<(), String> {
        if !self.proxy_connect_header.is_empty()
            && !self.proxy_from_environment
            && self.proxy_url.is_empty()
        {
            return Err("if proxy_connect_header is configured, proxy_url or proxy_from_environment must also be configured".into());
        }
        if self.proxy_from_environment && !self.proxy_url.is_empty() {
            return Err(
                "if proxy_from_environment is configured, proxy_url must not be configured".into(),
            );
        }
        if self.proxy_from_environment && !self.no_proxy.is_empty() {
            return Err(
                "if proxy_from_environment is configured, no_proxy must not be configured".into()
            );
        }
        if self.proxy_url.is_empty() && !self.no_proxy.is_empty() {
            return Err("if no_proxy is configured, proxy_url must also be configured".into());
        }
        Ok(())
    }
}

impl HttpConfig {
    /// Checks what belongs together, and brings old forms into the new one.
    pub fn check(&mut self) -> Result<(), String> {
        let bearer = !self.bearer_token.is_empty();
        let bearer_file = is_set(&self.bearer_token_file);
        if bearer && bearer_file {
            return Err("at most one of bearer_token & bearer_token_file must be configured".into());
        }
        if (self.basic_auth.is_some() || self.oauth2.is_some()) && (bearer || bearer_file) {
            return Err("at most one of basic_auth, oauth2, bearer_token & bearer_token_file must be configured".into());
        }
        if self.authorization.is_some() {
            if bearer || bearer_file {
                return Err(
                    "authorization is not compatible with bearer_token & bearer_token_file".into(),
                );
            }
            if self.basic_auth.is_some() || self.oauth2.is_some() {
                return Err(
                    "at most one of basic_auth, oauth2 & authorization must be configured".into()
                );
            }
        } else if bearer || bearer_file {
            self.authorization = Some(Authorization {
                kind: "Bearer".to_owned(),
                credentials: std::mem::take(&mut self.bearer_token),
                credentials_file: std::mem::take(&mut self.bearer_token_file),
            });
        }
        if self.basic_auth.is_some() && self.oauth2.is_some() {
            return Err(
                "at most one of basic_auth, oauth2 & authorization must be configured".into()
            );
        }
        for name in self.http_headers.keys() {
            if RESERVED_HEADERS.iter().any(|reserved| reserved.eq_ignore_ascii_case(name)) {
                return Err(format!("setting header {name:?} is not allowed"));
            }
        }
        self.proxy.check()
    }
}

/// Headers that `http_headers` may not set, as in Prometheus.
const RESERVED_HEADERS: [&str; 13] = [
    "Authorization",
    "Host",
    "Content-Encoding",
    "Content-Length",
    "Content-Type",
    "User-Agent",
    "Connection",
    "Keep-Alive",
    "Proxy-Authenticate",
    "Proxy-Authorization",
    "Www-Authenticate",
    "Accept-Encoding",
    "X-Prometheus-Scrape-Timeout-Seconds",
];
