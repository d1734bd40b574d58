//! Repositories over REST.

use auth::{Action, Resource, authorize, seen_repositories};
use axum::Json;
use axum::extract::State;
use http::StatusCode;
use model::{BranchName, PageRequest, Repository, RepositoryName, RequestId, SettingsChange};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Rest;
use super::authentication::Authenticated;
use super::extract::{Body, Path, Query};
use super::failure::{ErrorBody, Failure, invalid_field};
use super::paging::{Amount, Pagination};
use super::path_params::{InRepository, flag};
use crate::flows;

const BRANCH_DEFAULT: &str = "main";

pub(super) fn router() -> OpenApiRouter<Rest> {
    OpenApiRouter::new()
        .routes(routes!(list_repositories, create_repository))
        .routes(routes!(get_repository, delete_repository))
}

/// A repository as clients see it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Repository)]
pub(crate) struct RepositoryBody {
    id: String,
    /// Seconds since 1970.
    creation_date: i64,
    default_branch: String,
    /// Always empty: there is one object store.
    storage_id: String,
    storage_namespace: String,
    read_only: bool,
}

/// A page of repositories.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RepositoryList {
    pagination: Pagination,
    results: Vec<RepositoryBody>,
}

/// What to make.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct RepositoryCreation {
    #[schema(value_type = String, pattern = "^[a-z0-9][a-z0-9-]{2,62}$")]
    name: RepositoryName,
    /// Where it lives; left out or empty, the server chooses.
    #[serde(default)]
    storage_namespace: String,
    /// Nothing, for there is one object store.
    #[serde(default)]
    storage_id: String,
    /// `main` if it is left out.
    #[serde(default)]
    default_branch: String,
    /// Whether to fill it with a small data set.
    #[serde(default)]
    #[schema(nullable = false)]
    sample_data: Option<bool>,
    /// Whether it shall take no writes, but for the sample data.
    #[serde(default)]
    #[schema(nullable = false)]
    read_only: Option<bool>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct CreationQuery {
    /// Whether to make no branch: its refs are to be restored from a dump at its storage namespace.
    #[serde(default, deserialize_with = "flag")]
    #[param(value_type = Option<bool>)]
    bare: bool,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct DeletionQuery {
    /// Whether to delete it even if it is read-only.
    #[serde(default, deserialize_with = "flag")]
    #[param(value_type = Option<bool>)]
    force: bool,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct RepositoriesQuery {
    /// Names that begin so.
    #[serde(default)]
    #[param(value_type = Option<String>)]
    prefix: String,
    /// Names after this one.
    #[serde(default)]
    #[param(value_type = Option<String>)]
    after: String,
    /// How many; as many as a page may have if it isn't positive.
    #[serde(default)]
    #[param(value_type = Option<i64>, minimum = -1, maximum = 1000)]
    amount: Amount,
    /// Names that hold this text.
    #[serde(default)]
    #[param(value_type = Option<String>)]
    search: String,
}

/// List repositories
#[utoipa::path(get, path = "/repositories", operation_id = "listRepositories", tag = "repositories",
    params(RepositoriesQuery),
    responses((status = 200, body = RepositoryList), (status = "default", body = ErrorBody)))]
async fn list_repositories(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Query(query): Query<RepositoriesQuery>,
) -> Result<Json<RepositoryList>, Failure> {
    authorize(&caller, Action::ListRepositories, &Resource::All)?;
    let RepositoriesQuery { prefix, after, amount: Amount(amount), search } = query;
    let wanted = PageRequest { prefix, after, amount };
    let fits = |repository: &Repository| repository.name.as_str().contains(&search);
    let page = seen_repositories(rest.graveler.meta(), &caller, wanted, fits).await?;
    let pagination = Pagination::before(page.next, page.items.len());
    Ok(Json(RepositoryList { pagination, results: page.items.into_iter().map(Into::into).collect() }))
}

/// Make a repository
#[utoipa::path(post, path = "/repositories", operation_id = "createRepository", tag = "repositories",
    params(CreationQuery), request_body = RepositoryCreation,
    responses((status = 201, body = RepositoryBody), (status = "default", body = ErrorBody)))]
async fn create_repository(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Query(CreationQuery { bare }): Query<CreationQuery>,
    Body(body): Body<RepositoryCreation>,
) -> Result<(StatusCode, Json<RepositoryBody>), Failure> {
    if !body.storage_id.is_empty() {
        return Err(invalid_field("storage_id", "there is one object store, which has no id: leave it out"));
    }
    let read_only = body.read_only.unwrap_or_default();
    let request = flows::CreateRepositoryRequest {
        request: RequestId(rand::random()),
        name: body.name,
        namespace: (rest.graveler.stores().namespace(&body.storage_namespace))
            .map_err(|why| invalid_field("storage_namespace", why))?,
        default_branch: default_branch(&body.default_branch)?,
        sample_data: body.sample_data.unwrap_or_default(),
        bare,
    };
    let made = flows::create_repository(&rest.queues, &caller, &request).await?;
    if read_only {
        flows::change_settings(&rest.graveler, &caller, &made.name, SettingsChange::ReadOnly(true)).await?;
    }
    Ok((StatusCode::CREATED, Json(Repository { read_only, ..made }.into())))
}

/// Get a repository
#[utoipa::path(get, path = "/repositories/{repository}", operation_id = "getRepository", tag = "repositories",
    params(InRepository),
    responses((status = 200, body = RepositoryBody), (status = "default", body = ErrorBody)))]
async fn get_repository(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Path(InRepository { repository }): Path<InRepository>,
) -> Result<Json<RepositoryBody>, Failure> {
    authorize(&caller, Action::ReadRepository, &Resource::Repository(repository.clone()))?;
    Ok(Json(rest.graveler.meta().repository(&repository).await?.into()))
}

/// Forget a repository; its objects stay in the object store
#[utoipa::path(delete, path = "/repositories/{repository}", operation_id = "deleteRepository", tag = "repositories",
    params(InRepository, DeletionQuery),
    responses((status = 204), (status = "default", body = ErrorBody)))]
async fn delete_repository(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Path(InRepository { repository }): Path<InRepository>,
    Query(DeletionQuery { force }): Query<DeletionQuery>,
) -> Result<StatusCode, Failure> {
    flows::delete_repository(rest.by_force(Some(force)).graveler(), &caller, &repository).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn default_branch(text: &str) -> Result<BranchName, Failure> {
    let text = if text.is_empty() { BRANCH_DEFAULT } else { text };
    text.parse().map_err(|why| invalid_field("default_branch", why))
}

impl From<Repository> for RepositoryBody {
    fn from(repository: Repository) -> Self {
        Self {
            id: repository.name.to_string(),
            creation_date: super::seconds(repository.created_at),
            default_branch: repository.default_branch.to_string(),
            storage_id: String::new(),
            storage_namespace: repository.namespace.to_string(),
            read_only: repository.read_only,
        }
    }
}
