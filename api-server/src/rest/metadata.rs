//! Where the files of a commit's tree lie, for tools that read them in the object store. Invariant: only a file that is
//! there is told.

use auth::{Action, Resource, authorize};
use axum::Json;
use axum::extract::State;
use http::StatusCode;
use model::{MetaRangeId, RangeId, RepositoryName};
use serde::{Deserialize, Serialize};
use storage::{Immutable, StorageError};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Rest;
use super::authentication::Authenticated;
use super::extract::Path;
use super::failure::{ErrorBody, Failure};

pub(super) fn router() -> OpenApiRouter<Rest> {
    OpenApiRouter::new().routes(routes!(get_meta_range)).routes(routes!(get_range))
}

/// Where something lies.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = StorageURI)]
pub(crate) struct StorageUri {
    location: String,
}

/// A metarange.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct OfMetaRange {
    #[param(value_type = String)]
    repository: RepositoryName,
    /// Its id, as commits have it.
    #[param(value_type = String)]
    meta_range: MetaRangeId,
}

/// A range.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct OfRange {
    #[param(value_type = String)]
    repository: RepositoryName,
    /// Its id, as metaranges have it.
    #[param(value_type = String)]
    range: RangeId,
}

/// Get where a metarange lies
#[utoipa::path(get, path = "/repositories/{repository}/metadata/meta_range/{meta_range}",
    operation_id = "getMetaRange", tag = "metadata", params(OfMetaRange),
    responses((status = 200, body = StorageUri), (status = "default", body = ErrorBody)))]
async fn get_meta_range(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Path(OfMetaRange { repository, meta_range }): Path<OfMetaRange>,
) -> Result<Json<StorageUri>, Failure> {
    rest.located(&caller, &repository, &Immutable::MetaRange(meta_range)).await
}

/// Get where a range lies
#[utoipa::path(get, path = "/repositories/{repository}/metadata/range/{range}", operation_id = "getRange",
    tag = "metadata", params(OfRange),
    responses((status = 200, body = StorageUri), (status = "default", body = ErrorBody)))]
async fn get_range(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Path(OfRange { repository, range }): Path<OfRange>,
) -> Result<Json<StorageUri>, Failure> {
    rest.located(&caller, &repository, &Immutable::Range(range)).await
}

impl Rest {
    async fn located(
        &self,
        caller: &auth::Caller,
        repository: &RepositoryName,
        file: &Immutable,
    ) -> Result<Json<StorageUri>, Failure> {
        authorize(caller, Action::ListObjects, &Resource::Repository(repository.clone()))?;
        authorize(caller, Action::ReadRepository, &Resource::Repository(repository.clone()))?;
        let repository = self.graveler.meta().repository(repository).await?;
        match self.storage(&repository)?.get_range(file, 0..1).await {
            Ok(_) => Ok(Json(StorageUri { location: format!("{}/{file}", repository.namespace) })),
            Err(StorageError::NotFound { .. }) => {
                Err(Failure::new(StatusCode::NOT_FOUND, format!("{file} isn't in this repository")))
            }
            Err(error) => Err(graveler::Error::from(error).into()),
        }
    }
}
