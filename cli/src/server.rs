//! The servers that the `lakebed` command can be. Owns how the roles are composed of the other crates, from settings
//! to an open port; leaves what they do to those crates.

mod administrator;
mod admission;
mod audit;
mod config;
mod data_folder;
mod descriptors;
mod encryption_key;
mod import_places;
mod io_timeout;
mod issuer;
mod listen;
mod logging;
mod roles;
mod router;
mod store_identity;
mod unread_body;
mod wrong_scheme;

pub use admission::Limits;
pub use config::TlsFiles;
pub(crate) use config::{Role, ServerArgs, check_import_place, check_store_options, checked_s3_endpoint};
pub use listen::{Listener, Respond};
pub(crate) use roles::{run_all, run_api_server, run_metadata_server, run_s3_gateway, store_settings};
