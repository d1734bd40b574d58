//! The client's side of mutual TLS. Owns which certificates are shown and trusted.

use std::fmt;

use tonic::transport::{Certificate, ClientTlsConfig, Identity};

/// Certificates in PEM: the client's own, and the authority that signs the nodes'.
#[derive(Clone)]
pub struct ClientTls {
    /// Signs the nodes' certificates; no other is trusted.
    pub authority: String,
    /// The client's certificate.
    pub certificate: String,
    /// Its private key.
    pub key: String,
    /// The name in the nodes' certificates, if it isn't the endpoint's host.
    pub server_name: Option<String>,
}

impl ClientTls {
    pub(crate) fn config(&self) -> ClientTlsConfig {
        let config = ClientTlsConfig::new()
            .ca_certificate(Certificate::from_pem(&self.authority))
            .identity(Identity::from_pem(&self.certificate, &self.key));
        match &self.server_name {
            Some(name) => config.domain_name(name),
            None => config,
        }
    }
}

impl fmt::Debug for ClientTls {
    /// Never the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientTls").field("server_name", &self.server_name).finish_non_exhaustive()
    }
}
