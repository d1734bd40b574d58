//! Imports as jobs: from the message of the public API to its answer. An import leaves a checkpoint with each step, from
//! which the next runner goes on.

use auth::Caller;
use graveler::Built;
use model::{JobDigest, JobKind};
use prost::Message;
use proto::api::{InvalidField, commit_to_wire, parse};
use proto::generated::api as wire;

use super::decode;
use super::digest::Digest;
use super::work::{Answer, Work};
use crate::Error;
use crate::flows::{self, ImportRequest, ImportRun, ImportSource, ImportSteps};

pub(super) fn check(caller: &Caller, spec: &[u8]) -> Result<(), Error> {
    flows::may_import(caller, &request(decode(spec)?)?)
}

pub(super) async fn carry_out(work: &Work) -> Result<Answer, Error> {
    let message: wire::ImportRequest = work.request()?;
    let queues = work.queues.by_force(message.force);
    let request = request(message)?;
    let context = |objects, skipped| work.context(move |built: &Built| answer(built, objects, skipped).encode_to_vec());
    let run = ImportRun {
        progress: work.progress.clone(),
        checkpoint: work.checkpoint.clone(),
        keep: &|checkpoint| work.keep_checkpoint(checkpoint),
        steps: ImportSteps::default(),
    };
    let imported = flows::import(&queues, &work.caller, &request, run, &context).await?;
    let answer = answer(&imported.built, imported.objects, imported.skipped);
    Ok(Answer { bytes: answer.encode_to_vec(), is_remembered: true })
}

fn answer(built: &Built, objects: u64, skipped: u64) -> wire::ImportResponse {
    let commit = Some(commit_to_wire(&built.id, &built.commit));
    wire::ImportResponse { commit, objects, skipped, job_id: String::new() }
}

pub(super) fn digest(message: &[u8]) -> Result<JobDigest, Error> {
    let message: wire::ImportRequest = decode(message)?;
    let force = message.force;
    let ImportRequest { repository, branch, sources, message, metadata, skip_unusable } = request(message)?;
    let mut digest = Digest::of(JobKind::Import);
    digest.text("repository", repository.as_str()).text("branch", branch.as_str()).text("message", &message);
    for source in &sources {
        match source {
            ImportSource::Prefix { from, to } => digest.text("prefix", from).text("to", to),
            ImportSource::Object { from, to } => digest.text("object", from).text("to", to.as_str()),
        };
    }
    digest.texts("metadata", &metadata).flag("skip_unusable", skip_unusable);
    Ok(digest.flag("force", force).end())
}

fn request(message: wire::ImportRequest) -> Result<ImportRequest, Error> {
    Ok(ImportRequest {
        repository: parse("repository", &message.repository)?,
        branch: parse("branch", &message.branch)?,
        sources: message.paths.into_iter().map(source).collect::<Result<_, _>>()?,
        message: message.message,
        metadata: message.metadata,
        skip_unusable: message.skip_unusable,
    })
}

fn source(path: wire::ImportPath) -> Result<ImportSource, InvalidField> {
    let kind = path.kind();
    let wire::ImportPath { path: from, destination, .. } = path;
    match kind {
        wire::ImportKind::CommonPrefix => Ok(ImportSource::Prefix { from, to: destination }),
        wire::ImportKind::Object => Ok(ImportSource::Object { from, to: parse("destination", &destination)? }),
        wire::ImportKind::Unspecified => Err(InvalidField::new("kind", "say whether it is a prefix or an object")),
    }
}
