//! What each kind of job does: its request is a message of the public API, and so is its answer. A kind has a file of
//! its own, and one arm in each function here.

use std::sync::{Arc, Mutex, PoisonError};

use auth::Caller;
use graveler::{Built, Progress};
use model::{BranchName, JobDigest, JobKind, JobSpec, RequestId};
use prost::Message;
use proto::generated::api as wire;

use super::{Request, commit, import, merge, refs};
use crate::Error;
use crate::commit_queue::{CommitQueues, IdempotentRequest, RequestContext};

/// The version of requests' encodings. A server leaves jobs of a later one to servers that know it.
pub(super) const SPEC_VERSION: u32 = 1;

/// A request as it is carried out.
pub struct Work {
    /// The way onto branches, and all that reads.
    pub queues: CommitQueues,
    /// For whom.
    pub caller: Caller,
    /// Its id.
    pub id: RequestId,
    /// What it does.
    pub kind: JobKind,
    /// The request.
    pub spec: JobSpec,
    /// Where it counts what it does.
    pub progress: Progress,
    /// What a run before this one left, if there was one.
    pub checkpoint: Vec<u8>,
    left: Mutex<Option<Vec<u8>>>,
}

/// An answer of the public API, encoded.
pub(crate) struct Answer {
    pub(crate) bytes: Vec<u8>,
    /// Whether the publication wrote it down already.
    pub(crate) is_remembered: bool,
}

impl Work {
    pub(super) fn new(queues: CommitQueues, request: &Request, checkpoint: Vec<u8>) -> Self {
        Self {
            queues,
            caller: request.caller.clone(),
            id: request.id,
            kind: request.kind,
            spec: request.spec.clone(),
            progress: request.progress.clone(),
            checkpoint,
            left: Mutex::default(),
        }
    }

    /// Reads the request.
    pub fn request<T: Message + Default>(&self) -> Result<T, Error> {
        decode(&self.spec.message)
    }

    /// Leaves something for the next runner, should this one die; written down with the next heartbeat. At most
    /// [`model::CHECKPOINT_BYTES_MAX`].
    pub fn keep_checkpoint(&self, bytes: Vec<u8>) {
        *self.left.lock().unwrap_or_else(PoisonError::into_inner) = Some(bytes);
    }

    pub(super) fn take_checkpoint(&self) -> Option<Vec<u8>> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// What has the request's answer stored with the publication that carries it out.
    pub fn context(&self, answer: impl Fn(&Built) -> Vec<u8> + Send + Sync + 'static) -> RequestContext {
        let idempotent = IdempotentRequest {
            key: self.id,
            kind: self.kind,
            user: self.caller.user.id,
            spec: self.spec.clone(),
            answer: Arc::new(answer),
        };
        RequestContext { idempotent: Some(idempotent), progress: self.progress.clone() }
    }
}

/// Does it.
pub(super) async fn carry_out(work: &Work) -> Result<Answer, Error> {
    match work.kind {
        JobKind::Commit => commit::carry_out(work).await,
        JobKind::Merge => merge::carry_out(work).await,
        JobKind::Import => import::carry_out(work).await,
        JobKind::DumpRefs => refs::dump(work).await,
        JobKind::RestoreRefs => refs::restore(work).await,
    }
}

/// The digest of what a request asks for.
pub(super) fn digest(kind: JobKind, message: &[u8]) -> Result<JobDigest, Error> {
    match kind {
        JobKind::Commit => commit::digest(message),
        JobKind::Merge => merge::digest(message),
        JobKind::Import => import::digest(message),
        JobKind::DumpRefs => refs::digest_of_dump(message),
        JobKind::RestoreRefs => refs::digest_of_restore(message),
    }
}

/// Refuses what can be refused at once.
pub(super) fn check(caller: &Caller, kind: JobKind, spec: &[u8]) -> Result<(), Error> {
    match kind {
        JobKind::Commit => commit::check(caller, spec),
        JobKind::Merge => merge::check(caller, spec),
        JobKind::Import => import::check(caller, spec),
        JobKind::DumpRefs => refs::check_dump(caller, spec),
        JobKind::RestoreRefs => refs::check_restore(caller, spec),
    }
}

/// The branch that a request of this kind moves; `None` if it is about all refs of a repository.
pub(super) fn branch(kind: JobKind, spec: &[u8]) -> Option<BranchName> {
    let name = match kind {
        JobKind::Commit => decode::<wire::CreateCommitRequest>(spec).ok()?.branch,
        JobKind::Merge => decode::<wire::MergeRequest>(spec).ok()?.destination,
        JobKind::Import => decode::<wire::ImportRequest>(spec).ok()?.branch,
        JobKind::DumpRefs | JobKind::RestoreRefs => return None,
    };
    name.parse().ok()
}

pub(crate) fn decode<T: Message + Default>(spec: &[u8]) -> Result<T, Error> {
    T::decode(spec).map_err(|error| graveler::Error::Internal(format!("a job's request or answer: {error}")).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One request of each kind.
    fn requests() -> [(JobKind, Vec<u8>); 5] {
        let repository = || "trips".to_owned();
        let commit = wire::CreateCommitRequest {
            repository: repository(),
            branch: "main".into(),
            message: "by night".into(),
            metadata: [("source".to_owned(), "airflow".to_owned())].into(),
            ..Default::default()
        };
        let merge = wire::MergeRequest {
            repository: repository(),
            source: "dev".into(),
            destination: "main".into(),
            ..Default::default()
        };
        let path = wire::ImportPath {
            path: "s3://raw/in/".into(),
            destination: "in/".into(),
            kind: wire::ImportKind::CommonPrefix.into(),
        };
        let import = wire::ImportRequest {
            repository: repository(),
            branch: "main".into(),
            paths: vec![path],
            ..Default::default()
        };
        let id = "00".repeat(32);
        let dump = wire::RefsDump { commits_id: id.clone(), tags_id: id.clone(), branches_id: id };
        let restore = wire::RestoreRefsRequest { repository: repository(), dump: Some(dump), ..Default::default() };
        [
            (JobKind::Commit, commit.encode_to_vec()),
            (JobKind::Merge, merge.encode_to_vec()),
            (JobKind::Import, import.encode_to_vec()),
            (
                JobKind::DumpRefs,
                wire::DumpRefsRequest { repository: repository(), ..Default::default() }.encode_to_vec(),
            ),
            (JobKind::RestoreRefs, restore.encode_to_vec()),
        ]
    }

    /// A change here makes each retry across the upgrade another request.
    #[test]
    fn digests_are_for_ever() {
        let digests = requests().map(|(kind, message)| digest(kind, &message).unwrap().to_string());
        assert_eq!(
            digests,
            [
                "1a628d5ff82310d9f675492419b70c8e1547e37df8ab75c5bf43346955a22a16",
                "6fd3cd425d632c1246f47994a7225c5a303688d2eca069642ff571fefafefefe",
                "938a6827b6965fab1e92abae1f4d1d14bb6a475cfd0b4987313464552740a570",
                "276928913611d6f63cdaa632a4aeadd121342c66b69dd5304c3b3707fdf74497",
                "8f0ec4d2f3f4ba64a7659f617547abcf3dfa9d5a94867caaead5e4048cef2b56",
            ]
        );
    }

    #[test]
    fn what_other_versions_encode_otherwise_has_the_same_digest() {
        for (kind, message) in requests() {
            // Field 2047, which this version doesn't know.
            let mut otherwise = message.clone();
            otherwise.extend([0xfa, 0x7f, 0x00]);
            assert_eq!(digest(kind, &message).unwrap(), digest(kind, &otherwise).unwrap(), "{kind}");
        }
    }
}
