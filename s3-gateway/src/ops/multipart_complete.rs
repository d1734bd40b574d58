//! CompleteMultipartUpload. Owns the walk from named parts to a staged object. Invariant: the object becomes visible by
//! one replicated command, which ends the upload too; whatever fails before leaves the upload as it was.

use axum::body::Body;
use http::Response;
use md5::{Digest as _, Md5};
use model::{
    BranchName, Command, Condition, Entry, ObjectPath, PAGE_MAX, Part, PartSizes, Query, Repository, RepositoryName,
    StageOutcome, Upload,
};
use object_http::WriteCondition;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::multipart::{authorized, end, find, has_ended, storage, store_lost_upload};
use super::put_object::writable;
use super::stage_object::discard;
use crate::call::{self, Call};
use crate::checksum_model::{kept, shown, shown_algorithm, shown_kind};
use crate::error_table::Failure;
use crate::protocol::xml::{CompletedPart, read, write};
use crate::protocol::{
    Checksum, ChecksumAlgorithm, ChecksumKind, ErrorCode, S3Error, checksum, checksum_combine, headers,
};

/// The fewest bytes of each part but the last.
const PART_BYTES_MIN: u64 = 5 << 20;

/// How often a conditional completion looks again after the branch moved under it.
const LOOKS_MAX: usize = 16;

/// What a path in `Location` needn't escape.
const LOCATION_ESCAPES: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.').remove(b'~');

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
    let (repository, upload) = match find(call, &name, key, &path, upload_id).await {
        Err(failure) if failure.is_unknown_upload() && condition.is_none() => {
            let done = done_before(call, &name, key, &path, &named).await?;
            return done.map(|entry| answer(bucket, key, &entry)).ok_or(failure);
        }
        found => found?,
    };
    let parts = choose(&named, parts(call, &name, &upload).await?)?;
    let entry = entry(call, &upload, &parts)?;
    if let Some(condition) = &condition {
        call.judge_early(&name, &upload.new.branch, &path, condition).await?;
    }
    assemble(call, &repository, &upload, (&parts, entry.size)).await?;
    publish(call, (&repository, &upload), &entry, condition.as_ref()).await?;
    Ok(answer(bucket, key, &entry))
}

/// Finds the object that an earlier try of this very completion made: clients try again when an answer was lost. Not
/// for conditional ones, where somebody else's equal object would be taken for one's own.
async fn done_before(
    call: &Call<'_>,
    name: &RepositoryName,
    key: &str,
    path: &ObjectPath,
    named: &[CompletedPart],
) -> Result<Option<Entry>, Failure> {
    let Some(e_tag) = e_tag(named.iter().map(|part| part.e_tag.as_str())) else { return Ok(None) };
    let (reference, _) = writable(key)?;
    let found = call.find(name, reference, path).await?;
    Ok(found.map(|found| found.entry).filter(|entry| entry.e_tag == e_tag))
}

fn answer(bucket: &str, key: &str, entry: &Entry) -> Response<Body> {
    let checksum = entry.checksum.as_ref().map(shown);
    let checksum = checksum.as_ref().map(|(checksum, kind)| (checksum, *kind));
    let location = format!("/{bucket}/{}", utf8_percent_encode(key, LOCATION_ESCAPES));
    call::xml(write::complete_upload(&location, bucket, key, &entry.e_tag, checksum))
}

/// All parts of an upload; at most 10,000, by the bound on their numbers.
async fn parts(call: &Call<'_>, name: &RepositoryName, upload: &Upload) -> Result<Vec<Part>, Failure> {
    let mut parts: Vec<Part> = Vec::new();
    loop {
        let after = parts.last().map_or(0, |part| part.number);
        let query = Query::Parts { repository: name.clone(), upload: upload.id, after, amount: PAGE_MAX };
        let page = call.graveler.meta().read(query).await?.parts()?;
        let more = page.more && !page.items.is_empty();
        parts.extend(page.items);
        if !more {
            return Ok(parts);
        }
    }
}

/// The parts that the client names, in their order, as they were uploaded.
fn choose(named: &[CompletedPart], uploaded: Vec<Part>) -> Result<Vec<Part>, S3Error> {
    let mut uploaded = uploaded.into_iter().peekable();
    let mut chosen = Vec::with_capacity(named.len());
    for wanted in named {
        while uploaded.next_if(|part| part.number < wanted.number).is_some() {}
        let part = uploaded.next_if(|part| part.number == wanted.number && is_named(part, wanted));
        chosen.push(part.ok_or_else(|| invalid_part(wanted))?);
    }
    let all_but_last = chosen.split_last().map_or(&[][..], |(_, rest)| rest);
    match all_but_last.iter().find(|part| part.size < PART_BYTES_MIN) {
        Some(small) => Err(too_small(small)),
        None => Ok(chosen),
    }
}

fn is_named(part: &Part, wanted: &CompletedPart) -> bool {
    let same_checksum = match (&part.checksum, &wanted.checksum) {
        (Some(has), Some(wanted)) => shown(has).0 == *wanted,
        _ => true,
    };
    part.e_tag == wanted.e_tag && same_checksum
}

fn invalid_part(wanted: &CompletedPart) -> S3Error {
    S3Error::from(ErrorCode::InvalidPart)
        .with_detail("PartNumber", wanted.number.to_string())
        .with_detail("ETag", wanted.e_tag.clone())
}

fn too_small(part: &Part) -> S3Error {
    S3Error::from(ErrorCode::EntityTooSmall)
        .with_detail("ProposedSize", part.size.to_string())
        .with_detail("MinSizeAllowed", PART_BYTES_MIN.to_string())
        .with_detail("PartNumber", part.number.to_string())
        .with_detail("ETag", part.e_tag.clone())
}

/// Makes the object's entry, and holds it against what the client says of the whole.
fn entry(call: &Call<'_>, upload: &Upload, parts: &[Part]) -> Result<Entry, S3Error> {
    let new = &upload.new;
    let size = parts.iter().map(|part| part.size).sum();
    check_size(call, size)?;
    let checksum = whole_checksum(upload, parts);
    check_whole(call, checksum.as_ref())?;
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

/// S3's ETag of a multipart object: the MD5 of the parts' MD5s, and their number. None unless all are MD5s.
fn e_tag<'a>(parts: impl ExactSizeIterator<Item = &'a str>) -> Option<String> {
    let count = parts.len();
    let mut whole = Md5::new();
    for part in parts {
        whole.update(&hex::decode(part).ok()?);
    }
    Some(format!("{}-{count}", hex::encode(whole.finalize())))
}

/// The whole's checksum: of the kind that the upload declared; undeclared, CRC-64/NVME if every part has one. None
/// when a part lacks its own.
fn whole_checksum(upload: &Upload, parts: &[Part]) -> Option<(Checksum, ChecksumKind)> {
    let declared = upload.new.checksum.map(|(algorithm, kind)| (shown_algorithm(algorithm), shown_kind(kind)));
    let (algorithm, kind) = declared.unwrap_or((ChecksumAlgorithm::Crc64Nvme, ChecksumKind::FullObject));
    let sums: Option<Vec<Checksum>> = parts.iter().map(|part| Some(shown(part.checksum.as_ref()?).0)).collect();
    let whole = match kind {
        ChecksumKind::Composite => checksum_combine::composite(algorithm, &sums?),
        ChecksumKind::FullObject => {
            let sized: Vec<_> = sums?.into_iter().zip(parts.iter().map(|part| part.size)).collect();
            checksum_combine::full_object(algorithm, &sized)
        }
    };
    Some((whole?, kind))
}

/// Holds the whole's checksum against the header that the client may send.
fn check_whole(call: &Call<'_>, whole: Option<&(Checksum, ChecksumKind)>) -> Result<(), S3Error> {
    let Some(said) = checksum::from_headers(call.headers())? else { return Ok(()) };
    match whole {
        Some((whole, _)) if whole.algorithm == said.algorithm && without_count(whole) == without_count(&said) => Ok(()),
        Some((whole, _)) if whole.algorithm == said.algorithm => Err(ErrorCode::BadDigest.into()),
        _ => Err(S3Error::invalid_request("The upload's parts don't have the checksum that the request names.")),
    }
}

/// A composite value with or without its `-N`: clients send both.
fn without_count(checksum: &Checksum) -> &str {
    checksum.value.split('-').next().unwrap_or_default()
}

fn check_size(call: &Call<'_>, size: u64) -> Result<(), S3Error> {
    let name = "x-amz-mp-object-size";
    let Some(said) = headers::single(call.headers(), name)? else { return Ok(()) };
    match said.parse::<u64>() {
        Ok(said) if said == size => Ok(()),
        Ok(_) => Err(S3Error::invalid_request(
            "The provided 'x-amz-mp-object-size' header does not match what was computed.",
        )),
        Err(_) => Err(S3Error::invalid_argument(name, said, "Value must be a number of bytes.")),
    }
}

/// Has the store put the parts together; done once, it is done again without harm.
async fn assemble(
    call: &Call<'_>,
    repository: &Repository,
    upload: &Upload,
    (parts, size): (&[Part], u64),
) -> Result<(), Failure> {
    let ids: Vec<(u32, String)> = parts.iter().map(|part| (part.number, part.store_part_id.clone())).collect();
    let new = &upload.new;
    let storage = storage(call, repository)?;
    let assembled = storage.complete_multipart(&new.address, &new.store_upload_id, &ids, size).await;
    assembled.map_err(|error| store_lost_upload(error.into()))
}

/// Ends the upload and stages its object by one command.
///
/// The store's upload is used up by now: if the condition fails here, because of a race since it was judged, the
/// upload ends too, and the client is told to begin anew, as by S3.
async fn publish(
    call: &Call<'_>,
    (repository, upload): (&Repository, &Upload),
    entry: &Entry,
    condition: Option<&WriteCondition>,
) -> Result<(), Failure> {
    for _ in 0..LOOKS_MAX {
        let condition = match condition {
            Some(condition) => Some(look(call, repository, (&upload.new.branch, &upload.new.path), condition).await?),
            None => None,
        };
        let (repository, upload, entry) = (repository.name.clone(), upload.id, entry.clone());
        let command = Command::CompleteUpload { repository, upload, entry, condition };
        let outcome = match call.graveler.meta().write(command).await.and_then(|outcome| Ok(outcome.staged()?)) {
            Ok(outcomes) => outcomes.first().copied(),
            Err(error) if has_ended(&error) => return Err(ErrorCode::NoSuchUpload.into()),
            Err(error) => return Err(error.into()),
        };
        match outcome {
            Some(StageOutcome::Staged) => return Ok(()),
            Some(StageOutcome::HeadMoved) => {}
            Some(StageOutcome::ConditionFailed | StageOutcome::NotFound) | None => break,
        }
    }
    if end(call, repository, upload).await.is_ok() {
        discard(call.graveler, repository, &upload.new.address).await;
    }
    let why = "Another write came first. The upload has ended: begin a new one.";
    Err(S3Error::new(ErrorCode::ConditionalRequestConflict, why).into())
}

/// Looks up what a condition needs to be judged.
async fn look(
    call: &Call<'_>,
    repository: &Repository,
    (branch, path): (&BranchName, &ObjectPath),
    condition: &WriteCondition,
) -> Result<Condition, Failure> {
    let resolved = call.graveler.resolve(&repository.name, &branch.into()).await?;
    let committed = call.graveler.stat(&repository.name, &resolved.commit.into(), path).await?;
    let committed_e_tag = committed.map(|found| found.entry.e_tag);
    Ok(Condition { require: call::require(condition), commit: resolved.commit, committed_e_tag })
}

#[cfg(test)]
mod tests {
    use model::Timestamp;

    use super::*;

    fn part(number: u32, size: u64) -> Part {
        Part {
            number,
            store_part_id: number.to_string(),
            size,
            e_tag: format!("{number:032x}"),
            checksum: None,
            last_modified: Timestamp::default(),
        }
    }

    fn named(number: u32) -> CompletedPart {
        CompletedPart { number, e_tag: format!("{number:032x}"), checksum: None }
    }

    fn code(named: &[CompletedPart], uploaded: Vec<Part>) -> &'static str {
        choose(named, uploaded).unwrap_err().code().as_str()
    }

    #[test]
    fn named_parts_are_chosen_and_others_left() {
        let uploaded = vec![part(1, PART_BYTES_MIN), part(2, 1), part(7, PART_BYTES_MIN), part(9, 1)];
        let chosen = choose(&[named(1), named(7), named(9)], uploaded).unwrap();
        assert_eq!(chosen.iter().map(|p| p.number).collect::<Vec<_>>(), [1, 7, 9]);
    }

    #[test]
    fn unknown_changed_and_small_parts_are_refused() {
        assert_eq!(code(&[named(2)], vec![part(1, 1)]), "InvalidPart");
        let other = CompletedPart { e_tag: "other".into(), ..named(1) };
        assert_eq!(code(&[other], vec![part(1, 1)]), "InvalidPart");
        assert_eq!(code(&[named(1), named(2)], vec![part(1, PART_BYTES_MIN - 1), part(2, 1)]), "EntityTooSmall");
    }

    #[test]
    fn the_e_tag_is_the_md5_of_the_md5s_and_their_number() {
        // MD5 of 32 zero bytes.
        let zero = "0".repeat(32);
        let whole = e_tag([zero.as_str(), zero.as_str()].into_iter());
        assert_eq!(whole.as_deref(), Some("70bc8f4b72a86921468bf8e8441dce51-2"));
        assert_eq!(e_tag(["nonsense"].into_iter()), None);
    }
}
