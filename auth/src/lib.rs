//! Decides whether a caller may do an action on a resource; pure.
//!
//! Owns what a caller, an action and a resource are, the one decision over them ([`authorize`]), and the making and
//! sealing of access keys. Leaves finding out who calls to the protocols (a signature in `s3-gateway`, basic
//! credentials in `api-server`) and keeping keys to the metadata service. Does no I/O but to ask the operating system
//! for randomness.

mod action;
mod authorize;
mod caller;
mod credentials;
mod resource;
mod secret_box;

pub use action::{Action, UnknownAction};
pub use authorize::{Denied, authorize};
pub use caller::Caller;
pub use credentials::{
    ACCESS_KEY_ID_BYTES_MAX, InvalidCredentials, NewCredentials, SECRET_ACCESS_KEY_BYTES_MAX, check_credentials,
    generate_credentials, secrets_match,
};
pub use resource::Resource;
pub use secret_box::{InvalidKey, OpenError, SecretBox};
