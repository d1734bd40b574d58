//! What changes a repository, one public function a file, each a protocol that reads from top to bottom: authorise,
//! read, build, publish. Doors (gRPC and REST) call these and only translate.
//!
//! Invariant: what a flow builds is invisible until one command makes it visible; a flow that is cut off leaves either
//! nothing or all of its work.

mod actions;
mod commit_text;
mod conflict_paths;
mod replay;

mod add_sample_data;
mod change_settings;
mod create_repository;
mod delete_repository;
mod dump_refs;

mod create_branch;
mod delete_branch;
mod hard_reset;
mod reset_branch;
mod undelete_branch;

mod create_tag;
mod delete_tag;

mod cherry_pick;
mod commit;
mod merge;
mod rebase;
mod revert;

mod import;

mod copy_objects;
mod delete_objects;
mod link_object;
mod put_object;
mod set_metadata;

pub use change_settings::change_settings;
pub use cherry_pick::cherry_pick;
pub(crate) use commit::may_commit;
pub use commit::{CommitRequest, Committed, commit};
pub(crate) use conflict_paths::paths_named_to;
pub use copy_objects::{
    Copied, CopyPreview, CopyRequest, MoveRequest, copy_objects, move_objects, preview_copy, preview_move,
};
pub use create_branch::{CreateBranchRequest, create_branch};
pub use create_repository::{CreateRepositoryRequest, create_repository};
pub use create_tag::create_tag;
pub use delete_branch::delete_branch;
pub use delete_objects::{DELETE_MAX, Deletion, Listed, delete_objects};
pub use delete_repository::delete_repository;
pub use delete_tag::delete_tag;
pub use dump_refs::{dump_refs, restore_refs};
pub(crate) use dump_refs::{may_dump_refs, may_restore_refs};
pub(crate) use hard_reset::may_hard_reset;
pub use hard_reset::{HardResetRequest, hard_reset};
pub(crate) use import::may_import;
pub use import::{
    ImportRequest, ImportRun, ImportSource, ImportSteps, Imported, SOURCES_MAX, import, unreadable_imports,
};
pub(crate) use link_object::linked_before;
pub use link_object::{LinkRequest, UploadedBytes, link_object};
pub(crate) use merge::may_merge;
pub use merge::{MergeOutcome, MergeRequest, merge};
pub use put_object::{METADATA_BYTES_MAX, PutObjectRequest, put_object};
pub use rebase::{RebaseOutcome, RebaseRequest, rebase};
pub use replay::ReplayRequest;
pub use reset_branch::reset_branch;
pub use revert::revert;
pub use set_metadata::set_metadata;
pub use undelete_branch::undelete_branch;
