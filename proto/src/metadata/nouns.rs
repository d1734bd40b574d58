//! Conversions of the nouns: what the state keeps and answers name.

use model::{
    Address, Branch, BranchUid, Checksum, ChecksumAlgorithm, ChecksumKind, CompletedUpload, Credential, DeletedBranch,
    Entry, Group, Installation, NewUpload, Part, PartRun, PartSizes, Policy, PolicyHolder, ReflogEntry, Repository,
    RepositoryUid, SealedSecret, StagedValue, StagingToken, Tag, Timestamp, Uncommitted, Upload, UploadId, User,
    UserId, Version,
};

use super::{DecodeError, Wire, commit, digest, digest_bytes, invalid, name, needed, optional, store_bytes};
use crate::generated::metadata::{self as pb, address, policy_holder, staged_value, uncommitted};

impl Wire for Address {
    type Message = pb::Address;

    fn to_message(&self) -> pb::Address {
        let kind = match self {
            Self::Relative(text) => address::Kind::Relative(text.clone()),
            Self::Full(text) => address::Kind::Full(text.clone()),
        };
        pb::Address { kind: Some(kind) }
    }

    fn from_message(message: pb::Address) -> Result<Self, DecodeError> {
        match message.kind.ok_or(DecodeError::Missing("address.kind"))? {
            address::Kind::Relative(text) => Ok(Self::Relative(text)),
            address::Kind::Full(text) => Ok(Self::Full(text)),
        }
    }
}

fn algorithm_number(algorithm: ChecksumAlgorithm) -> i32 {
    let wire = match algorithm {
        ChecksumAlgorithm::Crc32 => pb::ChecksumAlgorithm::Crc32,
        ChecksumAlgorithm::Crc32c => pb::ChecksumAlgorithm::Crc32c,
        ChecksumAlgorithm::Crc64Nvme => pb::ChecksumAlgorithm::Crc64nvme,
        ChecksumAlgorithm::Sha1 => pb::ChecksumAlgorithm::Sha1,
        ChecksumAlgorithm::Sha256 => pb::ChecksumAlgorithm::Sha256,
        ChecksumAlgorithm::Sha512 => pb::ChecksumAlgorithm::Sha512,
        ChecksumAlgorithm::Md5 => pb::ChecksumAlgorithm::Md5,
        ChecksumAlgorithm::Xxhash64 => pb::ChecksumAlgorithm::Xxhash64,
        ChecksumAlgorithm::Xxhash3 => pb::ChecksumAlgorithm::Xxhash3,
        ChecksumAlgorithm::Xxhash128 => pb::ChecksumAlgorithm::Xxhash128,
    };
    wire.into()
}

fn algorithm(number: i32) -> Result<ChecksumAlgorithm, DecodeError> {
    match pb::ChecksumAlgorithm::try_from(number) {
        Ok(pb::ChecksumAlgorithm::Crc32) => Ok(ChecksumAlgorithm::Crc32),
        Ok(pb::ChecksumAlgorithm::Crc32c) => Ok(ChecksumAlgorithm::Crc32c),
        Ok(pb::ChecksumAlgorithm::Crc64nvme) => Ok(ChecksumAlgorithm::Crc64Nvme),
        Ok(pb::ChecksumAlgorithm::Sha1) => Ok(ChecksumAlgorithm::Sha1),
        Ok(pb::ChecksumAlgorithm::Sha256) => Ok(ChecksumAlgorithm::Sha256),
        Ok(pb::ChecksumAlgorithm::Sha512) => Ok(ChecksumAlgorithm::Sha512),
        Ok(pb::ChecksumAlgorithm::Md5) => Ok(ChecksumAlgorithm::Md5),
        Ok(pb::ChecksumAlgorithm::Xxhash64) => Ok(ChecksumAlgorithm::Xxhash64),
        Ok(pb::ChecksumAlgorithm::Xxhash3) => Ok(ChecksumAlgorithm::Xxhash3),
        Ok(pb::ChecksumAlgorithm::Xxhash128) => Ok(ChecksumAlgorithm::Xxhash128),
        Ok(pb::ChecksumAlgorithm::Unspecified) | Err(_) => {
            Err(invalid("checksum.algorithm", format_args!("{number} is none that is known")))
        }
    }
}

fn kind_number(kind: ChecksumKind) -> i32 {
    let wire = match kind {
        ChecksumKind::FullObject => pb::ChecksumKind::FullObject,
        ChecksumKind::Composite => pb::ChecksumKind::Composite,
    };
    wire.into()
}

fn kind(number: i32) -> Result<ChecksumKind, DecodeError> {
    match pb::ChecksumKind::try_from(number) {
        Ok(pb::ChecksumKind::FullObject) => Ok(ChecksumKind::FullObject),
        Ok(pb::ChecksumKind::Composite) => Ok(ChecksumKind::Composite),
        Ok(pb::ChecksumKind::Unspecified) | Err(_) => {
            Err(invalid("checksum.kind", format_args!("{number} is none that is known")))
        }
    }
}

impl Wire for Checksum {
    type Message = pb::Checksum;

    fn to_message(&self) -> pb::Checksum {
        pb::Checksum {
            algorithm: algorithm_number(self.algorithm),
            kind: kind_number(self.kind),
            value: self.value.clone(),
        }
    }

    fn from_message(message: pb::Checksum) -> Result<Self, DecodeError> {
        Ok(Self { algorithm: algorithm(message.algorithm)?, kind: kind(message.kind)?, value: message.value })
    }
}

impl Wire for (ChecksumAlgorithm, ChecksumKind) {
    type Message = pb::DeclaredChecksum;

    fn to_message(&self) -> pb::DeclaredChecksum {
        pb::DeclaredChecksum { algorithm: algorithm_number(self.0), kind: kind_number(self.1) }
    }

    fn from_message(message: pb::DeclaredChecksum) -> Result<Self, DecodeError> {
        Ok((algorithm(message.algorithm)?, kind(message.kind)?))
    }
}

impl Wire for Entry {
    type Message = pb::Entry;

    fn to_message(&self) -> pb::Entry {
        pb::Entry {
            address: Some(self.address.to_message()),
            last_modified_ms: self.last_modified.as_millis(),
            size: self.size,
            e_tag: self.e_tag.clone(),
            content_type: self.content_type.clone(),
            metadata: self.metadata.clone(),
            headers: self.headers.clone(),
            checksum: self.checksum.as_ref().map(Wire::to_message),
            parts: self.parts.as_ref().map(part_runs).unwrap_or_default(),
        }
    }

    fn from_message(message: pb::Entry) -> Result<Self, DecodeError> {
        Ok(Self {
            address: needed("entry.address", message.address)?,
            last_modified: Timestamp::from_millis(message.last_modified_ms),
            size: message.size,
            e_tag: message.e_tag,
            content_type: message.content_type,
            metadata: message.metadata,
            headers: message.headers,
            checksum: optional(message.checksum)?,
            parts: part_sizes(message.parts)?,
        })
    }
}

fn part_runs(parts: &PartSizes) -> Vec<pb::PartRun> {
    parts.runs().iter().map(|PartRun { count, bytes }| pb::PartRun { count: *count, bytes: *bytes }).collect()
}

fn part_sizes(runs: Vec<pb::PartRun>) -> Result<Option<PartSizes>, DecodeError> {
    if runs.is_empty() {
        return Ok(None);
    }
    let runs = runs.into_iter().map(|run| PartRun { count: run.count, bytes: run.bytes }).collect();
    PartSizes::from_runs(runs).map(Some).map_err(|why| invalid("entry.parts", format_args!("{why}")))
}

impl Wire for StagedValue {
    type Message = pb::StagedValue;

    fn to_message(&self) -> pb::StagedValue {
        let kind = match self {
            Self::Entry(entry) => staged_value::Kind::Entry(entry.to_message()),
            Self::Tombstone => staged_value::Kind::Tombstone(pb::Tombstone {}),
        };
        pb::StagedValue { kind: Some(kind) }
    }

    fn from_message(message: pb::StagedValue) -> Result<Self, DecodeError> {
        match message.kind.ok_or(DecodeError::Missing("staged_value.kind"))? {
            staged_value::Kind::Entry(entry) => Ok(Self::Entry(Entry::from_message(entry)?)),
            staged_value::Kind::Tombstone(pb::Tombstone {}) => Ok(Self::Tombstone),
        }
    }
}

impl Wire for Repository {
    type Message = pb::Repository;

    fn to_message(&self) -> pb::Repository {
        pb::Repository {
            uid: self.uid.0,
            name: self.name.to_string(),
            namespace: self.namespace.to_string(),
            default_branch: self.default_branch.to_string(),
            created_at_ms: self.created_at.as_millis(),
            read_only: self.read_only,
            protected: self.protected.iter().map(ToString::to_string).collect(),
        }
    }

    fn from_message(message: pb::Repository) -> Result<Self, DecodeError> {
        Ok(Self {
            uid: RepositoryUid(message.uid),
            name: name("repository.name", message.name)?,
            namespace: name("repository.namespace", message.namespace)?,
            default_branch: name("repository.default_branch", message.default_branch)?,
            created_at: Timestamp::from_millis(message.created_at_ms),
            read_only: message.read_only,
            protected: super::settings::patterns(message.protected)?,
        })
    }
}

impl Wire for Branch {
    type Message = pb::Branch;

    fn to_message(&self) -> pb::Branch {
        pb::Branch {
            name: self.name.to_string(),
            commit: self.commit.as_bytes().to_vec(),
            version: self.version.0,
            staging: self.staging.0,
            sealed: self.sealed.iter().map(|token| token.0).collect(),
            created_at_ms: self.created_at.as_millis(),
            reset: self.reset.0,
            hidden: self.hidden,
            uid: self.uid.0,
        }
    }

    fn from_message(message: pb::Branch) -> Result<Self, DecodeError> {
        Ok(Self {
            name: name("branch.name", message.name)?,
            commit: commit("branch.commit", &message.commit)?,
            version: Version(message.version),
            staging: StagingToken(message.staging),
            sealed: message.sealed.into_iter().map(StagingToken).collect(),
            created_at: Timestamp::from_millis(message.created_at_ms),
            reset: Version(message.reset),
            hidden: message.hidden,
            uid: BranchUid(message.uid),
        })
    }
}

impl Wire for ReflogEntry {
    type Message = pb::ReflogEntry;

    fn to_message(&self) -> pb::ReflogEntry {
        pb::ReflogEntry {
            branch: self.branch.to_string(),
            number: self.number,
            old: self.old.map(|id| id.as_bytes().to_vec()),
            new: self.new.map(|id| id.as_bytes().to_vec()),
            who: self.who.clone(),
            why: self.why.clone(),
            at_ms: self.at.as_millis(),
            expires_ms: self.expires.as_millis(),
            deleted: self.deleted.as_ref().map(Wire::to_message),
        }
    }

    fn from_message(message: pb::ReflogEntry) -> Result<Self, DecodeError> {
        Ok(Self {
            branch: name("move.branch", message.branch)?,
            number: message.number,
            old: message.old.map(|id| commit("move.old", &id)).transpose()?,
            new: message.new.map(|id| commit("move.new", &id)).transpose()?,
            who: message.who,
            why: message.why,
            at: Timestamp::from_millis(message.at_ms),
            expires: Timestamp::from_millis(message.expires_ms),
            deleted: optional(message.deleted)?,
        })
    }
}

impl Wire for DeletedBranch {
    type Message = pb::DeletedBranch;

    fn to_message(&self) -> pb::DeletedBranch {
        pb::DeletedBranch {
            created_at_ms: self.created_at.as_millis(),
            uncommitted: Some(self.uncommitted.to_message()),
            uid: self.uid.0,
        }
    }

    fn from_message(message: pb::DeletedBranch) -> Result<Self, DecodeError> {
        Ok(Self {
            created_at: Timestamp::from_millis(message.created_at_ms),
            uncommitted: needed("deleted.uncommitted", message.uncommitted)?,
            uid: BranchUid(message.uid),
        })
    }
}

impl Wire for Uncommitted {
    type Message = pb::Uncommitted;

    fn to_message(&self) -> pb::Uncommitted {
        let kind = match self {
            Self::Absent => uncommitted::Kind::Absent(pb::UncommittedAbsent {}),
            Self::Kept { tokens, until } => uncommitted::Kind::Kept(pb::UncommittedKept {
                tokens: tokens.iter().map(|token| token.0).collect(),
                until_ms: until.as_millis(),
            }),
            Self::Gone => uncommitted::Kind::Gone(pb::UncommittedGone {}),
        };
        pb::Uncommitted { kind: Some(kind) }
    }

    fn from_message(message: pb::Uncommitted) -> Result<Self, DecodeError> {
        Ok(match message.kind.ok_or(DecodeError::Missing("uncommitted.kind"))? {
            uncommitted::Kind::Absent(pb::UncommittedAbsent {}) => Self::Absent,
            uncommitted::Kind::Kept(kept) => Self::Kept {
                tokens: kept.tokens.into_iter().map(StagingToken).collect(),
                until: Timestamp::from_millis(kept.until_ms),
            },
            uncommitted::Kind::Gone(pb::UncommittedGone {}) => Self::Gone,
        })
    }
}

impl Wire for Tag {
    type Message = pb::Tag;

    fn to_message(&self) -> pb::Tag {
        pb::Tag {
            name: self.name.to_string(),
            commit: self.commit.as_bytes().to_vec(),
            created_at_ms: self.created_at.as_millis(),
        }
    }

    fn from_message(message: pb::Tag) -> Result<Self, DecodeError> {
        Ok(Self {
            name: name("tag.name", message.name)?,
            commit: commit("tag.commit", &message.commit)?,
            created_at: Timestamp::from_millis(message.created_at_ms),
        })
    }
}

impl Wire for NewUpload {
    type Message = pb::NewUpload;

    fn to_message(&self) -> pb::NewUpload {
        pb::NewUpload {
            branch: self.branch.to_string(),
            path: self.path.to_string(),
            address: Some(self.address.to_message()),
            store_upload_id: self.store_upload_id.clone(),
            content_type: self.content_type.clone(),
            metadata: self.metadata.clone(),
            headers: self.headers.clone(),
            checksum: self.checksum.as_ref().map(Wire::to_message),
        }
    }

    fn from_message(message: pb::NewUpload) -> Result<Self, DecodeError> {
        Ok(Self {
            branch: name("upload.branch", message.branch)?,
            path: name("upload.path", message.path)?,
            address: needed("upload.address", message.address)?,
            store_upload_id: message.store_upload_id,
            content_type: message.content_type,
            metadata: message.metadata,
            headers: message.headers,
            checksum: optional(message.checksum)?,
        })
    }
}

impl Wire for Upload {
    type Message = pb::Upload;

    fn to_message(&self) -> pb::Upload {
        pb::Upload {
            id: self.id.0,
            created_at_ms: self.created_at.as_millis(),
            new: Some(self.new.to_message()),
            branch_uid: self.branch_uid.0,
        }
    }

    fn from_message(message: pb::Upload) -> Result<Self, DecodeError> {
        Ok(Self {
            id: UploadId(message.id),
            created_at: Timestamp::from_millis(message.created_at_ms),
            new: needed("upload.new", message.new)?,
            branch_uid: BranchUid(message.branch_uid),
        })
    }
}

impl Wire for CompletedUpload {
    type Message = pb::CompletedUpload;

    fn to_message(&self) -> pb::CompletedUpload {
        pb::CompletedUpload {
            branch: self.branch.to_string(),
            path: self.path.to_string(),
            e_tag: self.e_tag.clone(),
            checksum: self.checksum.as_ref().map(Wire::to_message),
            branch_uid: self.branch_uid.0,
            request: digest_bytes(self.request.as_ref()),
        }
    }

    fn from_message(message: pb::CompletedUpload) -> Result<Self, DecodeError> {
        Ok(Self {
            branch: name("completed.branch", message.branch)?,
            path: name("completed.path", message.path)?,
            e_tag: message.e_tag,
            checksum: optional(message.checksum)?,
            branch_uid: BranchUid(message.branch_uid),
            request: digest("completed.request", &message.request)?,
        })
    }
}

impl Wire for Part {
    type Message = pb::Part;

    fn to_message(&self) -> pb::Part {
        pb::Part {
            number: self.number,
            store_part_id: self.store_part_id.clone(),
            size: self.size,
            e_tag: self.e_tag.clone(),
            checksum: self.checksum.as_ref().map(Wire::to_message),
            last_modified_ms: self.last_modified.as_millis(),
            is_sole: self.is_sole,
        }
    }

    fn from_message(message: pb::Part) -> Result<Self, DecodeError> {
        Ok(Self {
            number: message.number,
            store_part_id: message.store_part_id,
            size: message.size,
            e_tag: message.e_tag,
            checksum: optional(message.checksum)?,
            last_modified: Timestamp::from_millis(message.last_modified_ms),
            is_sole: message.is_sole,
        })
    }
}

impl Wire for User {
    type Message = pb::User;

    fn to_message(&self) -> pb::User {
        pb::User {
            id: self.id.0,
            name: self.name.to_string(),
            created_at_ms: self.created_at.as_millis(),
            sessions_since_ms: self.sessions_since.map(Timestamp::as_millis),
        }
    }

    fn from_message(message: pb::User) -> Result<Self, DecodeError> {
        Ok(Self {
            id: UserId(message.id),
            name: name("user.name", message.name)?,
            created_at: Timestamp::from_millis(message.created_at_ms),
            sessions_since: message.sessions_since_ms.map(Timestamp::from_millis),
        })
    }
}

impl Wire for Credential {
    type Message = pb::Credential;

    fn to_message(&self) -> pb::Credential {
        pb::Credential {
            access_key_id: self.access_key_id.clone(),
            secret: self.secret.0.clone(),
            user: self.user.0,
            created_at_ms: self.created_at.as_millis(),
        }
    }

    fn from_message(message: pb::Credential) -> Result<Self, DecodeError> {
        Ok(Self {
            access_key_id: message.access_key_id,
            secret: SealedSecret(message.secret),
            user: UserId(message.user),
            created_at: Timestamp::from_millis(message.created_at_ms),
        })
    }
}

impl Wire for Group {
    type Message = pb::Group;

    fn to_message(&self) -> pb::Group {
        pb::Group { name: self.name.to_string(), created_at_ms: self.created_at.as_millis() }
    }

    fn from_message(message: pb::Group) -> Result<Self, DecodeError> {
        Ok(Self { name: name("group.name", message.name)?, created_at: Timestamp::from_millis(message.created_at_ms) })
    }
}

impl Wire for Policy {
    type Message = pb::Policy;

    fn to_message(&self) -> pb::Policy {
        pb::Policy {
            name: self.name.to_string(),
            document: self.document.clone(),
            created_at_ms: self.created_at.as_millis(),
        }
    }

    fn from_message(message: pb::Policy) -> Result<Self, DecodeError> {
        Ok(Self {
            name: name("policy.name", message.name)?,
            document: message.document,
            created_at: Timestamp::from_millis(message.created_at_ms),
        })
    }
}

impl Wire for Installation {
    type Message = pb::Installation;

    fn to_message(&self) -> pb::Installation {
        pb::Installation { id: self.id.0.to_be_bytes().to_vec(), store: self.store.map(store_bytes) }
    }

    fn from_message(message: pb::Installation) -> Result<Self, DecodeError> {
        let store = message.store.as_deref().map(super::store).transpose()?;
        Ok(Self { id: super::installation(&message.id)?, store })
    }
}

impl Wire for PolicyHolder {
    type Message = pb::PolicyHolder;

    fn to_message(&self) -> pb::PolicyHolder {
        let kind = match self {
            Self::User(name) => policy_holder::Kind::User(name.to_string()),
            Self::Group(name) => policy_holder::Kind::Group(name.to_string()),
        };
        pb::PolicyHolder { kind: Some(kind) }
    }

    fn from_message(message: pb::PolicyHolder) -> Result<Self, DecodeError> {
        match message.kind.ok_or(DecodeError::Missing("holder.kind"))? {
            policy_holder::Kind::User(text) => Ok(Self::User(name("holder.user", text)?)),
            policy_holder::Kind::Group(text) => Ok(Self::Group(name("holder.group", text)?)),
        }
    }
}
