//! Fills a new repository with a small data set, so that a first look has something to look at.

use auth::{Action, Caller, Resource, authorize};
use bytes::Bytes;
use futures::{StreamExt, stream};
use model::{BranchName, ObjectPath, Repository, RepositoryName};

use super::{CommitRequest, PutObjectRequest, commit, put_object};
use crate::Error;
use crate::lines::{Errand, Lines};

/// The samples: path, media type, bytes. `sample/make_lakes.py` makes the data.
const SAMPLES: [(&str, &str, &[u8]); 2] = [
    ("README.md", "text/markdown", include_bytes!("../../sample/README.md")),
    ("lakes.parquet", "application/vnd.apache.parquet", include_bytes!("../../sample/lakes.parquet")),
];

/// Refuses who couldn't add the samples, before the repository is made for them.
pub(super) fn may_add_sample_data(
    caller: &Caller,
    repository: &RepositoryName,
    branch: &BranchName,
) -> Result<(), Error> {
    for (path, _, _) in SAMPLES {
        authorize(caller, Action::WriteObject, &Resource::object_of(repository, branch, &sample_path(path)))?;
    }
    Ok(authorize(caller, Action::CreateCommit, &Resource::branch(repository, branch))?)
}

/// Writes the samples to a repository's default branch and commits them, unless they are there: whoever tries again
/// after an answer was lost gets one commit.
pub(super) async fn add_sample_data(lines: &Lines, caller: &Caller, repository: &Repository) -> Result<(), Error> {
    let committed = format!("{}@", repository.default_branch).parse().expect("because @ may follow a branch");
    let [(first, ..), _] = SAMPLES;
    if lines.graveler().stat(&repository.name, &committed, &sample_path(first)).await?.is_some() {
        return Ok(());
    }
    for (path, content_type, bytes) in SAMPLES {
        let request = PutObjectRequest {
            repository: repository.name.clone(),
            branch: repository.default_branch.clone(),
            path: sample_path(path),
            content_type: content_type.to_owned(),
            metadata: Default::default(),
            size: Some(bytes.len() as u64),
            require: None,
        };
        put_object(lines.graveler(), caller, request, stream::iter([Ok(Bytes::from_static(bytes))]).boxed()).await?;
    }
    let request = CommitRequest {
        repository: repository.name.clone(),
        branch: repository.default_branch.clone(),
        message: "Add sample data".to_owned(),
        metadata: Default::default(),
        allow_empty: false,
        created_at: None,
    };
    commit(lines, caller, &request, &Errand::default()).await?;
    Ok(())
}

fn sample_path(path: &str) -> ObjectPath {
    path.parse().expect("because samples have short names")
}
