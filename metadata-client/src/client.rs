//! The client. Owns the endpoints, which of them is asked first, and the loop of tries.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use model::{Answer, Command, MetaError, MetaStore, Outcome, Query};
use proto::generated::metadata::meta_service_client::MetaServiceClient;
use proto::generated::metadata::{ReadRequest, ReadResponse, WriteRequest, WriteResponse};
use proto::metadata::status::{LEADER_HEADER, MESSAGE_BYTES_MAX, from_status};
use proto::metadata::{DecodeError, Wire as _};
use tonic::transport::{Channel, Endpoint, Uri};
use tonic::{Response, Status};

use crate::retry::{TRIES_MAX, is_repeatable, may_retry, wait};
use crate::tls::ClientTls;

/// How long a client waits.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// For a connection.
    pub connect_timeout: Duration,
    /// For one try of a call.
    pub request_timeout: Duration,
    /// Between two signs of life on an idle connection.
    pub keep_alive: Duration,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(2),
            request_timeout: Duration::from_secs(35),
            keep_alive: Duration::from_secs(10),
        }
    }
}

/// A `MetaStore` over gRPC: connects when first used, and asks the endpoint that answered last.
pub struct MetadataClient {
    nodes: Vec<Node>,
    preferred: AtomicUsize,
}

struct Node {
    uri: Uri,
    service: MetaServiceClient<Channel>,
}

impl MetadataClient {
    /// Makes a client of these endpoints with the usual waits.
    ///
    /// # Errors
    /// When there is no endpoint, or the certificates can't be used. Nothing is connected yet.
    pub fn connect(endpoints: &[Uri], tls: Option<&ClientTls>) -> Result<Self, MetaError> {
        Self::connect_with(endpoints, tls, &ClientOptions::default())
    }

    /// Makes a client of these endpoints.
    ///
    /// # Errors
    /// As [`MetadataClient::connect`].
    pub fn connect_with(
        endpoints: &[Uri],
        tls: Option<&ClientTls>,
        options: &ClientOptions,
    ) -> Result<Self, MetaError> {
        if endpoints.is_empty() {
            return Err(MetaError::Internal("no endpoint of the metadata service was given".into()));
        }
        let nodes = endpoints.iter().map(|uri| Node::new(uri, tls, options)).collect::<Result<_, _>>()?;
        Ok(Self { nodes, preferred: AtomicUsize::new(0) })
    }

    /// Calls one node after the other until one answers or the tries are used up.
    async fn call<T, F>(&self, repeatable: bool, call: impl Fn(MetaServiceClient<Channel>) -> F) -> Result<T, MetaError>
    where
        F: Future<Output = Result<Response<T>, Status>>,
    {
        let mut attempt = 0;
        let mut may_be_done = false;
        loop {
            let at = self.preferred.load(Ordering::Relaxed) % self.nodes.len();
            let status = match call(self.nodes[at].service.clone()).await {
                Ok(response) => return Ok(response.into_inner()),
                Err(status) => status,
            };
            let error = match from_status(&status) {
                // This try wasn't carried out, but an earlier one may have been.
                MetaError::Unavailable(text) if may_be_done => MetaError::OutcomeUnknown(text),
                error => error,
            };
            may_be_done |= matches!(error, MetaError::OutcomeUnknown(_));
            attempt += 1;
            self.prefer(self.leader_of(&status).unwrap_or(at + 1), at);
            if attempt >= TRIES_MAX || !may_retry(&error, repeatable) {
                return Err(self.at(&self.nodes[at], error));
            }
            tracing::debug!(node = %self.nodes[at].uri, %error, attempt, "asking again");
            tokio::time::sleep(wait(attempt)).await;
        }
    }

    /// The endpoint that a node named as the leader's, if it is one of ours.
    fn leader_of(&self, status: &Status) -> Option<usize> {
        let named: Uri = status.metadata().get(LEADER_HEADER)?.to_str().ok()?.parse().ok()?;
        self.nodes.iter().position(|node| node.uri == named)
    }

    /// Asks `next` first from now on, unless another call has moved on from `at` already.
    fn prefer(&self, next: usize, at: usize) {
        let next = next % self.nodes.len();
        // Losing this race is fine: the other call has chosen.
        self.preferred.compare_exchange(at, next, Ordering::Relaxed, Ordering::Relaxed).ok();
    }

    /// Says who was asked.
    fn at(&self, node: &Node, error: MetaError) -> MetaError {
        let with = |text: String| format!("{} says: {text}", node.uri);
        match error {
            MetaError::Refused(refusal) => MetaError::Refused(refusal),
            MetaError::OutcomeUnknown(text) => MetaError::OutcomeUnknown(with(text)),
            MetaError::Unavailable(text) => MetaError::Unavailable(with(text)),
            MetaError::Internal(text) => MetaError::Internal(with(text)),
        }
    }
}

impl Node {
    fn new(uri: &Uri, tls: Option<&ClientTls>, options: &ClientOptions) -> Result<Self, MetaError> {
        let unusable = |error: tonic::transport::Error| {
            let why = std::error::Error::source(&error).map(|source| format!(": {source}")).unwrap_or_default();
            MetaError::Internal(format!("endpoint {uri} of the metadata service can't be used: {error}{why}"))
        };
        let mut endpoint = Endpoint::from(uri.clone())
            .connect_timeout(options.connect_timeout)
            .timeout(options.request_timeout)
            .tcp_nodelay(true)
            .http2_keep_alive_interval(options.keep_alive)
            .keep_alive_while_idle(true);
        if let Some(tls) = tls {
            endpoint = endpoint.tls_config(tls.config()).map_err(unusable)?;
        }
        let service = MetaServiceClient::new(endpoint.connect_lazy())
            .max_decoding_message_size(MESSAGE_BYTES_MAX)
            .max_encoding_message_size(MESSAGE_BYTES_MAX);
        Ok(Self { uri: uri.clone(), service })
    }
}

#[async_trait]
impl MetaStore for MetadataClient {
    async fn write(&self, command: Command) -> Result<Outcome, MetaError> {
        let repeatable = is_repeatable(&command);
        let request = WriteRequest { command: Some(command.to_message()) };
        let send = |mut service: MetaServiceClient<Channel>| {
            let request = request.clone();
            async move { service.write(request).await }
        };
        let WriteResponse { outcome } = self.call(repeatable, send).await?;
        decode(outcome, Outcome::from_message)
    }

    async fn read(&self, query: Query) -> Result<Answer, MetaError> {
        let request = ReadRequest { query: Some(query.to_message()) };
        let send = |mut service: MetaServiceClient<Channel>| {
            let request = request.clone();
            async move { service.read(request).await }
        };
        // A question changes nothing: what is unknown for a command is merely unavailable here.
        let answered = self.call(true, send).await.map_err(|error| match error {
            MetaError::OutcomeUnknown(text) => MetaError::Unavailable(text),
            other => other,
        });
        let ReadResponse { answer } = answered?;
        decode(answer, Answer::from_message)
    }
}

/// Takes the content of a response; a response without it comes from something that isn't the service.
fn decode<W, T>(content: Option<W>, convert: impl FnOnce(W) -> Result<T, DecodeError>) -> Result<T, MetaError> {
    let content = content.ok_or_else(|| MetaError::Internal("an empty response".into()))?;
    convert(content).map_err(|error| MetaError::Internal(format!("a response that can't be read: {error}")))
}
