//! Speaks S3: a bucket is a repository, the first part of the key is a ref.
//!
//! Owns the meaning of S3's requests here: [`protocol`] verifies and types them, `ops/` carries them out (one file per
//! operation family) and one table turns failures into S3's codes. Leaves objects and refs to `graveler`, the decision
//! who may do what to `auth`, and listening to the composition root, which mounts a [`Gateway`].
//!
//! Where S3 has no word for what Lakebed has:
//!
//! | asked for | answer |
//! |---|---|
//! | a write to a tag, a commit or an expression (`main~1`) | 405 MethodNotAllowed |
//! | a write to a ref that isn't there | 404 NoSuchBucket: no client creates or retries on it |
//! | a read from a ref that isn't there | 404 NoSuchKey |
//! | a listing of a ref that isn't there | nothing, as of any prefix without keys |
//! | `main/`, the folder that a ref is | an empty object while the ref is there; an empty PUT of it does nothing |
//! | a listing without a ref in its prefix | with delimiter `/` branches and tags as folders, without one all their objects |
//! | DELETE of a bucket | 405 MethodNotAllowed: history is deleted by `lakebed repo delete` |
//! | no room left in the object store | 507 InsufficientStorage |

pub mod protocol;

mod gateway;
mod options;

mod credentials;
mod request_body;
mod route;

mod call;
mod checksum_model;
mod copy_description;
mod encryption;
mod error_table;
mod head;
mod key;
mod object_headers;
mod object_tags;
mod ops;
mod ref_names;
mod sts;

use async_recursion::async_recursion as boxed;

pub use gateway::Gateway;
pub use options::GatewayOptions;
