//! Decides whether a caller may do an action on a resource; pure.
//!
//! Owns what a caller, an action and a resource are, policies and the one decision over them ([`authorize`]), the making
//! and sealing of access keys and sessions, and the memory of whose they are ([`Directory`]). Leaves proofs to the
//! protocols (a signature in `s3-gateway`, credentials and tokens in `api-server`) and keeping keys and policies to the
//! metadata service. Does no I/O but to ask the operating system for randomness and, through their seams, the metadata
//! service and an identity provider.

mod action;
mod resource;

mod condition;
pub mod default_policies;
mod effect;
mod pattern;
mod permissions;
mod policy;

pub mod fuzzing;

mod audit;
mod authorize;
mod caller;
mod lists;
mod peer;
mod prefix_rights;

mod begin;
mod credentials;
mod directory;
mod issuer;
mod issuer_keys;
mod jwt_crypto;
mod secret_box;
mod session;
mod throttle;
mod unknown;

use async_recursion::async_recursion as boxed;

pub use action::{Action, UnknownAction};
pub use audit::{Actor, AuditLine, AuditLog, Event, Trail};
pub use authorize::{Denied, authorize, is_allowed};
pub use begin::{Begun, CannotBegin, begin_session};
pub use caller::{Caller, Narrowed};
pub use condition::Conditions;
pub use credentials::{
    ACCESS_KEY_ID_BYTES_MAX, InvalidCredentials, NewCredentials, SECRET_ACCESS_KEY_BYTES_MAX, check_credentials,
    generate_credentials, generate_session_credentials, secrets_match,
};
pub use directory::{Directory, DirectoryOptions, Known};
pub use effect::Effect;
pub use issuer::{ISSUER_USER_PREFIX, Identity, Issuer, IssuerSettings};
pub use issuer_keys::Documents;
pub use lists::{
    HiddenPaths, Seen, seen_branches, seen_deletions, seen_repositories, seen_tags, shows_branch, shows_tag,
};
pub use peer::{Connection, Encrypted, PeerAddress};
pub use permissions::Permissions;
pub use policy::{InvalidPolicy, PolicyDocument, STATEMENTS_MAX, Statement};
pub use prefix_rights::{PrefixRights, authorize_all_under, authorize_some_under};
pub use resource::{Resource, Through};
pub use secret_box::{InvalidKey, OpenError, SecretBox};
pub use session::{
    InvalidToken, NARROWING_BYTES_MAX, SESSION_SECONDS_DEFAULT, SESSION_SECONDS_MAX, SESSION_SECONDS_MIN, SessionClaims,
};
pub use throttle::{FAILURES_MAX, Throttle};
pub use unknown::Unknown;
