//! Tests of `api`.

use std::collections::BTreeMap;

use model::{Commit, CommitId, MetaRangeId, Repository, RepositoryUid, Tag};

use super::*;
use crate::generated::api as wire;

#[test]
fn moments_keep_their_milliseconds_before_the_epoch_too() {
    for millis in [0, 1, 999, 1000, -1, -999, -1000, 1_790_000_000_123, -62_000_000_000_001] {
        let time = Timestamp::from_millis(millis);
        assert_eq!(time_from_wire(Some(time_to_wire(time))), time);
    }
    assert_eq!(time_from_wire(None), Timestamp::default());
    let hostile = prost_types::Timestamp { seconds: i64::MAX, nanos: i32::MIN };
    assert!(time_from_wire(Some(hostile)) > Timestamp::default());
}

#[test]
fn request_ids_have_sixteen_bytes_or_none() {
    let id = RequestId(0x0123_4567_89ab_cdef_0011_2233_4455_6677);
    assert_eq!(parse_request_id(&request_id_to_wire(id)), Ok(Some(id)));
    assert_eq!(parse_request_id(&[]), Ok(None));
    assert!(parse_request_id(&[0; 15]).is_err());
}

#[test]
fn nouns_convert_back() {
    let time = Timestamp::from_millis(1_790_000_000_123);
    let repository = Repository {
        uid: RepositoryUid(7),
        name: "trips".parse().unwrap(),
        namespace: "local://trips".parse().unwrap(),
        default_branch: "main".parse().unwrap(),
        created_at: time,
        read_only: false,
        protected: vec!["release-*".parse().unwrap()],
    };
    assert_eq!(wire::Repository::from(repository.clone()).try_into(), Ok(repository));

    let tag = Tag { name: "v1.0".parse().unwrap(), commit: CommitId::from_bytes([7; 32]), created_at: time };
    assert_eq!(wire::Tag::from(tag.clone()).try_into(), Ok(tag));

    for metarange in [None, Some(MetaRangeId::from_bytes([9; 32]))] {
        let commit = Commit {
            metarange,
            parents: vec![CommitId::from_bytes([1; 32]), CommitId::from_bytes([2; 32])],
            generation: 3,
            committer: "admin".into(),
            message: "first load\n\nmore".into(),
            created_at: time,
            metadata: BTreeMap::from([("k".into(), "v".into())]),
        };
        let id = CommitId::from_bytes([3; 32]);
        assert_eq!(commit_from_wire(commit_to_wire(&id, &commit)), Ok((id, commit)));
    }
}

#[test]
fn what_breaks_a_rule_is_named() {
    let bad = wire::Repository { name: "Bad Name".into(), ..Default::default() };
    let error = Repository::try_from(bad).unwrap_err();
    assert_eq!(error.field, "name");
    assert!(error.to_string().contains("lower-case"), "{error}");
}

#[test]
fn reasons_are_distinct_words_that_parse_back() {
    for reason in Reason::ALL {
        assert_eq!(reason.to_string().parse(), Ok(*reason));
    }
    assert_eq!("SOMETHING_NEWER".parse(), Ok(Reason::Unknown));
}
