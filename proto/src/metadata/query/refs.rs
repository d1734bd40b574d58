//! Conversions of questions about branches and tags.

use model::{
    FindCommitOfToken, ListBranches, ListDeletedBranches, ListTags, PageRequest, ReadReflog, ResolveRef, StagingToken,
};

use super::*;

impl Wire for ResolveRef {
    type Message = pb::ResolveRef;

    fn to_message(&self) -> pb::ResolveRef {
        let Self { repository, reference, path } = self;
        pb::ResolveRef {
            repository: repository.to_string(),
            reference: reference.to_string(),
            path: path.as_ref().map(ToString::to_string),
        }
    }

    fn from_message(m: pb::ResolveRef) -> Result<Self, DecodeError> {
        Ok(Self {
            repository: name("repository", m.repository)?,
            reference: name("reference", m.reference)?,
            path: m.path.map(|path| name("path", path)).transpose()?,
        })
    }
}

impl Wire for ListBranches {
    type Message = pb::ListBranches;

    fn to_message(&self) -> pb::ListBranches {
        let Self { repository, page } = self;
        pb::ListBranches {
            repository: repository.to_string(),
            prefix: page.prefix.clone(),
            after: page.after.clone(),
            amount: wire_amount(page.amount),
        }
    }

    fn from_message(m: pb::ListBranches) -> Result<Self, DecodeError> {
        Ok(Self {
            repository: name("repository", m.repository)?,
            page: PageRequest { prefix: m.prefix, after: m.after, amount: amount(m.amount) },
        })
    }
}

impl Wire for ListDeletedBranches {
    type Message = pb::ListDeletedBranches;

    fn to_message(&self) -> pb::ListDeletedBranches {
        let Self { repository, page } = self;
        pb::ListDeletedBranches {
            repository: repository.to_string(),
            prefix: page.prefix.clone(),
            after: page.after.clone(),
            amount: wire_amount(page.amount),
        }
    }

    fn from_message(m: pb::ListDeletedBranches) -> Result<Self, DecodeError> {
        Ok(Self {
            repository: name("repository", m.repository)?,
            page: PageRequest { prefix: m.prefix, after: m.after, amount: amount(m.amount) },
        })
    }
}

impl Wire for ReadReflog {
    type Message = pb::ReadReflog;

    fn to_message(&self) -> pb::ReadReflog {
        let Self { repository, branch, before, amount } = self;
        pb::ReadReflog {
            repository: repository.to_string(),
            branch: branch.to_string(),
            before: *before,
            amount: wire_amount(*amount),
        }
    }

    fn from_message(m: pb::ReadReflog) -> Result<Self, DecodeError> {
        Ok(Self {
            repository: name("repository", m.repository)?,
            branch: name("branch", m.branch)?,
            before: m.before,
            amount: amount(m.amount),
        })
    }
}

impl Wire for ListTags {
    type Message = pb::ListTags;

    fn to_message(&self) -> pb::ListTags {
        let Self { repository, page } = self;
        pb::ListTags {
            repository: repository.to_string(),
            prefix: page.prefix.clone(),
            after: page.after.clone(),
            amount: wire_amount(page.amount),
        }
    }

    fn from_message(m: pb::ListTags) -> Result<Self, DecodeError> {
        Ok(Self {
            repository: name("repository", m.repository)?,
            page: PageRequest { prefix: m.prefix, after: m.after, amount: amount(m.amount) },
        })
    }
}

impl Wire for FindCommitOfToken {
    type Message = pb::FindCommitOfToken;

    fn to_message(&self) -> pb::FindCommitOfToken {
        let Self { repository, branch, token } = self;
        pb::FindCommitOfToken { repository: repository.to_string(), branch: branch.to_string(), token: token.0 }
    }

    fn from_message(m: pb::FindCommitOfToken) -> Result<Self, DecodeError> {
        Ok(Self {
            repository: name("repository", m.repository)?,
            branch: name("branch", m.branch)?,
            token: StagingToken(m.token),
        })
    }
}
