//! The headers that change what a request means, by name: `x-amz-*`, and HTTP's conditions. Says which of them each
//! operation reads, which of them ask for nothing that isn't so anyway, and refuses the others. Leaves values that are
//! read to who reads them. Invariant: a header that isn't known here is 501 and changes nothing.

use http::HeaderMap;

use super::error::S3Error;
use super::operation::Operation;

/// Headers of a request that are read, or can do no harm, whatever is asked for.
const EVERYWHERE: [&str; 13] = [
    // How the request was signed and travels.
    "x-amz-content-sha256",
    "x-amz-date",
    "x-amz-decoded-content-length",
    "x-amz-sdk-checksum-algorithm",
    "x-amz-trailer",
    // Judged whatever is asked for.
    "x-amz-expected-bucket-owner",
    // Who wrote the client.
    "x-amz-user-agent",
    // What becomes of the object that is written, if one is.
    "x-amz-storage-class",
    "x-amz-website-redirect-location",
    // Nobody is charged, nothing is locked, nothing is archived, and no answer has a trailer.
    "x-amz-bypass-governance-retention",
    "x-amz-optional-object-attributes",
    "x-amz-request-payer",
    "x-amz-te",
];

/// Families of headers that are read, or can do no harm, whatever is asked for.
const FAMILIES: [&str; 2] = ["x-amz-checksum-", "x-amz-meta-"];

/// Headers that may be there if they ask for what is so anyway: nobody but by policies may read, there are no
/// annotations, locks or owners, and one namespace of buckets.
const HARMLESS_VALUES: [(&str, &[&str]); 7] = [
    ("x-amz-acl", &["private", "bucket-owner-read", "bucket-owner-full-control"]),
    // The one that there is; AWS's SDK for C++ names it.
    ("x-amz-api-version", &["2006-03-01"]),
    ("x-amz-bucket-namespace", &["global"]),
    ("x-amz-bucket-object-lock-enabled", &["false"]),
    ("x-amz-object-annotation-directive", &["COPY", "EXCLUDE"]),
    ("x-amz-object-ownership", &["BucketOwnerEnforced"]),
    // Only where the store encrypts.
    ("x-amz-server-side-encryption", &["AES256"]),
];

/// HTTP's headers that make a write conditional or partial.
const CONDITIONS: [&str; 6] =
    ["content-range", "if-match", "if-modified-since", "if-none-match", "if-range", "if-unmodified-since"];

const OF_WRITES: [&str; 3] = ["if-match", "if-none-match", "x-amz-tagging"];

const OF_DELETIONS: [&str; 2] = ["if-match", "if-none-match"];

const OF_ATTRIBUTES: [&str; 3] = ["x-amz-max-parts", "x-amz-object-attributes", "x-amz-part-number-marker"];

const OF_COMPLETIONS: [&str; 3] = ["if-match", "if-none-match", "x-amz-mp-object-size"];

const OF_COPIES: [&str; 11] = [
    "if-match",
    "if-none-match",
    "x-amz-copy-source",
    "x-amz-copy-source-if-match",
    "x-amz-copy-source-if-modified-since",
    "x-amz-copy-source-if-none-match",
    "x-amz-copy-source-if-unmodified-since",
    "x-amz-metadata-directive",
    "x-amz-source-expected-bucket-owner",
    "x-amz-tagging",
    "x-amz-tagging-directive",
];

const OF_PART_COPIES: [&str; 7] = [
    "x-amz-copy-source",
    "x-amz-copy-source-if-match",
    "x-amz-copy-source-if-modified-since",
    "x-amz-copy-source-if-none-match",
    "x-amz-copy-source-if-unmodified-since",
    "x-amz-copy-source-range",
    "x-amz-source-expected-bucket-owner",
];

const OF_STS: [&str; 4] = ["x-amz-content-sha256", "x-amz-date", "x-amz-security-token", "x-amz-user-agent"];

/// Refuses whatever an operation doesn't know. An empty condition is none.
///
/// # Errors
/// NotImplemented, by the header's name.
pub(crate) fn refuse_unknown(operation: &Operation, headers: &HeaderMap) -> Result<(), S3Error> {
    let unknown = headers.iter().find(|(name, value)| {
        let name = name.as_str();
        let is_amz = name.starts_with("x-amz-");
        let is_condition = CONDITIONS.contains(&name) && !operation.only_reads() && !value.is_empty();
        (is_amz || is_condition) && !is_known(operation, name, value.as_bytes())
    });
    match unknown {
        Some((name, _)) => Err(S3Error::not_implemented(format!("The header {name} of {}", operation.name()))),
        None => Ok(()),
    }
}

/// Refuses what no call of STS has.
///
/// # Errors
/// NotImplemented, by the header's name.
pub(crate) fn refuse_unknown_of_sts(headers: &HeaderMap) -> Result<(), S3Error> {
    let mut names = headers.keys().map(http::HeaderName::as_str);
    match names.find(|name| name.starts_with("x-amz-") && !OF_STS.contains(name)) {
        Some(unknown) => Err(S3Error::not_implemented(format!("The header {unknown} of STS"))),
        None => Ok(()),
    }
}

fn is_known(operation: &Operation, name: &str, value: &[u8]) -> bool {
    if let Some((_, harmless)) = HARMLESS_VALUES.iter().find(|(known, _)| *known == name) {
        return harmless.iter().any(|harmless| harmless.as_bytes() == value);
    }
    EVERYWHERE.contains(&name)
        || FAMILIES.iter().any(|family| name.starts_with(family))
        || of(operation).contains(&name)
}

/// The headers of an operation.
fn of(operation: &Operation) -> &'static [&'static str] {
    match operation {
        Operation::PutObject { .. } | Operation::CreateMultipartUpload { .. } => &OF_WRITES,
        Operation::DeleteObject { .. } => &OF_DELETIONS,
        Operation::CopyObject { .. } => &OF_COPIES,
        Operation::UploadPartCopy { .. } => &OF_PART_COPIES,
        Operation::CompleteMultipartUpload { .. } => &OF_COMPLETIONS,
        Operation::GetObjectAttributes { .. } => &OF_ATTRIBUTES,
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_tells_what_is_passed_over() {
        let page = include_str!("../../../docs/s3.md");
        // These are read wherever a request is signed, or where bytes come.
        let of_transfer = &EVERYWHERE[..5];
        let told = EVERYWHERE.iter().filter(|name| !of_transfer.contains(name)).map(|name| format!("`{name}`"));
        for name in told.chain(FAMILIES.map(|family| format!("`{family}*`"))) {
            assert!(page.contains(&name), "{name}");
        }
        for (name, values) in HARMLESS_VALUES {
            let values: Vec<_> = values.iter().map(|value| format!("`{value}`")).collect();
            let row = format!("| `{name}` | {} |", values.join(", ").replace("``", "empty"));
            assert!(page.contains(&row), "{row}");
        }
    }
}
