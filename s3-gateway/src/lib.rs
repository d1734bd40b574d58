//! Speaks S3: a bucket is a repository, the first part of the key is a ref.
//!
//! Owns the meaning of S3's requests here: [`protocol`] verifies and types them, `ops/` carries them out (one file per
//! operation family) and one table turns failures into S3's codes. Leaves objects and refs to `graveler`, the decision
//! who may do what to `auth`, and listening to the composition root, which mounts a [`Gateway`].

pub mod protocol;

mod gateway;
mod options;

mod credentials;
mod request_body;
mod route;

mod call;
mod checksum_model;
mod error_table;
mod key;
mod object_headers;
mod ref_names;
mod ops;

pub use gateway::Gateway;
pub use options::GatewayOptions;
