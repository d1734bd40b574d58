//! Fills a new repository with a small data set, so that a first look has something to look at.

use auth::{Action, Caller, Resource, authorize};
use bytes::Bytes;
use futures::future::try_join_all;
use futures::{StreamExt, stream};
use graveler::Graveler;
use model::{BranchName, ObjectPath, Repository, RepositoryName};

use super::{CommitRequest, PutObjectRequest, commit, put_object};
use crate::Error;
use crate::commit_queue::{CommitQueues, RequestContext};

/// A file of the data set.
struct Sample {
    path: &'static str,
    content_type: &'static str,
    bytes: &'static [u8],
}

macro_rules! samples {
    ($($path:literal $content_type:literal),* $(,)?) => {
        /// The samples, which `sample/make_lakes.py` makes: a table at the top, and folders to list.
        const SAMPLES: &[Sample] = &[$(Sample {
            path: $path,
            content_type: $content_type,
            bytes: include_bytes!(concat!("../../sample/", $path)),
        }),*];
    };
}

samples! {
    "README.md" "text/markdown",
    "data/lakes.source.md" "text/markdown",
    "images/surface-01.svg" "image/svg+xml",
    "images/surface-02.svg" "image/svg+xml",
    "images/surface-03.svg" "image/svg+xml",
    "images/surface-04.svg" "image/svg+xml",
    "images/surface-05.svg" "image/svg+xml",
    "images/surface-06.svg" "image/svg+xml",
    "images/surface-07.svg" "image/svg+xml",
    "images/surface-08.svg" "image/svg+xml",
    "images/surface-09.svg" "image/svg+xml",
    "images/surface-10.svg" "image/svg+xml",
    "images/surface-11.svg" "image/svg+xml",
    "images/surface-12.svg" "image/svg+xml",
    "lakes.parquet" "application/vnd.apache.parquet",
}

/// Refuses who couldn't add the samples, before the repository is made for them.
pub(super) fn may_add_sample_data(
    caller: &Caller,
    repository: &RepositoryName,
    branch: &BranchName,
) -> Result<(), Error> {
    for sample in SAMPLES {
        authorize(caller, Action::WriteObject, &Resource::object_of(repository, branch, &sample.path()))?;
    }
    Ok(authorize(caller, Action::CreateCommit, &Resource::branch(repository, branch))?)
}

/// Writes the samples to a repository's default branch and commits them, unless they are there: a caller who tries again
/// after an answer was lost gets one commit.
pub(super) async fn add_sample_data(
    queues: &CommitQueues,
    caller: &Caller,
    repository: &Repository,
) -> Result<(), Error> {
    let committed = format!("{}@", repository.default_branch).parse().expect("because @ may follow a branch");
    if queues.graveler().stat(&repository.name, &committed, &SAMPLES[0].path()).await?.is_some() {
        return Ok(());
    }
    let writes: Vec<_> = SAMPLES.iter().map(|sample| sample.put(queues.graveler(), caller, repository)).collect();
    try_join_all(writes).await?;
    let request = CommitRequest {
        repository: repository.name.clone(),
        branch: repository.default_branch.clone(),
        message: "Add sample data".to_owned(),
        metadata: Default::default(),
        allow_empty: false,
        created_at: None,
    };
    commit(queues, caller, &request, &RequestContext::default()).await?;
    Ok(())
}

impl Sample {
    fn path(&self) -> ObjectPath {
        self.path.parse().expect("because samples have short names")
    }

    async fn put(&self, graveler: &Graveler, caller: &Caller, repository: &Repository) -> Result<(), Error> {
        let request = PutObjectRequest {
            repository: repository.name.clone(),
            branch: repository.default_branch.clone(),
            path: self.path(),
            content_type: self.content_type.to_owned(),
            metadata: Default::default(),
            size: Some(self.bytes.len() as u64),
            require: None,
        };
        put_object(graveler, caller, request, stream::iter([Ok(Bytes::from_static(self.bytes))]).boxed()).await?;
        Ok(())
    }
}
