//! Conversions of questions.

use model::{AccessBy, ObjectPath, PolicyHolder, Query, StagingToken, Timestamp, UploadId, UserId};

use super::{DecodeError, Wire, name, optional, request, request_bytes, session, session_bytes};
use crate::generated::metadata::{self as pb, find_access, query::Kind};

impl Wire for Query {
    type Message = pb::Query;

    fn to_message(&self) -> pb::Query {
        pb::Query { kind: Some(kind(self)) }
    }

    fn from_message(message: pb::Query) -> Result<Self, DecodeError> {
        query(message.kind.ok_or(DecodeError::Missing("query.kind"))?)
    }
}

/// An amount on the wire. No page is larger than `PAGE_MAX`, so the clamp changes no answer.
fn wire_amount(amount: usize) -> u32 {
    u32::try_from(amount).unwrap_or(u32::MAX)
}

fn amount(wire: u32) -> usize {
    usize::try_from(wire).unwrap_or(usize::MAX)
}

fn kind(query: &Query) -> Kind {
    match query {
        Query::Repository { name } => Kind::Repository(pb::FindRepository { name: name.to_string() }),
        Query::Settings { repository } => Kind::Settings(pb::FindRepository { name: repository.to_string() }),
        Query::Repositories { prefix, after, amount } => Kind::Repositories(pb::ListRepositories {
            prefix: prefix.clone(),
            after: after.clone(),
            amount: wire_amount(*amount),
        }),
        Query::Lookup { repository, reference, path } => Kind::Lookup(pb::FindRef {
            repository: repository.to_string(),
            reference: reference.to_string(),
            path: path.as_ref().map(ToString::to_string),
        }),
        Query::Branches { repository, prefix, after, amount } => Kind::Branches(pb::ListRefs {
            repository: repository.to_string(),
            prefix: prefix.clone(),
            after: after.clone(),
            amount: wire_amount(*amount),
        }),
        Query::Reflog { repository, branch, before, amount } => Kind::Reflog(pb::ReadReflog {
            repository: repository.to_string(),
            branch: branch.to_string(),
            before: *before,
            amount: wire_amount(*amount),
        }),
        Query::DeletedBranches { repository, prefix, after, amount } => Kind::DeletedBranches(pb::ListRefs {
            repository: repository.to_string(),
            prefix: prefix.clone(),
            after: after.clone(),
            amount: wire_amount(*amount),
        }),
        Query::Tags { repository, prefix, after, amount } => Kind::Tags(pb::ListRefs {
            repository: repository.to_string(),
            prefix: prefix.clone(),
            after: after.clone(),
            amount: wire_amount(*amount),
        }),
        Query::Staged { repository, branch, tokens, prefix, from, amount } => Kind::Staged(pb::ListStaged {
            repository: repository.to_string(),
            branch: branch.to_string(),
            tokens: tokens.as_ref().map(|tokens| pb::Tokens { tokens: tokens.iter().map(|token| token.0).collect() }),
            prefix: prefix.clone(),
            from: from.clone(),
            amount: wire_amount(*amount),
        }),
        Query::Upload { repository, upload } => {
            Kind::Upload(pb::FindUpload { repository: repository.to_string(), upload: upload.0 })
        }
        Query::CompletedUpload { repository, upload } => {
            Kind::CompletedUpload(pb::FindUpload { repository: repository.to_string(), upload: upload.0 })
        }
        Query::Uploads { repository, branch, prefix, after, amount } => Kind::Uploads(pb::ListUploads {
            repository: repository.to_string(),
            branch: branch.to_string(),
            prefix: prefix.clone(),
            after: after.as_ref().map(|(path, upload)| pb::UploadPosition { path: path.to_string(), upload: upload.0 }),
            amount: wire_amount(*amount),
        }),
        Query::Parts { repository, upload, after, amount } => Kind::Parts(pb::ListParts {
            repository: repository.to_string(),
            upload: upload.0,
            after: *after,
            amount: wire_amount(*amount),
        }),
        Query::Credential { access_key_id } => {
            Kind::Credential(pb::FindCredential { access_key_id: access_key_id.clone() })
        }
        Query::User { id } => Kind::User(pb::FindUser { id: id.0 }),
        Query::Users { prefix, after, amount } => {
            Kind::Users(pb::ListUsers { prefix: prefix.clone(), after: after.clone(), amount: wire_amount(*amount) })
        }
        Query::Holder { repository, branch, token } => Kind::Holder(pb::FindHolder {
            repository: repository.to_string(),
            branch: branch.to_string(),
            token: token.0,
        }),
        Query::Job { id } => Kind::Job(pb::FindJob { id: request_bytes(*id) }),
        Query::Jobs { repository, after, amount } => Kind::Jobs(pb::ListJobs {
            repository: repository.to_string(),
            after: after.map(request_bytes),
            amount: wire_amount(*amount),
        }),
        Query::OpenJobs { after, amount } => {
            Kind::OpenJobs(pb::ListOpenJobs { after: after.map(request_bytes), amount: wire_amount(*amount) })
        }
        Query::UserNamed { name } => Kind::UserNamed(pb::FindNamed { name: name.to_string() }),
        Query::Credentials { user, prefix, after, amount } => {
            Kind::Credentials(list_of(user.to_string(), prefix, after, *amount))
        }
        Query::Group { name } => Kind::Group(pb::FindNamed { name: name.to_string() }),
        Query::Groups { of, prefix, after, amount } => Kind::Groups(pb::ListGroups {
            of: of.as_ref().map(ToString::to_string),
            prefix: prefix.clone(),
            after: after.clone(),
            amount: wire_amount(*amount),
        }),
        Query::Members { group, prefix, after, amount } => {
            Kind::Members(list_of(group.to_string(), prefix, after, *amount))
        }
        Query::Policy { name } => Kind::Policy(pb::FindNamed { name: name.to_string() }),
        Query::Policies { of, effective, prefix, after, amount } => Kind::Policies(pb::ListPolicies {
            of: of.as_ref().map(Wire::to_message),
            effective: *effective,
            prefix: prefix.clone(),
            after: after.clone(),
            amount: wire_amount(*amount),
        }),
        Query::Access { by } => Kind::Access(pb::FindAccess { by: Some(by_message(by)) }),
        Query::Installation => Kind::Installation(pb::FindInstallation {}),
    }
}

fn query(kind: Kind) -> Result<Query, DecodeError> {
    Ok(match kind {
        Kind::Repository(m) => Query::Repository { name: name("name", m.name)? },
        Kind::Settings(m) => Query::Settings { repository: name("settings.repository", m.name)? },
        Kind::Repositories(m) => Query::Repositories { prefix: m.prefix, after: m.after, amount: amount(m.amount) },
        Kind::Lookup(m) => Query::Lookup {
            repository: name("repository", m.repository)?,
            reference: name("reference", m.reference)?,
            path: m.path.map(|path| name("path", path)).transpose()?,
        },
        Kind::Branches(m) => Query::Branches {
            repository: name("repository", m.repository)?,
            prefix: m.prefix,
            after: m.after,
            amount: amount(m.amount),
        },
        Kind::Reflog(m) => Query::Reflog {
            repository: name("repository", m.repository)?,
            branch: name("branch", m.branch)?,
            before: m.before,
            amount: amount(m.amount),
        },
        Kind::DeletedBranches(m) => Query::DeletedBranches {
            repository: name("repository", m.repository)?,
            prefix: m.prefix,
            after: m.after,
            amount: amount(m.amount),
        },
        Kind::Tags(m) => Query::Tags {
            repository: name("repository", m.repository)?,
            prefix: m.prefix,
            after: m.after,
            amount: amount(m.amount),
        },
        Kind::Staged(m) => Query::Staged {
            repository: name("repository", m.repository)?,
            branch: name("branch", m.branch)?,
            tokens: m.tokens.map(|tokens| tokens.tokens.into_iter().map(StagingToken).collect()),
            prefix: m.prefix,
            from: m.from,
            amount: amount(m.amount),
        },
        Kind::Upload(m) => Query::Upload { repository: name("repository", m.repository)?, upload: UploadId(m.upload) },
        Kind::CompletedUpload(m) => {
            Query::CompletedUpload { repository: name("repository", m.repository)?, upload: UploadId(m.upload) }
        }
        Kind::Uploads(m) => Query::Uploads {
            repository: name("repository", m.repository)?,
            branch: name("branch", m.branch)?,
            prefix: m.prefix,
            after: m.after.map(position).transpose()?,
            amount: amount(m.amount),
        },
        Kind::Parts(m) => Query::Parts {
            repository: name("repository", m.repository)?,
            upload: UploadId(m.upload),
            after: m.after,
            amount: amount(m.amount),
        },
        Kind::Credential(m) => Query::Credential { access_key_id: m.access_key_id },
        Kind::User(m) => Query::User { id: UserId(m.id) },
        Kind::Holder(m) => Query::Holder {
            repository: name("repository", m.repository)?,
            branch: name("branch", m.branch)?,
            token: StagingToken(m.token),
        },
        Kind::Job(m) => Query::Job { id: request(&m.id)? },
        Kind::Jobs(m) => Query::Jobs {
            repository: name("repository", m.repository)?,
            after: m.after.map(|id| request(&id)).transpose()?,
            amount: amount(m.amount),
        },
        Kind::OpenJobs(m) => {
            Query::OpenJobs { after: m.after.map(|id| request(&id)).transpose()?, amount: amount(m.amount) }
        }
        Kind::Users(m) => Query::Users { prefix: m.prefix, after: m.after, amount: amount(m.amount) },
        Kind::UserNamed(m) => Query::UserNamed { name: name("name", m.name)? },
        Kind::Credentials(m) => Query::Credentials {
            user: name("owner", m.owner)?,
            prefix: m.prefix,
            after: m.after,
            amount: amount(m.amount),
        },
        Kind::Group(m) => Query::Group { name: name("name", m.name)? },
        Kind::Groups(m) => Query::Groups {
            of: m.of.map(|of| name("of", of)).transpose()?,
            prefix: m.prefix,
            after: m.after,
            amount: amount(m.amount),
        },
        Kind::Members(m) => Query::Members {
            group: name("owner", m.owner)?,
            prefix: m.prefix,
            after: m.after,
            amount: amount(m.amount),
        },
        Kind::Policy(m) => Query::Policy { name: name("name", m.name)? },
        Kind::Policies(m) => Query::Policies {
            of: optional::<PolicyHolder>(m.of)?,
            effective: m.effective,
            prefix: m.prefix,
            after: m.after,
            amount: amount(m.amount),
        },
        Kind::Access(m) => Query::Access { by: by(m.by.ok_or(DecodeError::Missing("access.by"))?)? },
        Kind::Installation(pb::FindInstallation {}) => Query::Installation,
    })
}

fn position(at: pb::UploadPosition) -> Result<(ObjectPath, UploadId), DecodeError> {
    Ok((name("after.path", at.path)?, UploadId(at.upload)))
}

fn list_of(owner: String, prefix: &str, after: &str, amount: usize) -> pb::ListOf {
    pb::ListOf { owner, prefix: prefix.to_owned(), after: after.to_owned(), amount: wire_amount(amount) }
}

fn by_message(by: &AccessBy) -> find_access::By {
    match by {
        AccessBy::Key(id) => find_access::By::Key(id.clone()),
        AccessBy::Session { user, sessions, key, begun_at, after, groups } => find_access::By::Session(pb::Session {
            user: user.0,
            sessions: sessions.iter().copied().map(session_bytes).collect(),
            key: key.clone(),
            begun_at_ms: begun_at.as_millis(),
            after_ms: after.map(Timestamp::as_millis),
            groups: groups.iter().map(ToString::to_string).collect(),
        }),
    }
}

fn by(message: find_access::By) -> Result<AccessBy, DecodeError> {
    Ok(match message {
        find_access::By::Key(id) => AccessBy::Key(id),
        find_access::By::Session(m) => AccessBy::Session {
            user: UserId(m.user),
            sessions: m.sessions.iter().map(|id| session(id)).collect::<Result<_, _>>()?,
            key: m.key,
            begun_at: Timestamp::from_millis(m.begun_at_ms),
            after: m.after_ms.map(Timestamp::from_millis),
            groups: m.groups.into_iter().map(|group| name("session.groups", group)).collect::<Result<_, _>>()?,
        },
    })
}
