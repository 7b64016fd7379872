//! The client against servers with TLS.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use reqwest::header::HeaderMap;
use rustls::pki_types::PrivateKeyDer;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::TlsAcceptor;
use vigie_language::yaml::{Field as _, Node, Source};
use vigie_world::World;

use crate::{HttpAnswer, HttpClient, HttpConfig, HttpEnvironment, RequestLimits};

static ONLY_12: &[&SupportedProtocolVersion] = &[&rustls::version::TLS12];
static ONLY_13: &[&SupportedProtocolVersion] = &[&rustls::version::TLS13];

/// An authority that signs certificates for a test.
pub(crate) struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its key.
pub(crate) struct Signed {
    certificate: rcgen::Certificate,
    key: KeyPair,
    versions: &'static [&'static SupportedProtocolVersion],
    clients: Option<RootCertStore>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut parameters = CertificateParams::new(Vec::new()).unwrap();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = parameters.self_signed(&key).unwrap().pem();
        Self { pem, issuer: Issuer::new(parameters, key) }
    }

    pub(crate) fn server(&self, names: &[&str]) -> Signed {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let key = KeyPair::generate().unwrap();
        let parameters = CertificateParams::new(names).unwrap();
        let certificate = parameters.signed_by(&key, &self.issuer).unwrap();
        Signed { certificate, key, versions: rustls::ALL_VERSIONS, clients: None }
    }

    pub(crate) fn write_ca(&self, folder: &Path) -> PathBuf {
        let path = folder.join("ca.pem");
        std::fs::write(&path, &self.pem).unwrap();
        path
    }

    fn roots(&self) -> RootCertStore {
        use rustls::pki_types::pem::PemObject as _;
        let mut roots = RootCertStore::empty();
        let pem = rustls::pki_types::CertificateDer::from_pem_slice(self.pem.as_bytes()).unwrap();
        roots.add(pem).unwrap();
        roots
    }
}

impl Signed {
    pub(crate) fn config(self) -> Arc<ServerConfig> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(self.versions)
            .unwrap();
        let builder = match self.clients {
            None => builder.with_no_client_auth(),
            Some(roots) => builder.with_client_cert_verifier(
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                    .build()
                    .unwrap(),
            ),
        };
        let key = PrivateKeyDer::try_from(self.key.serialize_der()).unwrap();
        Arc::new(builder.with_single_cert(vec![self.certificate.der().clone()], key).unwrap())
    }
}

/// A server that answers everything with `body`.
pub(crate) async fn serve_tls(config: Arc<ServerConfig>, body: &'static str) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let acceptor = TlsAcceptor::from(config);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                let mut request = [0; 4096];
                if stream.read(&mut request).await.unwrap_or(0) == 0 {
                    return;
                }
                let length = body.len();
                let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{body}");
                stream.write_all(answer.as_bytes()).await.ok();
                stream.shutdown().await.ok();
            });
        }
    });
    address
}

async fn ask(tls_config: &str, url: &str) -> Result<String, String> {
    let source = Source::default();
    let yaml = format!("tls_config: {{{tls_config}}}\n");
    let config = HttpConfig::read(&Node::parse(&yaml, &source).unwrap(), &source).unwrap();
    let client = HttpClient::new(&config, &HttpEnvironment::default(), &World::real())
        .map_err(|error| error.to_string())?;
    let limits = RequestLimits { body_bytes: 10_000, timeout: Duration::from_secs(5) };
    let answer = client.get(url, HeaderMap::new(), limits).await;
    let answer = answer.and_then(HttpAnswer::success).map_err(|error| error.to_string())?;
    Ok(String::from_utf8_lossy(&answer.body).into_owned())
}

#[tokio::test]
async fn the_server_must_have_a_certificate_of_the_authority_and_of_its_name() {
    let authority = Authority::new();
    let folder = tempfile::tempdir().unwrap();
    let ca = format!("ca_file: {}", authority.write_ca(folder.path()).display());
    let other = tempfile::tempdir().unwrap();
    let foreign = format!("ca_file: {}", Authority::new().write_ca(other.path()).display());
    let address = serve_tls(authority.server(&["127.0.0.1"]).config(), "by address").await;
    let named = serve_tls(authority.server(&["name.test"]).config(), "by name").await;
    let (url, named) = (format!("https://{address}/"), format!("https://{named}/"));
    assert_eq!(ask(&ca, &url).await.unwrap(), "by address");
    assert!(ask(&foreign, &url).await.is_err(), "another authority");
    assert!(ask("", &url).await.is_err(), "the system's authorities");
    assert!(ask(&ca, &named).await.is_err(), "another name");
    let renamed = format!("{ca}, server_name: name.test");
    assert_eq!(ask(&renamed, &named).await.unwrap(), "by name");
    assert!(ask(&format!("{ca}, server_name: else.test"), &named).await.is_err());
    assert_eq!(ask("insecure_skip_verify: true", &named).await.unwrap(), "by name");
    let error = ask("ca_file: /no/such/file", &url).await.unwrap_err();
    assert!(error.contains("/no/such/file"), "{error}");
}

#[tokio::test]
async fn our_certificate_is_shown_to_a_server_that_asks() {
    let authority = Authority::new();
    let folder = tempfile::tempdir().unwrap();
    let ca = format!("ca_file: {}", authority.write_ca(folder.path()).display());
    let mut server = authority.server(&["127.0.0.1"]);
    server.clients = Some(authority.roots());
    let url = format!("https://{}/", serve_tls(server.config(), "known").await);
    assert!(ask(&ca, &url).await.is_err(), "no certificate");
    let ours = authority.server(&["client"]);
    let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    std::fs::write(&cert, ours.certificate.pem()).unwrap();
    std::fs::write(&key, ours.key.serialize_pem()).unwrap();
    let with = format!("{ca}, cert_file: {}, key_file: {}", cert.display(), key.display());
    assert_eq!(ask(&with, &url).await.unwrap(), "known");
    let renamed = format!("{with}, server_name: 127.0.0.1");
    assert_eq!(ask(&renamed, &url).await.unwrap(), "known");
}

#[tokio::test]
async fn versions_are_bounded() {
    let authority = Authority::new();
    let folder = tempfile::tempdir().unwrap();
    let ca = format!("ca_file: {}", authority.write_ca(folder.path()).display());
    let mut server = authority.server(&["127.0.0.1"]);
    server.versions = ONLY_12;
    let url = format!("https://{}/", serve_tls(server.config(), "old").await);
    assert_eq!(ask(&format!("{ca}, min_version: TLS12"), &url).await.unwrap(), "old");
    assert!(ask(&format!("{ca}, min_version: TLS13"), &url).await.is_err());
    let mut server = authority.server(&["127.0.0.1"]);
    server.versions = ONLY_13;
    let url = format!("https://{}/", serve_tls(server.config(), "new").await);
    assert_eq!(ask(&ca, &url).await.unwrap(), "new");
    assert!(ask(&format!("{ca}, max_version: TLS12"), &url).await.is_err());
}
