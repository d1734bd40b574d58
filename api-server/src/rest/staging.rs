//! Objects whose bytes clients put into the object store themselves: an address is given out, written to (by a pre-signed
//! URL where the store can sign), and linked. Leaves addresses to `given_out`. Invariant: only an address that was given to
//! this user for this path of this branch within the last day is linked, and once.

use std::collections::BTreeMap;

use auth::{Action, Resource, authorize};
use axum::Json;
use axum::extract::State;
use http::{HeaderMap, StatusCode};
use model::Repository;
use serde::{Deserialize, Serialize};
use storage::SIGNED_URL_EXPIRES_IN;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Rest;
use super::authentication::Authenticated;
use super::extract::{Body, Path, Query};
use super::failure::{ErrorBody, Failure};
use super::given_out::{Recipient, Way};
use super::object_stats::ObjectStats;
use super::objects::ObjectQuery;
use super::path_params::{OnBranch, flag};
use super::upload::requirement;
use crate::{Error, flows};

pub(super) fn router() -> OpenApiRouter<Rest> {
    OpenApiRouter::new().routes(routes!(get_physical_address, link_physical_address)).routes(routes!(may_upload_object))
}

/// Where to put an object's bytes.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
pub(crate) struct StagingLocation {
    #[serde(default)]
    #[schema(nullable = false)]
    pub(super) physical_address: Option<String>,
    /// By which URL, if that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    presigned_url: Option<String>,
    /// When that expires, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    presigned_url_expiry: Option<i64>,
}

/// What was put there.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct StagingMetadata {
    staging: StagingLocation,
    /// What the store calls it: its ETag.
    checksum: String,
    #[schema(minimum = 0)]
    size_bytes: u64,
    #[schema(nullable = false)]
    user_metadata: Option<BTreeMap<String, String>>,
    #[schema(nullable = false)]
    content_type: Option<String>,
    /// Whether to write even if the repository takes no writes.
    #[serde(default)]
    #[schema(nullable = false)]
    force: Option<bool>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PresignQuery {
    /// Whether to sign a URL.
    #[serde(default, deserialize_with = "flag")]
    #[param(value_type = Option<bool>)]
    pub(super) presign: bool,
}

/// Get an address for an object's bytes
#[utoipa::path(get, path = "/repositories/{repository}/branches/{branch}/staging/backing",
    operation_id = "getPhysicalAddress", tag = "staging", params(OnBranch, ObjectQuery, PresignQuery),
    responses((status = 200, body = StagingLocation), (status = "default", body = ErrorBody)))]
async fn get_physical_address(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Path(OnBranch { repository, branch }): Path<OnBranch>,
    Query(ObjectQuery { path }): Query<ObjectQuery>,
    Query(PresignQuery { presign }): Query<PresignQuery>,
) -> Result<Json<StagingLocation>, Failure> {
    authorize(&caller, Action::WriteObject, &Resource::object_of(&repository, &branch, &path))?;
    let recipient = Recipient::find(&rest, Way::Whole, &caller, &repository, &branch, &path).await?;
    // Whether the repository takes it is judged when it is linked, which may be by force.
    recipient.repository.unprotected(&branch)?;
    let given = recipient.give_out(&rest)?;
    let mut location = StagingLocation { physical_address: Some(given.url), ..StagingLocation::default() };
    if presign {
        let url = rest.storage(&recipient.repository)?.signed_put(&given.address).await;
        location.presigned_url = Some(url.map_err(graveler::Error::from)?);
        location.presigned_url_expiry = Some(rest.signed_until());
    }
    Ok(Json(location))
}

/// Link an address to a path
#[utoipa::path(put, path = "/repositories/{repository}/branches/{branch}/staging/backing",
    operation_id = "linkPhysicalAddress", tag = "staging", params(OnBranch, ObjectQuery,
        ("If-None-Match" = Option<String>, Header, description = "* links only where no object is"),
        ("If-Match" = Option<String>, Header, description = "The ETag of the object to replace")),
    request_body = StagingMetadata,
    responses((status = 200, body = ObjectStats), (status = "default", body = ErrorBody)))]
async fn link_physical_address(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Path(OnBranch { repository, branch }): Path<OnBranch>,
    Query(ObjectQuery { path }): Query<ObjectQuery>,
    headers: HeaderMap,
    Body(body): Body<StagingMetadata>,
) -> Result<Json<ObjectStats>, Failure> {
    authorize(&caller, Action::WriteObject, &Resource::object_of(&repository, &branch, &path))?;
    let require = requirement(&headers)?;
    let recipient = Recipient::find(&rest, Way::Whole, &caller, &repository, &branch, &path).await?;
    let given = recipient.take_back(&rest, body.staging.physical_address.as_deref().unwrap_or_default())?;
    let request = flows::LinkRequest {
        repository: recipient.repository.clone(),
        branch,
        path: path.clone(),
        slot: given.slot,
        bytes: flows::UploadedBytes::GivenOut(given.address),
        once: given.once,
        size: Some(body.size_bytes),
        e_tag: as_stores_spell(object_http::unquoted(&body.checksum)),
        content_type: body.content_type.unwrap_or_default(),
        metadata: body.user_metadata.unwrap_or_default(),
        require,
        without_bytes: rest.options.links_without_bytes,
    };
    let entry = flows::link_object(rest.by_force(body.force).graveler(), &caller, &request).await?;
    Ok(Json(ObjectStats::new(&request.repository, path.clone(), entry)))
}

/// Ask whether one may write an object
#[utoipa::path(get, path = "/repositories/{repository}/branches/{branch}/objects/stage_allowed",
    operation_id = "uploadObjectPreflight", tag = "internal", params(OnBranch, ObjectQuery),
    responses((status = 204), (status = "default", body = ErrorBody)))]
async fn may_upload_object(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Path(OnBranch { repository, branch }): Path<OnBranch>,
    Query(ObjectQuery { path }): Query<ObjectQuery>,
) -> Result<StatusCode, Failure> {
    authorize(&caller, Action::WriteObject, &Resource::object_of(&repository, &branch, &path))?;
    rest.graveler.meta().branch(&repository, &branch).await?;
    rest.graveler.meta().repository(&repository).await?.open_to_writes(&branch)?;
    Ok(StatusCode::NO_CONTENT)
}

/// An ETag as a store spells it: MD5s, and those of uploads in parts, in small letters.
fn as_stores_spell(e_tag: &str) -> String {
    let md5 = e_tag.split_once('-').map_or(e_tag, |(md5, _)| md5);
    match md5.len() == 32 && md5.bytes().all(|b| b.is_ascii_hexdigit()) {
        true => e_tag.to_ascii_lowercase(),
        false => e_tag.to_owned(),
    }
}

impl Rest {
    pub(super) fn storage(&self, repository: &Repository) -> Result<storage::RepositoryStorage, Error> {
        Ok(self.graveler.stores().repository(&repository.namespace).map_err(graveler::Error::from)?)
    }

    /// When a URL that is signed now expires, in seconds since 1970.
    pub(super) fn signed_until(&self) -> i64 {
        super::seconds(self.graveler.clock().now()) + i64::try_from(SIGNED_URL_EXPIRES_IN.as_secs()).unwrap_or_default()
    }
}
