//! The metadata service over gRPC: `MetaService` on top of any `MetaStore`. Owns message limits; conversions and the
//! table of errors are `proto`'s. A refusal travels in the response; a status is only for what failed.

use std::sync::Arc;

use model::{Answer, Command, MetaError, MetaStore, Outcome, Query};
use proto::generated::metadata::meta_service_server::{MetaService, MetaServiceServer};
use proto::generated::metadata::{ReadRequest, ReadResponse, WriteRequest, WriteResponse};
use proto::metadata::Wire as _;
use proto::metadata::status::{MESSAGE_BYTES_MAX, to_status};
use tonic::{Request, Response, Status};

/// Serves a store.
pub(crate) struct MetaGrpc {
    store: Arc<dyn MetaStore>,
}

impl MetaGrpc {
    /// Over this store.
    pub(crate) fn new(store: Arc<dyn MetaStore>) -> Self {
        Self { store }
    }

    /// The service with its limits.
    pub(crate) fn into_service(self) -> MetaServiceServer<Self> {
        MetaServiceServer::new(self)
            .max_decoding_message_size(MESSAGE_BYTES_MAX)
            .max_encoding_message_size(MESSAGE_BYTES_MAX)
    }
}

#[tonic::async_trait]
impl MetaService for MetaGrpc {
    async fn write(&self, request: Request<WriteRequest>) -> Result<Response<WriteResponse>, Status> {
        let command = request.into_inner().command.ok_or_else(|| Status::invalid_argument("no command"))?;
        let command = Command::from_message(command).map_err(|e| Status::invalid_argument(e.to_string()))?;
        let outcome = match self.store.write(command).await {
            Err(MetaError::Refused(refusal)) => Outcome::Refused(refusal),
            result => result.map_err(|error| to_status(&error))?,
        };
        Ok(Response::new(WriteResponse { outcome: Some(outcome.to_message()) }))
    }

    async fn read(&self, request: Request<ReadRequest>) -> Result<Response<ReadResponse>, Status> {
        let query = request.into_inner().query.ok_or_else(|| Status::invalid_argument("no query"))?;
        let query = Query::from_message(query).map_err(|e| Status::invalid_argument(e.to_string()))?;
        let answer = match self.store.read(query).await {
            Err(MetaError::Refused(refusal)) => Answer::Refused(refusal),
            result => result.map_err(|error| to_status(&error))?,
        };
        Ok(Response::new(ReadResponse { answer: Some(answer.to_message()) }))
    }
}
