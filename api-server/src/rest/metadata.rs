//! Where the files of a commit's tree lie, for tools that read them in the object store, and their bytes, for tools that
//! can't. Invariant: only a file that is there is told.

use auth::{Action, Caller, Resource, authorize};
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use futures::TryStreamExt;
use http::header::{CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION};
use http::{HeaderName, StatusCode};
use model::{MetaRangeId, RangeId, RepositoryName};
use serde::{Deserialize, Serialize};
use storage::{Immutable, RepositoryStorage, StorageError};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Rest;
use super::authentication::Authenticated;
use super::extract::{Path, Query};
use super::failure::{ErrorBody, Failure, invalid_field};
use super::staging::PresignQuery;

pub(super) fn router() -> OpenApiRouter<Rest> {
    OpenApiRouter::new().routes(routes!(get_meta_range)).routes(routes!(get_range)).routes(routes!(get_metadata_object))
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

/// A file of a tree.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct OfFile {
    #[param(value_type = String)]
    repository: RepositoryName,
    /// Which kind of file.
    #[param(inline)]
    r#type: FileType,
    /// Its id.
    object_id: String,
}

/// A kind of file that trees are made of.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FileType {
    MetaRange,
    Range,
}

/// Where a file lies, in the body and in the header that lakeFS's clients look at.
type Located = ([(HeaderName, String); 1], Json<StorageUri>);

/// Get where a metarange lies
#[utoipa::path(get, path = "/repositories/{repository}/metadata/meta_range/{meta_range}",
    operation_id = "getMetaRange", tag = "metadata", params(OfMetaRange),
    responses((status = 200, body = StorageUri, headers(("Location" = String))), (status = "default", body = ErrorBody)))]
async fn get_meta_range(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Path(OfMetaRange { repository, meta_range }): Path<OfMetaRange>,
) -> Result<Located, Failure> {
    rest.located(&caller, &repository, &Immutable::MetaRange(meta_range)).await
}

/// Get where a range lies
#[utoipa::path(get, path = "/repositories/{repository}/metadata/range/{range}", operation_id = "getRange",
    tag = "metadata", params(OfRange),
    responses((status = 200, body = StorageUri, headers(("Location" = String))), (status = "default", body = ErrorBody)))]
async fn get_range(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Path(OfRange { repository, range }): Path<OfRange>,
) -> Result<Located, Failure> {
    rest.located(&caller, &repository, &Immutable::Range(range)).await
}

/// Read a metarange or range
#[utoipa::path(get, path = "/repositories/{repository}/metadata/object/{type}/{object_id}",
    operation_id = "getMetadataObject", tag = "internal", params(OfFile, PresignQuery),
    responses(
        (status = 200, body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 302, description = "A pre-signed URL, if that was asked for and one can be made"),
        (status = "default", body = ErrorBody)))]
async fn get_metadata_object(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Path(OfFile { repository, r#type, object_id }): Path<OfFile>,
    Query(PresignQuery { presign }): Query<PresignQuery>,
) -> Result<Response, Failure> {
    let file = match r#type {
        FileType::MetaRange => object_id.parse().map(Immutable::MetaRange),
        FileType::Range => object_id.parse().map(Immutable::Range),
    };
    let file = file.map_err(|why| invalid_field("object_id", why))?;
    let storage = rest.tree_of(&caller, &repository).await?;
    if presign && let Some(url) = storage.signed_immutable(&file).await.map_err(graveler::Error::from)? {
        return Ok((StatusCode::FOUND, [(LOCATION, url)]).into_response());
    }
    let (size, pieces) = storage.stream(&file).await.map_err(|error| unreadable(&file, error))?;
    let pieces = pieces.inspect_err(move |error| tracing::error!(%error, %file, "an answer was cut off"));
    let headers = [
        (CONTENT_TYPE, "application/octet-stream".to_owned()),
        (CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'".to_owned()),
        (CONTENT_LENGTH, size.to_string()),
    ];
    Ok((headers, Body::from_stream(pieces)).into_response())
}

impl Rest {
    async fn located(
        &self,
        caller: &Caller,
        repository: &RepositoryName,
        file: &Immutable,
    ) -> Result<Located, Failure> {
        let storage = self.tree_of(caller, repository).await?;
        storage.get_range(file, 0..1).await.map_err(|error| unreadable(file, error))?;
        let location = format!("{}/{file}", storage.namespace());
        Ok(([(LOCATION, location.clone())], Json(StorageUri { location })))
    }

    /// The files of a repository's trees, for a caller who may list all that is in them.
    async fn tree_of(&self, caller: &Caller, repository: &RepositoryName) -> Result<RepositoryStorage, Failure> {
        authorize(caller, Action::ListObjects, &Resource::Repository(repository.clone()))?;
        authorize(caller, Action::ReadRepository, &Resource::Repository(repository.clone()))?;
        let repository = self.graveler.meta().repository(repository).await?;
        Ok(self.storage(&repository)?)
    }
}

fn unreadable(file: &Immutable, error: StorageError) -> Failure {
    match error {
        StorageError::NotFound { .. } => Failure::not_found(format!("{file} isn't in this repository")),
        error => graveler::Error::from(error).into(),
    }
}
