//! The only place that opens an object store: a URL and settings become [`Stores`], every path that Lakebed writes is
//! built in `paths`, and users' bytes stream in and out with bounded memory.
//!
//! Leaves what the bytes mean to `graveler`, and which object a path of a user names to the metadata service.
//! Invariant: a name that a user chose never becomes the name of a file or object, but for a repository's namespace.

mod audit;
mod error;
mod explain;
mod format;
mod paths;
mod settings;

mod local;
mod memory;
mod namespace;
mod open;
mod stores;

mod source;
mod sources;

mod budget;
mod cached_reads;
mod completion;
mod data;
mod digest;
mod disk_cache;
mod given_out;
mod imported;
mod listed_page;
mod multipart;
mod presigned;
mod probe;
mod read_only;
mod repository;
mod segments;
mod signed_urls;
mod store_copy;
mod store_marker;
mod upload;

pub mod testing;

pub use completion::{Completed, CompletionPart};
pub use data::{BodyStream, Stored};
pub use disk_cache::{DISK_CACHE_BYTES_MIN, DiskCacheSettings};
pub use error::{BodyError, PutError, StorageError};
pub use format::{FORMAT_VERSION, Format};
pub use given_out::{Adopted, Staged, UploadSlot};
pub use imported::Looked;
pub use multipart::StoredPart;
pub use paths::{Immutable, is_given_out};
pub use probe::Probe;
pub use repository::{RepositoryStorage, Suffix};
pub use settings::{Scheme, StoreSettings};
pub use signed_urls::SIGNED_URL_EXPIRES_IN;
pub use source::{ListGauge, Source, SourceItem, SourceObject};
pub use sources::{Place, canonical};
pub use store_marker::StoreMarker;
pub use stores::Stores;
