//! The handle, and how it connects. Owns the channel's settings and the credentials on each call.

use std::net::IpAddr;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::Uri;
use model::{Clock, SystemClock};
use proto::api::request_id_to_wire;
use proto::generated::api::access_client::AccessClient;
use proto::generated::api::branches_client::BranchesClient;
use proto::generated::api::commits_client::CommitsClient;
use proto::generated::api::diffs_client::DiffsClient;
use proto::generated::api::fsck_client::FsckClient;
use proto::generated::api::imports_client::ImportsClient;
use proto::generated::api::jobs_client::JobsClient;
use proto::generated::api::merges_client::MergesClient;
use proto::generated::api::objects_client::ObjectsClient;
use proto::generated::api::refs_client::RefsClient;
use proto::generated::api::replays_client::ReplaysClient;
use proto::generated::api::repositories_client::RepositoriesClient;
use proto::generated::api::server_client::ServerClient;
use proto::generated::api::tags_client::TagsClient;
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use tonic::{Code, GrpcMethod, Request, Status};

use crate::{Credentials, Error, Reason};

/// Until a connection stands.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How often an open call asks whether the server still lives, and how long it waits for the answer.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(20);
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(20);
/// The largest answer taken: 1,000 conflicts, each with three objects of long paths and much metadata.
const ANSWER_BYTES_MAX: usize = 32 << 20;
/// How much of a body may be under way before its reader is asked.
const STREAM_WINDOW_BYTES: u32 = 2 << 20;
const CONNECTION_WINDOW_BYTES: u32 = 8 << 20;

pub(crate) type Connection = InterceptedService<Channel, Authorize>;

/// A Lakebed server, seen by one caller. Cheap to clone; clones share a connection.
#[derive(Debug, Clone)]
pub struct Lakebed {
    connection: Connection,
}

/// What a connection may need beside its endpoint.
#[derive(Debug, Clone, Default)]
pub struct ConnectOptions {
    /// Certificate authorities (PEM) to trust for https, instead of the system's.
    pub ca_certificate_pem: Option<String>,
    /// Sends tokens over plain HTTP to other machines too, where the network can read them.
    pub allow_plain_http: bool,
}

/// Returns whether what goes to an endpoint and comes from there is safe from the network: it is encrypted, or stays on this
/// machine.
pub fn is_private(endpoint: &str) -> bool {
    let Ok(uri) = endpoint.parse::<Uri>() else { return false };
    let host = uri.host().unwrap_or_default();
    let is_here = host.eq_ignore_ascii_case("localhost")
        || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    match uri.scheme_str() {
        Some("https") => true,
        Some("http") => is_here,
        _ => false,
    }
}

impl Lakebed {
    /// Connects to `http://host:port` or `https://host:port`. Credentials aren't checked before the first call.
    pub async fn connect(endpoint: &str, credentials: Credentials) -> Result<Self, Error> {
        Self::connect_with(endpoint, credentials, ConnectOptions::default()).await
    }

    /// Connects with options.
    pub async fn connect_with(
        endpoint: &str,
        credentials: Credentials,
        options: ConnectOptions,
    ) -> Result<Self, Error> {
        let authorize = Authorize::new(endpoint, &credentials, &options)?;
        let channel = endpoint_of(endpoint, options)?.connect().await;
        Ok(Self::over(channel.map_err(|error| Error::unreachable(endpoint, &error))?, authorize))
    }

    /// Makes a handle that connects with its first call, and again whenever the connection is gone.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn connect_lazy(endpoint: &str, credentials: &Credentials, options: ConnectOptions) -> Result<Self, Error> {
        let authorize = Authorize::new(endpoint, credentials, &options)?;
        Ok(Self::over(endpoint_of(endpoint, options)?.connect_lazy(), authorize))
    }

    fn over(channel: Channel, authorize: Authorize) -> Self {
        Self { connection: InterceptedService::new(channel, authorize) }
    }

    pub(crate) fn access(&self) -> AccessClient<Connection> {
        AccessClient::new(self.connection.clone()).max_decoding_message_size(ANSWER_BYTES_MAX)
    }

    pub(crate) fn repositories(&self) -> RepositoriesClient<Connection> {
        RepositoriesClient::new(self.connection.clone()).max_decoding_message_size(ANSWER_BYTES_MAX)
    }

    pub(crate) fn branches(&self) -> BranchesClient<Connection> {
        BranchesClient::new(self.connection.clone()).max_decoding_message_size(ANSWER_BYTES_MAX)
    }

    pub(crate) fn tags(&self) -> TagsClient<Connection> {
        TagsClient::new(self.connection.clone()).max_decoding_message_size(ANSWER_BYTES_MAX)
    }

    pub(crate) fn commits(&self) -> CommitsClient<Connection> {
        CommitsClient::new(self.connection.clone()).max_decoding_message_size(ANSWER_BYTES_MAX)
    }

    pub(crate) fn diffs(&self) -> DiffsClient<Connection> {
        DiffsClient::new(self.connection.clone()).max_decoding_message_size(ANSWER_BYTES_MAX)
    }

    pub(crate) fn merges(&self) -> MergesClient<Connection> {
        MergesClient::new(self.connection.clone()).max_decoding_message_size(ANSWER_BYTES_MAX)
    }

    pub(crate) fn replays(&self) -> ReplaysClient<Connection> {
        ReplaysClient::new(self.connection.clone()).max_decoding_message_size(ANSWER_BYTES_MAX)
    }

    pub(crate) fn fsck(&self) -> FsckClient<Connection> {
        FsckClient::new(self.connection.clone()).max_decoding_message_size(ANSWER_BYTES_MAX)
    }

    pub(crate) fn refs(&self) -> RefsClient<Connection> {
        RefsClient::new(self.connection.clone()).max_decoding_message_size(ANSWER_BYTES_MAX)
    }

    pub(crate) fn imports(&self) -> ImportsClient<Connection> {
        ImportsClient::new(self.connection.clone()).max_decoding_message_size(ANSWER_BYTES_MAX)
    }

    pub(crate) fn jobs_client(&self) -> JobsClient<Connection> {
        JobsClient::new(self.connection.clone()).max_decoding_message_size(ANSWER_BYTES_MAX)
    }

    pub(crate) fn objects(&self) -> ObjectsClient<Connection> {
        ObjectsClient::new(self.connection.clone()).max_decoding_message_size(ANSWER_BYTES_MAX)
    }

    pub(crate) fn server(&self) -> ServerClient<Connection> {
        ServerClient::new(self.connection.clone()).max_decoding_message_size(ANSWER_BYTES_MAX)
    }
}

/// Puts the credentials' proof onto each call.
#[derive(Clone, Debug)]
pub(crate) struct Authorize {
    credentials: Credentials,
    /// Host and port as calls carry them.
    host: String,
}

impl Authorize {
    /// Refuses to send a token where the network could read it.
    fn new(endpoint: &str, credentials: &Credentials, options: &ConnectOptions) -> Result<Self, Error> {
        if credentials.is_sent() && !is_private(endpoint) && !options.allow_plain_http {
            let message = format!(
                "a token would go to {endpoint} unencrypted, where the network can read it: use https://, or allow plain \
                 HTTP for it"
            );
            return Err(Error::local(Code::InvalidArgument, Reason::InvalidArgument, message));
        }
        let uri = endpoint.parse::<Uri>().ok();
        let host = uri.and_then(|uri| uri.authority().map(ToString::to_string)).unwrap_or_default();
        Ok(Self { credentials: credentials.clone(), host })
    }
}

impl Interceptor for Authorize {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let method = request.extensions().get::<GrpcMethod<'_>>();
        let method = method.ok_or_else(|| Status::internal("the client doesn't say which method it calls"))?;
        let path = format!("/{}/{}", method.service(), method.method());
        self.credentials.prove(request.metadata_mut(), &self.host, &path, SystemClock.now());
        Ok(request)
    }
}

/// Draws a request id, by which the server knows a retry.
pub(crate) fn new_request_id() -> Bytes {
    request_id_to_wire(crate::new_request())
}

fn endpoint_of(text: &str, options: ConnectOptions) -> Result<Endpoint, Error> {
    let invalid = |why: &str| {
        let message = format!("the endpoint {text:?} can't be used: {why}; give one like http://127.0.0.1:8000");
        Error::local(Code::InvalidArgument, Reason::InvalidArgument, message)
    };
    let endpoint = Endpoint::from_shared(text.to_owned()).map_err(|_| invalid("it isn't a URL"))?;
    if endpoint.uri().authority().is_none_or(|authority| authority.as_str().contains('@')) {
        return Err(invalid("it must name a host, and no user"));
    }
    let endpoint = match endpoint.uri().scheme_str() {
        Some("http") => endpoint,
        Some("https") => {
            let tls = ClientTlsConfig::new().ca_certificates(authorities(options));
            endpoint.tls_config(tls).map_err(|error| invalid(&error.to_string()))?
        }
        _ => return Err(invalid("its scheme is neither http nor https")),
    };
    Ok(endpoint
        .connect_timeout(CONNECT_TIMEOUT)
        .tcp_nodelay(true)
        .http2_keep_alive_interval(KEEP_ALIVE_INTERVAL)
        .keep_alive_timeout(KEEP_ALIVE_TIMEOUT)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES))
}

/// Whom to trust: the given authorities, or the system's. Ones that can't be read are left out, as others do; without
/// the one that is needed the handshake fails and says so.
fn authorities(options: ConnectOptions) -> Vec<Certificate> {
    match options.ca_certificate_pem {
        Some(pem) => vec![Certificate::from_pem(pem)],
        None => rustls_native_certs::load_native_certs().certs.iter().map(|der| to_pem(der)).collect(),
    }
}

fn to_pem(der: &[u8]) -> Certificate {
    let text = STANDARD.encode(der);
    let lines: Vec<_> = text.as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line)).collect();
    Certificate::from_pem(format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_is_what_is_encrypted_or_stays_here() {
        for private in ["https://lake.example", "http://localhost:8000", "http://127.3.2.1:8000", "http://[::1]:8000"] {
            assert!(is_private(private), "{private}");
        }
        for open in
            ["http://lake.example", "http://10.0.0.1:8000", "http://localhost.example", "http://[::2]", "localhost"]
        {
            assert!(!is_private(open), "{open}");
        }
    }

    #[tokio::test]
    async fn a_token_isn_t_sent_in_the_open_unless_it_is_allowed() {
        let connect = |endpoint, credentials, allow_plain_http| {
            let options = ConnectOptions { allow_plain_http, ..ConnectOptions::default() };
            Lakebed::connect_lazy(endpoint, &credentials, options).map(|_| ())
        };
        let (token, key) = (|| Credentials::bearer("t"), || Credentials::new("AK", "secret"));
        let refused = connect("http://10.0.0.1:8000", token(), false).unwrap_err();
        assert!(refused.message.contains("unencrypted"), "{refused}");
        connect("http://10.0.0.1:8000", token(), true).unwrap();
        connect("http://127.0.0.1:8000", token(), false).unwrap();
        connect("http://10.0.0.1:8000", key(), false).expect("a key's secret isn't sent");
    }
}
