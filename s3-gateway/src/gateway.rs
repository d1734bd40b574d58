//! One request, from its head to its answer. Owns the order of things: bounds, signature, operation, and what every
//! answer carries; leaves each operation to `ops/`. Invariant: no byte of a body is read, and so no
//! `100 Continue` sent, before the signature is verified and the operation wants the body; but for a form's fields, since
//! they hold the signature.

use std::sync::Arc;

use auth::{AuditLog, Caller, Connection, Directory, DirectoryOptions, Encrypted, PeerAddress, SecretBox, Trail};
use axum::body::Body;
use bytes::Bytes;
use graveler::Graveler;
use http::header::{self, HeaderValue};
use http::request::Parts;
use http::{Request, Response, Version};

use crate::boxed;
use crate::call::Call;
use crate::credentials::RequestKeys;
use crate::error_table::Failure;
use crate::head::check_head;
use crate::protocol::body::BoxError;
use crate::protocol::post_form::{self, Form};
use crate::protocol::{AnswerContext, ErrorCode, Receiver, headers, sts};
use crate::request_body::RequestBody;
use crate::{GatewayOptions, ops, route};

/// The S3 gateway; cheap to clone. Mount [`Gateway::handle`] on an HTTP service.
#[derive(Clone)]
pub struct Gateway {
    inner: Arc<Inner>,
}

struct Inner {
    graveler: Graveler,
    directory: Directory,
    receiver: Receiver,
    options: GatewayOptions,
    audit: Option<Arc<dyn AuditLog>>,
}

impl Gateway {
    /// Makes a gateway onto repositories; `secret_box` opens the access keys that the metadata service keeps.
    pub fn new(graveler: Graveler, secret_box: SecretBox, options: GatewayOptions) -> Self {
        let (meta, clock) = (graveler.shared_meta(), graveler.shared_clock());
        let directory = Directory::new(meta, clock, secret_box, DirectoryOptions::default());
        let directory = directory.trusting(options.issuer.clone());
        let receiver = Receiver::new(options.domains.clone()).with_version_2(options.signature_v2);
        Self { inner: Arc::new(Inner { graveler, directory, receiver, options, audit: None }) }
    }

    /// The same gateway, writing down who did what. To be said before it is cloned.
    #[must_use]
    pub fn audited(self, audit: Arc<dyn AuditLog>) -> Self {
        match Arc::try_unwrap(self.inner) {
            Ok(inner) => Self { inner: Arc::new(Inner { audit: Some(audit), ..inner }) },
            Err(inner) => Self { inner },
        }
    }

    /// Whether a request on a shared port is this gateway's: AWS-signed, or sent to one of its hosts.
    pub fn is_s3(&self, parts: &Parts) -> bool {
        route::is_s3(parts, &self.inner.options.domains)
    }

    /// Answers a request. Whatever goes wrong is an S3 error in the answer.
    ///
    /// A client that still waits for `100 Continue` when its answer comes doesn't send the body, but its next request; a
    /// server can't tell the two apart, so such a connection ends with the answer (RFC 9110, 10.1.1). So it does when
    /// there is no body: the AWS CLI takes the status that it met instead of `100 Continue` for the next answer's too.
    pub async fn handle<B>(&self, request: Request<B>) -> Response<Body>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let request_id = headers::new_request_id();
        let (parts, body) = request.into_parts();
        let body = RequestBody::new(body, self.inner.options.body_silence_max);
        let trail = self.inner.audit.as_ref().map(|log| Trail::new(Arc::clone(log), "s3", request_id.as_str()));
        if sts::is_sts(&parts) {
            let desk = crate::sts::StsHandler {
                directory: &self.inner.directory,
                trail: trail.as_ref(),
                request_id: &request_id,
            };
            return with_common_headers(desk.answer(&parts, &body).await, &request_id);
        }
        let mut trusted = false;
        let answered = self.inner.answer(&parts, &body, &mut trusted, trail.as_ref()).await;
        if let (Some(trail), Err(failure), false) = (&trail, &answered, trusted) {
            let address = PeerAddress::address(parts.extensions.get());
            let operation = format!("{} {}", parts.method, parts.uri.path());
            trail.refused(self.inner.directory.now(), address, &operation, failure.to_s3().code().as_str());
        }
        let mut answer = match answered {
            Ok(answer) => answer,
            Err(failure) => refuse(&failure, &parts, &request_id),
        };
        if parts.version < Version::HTTP_2 && parts.headers.contains_key(header::EXPECT) && body.is_unread() {
            answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        with_common_headers(answer, &request_id)
    }
}

impl Inner {
    /// Verifies, then carries out. Sets `trusted` once the signature has matched.
    #[boxed]
    async fn answer(
        &self,
        parts: &Parts,
        body: &RequestBody,
        trusted: &mut bool,
        trail: Option<&Arc<Trail>>,
    ) -> Result<Response<Body>, Failure> {
        check_head(parts)?;
        let keys = RequestKeys::new(&self.directory);
        let now = self.graveler.clock().now().to_datetime();
        let file;
        let (request, body) = if post_form::is_form(parts) {
            let (form, bytes) = Form::read(parts, body.take()).await?;
            let request = self.receiver.receive_form(parts, &form, &keys, now).await?;
            file = RequestBody::of_stream(bytes);
            (request, &file)
        } else {
            (self.receiver.receive(parts, &keys, now).await?, body)
        };
        let caller =
            keys.caller(request.authenticated.access_key_id(), PeerAddress::address(parts.extensions.get()))?;
        let caller = Caller { trail: trail.cloned(), ..caller };
        *trusted = true;
        Connection::is_of_a_caller(parts.extensions.get());
        tracing::debug!(operation = request.operation.name(), user = %caller.user.name, "s3 request");
        let call = Call {
            graveler: &self.graveler,
            options: &self.options,
            caller: &caller,
            request: &request,
            body,
            encrypted: parts.extensions.get().is_some_and(|Encrypted(encrypted)| *encrypted),
        };
        let answered = Box::pin(ops::carry_out(&call)).await;
        if let Some(trail) = trail {
            let operation = format!("{} {}", request.operation.name(), parts.uri.path());
            match &answered {
                Ok(answer) => trail.ended(&caller, &operation, answer.status().as_str()),
                Err(failure) => trail.ended(&caller, &operation, failure.to_s3().code().as_str()),
            }
        }
        answered
    }
}

/// Logs what is the server's fault, and makes the answer. What is left of the body is for who mounts the gateway to read.
fn refuse(failure: &Failure, parts: &Parts, request_id: &str) -> Response<Body> {
    let error = failure.to_s3();
    if error.status().is_server_error() && error.code() != ErrorCode::NotImplemented {
        tracing::error!(request_id, method = %parts.method, path = parts.uri.path(), chain = %Chain(failure), "s3 failed");
    }
    let context = AnswerContext { method: &parts.method, resource: parts.uri.path(), request_id };
    error.to_response(context).map(Body::from)
}

fn with_common_headers(mut answer: Response<Body>, request_id: &str) -> Response<Body> {
    let headers = answer.headers_mut();
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert("x-amz-id-2", id.clone());
        headers.insert("x-amz-request-id", id);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::SERVER, HeaderValue::from_static("Lakebed"));
    answer
}

/// An error with its causes, for a log line.
struct Chain<'a>(&'a (dyn std::error::Error + 'static));

impl std::fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}
