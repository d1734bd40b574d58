//! S3's operations, one file per family. Owns the table from typed request to function; each function authorizes, then
//! reads as the protocol that it is. Invariant: the table is exhaustive, so an operation can't be forgotten.

mod bucket_settings;
mod buckets;
mod list_objects;
mod listing;

mod copy_object;
mod delete_object;
mod get_object;
mod object_attributes;
mod object_tagging;
mod post_object;
mod put_object;
mod stage_object;

mod list_uploads;
mod multipart;
mod multipart_again;
mod multipart_complete;
mod multipart_whole;

use axum::body::Body;
use http::Response;

use crate::call::Call;
use crate::encryption;
use crate::error_table::Failure;
use crate::protocol::Operation as Op;

/// Carries out an operation, if all that it expects of any bucket is so.
pub(crate) async fn carry_out(call: &Call<'_>) -> Result<Response<Body>, Failure> {
    let (operation, stores) = (&call.request.operation, call.graveler.stores());
    call.check_expected_owners()?;
    encryption::check(call.headers(), stores)?;
    let mut answer = answer(call).await?;
    encryption::describe_write(answer.headers_mut(), operation, stores);
    Ok(answer)
}

async fn answer(call: &Call<'_>) -> Result<Response<Body>, Failure> {
    match &call.request.operation {
        Op::ListBuckets(list) => buckets::list_buckets(call, list).await,
        Op::CreateBucket { bucket } => buckets::create_bucket(call, bucket).await,
        Op::HeadBucket { bucket } => buckets::head_bucket(call, bucket).await,
        Op::DeleteBucket { bucket } => buckets::delete_bucket(call, bucket).await,
        Op::GetBucketLocation { bucket } => buckets::get_bucket_location(call, bucket).await,
        Op::ListObjects { bucket, list } => list_objects::list_objects(call, bucket, list).await,
        Op::ListObjectsV2 { bucket, list } => list_objects::list_objects_v2(call, bucket, list).await,
        Op::ListMultipartUploads { bucket, list } => list_uploads::list_uploads(call, bucket, list).await,
        Op::DeleteObjects { bucket } => delete_object::delete_objects(call, bucket).await,
        Op::GetObject { bucket, key, read } => get_object::get_object(call, bucket, key, read).await,
        Op::HeadObject { bucket, key, read } => get_object::head_object(call, bucket, key, read).await,
        Op::PutObject { bucket, key } => put_object::put_object(call, bucket, key).await,
        Op::PostObject { bucket, key, answer } => post_object::post_object(call, bucket, key, answer).await,
        Op::CopyObject { bucket, key, source } => copy_object::copy_object(call, bucket, key, source).await,
        Op::DeleteObject { bucket, key } => delete_object::delete_object(call, bucket, key).await,
        Op::CreateMultipartUpload { bucket, key } => multipart::create(call, bucket, key).await,
        Op::UploadPart { bucket, key, upload_id, part_number } => {
            multipart::upload_part(call, bucket, key, upload_id, *part_number).await
        }
        Op::UploadPartCopy { bucket, key, upload_id, part_number, source, range } => {
            multipart::upload_part_copy(call, bucket, key, upload_id, *part_number, source, *range).await
        }
        Op::CompleteMultipartUpload { bucket, key, upload_id } => {
            multipart_complete::complete(call, bucket, key, upload_id).await
        }
        Op::AbortMultipartUpload { bucket, key, upload_id } => multipart::abort(call, bucket, key, upload_id).await,
        Op::ListParts { bucket, key, upload_id, list } => {
            multipart::list_parts(call, bucket, key, upload_id, list).await
        }
        Op::GetObjectTagging { bucket, key } => object_tagging::get(call, bucket, key).await,
        Op::PutObjectTagging { bucket, key } => object_tagging::put(call, bucket, key).await,
        Op::DeleteObjectTagging { bucket, key } => object_tagging::delete(call, bucket, key).await,
        Op::GetBucketAcl { bucket } => bucket_settings::acl(call, bucket).await,
        Op::GetBucketEncryption { bucket } => bucket_settings::encryption(call, bucket).await,
        Op::GetBucketSetting { bucket, setting } => bucket_settings::unset(call, bucket, setting.unset).await,
        Op::GetObjectAcl { bucket, key } => object_attributes::acl(call, bucket, key).await,
        Op::GetObjectAttributes { bucket, key, wanted } => {
            object_attributes::attributes(call, bucket, key, wanted).await
        }
        Op::GetObjectLegalHold { bucket, key } | Op::GetObjectRetention { bucket, key } => {
            object_attributes::lock(call, bucket, key).await
        }
    }
}
