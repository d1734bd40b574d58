//! Dumps and restores of refs as jobs: from the message of the public API to its answer. Both can be carried out again
//! and come to the same.

use auth::Caller;
use graveler::{RefsDump, Restored};
use model::{JobDigest, JobKind};
use prost::Message;
use proto::api::{InvalidField, parse};
use proto::generated::api as wire;

use super::decode;
use super::digest::Digest;
use super::work::{Answer, Work};
use crate::{Error, flows};

pub(super) fn check_dump(caller: &Caller, spec: &[u8]) -> Result<(), Error> {
    let request: wire::DumpRefsRequest = decode(spec)?;
    flows::may_dump_refs(caller, &parse("repository", &request.repository)?)
}

pub(super) fn check_restore(caller: &Caller, spec: &[u8]) -> Result<(), Error> {
    let request: wire::RestoreRefsRequest = decode(spec)?;
    flows::may_restore_refs(caller, &parse("repository", &request.repository)?)?;
    dump_from_wire(&request.dump.unwrap_or_default())?;
    Ok(())
}

pub(super) fn digest_of_dump(message: &[u8]) -> Result<JobDigest, Error> {
    let wire::DumpRefsRequest { repository, .. } = decode(message)?;
    Ok(Digest::of(JobKind::DumpRefs).text("repository", &repository).end())
}

pub(super) fn digest_of_restore(message: &[u8]) -> Result<JobDigest, Error> {
    let wire::RestoreRefsRequest { repository, dump, force, .. } = decode(message)?;
    let RefsDump { commits, branches, tags } = dump_from_wire(&dump.unwrap_or_default())?;
    let mut digest = Digest::of(JobKind::RestoreRefs);
    digest.text("repository", &repository).text("commits", &commits.to_string());
    digest.text("branches", &branches.to_string()).text("tags", &tags.to_string());
    Ok(digest.flag("force", force).end())
}

pub(super) async fn dump(work: &Work) -> Result<Answer, Error> {
    let request: wire::DumpRefsRequest = work.request()?;
    let repository = parse("repository", &request.repository)?;
    let dump = flows::dump_refs(work.queues.graveler(), &work.caller, &repository, &work.progress).await?;
    let dump = Some(wire::RefsDump {
        commits_id: dump.commits.to_string(),
        tags_id: dump.tags.to_string(),
        branches_id: dump.branches.to_string(),
    });
    Ok(Answer { bytes: wire::DumpRefsResponse { dump }.encode_to_vec(), is_remembered: false })
}

pub(super) async fn restore(work: &Work) -> Result<Answer, Error> {
    let request: wire::RestoreRefsRequest = work.request()?;
    let repository = parse("repository", &request.repository)?;
    let dump = dump_from_wire(&request.dump.unwrap_or_default())?;
    let queues = work.queues.by_force(request.force);
    let restored =
        flows::restore_refs(queues.graveler(), &work.caller, &repository, &dump, work.id, &work.progress).await?;
    let Restored { commits, branches, tags } = restored;
    let answer = wire::RestoreRefsResponse { commits, branches, tags };
    Ok(Answer { bytes: answer.encode_to_vec(), is_remembered: false })
}

fn dump_from_wire(dump: &wire::RefsDump) -> Result<RefsDump, InvalidField> {
    Ok(RefsDump {
        commits: parse("commits_id", &dump.commits_id)?,
        tags: parse("tags_id", &dump.tags_id)?,
        branches: parse("branches_id", &dump.branches_id)?,
    })
}
