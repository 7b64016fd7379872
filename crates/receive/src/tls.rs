//! TLS for doors that do not speak HTTP.

use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};

/// What a door needs to speak TLS, as PEM.
#[derive(Debug, Clone, Copy)]
pub struct ServerTls<'a> {
    /// The chain of the door's certificate, its own first.
    pub certificate: &'a [u8],
    /// Its key.
    pub key: &'a [u8],
    /// Who signs senders' certificates, and whether they must have one. `None`: nobody asks.
    pub clients: Option<(&'a [u8], bool)>,
}

impl ServerTls<'_> {
    /// What connections are accepted with. An error says which of the three is wrong.
    pub fn config(&self) -> Result<Arc<ServerConfig>, String> {
        let chain = certificates(self.certificate).map_err(|e| format!("certificate: {e}"))?;
        let key =
            PrivateKeyDer::from_pem_slice(self.key).map_err(|error| format!("key: {error}"))?;
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?;
        let builder = match self.clients {
            None => builder.with_no_client_auth(),
            Some((authorities, is_required)) => {
                let wrong =
                    |error: &dyn std::fmt::Display| format!("certificate authorities: {error}");
                let mut roots = RootCertStore::empty();
                for authority in certificates(authorities).map_err(|error| wrong(&error))? {
                    roots.add(authority).map_err(|error| wrong(&error))?;
                }
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                let verifier =
                    if is_required { verifier } else { verifier.allow_unauthenticated() };
                builder.with_client_cert_verifier(verifier.build().map_err(|error| wrong(&error))?)
            }
        };
        let mut config = builder
            .with_single_cert(chain, key)
            .map_err(|error| format!("certificate and key: {error}"))?;
        // Senders of lines only write. Tickets for resumption would lie unread at their end when
        // they close, and closing a socket with unread data resets the connection: the kernel then
        // throws away what has arrived here and was not read yet.
        config.send_tls13_tickets = 0;
        Ok(Arc::new(config))
    }
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match read {
        Ok(chain) if chain.is_empty() => Err("there is no certificate in it".to_owned()),
        Ok(chain) => Ok(chain),
        Err(error) => Err(error.to_string()),
    }
}
