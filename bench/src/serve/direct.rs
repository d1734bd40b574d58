//! The direct server, `D`: GET and PUT on the object store behind the same S3 protocol and signature checks, and nothing
//! else. Sizes and ETags lie in memory, which no server with metadata can beat. In the bucket `logged`, a PUT is also one
//! record of a RocksDB synced group commit: the least that a durable record of it costs.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use anyhow::Result;
use async_trait::async_trait;
use auth::Connection;
use axum::body::Body;
use bytes::{Bytes, BytesMut};
use chrono::{DateTime, Utc};
use cli::server::Respond;
use futures::TryStreamExt;
use http::request::Parts;
use http::{HeaderValue, Request, Response, header};
use model::Address;
use object_http::{Verdict, http_date, judge_read, quoted};
use s3_gateway::protocol::receive::KeyLookup;
use s3_gateway::protocol::{self, AnswerContext, BodyError, ErrorCode, Operation, Receiver, S3Error, headers};
use secrecy::{ExposeSecret, SecretString};
use storage::testing::Counters;
use storage::{PutError, RepositoryStorage};

use super::{COUNTS_PATH, Counts, LOGGED_BUCKET, private, staged_record};
use crate::raw_log::RawLog;

/// As the gateway does it: small bodies are answered in one piece.
const ONE_PIECE_BYTES_MAX: u64 = 64 << 10;

/// Serves until standard input ends.
pub(super) async fn run(folder: &Path) -> Result<()> {
    let (stores, counters) = super::open_store(&folder.join(super::OBJECTS)).await?;
    let namespace = stores.default_namespace(&super::repository(), None);
    let keys = auth::generate_credentials();
    let told = (keys.access_key_id.clone(), keys.secret_access_key.expose_secret().to_owned());
    let server = Arc::new(Server {
        storage: stores.repository(&namespace)?,
        receiver: Receiver::new(Vec::new()),
        log: RawLog::open(&folder.join("log"))?,
        record: staged_record(),
        objects: RwLock::default(),
        access_key_id: keys.access_key_id,
        secret: keys.secret_access_key,
        counters,
    });
    super::serve(Service(server), told).await
}

#[derive(Clone)]
struct Service(Arc<Server>);

struct Server {
    storage: RepositoryStorage,
    receiver: Receiver,
    log: RawLog,
    /// What a PUT writes into the log.
    record: Vec<u8>,
    objects: RwLock<HashMap<String, Arc<Object>>>,
    access_key_id: String,
    secret: SecretString,
    counters: Counters,
}

struct Object {
    address: Address,
    size: u64,
    e_tag: String,
    last_modified: DateTime<Utc>,
}

impl Respond for Service {
    async fn respond(&self, request: Request<Body>) -> Response<Body> {
        // The private paths ask for no proof.
        Connection::is_of_a_caller(request.extensions().get());
        if request.uri().path() == COUNTS_PATH {
            return private(serde_json::to_string(&self.0.counts()).unwrap_or_default());
        }
        let request_id = headers::new_request_id();
        let (parts, body) = request.into_parts();
        let mut answer = match self.0.answer(&parts, body).await {
            Ok(answer) => answer,
            Err(error) => {
                let context =
                    AnswerContext { method: &parts.method, resource: parts.uri.path(), request_id: &request_id };
                error.to_response(context).map(Body::from)
            }
        };
        insert(&mut answer, "x-amz-request-id", &request_id);
        insert(&mut answer, "server", "direct");
        answer
    }
}

#[async_trait]
impl KeyLookup for Server {
    async fn secret(&self, access_key_id: &str, _: Option<&str>) -> Result<Option<SecretString>, S3Error> {
        Ok((access_key_id == self.access_key_id).then(|| self.secret.clone()))
    }
}

impl Server {
    fn counts(&self) -> Counts {
        let (log_entries, log_fsyncs) = self.log.counts();
        Counts { log_entries, log_fsyncs, ..Counts::default() }.with_store(&self.counters)
    }

    async fn answer(&self, parts: &Parts, body: Body) -> Result<Response<Body>, S3Error> {
        let request = self.receiver.receive(parts, self, Utc::now()).await?;
        match &request.operation {
            Operation::GetObject { bucket, key, .. } => self.get(&request, format!("{bucket}/{key}")).await,
            Operation::PutObject { bucket, key } => self.put(&request, bucket, key, body).await,
            other => Err(S3Error::not_implemented(other.name())),
        }
    }

    async fn get(&self, request: &protocol::Request, name: String) -> Result<Response<Body>, S3Error> {
        let object = self.objects.read().unwrap_or_else(PoisonError::into_inner).get(&name).cloned();
        let object = object.ok_or(ErrorCode::NoSuchKey)?;
        match judge_read(&request.headers, &object.e_tag, object.last_modified) {
            Verdict::Proceed => {}
            Verdict::NotModified => return Err(ErrorCode::NotModified.into()),
            Verdict::Failed => return Err(ErrorCode::PreconditionFailed.into()),
        }
        if request.headers.contains_key(header::RANGE) {
            return Err(S3Error::not_implemented("Range"));
        }
        let mut answer = Response::new(self.open(&object).await?);
        answer.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(object.size));
        insert(&mut answer, "etag", &quoted(&object.e_tag));
        insert(&mut answer, "last-modified", &http_date(object.last_modified));
        insert(&mut answer, "content-type", "binary/octet-stream");
        insert(&mut answer, "accept-ranges", "bytes");
        Ok(answer)
    }

    async fn open(&self, object: &Object) -> Result<Body, S3Error> {
        let stream = self.storage.get_data(&object.address, 0..object.size).await.map_err(|e| failed(&e))?;
        if object.size > ONE_PIECE_BYTES_MAX {
            return Ok(Body::from_stream(stream));
        }
        let pieces: Vec<Bytes> = stream.try_collect().await.map_err(|e| failed(&e))?;
        Ok(match <[Bytes; 1]>::try_from(pieces) {
            Ok([piece]) => Body::from(piece),
            Err(pieces) => Body::from(pieces.iter().flatten().copied().collect::<BytesMut>().freeze()),
        })
    }

    async fn put(
        &self,
        request: &protocol::Request,
        bucket: &str,
        key: &str,
        body: Body,
    ) -> Result<Response<Body>, S3Error> {
        let (body, receipt) = request.open_body(body.into_data_stream())?;
        let address = self.storage.new_address();
        let stored = self.storage.put_data(&address, body, request.length()).await.map_err(|error| match error {
            PutError::Body(error) => BodyError::find(&error).unwrap_or_else(|| ErrorCode::IncompleteBody.into()),
            PutError::Storage(error) => failed(&error),
        })?;
        if receipt.received().is_none_or(|received| received.size != stored.size) {
            return Err(ErrorCode::IncompleteBody.into());
        }
        if bucket == LOGGED_BUCKET {
            self.log
                .append(self.record.clone())
                .await
                .map_err(|e| S3Error::new(ErrorCode::InternalError, e.to_string()))?;
        }
        let e_tag = hex::encode(stored.md5);
        let mut answer = Response::new(Body::empty());
        insert(&mut answer, "etag", &quoted(&e_tag));
        let object = Arc::new(Object { address, size: stored.size, e_tag, last_modified: Utc::now() });
        self.objects.write().unwrap_or_else(PoisonError::into_inner).insert(format!("{bucket}/{key}"), object);
        Ok(answer)
    }
}

fn insert(answer: &mut Response<Body>, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        answer.headers_mut().insert(name, value);
    }
}

fn failed(error: &impl std::fmt::Display) -> S3Error {
    S3Error::new(ErrorCode::InternalError, error.to_string())
}
