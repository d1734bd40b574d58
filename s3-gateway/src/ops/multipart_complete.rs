//! CompleteMultipartUpload. Owns the walk from named parts to a staged object; leaves what the parts make together to
//! `multipart_whole`. Invariant: the object becomes visible by one replicated command, which ends the upload too; whatever
//! fails before leaves the upload as it was.
//!
//! ```text
//! named parts ─► the store joins them at the upload's address ─► CompleteUpload: staged, upload ended, remembered
//! ```
//!
//! A crash, or a completion with other parts, between the two steps: the client that asks again finds an object at the address,
//! which is taken for theirs only if it proves to be of the parts that they name. An answer that was lost after the second
//! step: the upload is gone, and what is remembered of it is the answer to the same request (`multipart_again`).
//! docs/design/0010-multipart-uploads.md says why.

use axum::body::Body;
use http::Response;
use model::{
    BranchName, Command, CompleteUpload, CompletionDigest, Condition, Entry, ListParts, ObjectPath, PAGE_MAX, Part,
    PartSizes, Repository, RepositoryName, StageOutcome, Upload,
};
use object_http::WriteCondition;
use storage::{Completed, CompletionPart, Stored};

use super::multipart::{authorized, end, find_open, has_ended, storage, store_lost_upload};
use super::multipart_again::{digest, done_before};
use super::multipart_whole::{
    check_kind, check_size, check_whole, choose, declared, e_tag, is_told_by_size, whole_checksum,
};
use crate::call::{self, Call};
use crate::checksum_model::{kept, shown};
use crate::error_table::Failure;
use crate::protocol::xml::{CompletedPart, read, write};
use crate::protocol::{ErrorCode, S3Error};

/// How often a conditional completion looks again after the branch moved under it.
const LOOKS_MAX: usize = 16;

/// What a client asks for.
struct Asked {
    named: Vec<CompletedPart>,
    condition: Option<WriteCondition>,
    digest: CompletionDigest,
}

/// `POST /bucket/key?uploadId`.
pub(crate) async fn complete(
    call: &Call<'_>,
    bucket: &str,
    key: &str,
    upload_id: &str,
) -> Result<Response<Body>, Failure> {
    let (name, path) = authorized(call, bucket, key)?;
    let condition = call.write_condition()?;
    let body = call.request.read_body(call.body.take(), read::XML_BYTES_MAX).await?;
    let named = read::complete_multipart_upload(&body)?;
    let asked = Asked { digest: digest(call.headers(), &named)?, named, condition };
    let completed = match find_open(call, &name, key, &path, upload_id).await {
        Ok((repository, upload)) => complete_found(call, &name, repository, upload, &asked).await,
        Err(failure) => Err(failure),
    };
    match completed {
        Ok(entry) => Ok(answer(call, bucket, key, &entry.e_tag, entry.checksum.as_ref())),
        Err(failure) if failure.is_unknown_upload() => {
            let done = done_before(call, &name, key, &path, upload_id, asked.digest).await?.ok_or(failure)?;
            Ok(answer(call, bucket, key, &done.e_tag, done.checksum.as_ref()))
        }
        Err(failure) => Err(failure),
    }
}

/// Completes an upload that hasn't ended yet, as far as one knows.
async fn complete_found(
    call: &Call<'_>,
    name: &RepositoryName,
    repository: Repository,
    upload: Upload,
    asked: &Asked,
) -> Result<Entry, Failure> {
    check_kind(call.headers(), declared(&upload), &asked.named)?;
    let parts = choose(&asked.named, parts(call, name, &upload).await?)?;
    let entry = entry(call, &upload, &parts)?;
    if let Some(condition) = &asked.condition {
        call.judge_early(name, &upload.new.branch, &upload.new.path, condition).await?;
    }
    assemble(call, &repository, &upload, &parts).await?;
    publish(call, &repository, &upload, &entry, asked).await?;
    Ok(entry)
}

fn answer(call: &Call<'_>, bucket: &str, key: &str, e_tag: &str, checksum: Option<&model::Checksum>) -> Response<Body> {
    let checksum = checksum.map(shown);
    let checksum = checksum.as_ref().map(|(checksum, kind)| (checksum, *kind));
    call::xml(write::complete_upload(&call.url(bucket, key), bucket, key, e_tag, checksum))
}

/// All parts of an upload; at most 10,000, by the bound on their numbers.
async fn parts(call: &Call<'_>, name: &RepositoryName, upload: &Upload) -> Result<Vec<Part>, Failure> {
    let mut parts: Vec<Part> = Vec::new();
    loop {
        let after = parts.last().map_or(0, |part| part.number);
        let query = ListParts { repository: name.clone(), upload: upload.id, after, amount: PAGE_MAX };
        let page = call.graveler.meta().ask(query).await?;
        let more = page.more && !page.items.is_empty();
        parts.extend(page.items);
        if !more {
            return Ok(parts);
        }
    }
}

/// Makes the object's entry, and holds it against what the client says of the whole.
fn entry(call: &Call<'_>, upload: &Upload, parts: &[Part]) -> Result<Entry, S3Error> {
    let new = &upload.new;
    let size = parts.iter().map(|part| part.size).sum();
    check_size(call.headers(), size)?;
    let checksum = whole_checksum(declared(upload), parts);
    check_whole(call.headers(), checksum.as_ref())?;
    Ok(Entry {
        address: new.address.clone(),
        last_modified: call.graveler.clock().now(),
        size,
        e_tag: e_tag(parts.iter().map(|part| part.e_tag.as_str())).ok_or(ErrorCode::InvalidPart)?,
        content_type: new.content_type.clone(),
        metadata: new.metadata.clone(),
        headers: new.headers.clone(),
        checksum: checksum.map(|(checksum, kind)| kept(&checksum, kind)),
        parts: PartSizes::of(parts.iter().map(|part| part.size)),
    })
}

/// Has the store put the parts together; done once, it is done again without harm.
async fn assemble(call: &Call<'_>, repository: &Repository, upload: &Upload, parts: &[Part]) -> Result<(), Failure> {
    let named: Vec<_> = parts.iter().map(completion_part).collect();
    let new = &upload.new;
    let storage = storage(call, repository)?;
    let completed = storage.complete_multipart(&new.address, &new.store_upload_id, &named).await;
    let is_of_these = match completed.map_err(|error| store_lost_upload(error.into()))? {
        Completed::OfThese => true,
        Completed::Untold => is_made_of(call, repository, upload, parts, &named).await?,
    };
    match is_of_these {
        true => Ok(()),
        false => Err(ErrorCode::NoSuchUpload.into()),
    }
}

/// Finds out whether the upload was completed with these parts, where its store doesn't tell. The bytes are read only if another
/// choice of parts could have their size.
async fn is_made_of(
    call: &Call<'_>,
    repository: &Repository,
    upload: &Upload,
    chosen: &[Part],
    named: &[CompletionPart],
) -> Result<bool, Failure> {
    // Read after the store has answered: whatever an earlier completion named is recorded by now.
    let recorded = parts(call, &repository.name, upload).await?;
    let (storage, address) = (storage(call, repository)?, &upload.new.address);
    let looked = match is_told_by_size(chosen, &recorded) {
        true => {
            let size: u64 = chosen.iter().map(|part| part.size).sum();
            storage.data_size(address).await.map(|there| there == size)
        }
        false => storage.is_made_of(address, named).await,
    };
    looked.map_err(|error| store_lost_upload(error.into()))
}

fn completion_part(part: &Part) -> CompletionPart {
    let md5 = hex::decode(&part.e_tag).ok().and_then(|md5| md5.try_into().ok());
    let content = md5.map(|md5| Stored { size: part.size, md5 });
    CompletionPart { number: part.number, id: part.store_part_id.clone(), content }
}

/// Ends the upload and stages its object by one command.
///
/// The store's upload is used up by now: if the condition fails here, because of a race since it was judged, the
/// upload ends too, and the client is told to begin anew, as by S3.
async fn publish(
    call: &Call<'_>,
    repository: &Repository,
    upload: &Upload,
    entry: &Entry,
    asked: &Asked,
) -> Result<(), Failure> {
    for _ in 0..LOOKS_MAX {
        let condition = match &asked.condition {
            Some(condition) => Some(look(call, repository, &upload.new.branch, &upload.new.path, condition).await?),
            None => None,
        };
        let (repository, upload, entry) = (repository.name.clone(), upload.id, entry.clone());
        let request = Some(asked.digest);
        let command = Command::CompleteUpload(CompleteUpload { repository, upload, entry, condition, request });
        let outcome = match call.graveler.meta().write(command).await.and_then(|outcome| Ok(outcome.staged()?)) {
            Ok(outcomes) => outcomes.first().copied(),
            Err(error) if has_ended(&error) => return Err(ErrorCode::NoSuchUpload.into()),
            Err(error) => return Err(error.into()),
        };
        match outcome {
            Some(StageOutcome::Staged) => return Ok(()),
            Some(StageOutcome::HeadMoved) => {}
            Some(StageOutcome::ConditionFailed | StageOutcome::NotFound | StageOutcome::Spent) | None => break,
        }
    }
    end(call, repository, upload).await?;
    let why = "Another write came first. The upload has ended: begin a new one.";
    Err(S3Error::new(ErrorCode::ConditionalRequestConflict, why).into())
}

/// Looks up what a condition needs to be judged.
async fn look(
    call: &Call<'_>,
    repository: &Repository,
    branch: &BranchName,
    path: &ObjectPath,
    condition: &WriteCondition,
) -> Result<Condition, Failure> {
    let resolved = call.graveler.resolve(&repository.name, &branch.into()).await?;
    let committed = call.graveler.stat(&repository.name, &resolved.commit.into(), path).await?;
    let committed_e_tag = committed.map(|found| found.entry.e_tag);
    Ok(Condition { require: call::require(condition), commit: resolved.commit, committed_e_tag })
}
