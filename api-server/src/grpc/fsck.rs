//! Checks of a repository over gRPC. Invariant: a stream ends with its summary or with an error, and a client that goes
//! away ends its check.

use auth::{Action, Resource, authorize};
use futures::stream::{self, BoxStream, StreamExt};
use graveler::{DataCheck, Fault, FsckEvent, FsckOptions};
use model::RepositoryName;
use proto::generated::api as wire;
use tokio::sync::{mpsc, oneshot};
use tonic::{Request, Response, Status};
use wire::check_response::Event;
use wire::fsck_server::Fsck;

use super::Grpc;
use super::authentication::authenticated;
use super::fields::{reference, text};
use crate::Error;

/// How many faults wait for the client; then the check waits too.
const EVENTS_MAX: usize = 64;

#[tonic::async_trait]
impl Fsck for Grpc {
    type CheckStream = BoxStream<'static, Result<wire::CheckResponse, Status>>;

    async fn check(&self, request: Request<wire::CheckRequest>) -> Result<Response<Self::CheckStream>, Status> {
        let (caller, message) = authenticated(request)?;
        let repository: RepositoryName = text("repository", &message.repository)?;
        let from = if message.r#ref.is_empty() { None } else { Some(reference("ref", &message.r#ref)?) };
        let checked = match &from {
            Some(expr) => Resource::at_ref(&repository, expr.base()),
            None => Resource::Repository(repository.clone()),
        };
        for action in [Action::ReadRepository, Action::ListBranches, Action::ListCommits, Action::ListObjects] {
            authorize(&caller, action, &checked).map_err(Error::from)?;
        }
        let data = match message.data() {
            wire::DataCheck::Unspecified | wire::DataCheck::Etag => DataCheck::ETag,
            wire::DataCheck::Size => DataCheck::Size,
            wire::DataCheck::Skip => DataCheck::Skip,
            wire::DataCheck::Bytes => DataCheck::Bytes,
        };
        // What can't even be begun is an error of the call, not of its stream.
        match &from {
            Some(expr) => drop(self.graveler.resolve(&repository, expr).await.map_err(Error::from)?),
            None => drop(
                self.graveler
                    .meta()
                    .repository(&repository)
                    .await
                    .map_err(graveler::Error::from)
                    .map_err(Error::from)?,
            ),
        }
        let (events, received) = mpsc::channel(EVENTS_MAX);
        let (finished, end) = oneshot::channel();
        let graveler = self.graveler.clone();
        tokio::spawn(async move {
            let options = FsckOptions { data, ..FsckOptions::default() };
            let checked = graveler.fsck(&repository, from.as_ref(), options, events).await;
            let _ = finished.send(checked);
        });
        let events = stream::unfold(received, |mut received| async move {
            let event = received.recv().await?;
            Some((event_to_wire(event), received))
        });
        let end = stream::once(async move {
            let ended_early = |_| graveler::Error::Internal("a check ended early".into());
            let checked = end.await.map_err(ended_early).and_then(|checked| checked);
            checked.map(|summary| Event::Summary(summary.into())).map_err(|e| Status::from(Error::from(e)))
        });
        let all = events.map(Ok).chain(end);
        Ok(Response::new(all.map(|event| Ok(wire::CheckResponse { event: Some(event?) })).boxed()))
    }
}

fn event_to_wire(event: FsckEvent) -> Event {
    match event {
        FsckEvent::Fault(Fault { kind, file, path, needed_by, why }) => {
            Event::Fault(wire::Fault { kind: kind.to_string(), file, path, needed_by, why })
        }
        FsckEvent::Progress(progress) => Event::Progress(progress.into()),
    }
}
