//! Operations of lakeFS's API that this server doesn't have. Invariant: each says why, and what does the same here if
//! something does.

use auth::{Action, Resource, authorize};
use axum::extract::State;
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Rest;
use super::authentication::Authenticated;
use super::extract::Path;
use super::failure::{ErrorBody, Failure};
use super::places::InRepository;

/// Declares operations that answer 501, after the caller has proved who they are and may see the repository.
macro_rules! unsupported {
    ($($name:ident: $method:ident $path:literal $id:literal $tag:literal $summary:literal $why:literal;)*) => {
        pub(super) fn router() -> OpenApiRouter<Rest> {
            OpenApiRouter::new()$(.routes(routes!($name)))*
        }
        $(
            #[doc = $summary]
            #[utoipa::path($method, path = $path, operation_id = $id, tag = $tag, params(InRepository),
                responses((status = 501, body = ErrorBody), (status = "default", body = ErrorBody)))]
            async fn $name(
                State(rest): State<Rest>,
                Authenticated(caller): Authenticated,
                Path(InRepository { repository }): Path<InRepository>,
            ) -> Result<(), Failure> {
                authorize(&caller, Action::ReadRepository, &Resource::Repository(repository.clone()))?;
                rest.graveler.meta().repository(&repository).await?;
                Err(Failure::new(StatusCode::NOT_IMPLEMENTED, $why))
            }
        )*
    };
}

unsupported! {
    list_repository_runs: get "/repositories/{repository}/actions/runs" "listRepositoryRuns" "actions"
        "List the runs of actions" "actions aren't run by this version";
}
