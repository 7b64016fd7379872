//! TLS of a client: authorities, our certificate, versions, and another server name.

#[cfg(test)]
pub(crate) mod tests;

use std::path::Path;
use std::sync::Arc;

use reqwest::{Certificate, ClientBuilder, Identity};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use vigie_world::World;

use crate::HttpError;
use crate::config::TlsConfig;

/// The certificate texts of a configuration, files read.
#[derive(Debug, Default)]
struct Material {
    ca: Option<Vec<u8>>,
    cert: Option<Vec<u8>>,
    key: Option<Vec<u8>>,
}

/// Applies `tls` to `builder`.
pub(super) fn apply(
    builder: ClientBuilder,
    tls: &TlsConfig,
    world: &World,
) -> Result<ClientBuilder, HttpError> {
    let material = Material {
        ca: text_or_file("CA", tls.ca.as_bytes(), &tls.ca_file, world)?,
        cert: text_or_file("client certificate", tls.cert.as_bytes(), &tls.cert_file, world)?,
        key: text_or_file("client key", tls.key.reveal().as_bytes(), &tls.key_file, world)?,
    };
    if !tls.server_name.is_empty() && !tls.insecure_skip_verify {
        return Ok(builder.tls_backend_preconfigured(renamed(tls, &material)?));
    }
    let mut builder = builder.tls_danger_accept_invalid_certs(tls.insecure_skip_verify);
    if let Some(ca) = &material.ca {
        let certificates = Certificate::from_pem_bundle(ca).map_err(|error| {
            HttpError::Setup(format!("unable to use specified CA cert: {error}"))
        })?;
        if certificates.is_empty() {
            return Err(HttpError::Setup("unable to use specified CA cert: it has none".into()));
        }
        builder = builder.tls_certs_only(certificates);
    }
    if let (Some(cert), Some(key)) = (&material.cert, &material.key) {
        let mut pem = key.clone();
        pem.push(b'\n');
        pem.extend_from_slice(cert);
        builder = builder.identity(
            Identity::from_pem(&pem)
                .map_err(|error| HttpError::Setup(format!("client certificate: {error}")))?,
        );
    }
    if let Some(version) = version(&tls.min_version) {
        builder = builder.tls_version_min(version);
    }
    if let Some(version) = version(&tls.max_version) {
        builder = builder.tls_version_max(version);
    }
    Ok(builder)
}

/// Versions before 1.2 are gone from the TLS library; they are read as 1.2.
fn version(name: &str) -> Option<reqwest::tls::Version> {
    match name {
        "" => None,
        "TLS13" => Some(reqwest::tls::Version::TLS_1_3),
        _ => Some(reqwest::tls::Version::TLS_1_2),
    }
}

fn text_or_file(
    what: &str,
    text: &[u8],
    file: &Path,
    world: &World,
) -> Result<Option<Vec<u8>>, HttpError> {
    if !text.is_empty() {
        return Ok(Some(text.to_vec()));
    }
    if file.as_os_str().is_empty() {
        return Ok(None);
    }
    let read = world.disk.read(file);
    let bytes = read.map_err(|error| {
        HttpError::Setup(format!("unable to read {what} file {}: {error}", file.display()))
    })?;
    Ok(Some(bytes))
}

/// A TLS configuration for a protocol other than HTTP. The caller says whom it talks to: the
/// configuration's `server_name`, or the host.
pub fn tls_client_config(tls: &TlsConfig, world: &World) -> Result<ClientConfig, HttpError> {
    let setup = |error: &dyn std::fmt::Display| HttpError::Setup(format!("tls_config: {error}"));
    let material = Material {
        ca: text_or_file("CA", tls.ca.as_bytes(), &tls.ca_file, world)?,
        cert: text_or_file("client certificate", tls.cert.as_bytes(), &tls.cert_file, world)?,
        key: text_or_file("client key", tls.key.reveal().as_bytes(), &tls.key_file, world)?,
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(versions(tls))
        .map_err(|error| setup(&error))?;
    let builder = if tls.insecure_skip_verify {
        builder.dangerous().with_custom_certificate_verifier(Arc::new(Unchecked(provider)))
    } else {
        builder.with_root_certificates(roots(&material)?)
    };
    with_our_certificate(builder, &material)
}

static ONLY_12: [&rustls::SupportedProtocolVersion; 1] = [&rustls::version::TLS12];
static ONLY_13: [&rustls::SupportedProtocolVersion; 1] = [&rustls::version::TLS13];

fn versions(tls: &TlsConfig) -> &'static [&'static rustls::SupportedProtocolVersion] {
    let only_13 = tls.min_version == "TLS13";
    let only_12 = matches!(tls.max_version.as_str(), "TLS10" | "TLS11" | "TLS12");
    match (only_12, only_13) {
        (true, _) => &ONLY_12,
        (_, true) => &ONLY_13,
        _ => rustls::ALL_VERSIONS,
    }
}

fn roots(material: &Material) -> Result<RootCertStore, HttpError> {
    let setup = |error: &dyn std::fmt::Display| HttpError::Setup(format!("tls_config: {error}"));
    let mut roots = RootCertStore::empty();
    let Some(ca) = &material.ca else {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        return Ok(roots);
    };
    for certificate in CertificateDer::pem_slice_iter(ca) {
        let certificate = certificate.map_err(|error| setup(&error))?;
        roots.add(certificate).map_err(|error| setup(&error))?;
    }
    Ok(roots)
}

fn with_our_certificate(
    builder: rustls::ConfigBuilder<ClientConfig, rustls::client::WantsClientCert>,
    material: &Material,
) -> Result<ClientConfig, HttpError> {
    let setup = |error: &dyn std::fmt::Display| HttpError::Setup(format!("tls_config: {error}"));
    let (Some(cert), Some(key)) = (&material.cert, &material.key) else {
        return Ok(builder.with_no_client_auth());
    };
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(cert).collect();
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| setup(&error))?;
    builder
        .with_client_auth_cert(chain.map_err(|error| setup(&error))?, key)
        .map_err(|error| setup(&error))
}

/// A TLS configuration that checks the server's certificate against another name than the
/// address's: the HTTP client has no setting for that.
fn renamed(tls: &TlsConfig, material: &Material) -> Result<ClientConfig, HttpError> {
    let setup = |error: &dyn std::fmt::Display| HttpError::Setup(format!("tls_config: {error}"));
    let roots = roots(material)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let inner = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
        .build()
        .map_err(|error| setup(&error))?;
    let name = ServerName::try_from(tls.server_name.clone()).map_err(|error| setup(&error))?;
    let versions = versions(tls);
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .map_err(|error| setup(&error))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Renamed { inner, name }));
    with_our_certificate(builder, material)
}

#[derive(Debug)]
struct Renamed {
    inner: Arc<WebPkiServerVerifier>,
    name: ServerName<'static>,
}

impl ServerCertVerifier for Renamed {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        self.inner.verify_server_cert(end_entity, intermediates, &self.name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls12_signature(message, cert, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls13_signature(message, cert, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

/// Takes any certificate, as `insecure_skip_verify` asks.
#[derive(Debug)]
struct Unchecked(Arc<rustls::crypto::CryptoProvider>);

impl ServerCertVerifier for Unchecked {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
