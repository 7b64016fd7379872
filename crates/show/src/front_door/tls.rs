//! The TLS side of `web-config.yml`.
//!
//! TLS 1.2 and 1.3 only: `min_version: TLS10` or `TLS11` is read as TLS 1.2.

use std::path::Path;
use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, ring};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    DigitallySignedStruct, DistinguishedName, NamedGroup, RootCertStore, ServerConfig,
    SignatureScheme, SupportedProtocolVersion,
};

use super::web_config::TlsServerConfig;
use crate::ShowError;

/// Why a configuration gives no TLS.
#[derive(Debug)]
pub(super) enum TlsError {
    Read(ShowError),
    Wrong(String),
}

/// Reads a file that the configuration names.
pub(super) type ReadFile<'a> = &'a mut dyn FnMut(&Path) -> Result<Vec<u8>, ShowError>;

/// Makes what connections are accepted with.
pub(super) fn server_config(
    config: &TlsServerConfig,
    http2: bool,
    read: ReadFile<'_>,
) -> Result<Arc<ServerConfig>, TlsError> {
    let certificate = content("cert_file", config.cert.as_deref(), config.cert_file.as_deref());
    let key = content("key_file", config.key.as_deref(), config.key_file.as_deref());
    let (certificate, key) = (certificate?, key?);
    let chain = certificates(&certificate.read(read)?, "cert_file")?;
    let key = PrivateKeyDer::from_pem_slice(&key.read(read)?)
        .map_err(|error| wrong(format!("key_file: {error}")))?;
    let provider = Arc::new(provider(config)?);
    let verifier = client_verifier(config, &provider, read)?;
    let mut made = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&versions(config)?)
        .map_err(|error| wrong(error.to_string()))?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)
        .map_err(|error| wrong(format!("cert_file and key_file: {error}")))?;
    if http2 {
        made.alpn_protocols.push(b"h2".to_vec());
    }
    made.alpn_protocols.push(b"http/1.1".to_vec());
    Ok(Arc::new(made))
}

fn wrong(detail: impl Into<String>) -> TlsError {
    TlsError::Wrong(detail.into())
}

/// Something given in the file itself or in another.
enum Content<'a> {
    Inline(&'a str),
    File(&'a Path),
}

impl Content<'_> {
    fn read(&self, read: ReadFile<'_>) -> Result<Vec<u8>, TlsError> {
        match self {
            Self::Inline(text) => Ok(text.as_bytes().to_vec()),
            Self::File(path) => read(path).map_err(TlsError::Read),
        }
    }
}

fn content<'a>(
    option: &str,
    inline: Option<&'a str>,
    file: Option<&'a Path>,
) -> Result<Content<'a>, TlsError> {
    match (inline, file) {
        (Some(text), None) => Ok(Content::Inline(text)),
        (None, Some(path)) => Ok(Content::File(path)),
        (None, None) => Err(wrong(format!("tls_server_config: missing {option}"))),
        (Some(_), Some(_)) => {
            Err(wrong(format!("tls_server_config: {option} is given inline and as a file")))
        }
    }
}

fn certificates(pem: &[u8], option: &str) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let chain = read.map_err(|error| wrong(format!("{option}: {error}")))?;
    if chain.is_empty() {
        return Err(wrong(format!("{option}: there is no certificate in it")));
    }
    Ok(chain)
}

/// The suites and groups that are asked for; TLS 1.3's suites cannot be left out, as in Go.
fn provider(config: &TlsServerConfig) -> Result<CryptoProvider, TlsError> {
    let mut provider = ring::default_provider();
    if !config.cipher_suites.is_empty() {
        let known: Vec<String> =
            provider.cipher_suites.iter().map(|s| format!("{:?}", s.suite())).collect();
        for name in &config.cipher_suites {
            if !known.iter().any(|known| suite_name(known) == name) {
                return Err(wrong(format!("unknown cipher: {name}")));
            }
        }
        provider.cipher_suites.retain(|suite| {
            let name = format!("{:?}", suite.suite());
            suite.tls13().is_some() || config.cipher_suites.iter().any(|n| n == suite_name(&name))
        });
    }
    if !config.curve_preferences.is_empty() {
        let groups: Result<Vec<NamedGroup>, TlsError> =
            config.curve_preferences.iter().map(|name| group(name)).collect();
        let groups = groups?;
        provider.kx_groups.retain(|known| groups.contains(&known.name()));
        provider.kx_groups.sort_by_key(|known| groups.iter().position(|g| *g == known.name()));
        if provider.kx_groups.is_empty() {
            return Err(wrong("curve_preferences: none of them is supported"));
        }
    }
    Ok(provider)
}

/// Go calls `TLS_AES_128_GCM_SHA256` what rustls calls `TLS13_AES_128_GCM_SHA256`.
fn suite_name(rustls_name: &str) -> &str {
    match rustls_name {
        "TLS13_AES_128_GCM_SHA256" => "TLS_AES_128_GCM_SHA256",
        "TLS13_AES_256_GCM_SHA384" => "TLS_AES_256_GCM_SHA384",
        "TLS13_CHACHA20_POLY1305_SHA256" => "TLS_CHACHA20_POLY1305_SHA256",
        other => other,
    }
}

fn group(name: &str) -> Result<NamedGroup, TlsError> {
    match name {
        "CurveP256" => Ok(NamedGroup::secp256r1),
        "CurveP384" => Ok(NamedGroup::secp384r1),
        "CurveP521" => Ok(NamedGroup::secp521r1),
        "X25519" => Ok(NamedGroup::X25519),
        _ => Err(wrong(format!("unknown curve: {name}"))),
    }
}

fn versions(config: &TlsServerConfig) -> Result<Vec<&'static SupportedProtocolVersion>, TlsError> {
    let number = |name: &str, default: u8| match name {
        "" => Ok(default),
        "TLS10" | "TLS11" | "TLS12" => Ok(12),
        "TLS13" => Ok(13),
        other => Err(wrong(format!("unknown TLS version: {other}"))),
    };
    let (lowest, highest) = (number(&config.min_version, 12)?, number(&config.max_version, 13)?);
    let known = [(12, &rustls::version::TLS12), (13, &rustls::version::TLS13)];
    let wanted = known.into_iter().filter(|(n, _)| (lowest..=highest).contains(n));
    let wanted: Vec<_> = wanted.map(|(_, version)| version).collect();
    if wanted.is_empty() { Err(wrong("min_version is above max_version")) } else { Ok(wanted) }
}

fn client_verifier(
    config: &TlsServerConfig,
    provider: &Arc<CryptoProvider>,
    read: ReadFile<'_>,
) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let any = |required| -> Arc<dyn ClientCertVerifier> {
        let algorithms = provider.signature_verification_algorithms;
        Arc::new(AnyCertificate { required, algorithms })
    };
    let has_authority = config.client_ca.is_some() || config.client_ca_file.is_some();
    let optional = match config.client_auth_type.as_str() {
        "" | "NoClientCert" if has_authority => {
            return Err(wrong("client CA's have been configured without a client_auth_type"));
        }
        "" | "NoClientCert" => return Ok(WebPkiClientVerifier::no_client_auth()),
        "RequestClientCert" => return Ok(any(false)),
        "RequireAnyClientCert" | "RequireClientCert" => return Ok(any(true)),
        "VerifyClientCertIfGiven" => true,
        "RequireAndVerifyClientCert" => false,
        other => return Err(wrong(format!("invalid client_auth_type: {other:?}"))),
    };
    let authority =
        content("client_ca_file", config.client_ca.as_deref(), config.client_ca_file.as_deref())?;
    let mut roots = RootCertStore::empty();
    for certificate in certificates(&authority.read(read)?, "client_ca_file")? {
        roots.add(certificate).map_err(|error| wrong(format!("client_ca_file: {error}")))?;
    }
    let builder =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
    let builder = if optional { builder.allow_unauthenticated() } else { builder };
    let verifier: Arc<dyn ClientCertVerifier> =
        builder.build().map_err(|error| wrong(format!("client_ca_file: {error}")))?;
    Ok(verifier)
}

/// Takes any certificate whose key the client holds: Go's `RequestClientCert` and
/// `RequireAnyClientCert`, which ask for one without asking who signed it.
#[derive(Debug)]
struct AnyCertificate {
    required: bool,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ClientCertVerifier for AnyCertificate {
    fn client_auth_mandatory(&self) -> bool {
        self.required
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
