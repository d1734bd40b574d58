//! Buckets, which are repositories. Owns ListBuckets, HeadBucket, GetBucketLocation and CreateBucket. Invariant: no
//! bucket is deleted over S3, since a repository holds history that a bucket's tools don't know of.

use auth::{Action, Resource};
use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Response;
use http::header::LOCATION;
use model::{MetaError, PageRequest, Refusal, Repository, RepositoryName};
use object_http::insert;

use crate::call::{self, Call};
use crate::error_table::Failure;
use crate::protocol::operation::ListBuckets;
use crate::protocol::xml::{read, write};
use crate::protocol::{ErrorCode, S3Error};

/// `GET /`: the repositories, in the order of their names.
pub(crate) async fn list_buckets(call: &Call<'_>, list: &ListBuckets) -> Result<Response<Body>, Failure> {
    call.authorize(Action::ListRepositories, &Resource::All)?;
    let after = list.continuation_token.as_deref().map_or(Ok(String::new()), decode_token)?;
    let wanted = PageRequest { prefix: list.prefix.clone(), after, amount: list.max_buckets as usize };
    let is_elsewhere = list.region.as_ref().is_some_and(|region| *region != call.options.region);
    let page = auth::seen_repositories(call.graveler.meta(), call.caller, wanted, |_| !is_elsewhere).await?;
    let continuation_token = page.next.as_deref().map(encode_token);
    let buckets = page
        .items
        .into_iter()
        .map(|r| write::Bucket { name: r.name.to_string(), creation_date: r.created_at.to_datetime() });
    let prefix = Some(list.prefix.clone()).filter(|prefix| !prefix.is_empty());
    let buckets = buckets.collect();
    Ok(call::xml(write::list_buckets(&write::ListBucketsAnswer {
        owner: call.owner(),
        buckets,
        prefix,
        continuation_token,
    })))
}

/// `HEAD /bucket`: whether it is there, and its region.
pub(crate) async fn head_bucket(call: &Call<'_>, bucket: &str) -> Result<Response<Body>, Failure> {
    find(call, bucket).await?;
    let mut answer = call::empty();
    let region = http::HeaderName::from_static("x-amz-bucket-region");
    insert(answer.headers_mut(), region, &call.options.region);
    Ok(answer)
}

/// `GET /bucket?location`.
pub(crate) async fn get_bucket_location(call: &Call<'_>, bucket: &str) -> Result<Response<Body>, Failure> {
    find(call, bucket).await?;
    Ok(call::xml(write::location(&call.options.region)))
}

pub(super) async fn find(call: &Call<'_>, bucket: &str) -> Result<Repository, Failure> {
    let name = call::repository_name(bucket)?;
    call.authorize(Action::ReadRepository, &Resource::Repository(name.clone()))?;
    Ok(call.graveler.meta().repository(&name).await?)
}

/// `PUT /bucket`: makes a repository in the default storage. The location that the client wants is read and not kept:
/// a repository lives where the server's object store is.
pub(crate) async fn create_bucket(call: &Call<'_>, bucket: &str) -> Result<Response<Body>, Failure> {
    let name = call::repository_name(bucket)?;
    call.authorize(Action::CreateRepository, &Resource::Repository(name.clone()))?;
    refuse_existing(call, &name).await?;
    let body = call.request.read_body(call.body.take(), read::XML_BYTES_MAX).await?;
    read::create_bucket(&body)?;
    let (branch, committer) = (&call.options.default_branch, call.caller.committer());
    call.graveler.create_repository(call::command_id(), &name, None, branch, committer).await?;
    let mut answer = call::empty();
    insert(answer.headers_mut(), LOCATION, &format!("/{name}"));
    Ok(answer)
}

async fn refuse_existing(call: &Call<'_>, name: &RepositoryName) -> Result<(), Failure> {
    match call.graveler.meta().repository(name).await {
        Ok(_) => Err(Refusal::RepositoryExists(name.clone()).into()),
        Err(MetaError::Refused(Refusal::RepositoryNotFound(_))) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// `DELETE /bucket`: refused, and says how.
pub(crate) async fn delete_bucket(call: &Call<'_>, bucket: &str) -> Result<Response<Body>, Failure> {
    let name = call::repository_name(bucket)?;
    call.authorize(Action::DeleteRepository, &Resource::Repository(name.clone()))?;
    call.graveler.meta().repository(&name).await?;
    let why = format!("A repository isn't deleted over S3, with its history: use lakebed repo delete lakebed://{name}");
    Err(S3Error::new(ErrorCode::MethodNotAllowed, why).into())
}

fn encode_token(name: &str) -> String {
    URL_SAFE_NO_PAD.encode(name)
}

fn decode_token(token: &str) -> Result<String, S3Error> {
    let name = URL_SAFE_NO_PAD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    name.filter(|name| name.parse::<RepositoryName>().is_ok()).ok_or_else(|| {
        S3Error::invalid_argument("continuation-token", token, "The continuation token provided is incorrect")
    })
}
