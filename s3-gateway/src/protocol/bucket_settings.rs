//! The settings of S3's buckets that repositories don't have: what each is asked by, and what S3 says of a bucket without it.
//! Invariant: they can be asked for and not be changed, so nobody takes one for set.

use super::error::ErrorCode as Code;

/// A setting that no bucket has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BucketSetting {
    /// The parameter that asks for it.
    pub(super) parameter: &'static str,
    /// S3's name of the operation.
    pub(super) operation: &'static str,
    /// What S3 answers.
    pub unset: Unset,
}

/// What S3 answers of a setting that a bucket doesn't have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unset {
    /// An error.
    Error(Code),
    /// A document: its root, the elements inside, one in the other, and the text of the innermost.
    Document(&'static str, &'static [&'static str], &'static str),
}

use Unset::{Document, Error};

static SETTINGS: [BucketSetting; 15] = [
    of("accelerate", "GetBucketAccelerateConfiguration", Document("AccelerateConfiguration", &[], "")),
    of("cors", "GetBucketCors", Error(Code::NoSuchCORSConfiguration)),
    of("lifecycle", "GetBucketLifecycleConfiguration", Error(Code::NoSuchLifecycleConfiguration)),
    of("logging", "GetBucketLogging", Document("BucketLoggingStatus", &[], "")),
    of("notification", "GetBucketNotificationConfiguration", Document("NotificationConfiguration", &[], "")),
    of("object-lock", "GetObjectLockConfiguration", Error(Code::ObjectLockConfigurationNotFoundError)),
    of(
        "ownershipControls",
        "GetBucketOwnershipControls",
        Document("OwnershipControls", &["Rule", "ObjectOwnership"], "BucketOwnerEnforced"),
    ),
    of("policy", "GetBucketPolicy", Error(Code::NoSuchBucketPolicy)),
    of("policyStatus", "GetBucketPolicyStatus", Error(Code::NoSuchBucketPolicy)),
    of("publicAccessBlock", "GetPublicAccessBlock", Error(Code::NoSuchPublicAccessBlockConfiguration)),
    of("replication", "GetBucketReplication", Error(Code::ReplicationConfigurationNotFoundError)),
    of("requestPayment", "GetBucketRequestPayment", Document("RequestPaymentConfiguration", &["Payer"], "BucketOwner")),
    of("tagging", "GetBucketTagging", Error(Code::NoSuchTagSet)),
    of("versioning", "GetBucketVersioning", Document("VersioningConfiguration", &[], "")),
    of("website", "GetBucketWebsite", Error(Code::NoSuchWebsiteConfiguration)),
];

const fn of(parameter: &'static str, operation: &'static str, unset: Unset) -> BucketSetting {
    BucketSetting { parameter, operation, unset }
}

/// The setting that a parameter asks for.
pub(super) fn setting(parameter: &str) -> Option<&'static BucketSetting> {
    SETTINGS.iter().find(|setting| setting.parameter == parameter)
}

/// All parameters that ask for one.
pub(super) fn parameters() -> impl Iterator<Item = &'static str> {
    SETTINGS.iter().map(|setting| setting.parameter)
}
