//! A completion that is sent again, since its answer was lost. Owns by what the same request is known, and what it is answered;
//! leaves how long completions are remembered to the metadata service. Invariant: nothing but the very request that succeeded
//! is told so again, and only while the branch is there on which it did.

use http::HeaderMap;
use model::{CompletedUpload, CompletionDigest, GetCompletedUpload, ObjectPath, RepositoryName, UploadId};
use sha2::{Digest as _, Sha256};

use super::multipart::has_ended;
use super::multipart_whole::SIZE_HEADER;
use super::put_object::writable;
use crate::call::Call;
use crate::error_table::Failure;
use crate::protocol::xml::CompletedPart;
use crate::protocol::{Checksum, S3Error, checksum, headers};

/// Sums up what a completion says of the parts and of the whole. Its condition isn't part of it: the upload that made an
/// object doesn't judge it again.
///
/// # Errors
/// What a header that can't be read is refused with.
pub(super) fn digest(request: &HeaderMap, named: &[CompletedPart]) -> Result<CompletionDigest, S3Error> {
    let mut said = Said(Sha256::new());
    said.field(checksum::named_kind(request)?.map_or("", |kind| kind.as_str()));
    said.checksum(checksum::from_headers(request)?.as_ref());
    said.field(headers::single(request, SIZE_HEADER)?.unwrap_or_default());
    for part in named {
        said.field(&part.number.to_string());
        said.field(&part.e_tag);
        said.checksum(part.checksum.as_ref());
    }
    Ok(CompletionDigest::from_bytes(said.0.finalize().into()))
}

struct Said(Sha256);

impl Said {
    /// Each with its length before it, so that no two lists of fields are the same bytes.
    fn field(&mut self, text: &str) {
        self.0.update((text.len() as u64).to_be_bytes());
        self.0.update(text);
    }

    fn checksum(&mut self, checksum: Option<&Checksum>) {
        self.field(checksum.map_or("", |checksum| checksum.algorithm.as_str()));
        self.field(checksum.map_or("", |checksum| &checksum.value));
    }
}

/// Finds out whether an earlier try of this very completion succeeded.
pub(super) async fn done_before(
    call: &Call<'_>,
    name: &RepositoryName,
    key: &str,
    path: &ObjectPath,
    upload_id: &str,
    request: CompletionDigest,
) -> Result<Option<CompletedUpload>, Failure> {
    let Ok(upload) = upload_id.parse::<UploadId>() else { return Ok(None) };
    let query = GetCompletedUpload { repository: name.clone(), upload };
    let done = match call.graveler.meta().ask(query).await {
        Err(error) if has_ended(&error) => return Ok(None),
        done => done?,
    };
    let (reference, _) = writable(key)?;
    let is_this = done.branch.as_str() == reference && done.path == *path && done.request == Some(request);
    Ok(is_this.then_some(done))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::protocol::ChecksumAlgorithm;

    fn of(said: &[(&'static str, &str)], named: &[CompletedPart]) -> CompletionDigest {
        let pair = |(name, value): &(&'static str, &str)| (http::HeaderName::from_static(name), value.parse().unwrap());
        digest(&said.iter().map(pair).collect(), named).unwrap()
    }

    fn part(number: u32, e_tag: &str, summed: Option<&[u8]>) -> CompletedPart {
        let sum = |bytes: &[u8]| checksum::of_bytes(ChecksumAlgorithm::Sha256, bytes);
        CompletedPart { number, e_tag: e_tag.into(), checksum: summed.map(sum) }
    }

    #[test]
    fn whatever_a_completion_says_makes_it_another() {
        let sum = checksum::of_bytes(ChecksumAlgorithm::Sha256, b"a").value;
        let usual = [part(1, "a", None), part(2, "b", None)];
        let all = [
            of(&[], &usual),
            of(&[("x-amz-mp-object-size", "7")], &usual),
            of(&[("x-amz-mp-object-size", "8")], &usual),
            of(&[("x-amz-checksum-type", "FULL_OBJECT")], &usual),
            of(&[("x-amz-checksum-type", "COMPOSITE")], &usual),
            of(&[("x-amz-checksum-sha256", &sum)], &usual),
            of(&[], &usual[..1]),
            of(&[], &[part(3, "a", None), part(4, "b", None)]),
            of(&[], &[part(1, "a", None), part(2, "c", None)]),
            of(&[], &[part(1, "a", Some(b"a")), part(2, "b", None)]),
            of(&[], &[part(1, "a", Some(b"b")), part(2, "b", None)]),
            of(&[], &[part(1, "a", None), part(2, "b", Some(b"a"))]),
        ];
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
        assert_eq!(of(&[], &usual), all[0], "the same is the same");
        assert_eq!(of(&[("if-none-match", "*"), ("x-amz-date", "20261130T000000Z")], &usual), all[0]);
    }

    #[test]
    fn a_header_that_cannot_be_read_is_refused() {
        let headers = HeaderMap::from_iter([(
            http::HeaderName::from_static("x-amz-checksum-type"),
            http::HeaderValue::from_static("WHOLE"),
        )]);
        assert_eq!(digest(&headers, &[]).unwrap_err().code().as_str(), "InvalidRequest");
    }
}
