//! Dumps of refs: written down in the storage namespace, and made anew from there.

use model::{DumpId, RepositoryName};
use proto::api::parse;
use proto::generated::api as wire;

use crate::client::new_request_id;
use crate::error::required;
use crate::{Error, Lakebed};

/// The files of a dump.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefsDump {
    /// All commits that the refs reach.
    pub commits: DumpId,
    /// The tags.
    pub tags: DumpId,
    /// The branches.
    pub branches: DumpId,
}

/// What a restore came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Restored {
    /// How many commits the dump has.
    pub commits: u64,
    /// How many branches there are now.
    pub branches: u64,
    /// How many tags there are now.
    pub tags: u64,
}

impl Lakebed {
    /// Writes a repository's branches, tags and their commits down in its storage namespace; what is uncommitted isn't.
    pub async fn dump_refs(&self, repository: &RepositoryName) -> Result<RefsDump, Error> {
        let request = wire::DumpRefsRequest { repository: repository.to_string(), request_id: new_request_id() };
        let answer = self.refs().dump(request).await?.into_inner();
        required(answer.dump, "dump")?.try_into()
    }

    /// Makes a dump's branches and tags in a repository at the same storage namespace that has no others.
    pub async fn restore_refs(&self, repository: &RepositoryName, dump: &RefsDump) -> Result<Restored, Error> {
        let dump = wire::RefsDump {
            commits_id: dump.commits.to_string(),
            tags_id: dump.tags.to_string(),
            branches_id: dump.branches.to_string(),
        };
        let (repository, request_id) = (repository.to_string(), new_request_id());
        let request = wire::RestoreRefsRequest { repository, dump: Some(dump), request_id, force: false };
        Ok(self.refs().restore(request).await?.into_inner().into())
    }
}

impl TryFrom<wire::RefsDump> for RefsDump {
    type Error = Error;

    fn try_from(dump: wire::RefsDump) -> Result<Self, Error> {
        Ok(Self {
            commits: parse("commits_id", &dump.commits_id)?,
            tags: parse("tags_id", &dump.tags_id)?,
            branches: parse("branches_id", &dump.branches_id)?,
        })
    }
}

impl From<wire::RestoreRefsResponse> for Restored {
    fn from(answer: wire::RestoreRefsResponse) -> Self {
        let wire::RestoreRefsResponse { commits, branches, tags } = answer;
        Self { commits, branches, tags }
    }
}
