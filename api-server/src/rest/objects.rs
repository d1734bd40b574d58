//! What is known of objects over REST, and their deletion and copying; their bytes go through `object_content` and
//! `upload`.

use std::collections::BTreeMap;

use auth::{Action, HiddenPaths, Resource, authorize, is_allowed};
use axum::Json;
use axum::extract::State;
use graveler::{Found, ListItem, ListRequest, RefExpr};
use http::StatusCode;
use model::{Entry, ObjectPath, Repository, RepositoryName};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Rest;
use super::authentication::Authenticated;
use super::extract::{Body, Path, Query};
use super::failure::{ErrorBody, Failure, invalid_field};
use super::object_stats::ObjectStats;
use super::paging::{Amount, Pagination};
use super::path_params::{AtRef, ForceQuery, OnBranch, flag, optional_text};
use crate::{Error, flows};

pub(super) fn router() -> OpenApiRouter<Rest> {
    OpenApiRouter::new()
        .routes(routes!(stat_object))
        .routes(routes!(list_objects))
        .routes(routes!(get_underlying_properties))
        .routes(routes!(delete_objects))
        .routes(routes!(copy_object))
        .routes(routes!(update_object_user_metadata))
}

/// Which object.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ObjectQuery {
    /// The object's path.
    #[param(value_type = String, min_length = 1)]
    pub(super) path: ObjectPath,
}

/// Which object, and what of it.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct StatQuery {
    /// The object's path.
    #[param(value_type = String, min_length = 1)]
    path: ObjectPath,
    /// Whether to tell its metadata.
    #[serde(default = "yes", deserialize_with = "flag")]
    #[param(value_type = Option<bool>)]
    user_metadata: bool,
    /// Whether to tell a pre-signed URL as its address.
    #[serde(default, deserialize_with = "flag")]
    #[param(value_type = Option<bool>)]
    presign: bool,
}

/// Which part of a listing.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// Whether to tell the objects' metadata.
    #[serde(default = "yes", deserialize_with = "flag")]
    #[param(value_type = Option<bool>)]
    user_metadata: bool,
    /// Whether to tell pre-signed URLs as addresses.
    #[serde(default, deserialize_with = "flag")]
    #[param(value_type = Option<bool>)]
    presign: bool,
    /// Paths after this one.
    #[serde(default)]
    #[param(value_type = Option<String>)]
    after: String,
    /// How many; as many as a page may have if it isn't positive.
    #[serde(default)]
    #[param(value_type = Option<i64>, minimum = -1, maximum = 1000)]
    amount: Amount,
    /// Paths that hold this after the prefix are shown as one.
    #[serde(default)]
    #[param(value_type = Option<String>)]
    delimiter: String,
    /// Paths that begin so.
    #[serde(default)]
    #[param(value_type = Option<String>)]
    prefix: String,
}

/// What of an object is wanted.
#[derive(Debug, Clone, Copy)]
struct Wanted {
    user_metadata: bool,
    presign: bool,
}

/// Where a copy goes.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct CopyQuery {
    /// The copy's path.
    #[param(value_type = String, min_length = 1)]
    dest_path: ObjectPath,
}

/// A page of objects.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ObjectStatsList {
    pagination: Pagination,
    results: Vec<ObjectStats>,
}

/// What a store knows of an object beside its bytes.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UnderlyingObjectProperties {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    storage_class: Option<String>,
}

/// Which objects.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct PathList {
    #[schema(max_items = 1000)]
    paths: Vec<String>,
}

/// The objects that weren't deleted.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ObjectErrorList {
    errors: Vec<ObjectError>,
}

/// Why an object wasn't deleted.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ObjectError {
    status_code: u16,
    message: String,
    path: String,
}

/// What to copy.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct ObjectCopyCreation {
    #[schema(value_type = String)]
    src_path: ObjectPath,
    /// Where it is; the branch if it is left out.
    #[serde(default, deserialize_with = "optional_text")]
    #[schema(value_type = Option<String>, nullable = false)]
    src_ref: Option<RefExpr>,
    /// Whether to write even if the repository takes no writes.
    #[serde(default)]
    #[schema(nullable = false)]
    force: Option<bool>,
}

/// An object's new metadata.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct UpdateObjectUserMetadata {
    /// In place of all that it has.
    set: BTreeMap<String, String>,
}

/// Get what is known of an object
#[utoipa::path(get, path = "/repositories/{repository}/refs/{ref}/objects/stat", operation_id = "statObject",
    tag = "objects", params(AtRef, StatQuery),
    responses((status = 200, body = ObjectStats), (status = "default", body = ErrorBody)))]
async fn stat_object(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Path(AtRef { repository, reference }): Path<AtRef>,
    Query(StatQuery { path, user_metadata, presign }): Query<StatQuery>,
) -> Result<Json<ObjectStats>, Failure> {
    authorize(&caller, Action::ReadObject, &Resource::object_of(&repository, reference.base(), &path))?;
    let Found { repository, entry } = rest.find(&repository, &reference, &path).await?;
    let wanted = Wanted { user_metadata, presign };
    Ok(Json(rest.stats(&repository, path, entry, wanted).await?))
}

/// List objects
#[utoipa::path(get, path = "/repositories/{repository}/refs/{ref}/objects/ls", operation_id = "listObjects",
    tag = "objects", params(AtRef, ListQuery),
    responses((status = 200, body = ObjectStatsList), (status = "default", body = ErrorBody)))]
async fn list_objects(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Path(AtRef { repository, reference }): Path<AtRef>,
    Query(query): Query<ListQuery>,
) -> Result<Json<ObjectStatsList>, Failure> {
    authorize(&caller, Action::ListObjects, &Resource::listing(&repository, reference.base(), &query.prefix))?;
    let ListQuery { user_metadata, presign, after, amount, delimiter, prefix } = query;
    let delimiter = Some(delimiter).filter(|delimiter| !delimiter.is_empty());
    let request = ListRequest { prefix, delimiter, after, amount: amount.0 };
    let hidden = HiddenPaths::new(&caller, &repository, reference.base());
    let listing =
        rest.graveler.list_shown(&repository, &reference, &request, Box::new(move |path| !hidden.has(path))).await?;
    let repository = rest.graveler.meta().repository(&repository).await?;
    let mut results = Vec::with_capacity(listing.items.len());
    for item in listing.items {
        results.push(match item {
            ListItem::CommonPrefix(prefix) => ObjectStats::common_prefix(prefix),
            ListItem::Object(path, entry) => {
                // A URL reads the object: to list it is another right.
                let object = Resource::object_of(&repository.name, reference.base(), &path);
                let presign = presign && is_allowed(&caller, Action::ReadObject, &object);
                rest.stats(&repository, path, entry, Wanted { user_metadata, presign }).await?
            }
        });
    }
    Ok(Json(ObjectStatsList { pagination: Pagination::before(listing.next, results.len()), results }))
}

/// Get what the store knows of an object
#[utoipa::path(get, path = "/repositories/{repository}/refs/{ref}/objects/underlyingProperties",
    operation_id = "getUnderlyingProperties", tag = "objects", params(AtRef, ObjectQuery),
    responses((status = 200, body = UnderlyingObjectProperties), (status = "default", body = ErrorBody)))]
async fn get_underlying_properties(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Path(AtRef { repository, reference }): Path<AtRef>,
    Query(ObjectQuery { path }): Query<ObjectQuery>,
) -> Result<Json<UnderlyingObjectProperties>, Failure> {
    authorize(&caller, Action::ReadObject, &Resource::object_of(&repository, reference.base(), &path))?;
    let found = rest.find(&repository, &reference, &path).await?;
    let storage_class = found.entry.headers.get("x-amz-storage-class").cloned();
    Ok(Json(UnderlyingObjectProperties { storage_class }))
}

/// Delete objects, each judged by itself
#[utoipa::path(post, path = "/repositories/{repository}/branches/{branch}/objects/delete",
    operation_id = "deleteObjects", tag = "objects", params(OnBranch, ForceQuery), request_body = PathList,
    responses((status = 200, body = ObjectErrorList), (status = "default", body = ErrorBody)))]
async fn delete_objects(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Path(OnBranch { repository, branch }): Path<OnBranch>,
    Query(ForceQuery { force }): Query<ForceQuery>,
    Body(PathList { paths }): Body<PathList>,
) -> Result<Json<ObjectErrorList>, Failure> {
    let paths = paths.into_iter().map(|path| path.try_into().map_err(|why| invalid_field("paths", why)));
    let paths = paths.map(|path| path.map(|path: ObjectPath| path.into())).collect::<Result<_, _>>()?;
    let queues = rest.by_force(Some(force));
    let kept = flows::delete_objects(queues.graveler(), &caller, &repository, &branch, paths).await?;
    let errors = kept.into_iter().map(|(path, why)| {
        let (status, message) = Failure::from(why).into_parts();
        ObjectError { status_code: status.as_u16(), message, path: path.into() }
    });
    Ok(Json(ObjectErrorList { errors: errors.collect() }))
}

/// Copy an object within its repository, without copying a byte
#[utoipa::path(post, path = "/repositories/{repository}/branches/{branch}/objects/copy", operation_id = "copyObject",
    tag = "objects", params(OnBranch, CopyQuery), request_body = ObjectCopyCreation,
    responses((status = 201, body = ObjectStats), (status = "default", body = ErrorBody)))]
async fn copy_object(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Path(OnBranch { repository, branch }): Path<OnBranch>,
    Query(CopyQuery { dest_path }): Query<CopyQuery>,
    Body(ObjectCopyCreation { src_path, src_ref, force }): Body<ObjectCopyCreation>,
) -> Result<(StatusCode, Json<ObjectStats>), Failure> {
    let request = flows::CopyRequest {
        repository,
        source: src_ref.unwrap_or_else(|| RefExpr::from(&branch)),
        from: src_path.into(),
        branch,
        to: dest_path.to_string(),
        recursive: false,
    };
    let (repository, branch) = (request.repository.clone(), RefExpr::from(&request.branch));
    flows::copy_objects(rest.by_force(force).graveler(), &caller, request).await?;
    let copy = rest.find(&repository, &branch, &dest_path).await?;
    Ok((StatusCode::CREATED, Json(ObjectStats::new(&copy.repository, dest_path, copy.entry))))
}

/// Replace an object's metadata
#[utoipa::path(put, path = "/repositories/{repository}/branches/{branch}/objects/stat/user_metadata",
    operation_id = "updateObjectUserMetadata", tag = "objects", params(OnBranch, ObjectQuery),
    request_body = UpdateObjectUserMetadata,
    responses((status = 204), (status = "default", body = ErrorBody)))]
async fn update_object_user_metadata(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Path(OnBranch { repository, branch }): Path<OnBranch>,
    Query(ObjectQuery { path }): Query<ObjectQuery>,
    Body(UpdateObjectUserMetadata { set }): Body<UpdateObjectUserMetadata>,
) -> Result<StatusCode, Failure> {
    flows::set_metadata(&rest.graveler, &caller, &repository, &branch, &path, set).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl Rest {
    /// Finds an object.
    pub(super) async fn find(
        &self,
        repository: &RepositoryName,
        reference: &RefExpr,
        path: &ObjectPath,
    ) -> Result<Found, Error> {
        let found = self.graveler.stat(repository, reference, path).await?;
        found.ok_or_else(|| Error::ObjectNotFound { reference: reference.to_string(), path: path.clone() })
    }

    /// Describes an object, with its metadata and a pre-signed URL if they are wanted. Where nothing can be signed, the
    /// plain address stays, without an expiry.
    async fn stats(
        &self,
        repository: &Repository,
        path: ObjectPath,
        entry: Entry,
        wanted: Wanted,
    ) -> Result<ObjectStats, Error> {
        let signed = if wanted.presign { self.signed(repository, &entry).await? } else { None };
        let mut stats = ObjectStats::new(repository, path, entry);
        stats.metadata.take_if(|_| !wanted.user_metadata);
        if let Some(url) = signed {
            (stats.physical_address, stats.physical_address_expiry) = (url, Some(self.signed_until()));
        }
        Ok(stats)
    }

    /// A URL by which an object is read, if it lies where one can be signed.
    pub(super) async fn signed(&self, repository: &Repository, entry: &Entry) -> Result<Option<String>, Error> {
        let url = self.storage(repository)?.signed_get(&entry.address).await;
        Ok(url.map_err(graveler::Error::from)?)
    }
}

const fn yes() -> bool {
    true
}
