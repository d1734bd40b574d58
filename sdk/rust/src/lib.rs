//! A typed client of Lakebed's public gRPC API.
//!
//! Owns how the API feels in Rust: one handle, [`Lakebed`], with a method for each call; lists and logs as streams that
//! fetch their pages as they go; bodies as streams of bytes; failures as an [`Error`] with a code to sort it, a
//! [`Reason`] to match and a message to show. Leaves what a call means to the server. Invariant: the secret of
//! [`Credentials`] is in no `Debug` output and no error.
//!
//! ```no_run
//! use futures::TryStreamExt;
//! use lakebed_sdk::{CreateRepository, Credentials, Lakebed, MergeOptions, MergeOutcome, NewCommit, Upload};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let lakebed = Lakebed::connect("http://127.0.0.1:8000", Credentials::new("AKLB…", "secret")).await?;
//! let (trips, main, fix) = ("trips".parse()?, "main".parse()?, "fix".parse()?);
//!
//! lakebed.create_repository(&trips, CreateRepository::default()).await?;
//! lakebed.create_branch(&trips, &fix, "main").await?;
//! lakebed.upload_bytes(&trips, &fix, &"a/b.txt".parse()?, "hello", Upload::default()).await?;
//! lakebed.commit(&trips, &fix, NewCommit::new("say hello")).await?;
//!
//! match lakebed.merge(&trips, "fix", &main, MergeOptions::default()).await? {
//!     MergeOutcome::Merged { commit, .. } => println!("merged as {}", commit.id),
//!     MergeOutcome::Conflicts(conflicts) => println!("{} conflicts or more", conflicts.items.len()),
//!     other => println!("{other:?}"),
//! }
//! let mut log = lakebed.log(&trips, "main", Default::default());
//! while let Some(commit) = log.try_next().await? {
//!     println!("{} {}", commit.id, commit.message);
//! }
//! # Ok(())
//! # }
//! ```

mod client;
mod credentials;
mod error;
mod paging;

mod access;
mod branches;
mod commits;
mod diffs;
mod fsck;
mod imports;
mod jobs;
mod merges;
mod objects;
mod reflog;
mod refs;
mod replays;
mod repositories;
mod server;
mod tags;

mod download;
mod upload;

pub use access::{AccessKey, Narrowing, NewAccessKey, Session, User};
pub use branches::{Branch, HardReset};
pub use client::{ConnectOptions, Lakebed, is_private};
pub use commits::{Commit, Committed, LogOptions, NewCommit};
pub use credentials::Credentials;
pub use diffs::{Change, DiffItem, DiffKind, DiffOptions};
pub use download::Download;
pub use error::Error;
pub use fsck::{CheckEvent, DataCheck, Fault};
pub use imports::{ImportSource, Imported, NewImport};
pub use jobs::{Job, JobAnswer, JobKind, JobState, new_request};
pub use merges::{Conflict, Conflicts, MergeBase, MergeOptions, MergeOutcome, Strategy, Summary};
pub use objects::{CopyObjects, DELETE_MAX, DeleteFailure, ListItem, ListOptions, Moved, Object, Previewed};
pub use reflog::{ReflogEntry, Uncommitted};
pub use refs::{RefsDump, Restored};
pub use replays::{RebaseOptions, RebaseOutcome, Replay, ReplayOptions};
pub use repositories::CreateRepository;
pub use server::{Health, S3Place, WhoAmI};
pub use upload::{Condition, Upload};

pub use model::{
    BranchName, BranchPattern, CheckSummary, CommitId, DumpId, Group, GroupName, InvalidId, InvalidName, InvalidPath,
    InvalidPattern, MetaRangeId, ObjectPath, Policy, PolicyHolder, PolicyName, Repository, RepositoryName,
    RepositoryUid, RequestId, StorageNamespace, Tag, TagName, Timestamp, UnstageScope, UserId, UserName,
};
pub use proto::api::Reason;
pub use tonic::Code;
