//! Imports: objects that lie in a bucket or folder already, taken into a branch where they are.

use std::collections::BTreeMap;

use model::{BranchName, ObjectPath, RepositoryName, RequestId};
use proto::api::parse;
use proto::generated::api as wire;

use crate::commits::id_or_new;
use crate::error::required;
use crate::{Commit, Error, Lakebed};

/// From where to import, and to which paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImportSource {
    /// All objects under a folder: `s3://bucket/prefix/`, `file:///folder/`, …
    Prefix {
        /// The folder's URL.
        from: String,
        /// What their paths begin with before their names after the folder; empty for the top.
        to: String,
    },
    /// One object.
    Object {
        /// Its URL.
        from: String,
        /// Its path.
        to: ObjectPath,
    },
}

/// What to import, and what to say with the commit.
#[derive(Debug, Clone, Default)]
pub struct NewImport {
    /// From where, and to which paths.
    pub sources: Vec<ImportSource>,
    /// Why.
    pub message: String,
    /// What else.
    pub metadata: BTreeMap<String, String>,
    /// Whether to leave out what can't be imported instead of failing.
    pub skip_unusable: bool,
    /// By which the server knows the request if it is made again; drawn anew for each call if `None`.
    pub request_id: Option<RequestId>,
}

/// What an import came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// The commit that has the objects.
    pub commit: Commit,
    /// How many were imported.
    pub objects: u64,
    /// How many were left out.
    pub skipped: u64,
}

impl Lakebed {
    /// Imports objects into a branch by one commit. No byte is copied.
    ///
    /// The import goes on at the server when the connection breaks: the same call with the same request id gets its
    /// answer.
    pub async fn import(
        &self,
        repository: &RepositoryName,
        branch: &BranchName,
        import: NewImport,
    ) -> Result<Imported, Error> {
        self.imports().import(request(repository, branch, import, false)).await?.into_inner().try_into()
    }

    /// Begins an import that goes on by itself; returns its job's id.
    pub async fn begin_import(
        &self,
        repository: &RepositoryName,
        branch: &BranchName,
        import: NewImport,
    ) -> Result<RequestId, Error> {
        let answer = self.imports().import(request(repository, branch, import, true)).await?.into_inner();
        Ok(parse("job_id", &answer.job_id)?)
    }
}

fn request(repository: &RepositoryName, branch: &BranchName, import: NewImport, is_async: bool) -> wire::ImportRequest {
    let path = |source| match source {
        ImportSource::Prefix { from, to } => {
            wire::ImportPath { path: from, destination: to, kind: wire::ImportKind::CommonPrefix.into() }
        }
        ImportSource::Object { from, to } => {
            wire::ImportPath { path: from, destination: to.into(), kind: wire::ImportKind::Object.into() }
        }
    };
    wire::ImportRequest {
        repository: repository.to_string(),
        branch: branch.to_string(),
        paths: import.sources.into_iter().map(path).collect(),
        message: import.message,
        metadata: import.metadata,
        skip_unusable: import.skip_unusable,
        request_id: id_or_new(import.request_id),
        r#async: is_async,
        force: false,
    }
}

impl TryFrom<wire::ImportResponse> for Imported {
    type Error = Error;

    fn try_from(answer: wire::ImportResponse) -> Result<Self, Error> {
        let wire::ImportResponse { commit, objects, skipped, .. } = answer;
        Ok(Self { commit: required(commit, "commit")?.try_into()?, objects, skipped })
    }
}
