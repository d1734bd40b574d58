//! Subresources and headers of S3 by name: those that choose an operation, and those that Lakebed lacks. Invariant:
//! every name here that isn't served is refused by its name; names that S3 doesn't know either are ignored, as S3 does.

use http::HeaderMap;

use super::error::{ErrorCode, S3Error};
use super::query::Query;

/// The query parameters that choose an operation that Lakebed has.
const CHOSEN: [&str; 4] = ["delete", "location", "uploadId", "uploads"];

/// The query parameters that choose an operation that Lakebed lacks.
const UNIMPLEMENTED: [&str; 38] = [
    "abac",
    "accelerate",
    "acl",
    "analytics",
    "attributes",
    "cors",
    "defaultObjectAcl",
    "encryption",
    "intelligent-tiering",
    "inventory",
    "legal-hold",
    "lifecycle",
    "logging",
    "metadataConfiguration",
    "metadataInventoryTable",
    "metadataJournalTable",
    "metadataTable",
    "metrics",
    "notification",
    "object-lock",
    "ownershipControls",
    "policy",
    "policyStatus",
    "publicAccessBlock",
    "renameObject",
    "replication",
    "requestPayment",
    "restore",
    "retention",
    "select",
    "select-type",
    "session",
    "storageClass",
    "tagging",
    "torrent",
    "versioning",
    "versions",
    "website",
];

/// Starts of headers whose silence would mislead: encryption, locks, grants, tags, appending, ownership checks.
const UNIMPLEMENTED_HEADERS: [&str; 10] = [
    "x-amz-copy-source-server-side-encryption",
    "x-amz-expected-bucket-owner",
    "x-amz-grant-",
    "x-amz-if-match-",
    "x-amz-mfa",
    "x-amz-object-lock-",
    "x-amz-rename-source",
    "x-amz-server-side-encryption",
    "x-amz-source-expected-bucket-owner",
    "x-amz-write-offset-bytes",
];

/// The subresource that chooses the operation; none for the plain one.
pub(crate) fn first_chosen(query: &Query) -> Option<&'static str> {
    CHOSEN.into_iter().find(|name| query.has(name))
}

/// Refuses, by its name, what S3 has and Lakebed lacks.
///
/// # Errors
/// NotImplemented; InvalidArgument for an empty version.
pub(crate) fn refuse_unimplemented(query: &Query, headers: &HeaderMap) -> Result<(), S3Error> {
    if let Some(name) = UNIMPLEMENTED.into_iter().find(|name| query.has(name)) {
        return Err(S3Error::not_implemented(format!("The subresource {name}")));
    }
    match query.get("versionId") {
        // The version of every object in a bucket without versions.
        None | Some("null") => {}
        Some("") => {
            let why = "Version id cannot be the empty string";
            return Err(S3Error::new(ErrorCode::InvalidArgument, why).with_detail("ArgumentName", "versionId"));
        }
        Some(_) => return Err(S3Error::not_implemented("The subresource versionId (use a commit as the ref instead)")),
    }
    let is_lacking = |name: &str| UNIMPLEMENTED_HEADERS.iter().any(|start| name.starts_with(start));
    if let Some(name) = headers.keys().find(|name| is_lacking(name.as_str())) {
        return Err(S3Error::not_implemented(format!("The header {name}")));
    }
    refuse_unless(headers, "x-amz-acl", &["private", "bucket-owner-read", "bucket-owner-full-control"])?;
    refuse_unless(headers, "x-amz-bucket-object-lock-enabled", &["false"])?;
    refuse_unless(headers, "x-amz-tagging", &[""])
}

/// Refuses a header unless its value asks for what is so anyway.
fn refuse_unless(headers: &HeaderMap, name: &str, harmless: &[&str]) -> Result<(), S3Error> {
    let is_harmless = |value: &[u8]| harmless.iter().any(|harmless| harmless.as_bytes() == value);
    match headers.get_all(name).iter().all(|value| is_harmless(value.as_bytes())) {
        true => Ok(()),
        false => Err(S3Error::not_implemented(format!("The header {name}"))),
    }
}
