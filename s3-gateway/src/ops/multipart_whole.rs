//! What the parts of an upload make together: which of them the client chose, their ETag and checksum, and whether what
//! the client says of the whole is true. Pure. Invariant: whatever the client says of a part or of the whole is compared, or
//! refused.

use http::HeaderMap;
use md5::{Digest as _, Md5};
use model::{Part, Upload};

use crate::checksum_model::{shown, shown_algorithm, shown_kind};
use crate::protocol::xml::CompletedPart;
use crate::protocol::{
    Checksum, ChecksumAlgorithm, ChecksumKind, ErrorCode, S3Error, checksum, checksum_combine, headers,
};

/// The fewest bytes of each part but the last.
const PART_BYTES_MIN: u64 = 5 << 20;

/// In which a client may say of how many bytes the whole is.
pub(super) const SIZE_HEADER: &str = "x-amz-mp-object-size";

/// The parts that the client names, in their order, as they were uploaded.
pub(super) fn choose(named: &[CompletedPart], uploaded: Vec<Part>) -> Result<Vec<Part>, S3Error> {
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

/// Returns whether the size of what an upload was completed into tells that it is of the chosen parts, no matter which server completed it:
/// they are all that were recorded until then, and none took the place of other bytes. Any other choice is a part of this
/// one, and smaller.
pub(super) fn is_told_by_size(chosen: &[Part], recorded: &[Part]) -> bool {
    let is_chosen =
        |(chosen, part): (&Part, &Part)| part.is_sole && (chosen.number, &chosen.e_tag) == (part.number, &part.e_tag);
    chosen.len() == recorded.len() && chosen.iter().zip(recorded).all(is_chosen)
}

fn is_named(part: &Part, wanted: &CompletedPart) -> bool {
    let same_checksum = match (&part.checksum, &wanted.checksum) {
        (_, None) => true,
        (Some(has), Some(wanted)) => shown(has).0 == *wanted,
        (None, Some(_)) => false,
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

/// S3's ETag of a multipart object: the MD5 of the parts' MD5s, and their number. None unless all are MD5s.
pub(super) fn e_tag<'a>(parts: impl ExactSizeIterator<Item = &'a str>) -> Option<String> {
    let count = parts.len();
    let mut whole = Md5::new();
    for part in parts {
        whole.update(&hex::decode(part).ok()?);
    }
    Some(format!("{}-{count}", hex::encode(whole.finalize())))
}

/// The checksum that an upload declared.
pub(super) fn declared(upload: &Upload) -> Option<(ChecksumAlgorithm, ChecksumKind)> {
    upload.new.checksum.map(|(algorithm, kind)| (shown_algorithm(algorithm), shown_kind(kind)))
}

/// The whole's checksum: of the kind that the upload declared; undeclared, CRC-64/NVME if every part has one. None
/// when a part lacks its own.
pub(super) fn whole_checksum(
    declared: Option<(ChecksumAlgorithm, ChecksumKind)>,
    parts: &[Part],
) -> Option<(Checksum, ChecksumKind)> {
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

/// Compares the kind of checksum that the completion names with the upload's; S3 takes an upload that declared none for one
/// of full objects. Wants the checksum of each part where the whole's is made of them.
pub(super) fn check_kind(
    request: &HeaderMap,
    declared: Option<(ChecksumAlgorithm, ChecksumKind)>,
    named: &[CompletedPart],
) -> Result<(), S3Error> {
    let kind = declared.map_or(ChecksumKind::FullObject, |(_, kind)| kind);
    if checksum::named_kind(request)?.is_some_and(|said| said != kind) {
        return Err(S3Error::invalid_request(format!(
            "The upload was created using the {} checksum mode. The complete request must use the same checksum mode.",
            kind.as_str()
        )));
    }
    let missing = named.iter().find(|part| part.checksum.is_none());
    match (declared, missing) {
        (Some((algorithm, ChecksumKind::Composite)), Some(part)) => Err(S3Error::invalid_request(format!(
            "The upload was created using a {} checksum. The complete request must include the checksum for each part. It \
             was missing for part {} in the request.",
            algorithm.as_str().to_ascii_lowercase(),
            part.number
        ))),
        _ => Ok(()),
    }
}

/// Compares the whole's checksum with the header that the client may send.
pub(super) fn check_whole(request: &HeaderMap, whole: Option<&(Checksum, ChecksumKind)>) -> Result<(), S3Error> {
    let Some(said) = checksum::from_headers(request)? else { return Ok(()) };
    match whole {
        Some((whole, kind)) if whole.algorithm == said.algorithm => match is_said(&whole.value, *kind, &said.value) {
            true => Ok(()),
            false => Err(ErrorCode::BadDigest.into()),
        },
        _ => Err(S3Error::invalid_request("The upload's parts don't have the checksum that the request names.")),
    }
}

/// A composite value comes with or without its `-N`: clients send both.
fn is_said(whole: &str, kind: ChecksumKind, said: &str) -> bool {
    whole == said || kind == ChecksumKind::Composite && whole.split('-').next() == Some(said)
}

/// Compares the whole's size with the header that the client may send.
pub(super) fn check_size(request: &HeaderMap, size: u64) -> Result<(), S3Error> {
    let Some(said) = headers::single(request, SIZE_HEADER)? else { return Ok(()) };
    match said.parse::<u64>() {
        Ok(said) if said == size => Ok(()),
        Ok(_) => Err(S3Error::invalid_request(
            "The provided 'x-amz-mp-object-size' header does not match what was computed.",
        )),
        Err(_) => Err(S3Error::invalid_argument(SIZE_HEADER, said, "Value must be a number of bytes.")),
    }
}

#[cfg(test)]
mod tests {
    use model::Timestamp;

    use super::*;
    use crate::checksum_model::kept;

    fn part(number: u32, size: u64) -> Part {
        Part {
            number,
            store_part_id: number.to_string(),
            size,
            e_tag: format!("{number:032x}"),
            checksum: None,
            last_modified: Timestamp::default(),
            is_sole: true,
        }
    }

    fn named(number: u32) -> CompletedPart {
        CompletedPart { number, e_tag: format!("{number:032x}"), checksum: None }
    }

    fn code(named: &[CompletedPart], uploaded: Vec<Part>) -> &'static str {
        choose(named, uploaded).unwrap_err().code().as_str()
    }

    fn header(name: &'static str, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(http::HeaderName::from_static(name), value.parse().unwrap())])
    }

    const CRC32: (ChecksumAlgorithm, ChecksumKind) = (ChecksumAlgorithm::Crc32, ChecksumKind::Composite);

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
    fn a_size_tells_the_parts_only_if_no_others_can_make_it() {
        let all = [part(1, 5), part(2, 3)];
        assert!(is_told_by_size(&all, &all));
        assert!(!is_told_by_size(&all[..1], &all) && !is_told_by_size(&all, &all[..1]), "some are left out");
        let replaced = Part { is_sole: false, ..part(2, 3) };
        assert!(!is_told_by_size(&all, &[part(1, 5), replaced]), "other bytes were there");
        let since = Part { e_tag: "since".into(), ..part(2, 3) };
        assert!(!is_told_by_size(&all, &[part(1, 5), since]));
        assert!(!is_told_by_size(&all, &[part(1, 5), part(3, 3)]));
    }

    #[test]
    fn a_part_has_the_checksum_that_is_named() {
        let sum = checksum::of_bytes(ChecksumAlgorithm::Crc32, b"a");
        let has = Part { checksum: Some(kept(&sum, ChecksumKind::FullObject)), ..part(1, 1) };
        let names = |sum: Checksum| [CompletedPart { checksum: Some(sum), ..named(1) }];
        assert!(choose(&names(sum.clone()), vec![has.clone()]).is_ok());
        assert!(choose(&[named(1)], vec![has.clone()]).is_ok());
        assert_eq!(code(&names(checksum::of_bytes(ChecksumAlgorithm::Crc32, b"b")), vec![has.clone()]), "InvalidPart");
        assert_eq!(code(&names(checksum::of_bytes(ChecksumAlgorithm::Sha1, b"a")), vec![has]), "InvalidPart");
        assert_eq!(code(&names(sum), vec![part(1, 1)]), "InvalidPart", "nobody has computed it");
    }

    #[test]
    fn the_e_tag_is_the_md5_of_the_md5s_and_their_number() {
        // MD5 of 32 zero bytes.
        let zero = "0".repeat(32);
        let whole = e_tag([zero.as_str(), zero.as_str()].into_iter());
        assert_eq!(whole.as_deref(), Some("70bc8f4b72a86921468bf8e8441dce51-2"));
        assert_eq!(e_tag(["nonsense"].into_iter()), None);
    }

    #[test]
    fn a_completion_is_of_the_kind_that_its_upload_declared() {
        let sum = checksum::of_bytes(ChecksumAlgorithm::Crc32, b"a");
        let with_sums = [CompletedPart { checksum: Some(sum), ..named(1) }];
        let check = |kind: Option<&str>, declared, named: &[CompletedPart]| {
            let request = kind.map(|kind| header("x-amz-checksum-type", kind)).unwrap_or_default();
            check_kind(&request, declared, named).map_err(|error| error.code())
        };
        let full = (ChecksumAlgorithm::Crc32, ChecksumKind::FullObject);
        for (kind, declared, named, right) in [
            (None, Some(CRC32), &with_sums[..], true),
            (Some("COMPOSITE"), Some(CRC32), &with_sums, true),
            (Some("FULL_OBJECT"), Some(CRC32), &with_sums, false),
            (None, Some(CRC32), &[named(1)], false),
            (None, Some(CRC32), &[with_sums[0].clone(), named(2)], false),
            (Some("FULL_OBJECT"), Some(full), &[named(1)], true),
            (Some("COMPOSITE"), Some(full), &[named(1)], false),
            (Some("nonsense"), Some(full), &[named(1)], false),
            (Some(""), None, &[named(1)], false),
            (None, None, &[named(1)], true),
            (Some("FULL_OBJECT"), None, &[named(1)], true),
            (Some("COMPOSITE"), None, &[named(1)], false),
        ] {
            let expected = if right { Ok(()) } else { Err(ErrorCode::InvalidRequest) };
            assert_eq!(check(kind, declared, named), expected, "{kind:?} {declared:?} {named:?}");
        }
    }

    #[test]
    fn what_is_said_of_the_whole_is_compared() {
        let sums = [b"a", b"b"].map(|bytes| checksum::of_bytes(ChecksumAlgorithm::Crc32, bytes));
        let with = |(number, sum): (u32, &Checksum)| Part {
            checksum: Some(kept(sum, ChecksumKind::FullObject)),
            ..part(number, 1)
        };
        let parts: Vec<_> = (1..).zip(&sums).map(with).collect();
        let composite = whole_checksum(Some(CRC32), &parts).unwrap();
        let (digest, _) = composite.0.value.split_once('-').unwrap();
        let check = |value: &str| check_whole(&header("x-amz-checksum-crc32", value), Some(&composite));
        assert_eq!((check(&composite.0.value), check(digest)), (Ok(()), Ok(())));
        let other_count = format!("{digest}-3");
        for wrong in [other_count.as_str(), "AAAAAA=="] {
            assert_eq!(check(wrong).unwrap_err().code(), ErrorCode::BadDigest, "{wrong}");
        }
        let full = whole_checksum(Some((ChecksumAlgorithm::Crc32, ChecksumKind::FullObject)), &parts).unwrap();
        assert_eq!(full.0, checksum::of_bytes(ChecksumAlgorithm::Crc32, b"ab"));
        assert_eq!(whole_checksum(None, &parts), None, "S3's usual one is another");
        assert!(check_whole(&header("x-amz-checksum-crc32", digest), None).is_err());
        assert!(check_size(&header("x-amz-mp-object-size", "2"), 2).is_ok());
        for wrong in ["3", "-2", "x", ""] {
            assert!(check_size(&header("x-amz-mp-object-size", wrong), 2).is_err(), "{wrong}");
        }
    }
}
