//! ListObjects, versions 1 and 2. Owns what the two say differently; leaves the page itself to `listing`.
//! Invariant: a continuation token is taken only if this gateway could have given it out.

use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Response;
use model::Entry;

use super::listing::{self, Page, Wanted};
use crate::call::{self, Call};
use crate::checksum_model::{shown_algorithm, shown_kind};
use crate::error_table::Failure;
use crate::object_headers::storage_class;
use crate::protocol::S3Error;
use crate::protocol::operation::{ListObjects, ListObjectsV2};
use crate::protocol::xml::write::{self, ObjectSummary, Owner};

/// What tokens begin with, so that their form can change.
const TOKEN_VERSION: &str = "1:";

/// The longest token that can have been given out, in bytes of its clear text: the longest ref and key, and some room.
const TOKEN_BYTES_MAX: usize = 2048;

/// `GET /bucket`.
pub(crate) async fn list_objects(call: &Call<'_>, bucket: &str, list: &ListObjects) -> Result<Response<Body>, Failure> {
    let repository = call::repository_name(bucket)?;
    listing::authorize(call, &repository, &list.prefix)?;
    let wanted = Wanted {
        prefix: &list.prefix,
        delimiter: list.delimiter.as_deref(),
        after: &list.marker,
        amount: list.max_keys as usize,
    };
    let page = listing::page(call, &repository, &wanted).await?;
    listing::refuse_unwritable(page.keys(), list.encoding_url)?;
    let (is_truncated, next_marker) = (page.next.is_some(), page.next.clone());
    let owner = call.owner();
    Ok(call::xml(write::list_objects(&write::ListObjectsAnswer {
        name: bucket.to_owned(),
        prefix: list.prefix.clone(),
        marker: list.marker.clone(),
        next_marker,
        delimiter: list.delimiter.clone(),
        max_keys: list.max_keys,
        encoding_url: list.encoding_url,
        is_truncated,
        contents: summaries(page.objects, Some(&owner)),
        common_prefixes: page.prefixes,
    })))
}

/// `GET /bucket?list-type=2`.
pub(crate) async fn list_objects_v2(
    call: &Call<'_>,
    bucket: &str,
    list: &ListObjectsV2,
) -> Result<Response<Body>, Failure> {
    let repository = call::repository_name(bucket)?;
    listing::authorize(call, &repository, &list.prefix)?;
    let after = match &list.continuation_token {
        Some(token) => decode_token(token)?,
        None => list.start_after.clone().unwrap_or_default(),
    };
    let wanted = Wanted {
        prefix: &list.prefix,
        delimiter: list.delimiter.as_deref(),
        after: &after,
        amount: list.max_keys as usize,
    };
    let page = listing::page(call, &repository, &wanted).await?;
    listing::refuse_unwritable(page.keys(), list.encoding_url)?;
    let Page { objects, prefixes, next } = page;
    let owner = list.fetch_owner.then(|| call.owner());
    Ok(call::xml(write::list_objects_v2(&write::ListObjectsV2Answer {
        name: bucket.to_owned(),
        prefix: list.prefix.clone(),
        delimiter: list.delimiter.clone(),
        max_keys: list.max_keys,
        start_after: list.start_after.clone(),
        continuation_token: list.continuation_token.clone(),
        is_truncated: next.is_some(),
        next_continuation_token: next.as_deref().map(encode_token),
        encoding_url: list.encoding_url,
        contents: summaries(objects, owner.as_ref()),
        common_prefixes: prefixes,
    })))
}

fn summaries(objects: Vec<(String, Entry)>, owner: Option<&Owner>) -> Vec<ObjectSummary> {
    let summary = |(key, entry): (String, Entry)| ObjectSummary {
        key,
        last_modified: entry.last_modified.to_datetime(),
        storage_class: storage_class(&entry.headers),
        e_tag: entry.e_tag,
        size: entry.size,
        owner: owner.cloned(),
        checksum: entry.checksum.map(|c| (shown_algorithm(c.algorithm), shown_kind(c.kind))),
    };
    objects.into_iter().map(summary).collect()
}

fn encode_token(after: &str) -> String {
    URL_SAFE_NO_PAD.encode(format!("{TOKEN_VERSION}{after}"))
}

fn decode_token(token: &str) -> Result<String, S3Error> {
    let text = URL_SAFE_NO_PAD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let after =
        text.as_deref().filter(|text| text.len() <= TOKEN_BYTES_MAX).and_then(|t| t.strip_prefix(TOKEN_VERSION));
    after.map(str::to_owned).ok_or_else(|| {
        S3Error::invalid_argument("continuation-token", token, "The continuation token provided is incorrect")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_come_back_and_others_are_refused() {
        for after in ["main/a b/ü", "main0", ""] {
            assert_eq!(decode_token(&encode_token(after)).unwrap(), after);
        }
        for bad in ["", "main/a", "bWFpbg", &URL_SAFE_NO_PAD.encode("2:main/a")] {
            assert!(decode_token(bad).is_err(), "{bad:?}");
        }
    }
}
