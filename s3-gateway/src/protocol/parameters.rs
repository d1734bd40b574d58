//! The query parameters of S3 by name: what each operation reads, what it passes over, and that everything else is
//! refused. Leaves their values to `operation`. Invariant: an operation is what its whole query says, so a parameter that
//! isn't known here is 501 and changes nothing, whatever S3 will one day mean by it.

use super::bucket_settings;
use super::error::S3Error;
use super::operation::Operation;
use super::query::Query;

/// The parameters that choose an operation, beside the method.
const CHOOSING: [&str; 10] = [
    "acl",
    "attributes",
    "delete",
    "encryption",
    "legal-hold",
    "location",
    "retention",
    "tagging",
    "uploadId",
    "uploads",
];

/// What a listing of objects may have in either version, read by one and passed over by the other, as in S3. `metadata`
/// is MinIO's: its clients ask for what S3's listings never hold.
const OF_LISTINGS: [&str; 10] = [
    "continuation-token",
    "delimiter",
    "encoding-type",
    "fetch-owner",
    "list-type",
    "marker",
    "max-keys",
    "metadata",
    "prefix",
    "start-after",
];

const OF_READS: [&str; 7] = [
    "partNumber",
    "response-cache-control",
    "response-content-disposition",
    "response-content-encoding",
    "response-content-language",
    "response-content-type",
    "response-expires",
];

/// The name that SDKs give to the operation that they mean.
const SDK_NAME: &str = "x-id";

/// The parameter that chooses the operation; none for the plain one.
pub(crate) fn chosen(query: &Query) -> Option<&'static str> {
    CHOOSING.into_iter().chain(bucket_settings::parameters()).find(|name| query.has(name))
}

/// The first parameter that says anything of the operation.
pub(crate) fn first(query: &Query) -> Option<&str> {
    query.pairs().map(|(name, _)| name).find(|name| *name != SDK_NAME)
}

/// Refuses whatever an operation doesn't know.
///
/// # Errors
/// NotImplemented, by the parameter's name; InvalidArgument for an empty version.
pub(crate) fn refuse_unknown(operation: &Operation, query: &Query) -> Result<(), S3Error> {
    for (name, value) in query.pairs() {
        match name {
            SDK_NAME if value == operation.name() => {}
            SDK_NAME => return Err(S3Error::not_implemented(format!("The operation {value}, in x-id,"))),
            "versionId" => refuse_version(operation, value)?,
            _ if of(operation).contains(&name) => {}
            _ => return Err(S3Error::not_implemented(format!("The parameter {name} of {}", operation.name()))),
        }
    }
    Ok(())
}

/// `null` is the version of every object in a bucket without versions.
fn refuse_version(operation: &Operation, version: &str) -> Result<(), S3Error> {
    let takes_versions = matches!(
        operation,
        Operation::GetObject { .. }
            | Operation::HeadObject { .. }
            | Operation::DeleteObject { .. }
            | Operation::GetObjectTagging { .. }
            | Operation::PutObjectTagging { .. }
            | Operation::DeleteObjectTagging { .. }
            | Operation::GetObjectAcl { .. }
            | Operation::GetObjectAttributes { .. }
            | Operation::GetObjectLegalHold { .. }
            | Operation::GetObjectRetention { .. }
    );
    let refused = |why| Err(S3Error::invalid_argument("versionId", version, why));
    match version {
        "" => refused("Version id cannot be the empty string"),
        "null" if takes_versions => Ok(()),
        _ if takes_versions => {
            Err(S3Error::not_implemented("The parameter versionId (use a commit as the ref instead)"))
        }
        _ => refused("This operation does not accept a version-id."),
    }
}

/// The parameters of an operation.
pub(super) fn of(operation: &Operation) -> &'static [&'static str] {
    match operation {
        Operation::ListBuckets(_) => &["bucket-region", "continuation-token", "max-buckets", "prefix"],
        Operation::GetBucketLocation { .. } => &["location"],
        Operation::ListObjects { .. } | Operation::ListObjectsV2 { .. } => &OF_LISTINGS,
        Operation::ListMultipartUploads { .. } => {
            &["delimiter", "encoding-type", "key-marker", "max-uploads", "prefix", "upload-id-marker", "uploads"]
        }
        Operation::DeleteObjects { .. } => &["delete"],
        Operation::GetObject { .. } | Operation::HeadObject { .. } => &OF_READS,
        Operation::CreateMultipartUpload { .. } => &["uploads"],
        Operation::UploadPart { .. } | Operation::UploadPartCopy { .. } => &["partNumber", "uploadId"],
        Operation::CompleteMultipartUpload { .. } | Operation::AbortMultipartUpload { .. } => &["uploadId"],
        Operation::GetObjectTagging { .. }
        | Operation::PutObjectTagging { .. }
        | Operation::DeleteObjectTagging { .. } => &["tagging"],
        Operation::GetBucketAcl { .. } | Operation::GetObjectAcl { .. } => &["acl"],
        Operation::GetBucketEncryption { .. } => &["encryption"],
        Operation::GetBucketSetting { setting, .. } => std::slice::from_ref(&setting.parameter),
        Operation::GetObjectAttributes { .. } => &["attributes"],
        Operation::GetObjectLegalHold { .. } => &["legal-hold"],
        Operation::GetObjectRetention { .. } => &["retention"],
        Operation::ListParts { .. } => &["encoding-type", "max-parts", "part-number-marker", "uploadId"],
        Operation::CreateBucket { .. }
        | Operation::HeadBucket { .. }
        | Operation::DeleteBucket { .. }
        | Operation::PutObject { .. }
        | Operation::PostObject { .. }
        | Operation::CopyObject { .. }
        | Operation::DeleteObject { .. } => &[],
    }
}
