//! Multipart uploads by pre-signed URLs, on stores that can sign. The parts go to an address that is told to nobody but in
//! those URLs, and they write nothing once the upload has ended; so what is completed isn't copied.
//! Invariants: an upload is completed, given up, or added to by the user who began it, for the path that it was begun for; an
//! entry is of the parts that its writer named, or there is none.

use std::collections::BTreeMap;

use auth::{Action, Caller, Resource, authorize};
use axum::Json;
use axum::extract::State;
use http::StatusCode;
use md5::Digest as _;
use model::{BranchName, ObjectPath, PART_NUMBER_MAX, RepositoryName};
use serde::{Deserialize, Serialize};
use storage::{Completed, CompletionPart, StorageError};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Rest;
use super::authentication::Authenticated;
use super::extract::{Body, OptionalBody, Path, Query};
use super::failure::{ErrorBody, Failure, invalid_field};
use super::given_out::{Recipient, TakenBack, Way};
use super::object_stats::ObjectStats;
use super::objects::ObjectQuery;
use super::path_params::{OnBranch, text};
use crate::flows;

const NO_SIGNER: &str = "this server's object store can't pre-sign URLs: upload through the server";

const NO_PROOF: &str =
    "this server's object store doesn't tell which parts an object was made of: upload through the server";

const NO_SIGNER_OR_PROOF: &str = "this server's object store can't pre-sign URLs, or doesn't tell which parts an object was \
    made of: upload through the server";

const ENDED: &str = "this upload, which was completed with other parts, given up or never begun: begin a new one";

pub(super) fn router() -> OpenApiRouter<Rest> {
    OpenApiRouter::new()
        .routes(routes!(create_presign_multipart_upload))
        .routes(routes!(complete_presign_multipart_upload, abort_presign_multipart_upload))
        .routes(routes!(upload_part))
}

/// An upload.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct OfUpload {
    #[param(value_type = String)]
    repository: RepositoryName,
    #[param(value_type = String)]
    branch: BranchName,
    /// The upload's id.
    #[serde(rename = "uploadId")]
    upload: String,
}

/// A part of an upload.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct OfPart {
    #[param(value_type = String)]
    repository: RepositoryName,
    #[param(value_type = String)]
    branch: BranchName,
    /// The upload's id.
    #[serde(rename = "uploadId")]
    upload: String,
    /// From 1.
    #[serde(rename = "partNumber", deserialize_with = "text")]
    #[param(minimum = 1, maximum = 10000)]
    number: u32,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PartsQuery {
    /// How many parts to sign URLs for.
    #[serde(default)]
    #[param(value_type = Option<u32>, maximum = 10000)]
    parts: u32,
}

/// An upload that was begun.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PresignMultipartUpload {
    upload_id: String,
    physical_address: String,
    /// One a part, from 1; absent if none was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    presigned_urls: Option<Vec<String>>,
}

/// What was uploaded.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct CompletePresignMultipartUpload {
    physical_address: String,
    parts: Vec<UploadPart>,
    #[schema(nullable = false)]
    user_metadata: Option<BTreeMap<String, String>>,
    #[schema(nullable = false)]
    content_type: Option<String>,
}

/// A part that was uploaded.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct UploadPart {
    part_number: u32,
    /// What the store answered.
    etag: String,
}

/// Which upload to give up.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(crate) struct AbortPresignMultipartUpload {
    physical_address: String,
}

/// Which upload a part is of.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct UploadPartFrom {
    physical_address: String,
}

/// Where to put a part.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UploadTo {
    presigned_url: String,
}

/// Begin a multipart upload by pre-signed URLs
#[utoipa::path(post, path = "/repositories/{repository}/branches/{branch}/staging/pmpu",
    operation_id = "createPresignMultipartUpload", tag = "experimental", params(OnBranch, ObjectQuery, PartsQuery),
    responses((status = 201, body = PresignMultipartUpload), (status = 501, body = ErrorBody, description = NO_SIGNER), (status = "default", body = ErrorBody)))]
async fn create_presign_multipart_upload(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Path(OnBranch { repository, branch }): Path<OnBranch>,
    Query(ObjectQuery { path }): Query<ObjectQuery>,
    Query(PartsQuery { parts }): Query<PartsQuery>,
) -> Result<(StatusCode, Json<PresignMultipartUpload>), Failure> {
    authorize(&caller, Action::WriteObject, &Resource::object_of(&repository, &branch, &path))?;
    if parts > PART_NUMBER_MAX {
        return Err(invalid_field("parts", format!("an upload has at most {PART_NUMBER_MAX} parts")));
    }
    rest.must_sign()?;
    let recipient = Recipient::find(&rest, Way::Parts, &caller, &repository, &branch, &path).await?;
    recipient.repository.open_to_writes(&branch)?;
    let given = recipient.give_out(&rest)?;
    let (storage, address) = (rest.storage(&recipient.repository)?, given.slot.of_parts());
    let upload_id = storage.create_multipart(&address).await.map_err(graveler::Error::from)?;
    let mut signed = Vec::new();
    for number in 1..=parts {
        signed.push(storage.signed_part(&address, &upload_id, number).await.map_err(graveler::Error::from)?);
    }
    let presigned_urls = Some(signed).filter(|signed| !signed.is_empty());
    let physical_address = given.url;
    Ok((StatusCode::CREATED, Json(PresignMultipartUpload { upload_id, physical_address, presigned_urls })))
}

/// Complete a multipart upload and link its object
#[utoipa::path(put, path = "/repositories/{repository}/branches/{branch}/staging/pmpu/{uploadId}",
    operation_id = "completePresignMultipartUpload", tag = "experimental", params(OfUpload, ObjectQuery),
    request_body = CompletePresignMultipartUpload,
    responses((status = 200, body = ObjectStats), (status = 501, body = ErrorBody, description = NO_SIGNER_OR_PROOF), (status = "default", body = ErrorBody)))]
async fn complete_presign_multipart_upload(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Path(OfUpload { repository, branch, upload }): Path<OfUpload>,
    Query(ObjectQuery { path }): Query<ObjectQuery>,
    Body(body): Body<CompletePresignMultipartUpload>,
) -> Result<Json<ObjectStats>, Failure> {
    let (recipient, given) = rest.upload(&caller, &repository, &branch, &path, &body.physical_address).await?;
    let e_tag = whole_e_tag(&body.parts)?;
    let part = |part: UploadPart| CompletionPart { number: part.part_number, id: part.etag, content: None };
    let mut parts: Vec<_> = body.parts.into_iter().map(part).collect();
    parts.sort_unstable_by_key(|part| part.number);
    let request = flows::LinkRequest {
        repository: recipient.repository.clone(),
        branch,
        path: path.clone(),
        slot: given.slot,
        bytes: flows::UploadedBytes::Made,
        once: given.once,
        size: None,
        e_tag,
        content_type: body.content_type.unwrap_or_default(),
        metadata: body.user_metadata.unwrap_or_default(),
        require: None,
        without_bytes: false,
    };
    let storage = rest.storage(&request.repository)?;
    let completed = storage.complete_multipart(&request.slot.of_parts(), &upload, &parts).await;
    let entry = match completed {
        Ok(Completed::OfThese) => flows::link_object(&rest.graveler, &caller, &request).await?,
        // An earlier try may have done it all, on a store that can't tell that the object is of these parts.
        untold => flows::linked_before(&rest.graveler, &request).await?.ok_or_else(|| not_of_these(untold))?,
    };
    Ok(Json(ObjectStats::new(&request.repository, path.clone(), entry)))
}

/// Give a multipart upload up
#[utoipa::path(delete, path = "/repositories/{repository}/branches/{branch}/staging/pmpu/{uploadId}",
    operation_id = "abortPresignMultipartUpload", tag = "experimental", params(OfUpload, ObjectQuery),
    request_body = Option<AbortPresignMultipartUpload>,
    responses((status = 204), (status = 501, body = ErrorBody, description = NO_SIGNER), (status = "default", body = ErrorBody)))]
async fn abort_presign_multipart_upload(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Path(OfUpload { repository, branch, upload }): Path<OfUpload>,
    Query(ObjectQuery { path }): Query<ObjectQuery>,
    OptionalBody(AbortPresignMultipartUpload { physical_address }): OptionalBody<AbortPresignMultipartUpload>,
) -> Result<StatusCode, Failure> {
    let (recipient, given) = rest.upload(&caller, &repository, &branch, &path, &physical_address).await?;
    let ended = rest.storage(&recipient.repository)?.abort_multipart(&given.slot.of_parts(), &upload).await;
    ended.map_err(graveler::Error::from)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Get a URL for a part
#[utoipa::path(put, path = "/repositories/{repository}/branches/{branch}/staging/pmpu/{uploadId}/parts/{partNumber}",
    operation_id = "uploadPart", tag = "experimental", params(OfPart, ObjectQuery), request_body = UploadPartFrom,
    responses((status = 200, body = UploadTo), (status = 501, body = ErrorBody, description = NO_SIGNER), (status = "default", body = ErrorBody)))]
async fn upload_part(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Path(OfPart { repository, branch, upload, number }): Path<OfPart>,
    Query(ObjectQuery { path }): Query<ObjectQuery>,
    Body(UploadPartFrom { physical_address }): Body<UploadPartFrom>,
) -> Result<Json<UploadTo>, Failure> {
    if !(1..=PART_NUMBER_MAX).contains(&number) {
        return Err(invalid_field("partNumber", format!("is from 1 to {PART_NUMBER_MAX}")));
    }
    let (recipient, given) = rest.upload(&caller, &repository, &branch, &path, &physical_address).await?;
    let url = rest.storage(&recipient.repository)?.signed_part(&given.slot.of_parts(), &upload, number).await;
    Ok(Json(UploadTo { presigned_url: url.map_err(graveler::Error::from)? }))
}

impl Rest {
    fn must_sign(&self) -> Result<(), Failure> {
        match self.graveler.stores().signs() {
            true => Ok(()),
            false => Err(Failure::new(StatusCode::NOT_IMPLEMENTED, NO_SIGNER)),
        }
    }

    /// Finds the upload that an address is of, for the one who began it.
    async fn upload<'a>(
        &self,
        caller: &'a Caller,
        repository: &RepositoryName,
        branch: &BranchName,
        path: &'a ObjectPath,
        physical_address: &str,
    ) -> Result<(Recipient<'a>, TakenBack), Failure> {
        authorize(caller, Action::WriteObject, &Resource::object_of(repository, branch, path))?;
        self.must_sign()?;
        let recipient = Recipient::find(self, Way::Parts, caller, repository, branch, path).await?;
        let given = recipient.take_back(self, physical_address)?;
        Ok((recipient, given))
    }
}

/// Why a completion isn't linked. What the store made may be of other parts, by a completion that came first: of the parts
/// nothing is known here but their ETags, so neither the size nor the bytes would tell.
fn not_of_these(completed: Result<Completed, StorageError>) -> Failure {
    match completed {
        Ok(_) => Failure::new(StatusCode::NOT_IMPLEMENTED, NO_PROOF),
        Err(StorageError::NotFound { .. }) => Failure::not_found(ENDED),
        Err(error) => graveler::Error::from(error).into(),
    }
}

/// The ETag of an object of these parts, as S3 makes it: the MD5 of their MD5s.
fn whole_e_tag(parts: &[UploadPart]) -> Result<String, Failure> {
    let numbers: std::collections::BTreeSet<_> = parts.iter().map(|part| part.part_number).collect();
    if parts.is_empty() || numbers.len() != parts.len() {
        return Err(invalid_field("parts", "must be at least one, each number once"));
    }
    let mut sorted: Vec<_> = parts.iter().collect();
    sorted.sort_unstable_by_key(|part| part.part_number);
    let mut digests = Vec::new();
    for part in sorted {
        let md5: Option<[u8; 16]> =
            hex::decode(object_http::unquoted(&part.etag)).ok().and_then(|md5| md5.try_into().ok());
        digests.extend(md5.ok_or_else(|| {
            let why = "must have the ETags that the store answered, and these must be MD5s: on a store with others, upload \
                       through the server";
            invalid_field("parts", format!("{why} (part {})", part.part_number))
        })?);
    }
    Ok(format!("{}-{}", hex::encode(md5::Md5::digest(&digests)), parts.len()))
}
