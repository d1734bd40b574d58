//! The S3 protocol: who signed a request, what it asks for, its bytes as they were before they were framed, and the
//! XML of the answer. Knows nothing of Lakebed, so that it could be swapped. Invariant: a [`Request`] exists only when
//! its signature, and each header that can change its meaning, was verified.

pub mod error;

pub mod address;
mod amz_headers;
pub mod attributes;
pub mod bucket_settings;
pub mod operation;
mod parameters;
mod query;

pub(crate) mod canonical;
pub mod presign;
pub mod receive;
mod signature_v2;
mod signature_v4;
mod signing_key;
pub mod sts;

pub mod body;
pub mod checksum;
pub mod checksum_combine;
mod chunked;
mod payload;

pub(crate) mod post_form;
mod post_policy;

pub mod copy_source;
pub mod date;
pub mod headers;
pub(crate) mod rfc2047;

pub mod xml;

pub mod fuzzing;

pub use address::Address;
pub use body::{BodyError, BodyStream, Receipt, Received};
pub use checksum::{Checksum, ChecksumAlgorithm, ChecksumKind};
pub use error::{AnswerContext, ErrorCode, S3Error};
pub use operation::Operation;
pub use receive::{Authenticated, KeyLookup, Receiver, Request};
