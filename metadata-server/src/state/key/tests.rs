//! Tests of `key`.

use std::collections::BTreeSet;

use model::{GroupName, PolicyName, SessionId, UserId, UserName};
use proptest::prelude::*;

use super::*;

fn repo() -> RepositoryUid {
    RepositoryUid(7)
}

/// Strings in which the bytes that escaping cares about are frequent.
fn text() -> impl Strategy<Value = String> {
    prop::collection::vec(prop_oneof![Just('\0'), Just('\u{1}'), Just('a'), Just('\u{ff}'), any::<char>()], 0..8)
        .prop_map(|chars| chars.into_iter().collect())
}

fn path() -> impl Strategy<Value = ObjectPath> {
    text().prop_filter_map("not empty", |text| text.parse().ok())
}

proptest! {
    #[test]
    fn strings_order_as_their_bytes(a in text(), b in text()) {
        let key = |text: &str| Key::of(1).text(text).done();
        prop_assert_eq!(key(&a).cmp(&key(&b)), a.as_bytes().cmp(b.as_bytes()));
    }

    #[test]
    fn strings_order_before_what_follows_them(a in text(), b in text(), x in any::<u64>(), y in any::<u64>()) {
        let key = |text: &str, number| Key::of(1).text(text).number(number).done();
        prop_assert_eq!(key(&a, x).cmp(&key(&b, y)), (a.as_bytes(), x).cmp(&(b.as_bytes(), y)));
    }

    #[test]
    fn a_prefix_covers_what_begins_with_it(text in text(), prefix in text()) {
        let range = Key::of(1).text_prefix(&prefix).all_under();
        let key = Key::of(1).text(&text).done();
        prop_assert_eq!(range.from <= key && key < range.to, text.starts_with(&prefix));
    }

    #[test]
    fn names_behind_another_are_larger(texts in prop::collection::vec(text(), 0..8), prefix in text(), after in text()) {
        let range = named(&Key::of(1), &prefix, &after);
        for text in texts {
            let key = Key::of(1).text(&text).done();
            let wanted = text.starts_with(&prefix) && (after.is_empty() || text > after);
            prop_assert_eq!(range.from <= key && key < range.to, wanted);
        }
    }

    #[test]
    fn staged_paths_order_as_their_bytes(a in path(), b in path(), t in any::<u32>(), u in any::<u32>()) {
        let (t, u) = (StagingToken(t.into()), StagingToken(u.into()));
        prop_assert_eq!(staged(repo(), t, &a).cmp(&staged(repo(), u, &b)), (t, &a).cmp(&(u, &b)));
        let key = staged(repo(), t, &a);
        prop_assert_eq!(staged_path(&key), a.as_bytes());
    }

    #[test]
    fn staged_ranges_are_of_one_token(path in path(), prefix in text(), from in text(), other in 0..3_u64) {
        let range = staged_from(repo(), StagingToken(1), &prefix, &from);
        let key = staged(repo(), StagingToken(other), &path);
        let wanted = other == 1 && path.as_str().starts_with(&prefix) && *path.as_str() >= *from;
        prop_assert_eq!(range.from <= key && key < range.to, wanted);
    }

    #[test]
    fn uploads_order_by_branch_path_and_id(a in path(), b in path(), x in any::<u64>(), y in any::<u64>()) {
        let main = "main".parse().unwrap();
        let key = |path, id| upload_by_path(repo(), &main, path, UploadId(id));
        prop_assert_eq!(key(&a, x).cmp(&key(&b, y)), (&a, x).cmp(&(&b, y)));
        prop_assert_eq!(upload_id(&key(&a, x)), Some(UploadId(x)));
        let behind = uploads_by_path(repo(), &main, "", Some(&(a.clone(), UploadId(x))));
        let there = key(&b, y);
        prop_assert_eq!(behind.from <= there && there < behind.to, (&b, y) > (&a, x));
    }

    #[test]
    fn expiries_order_by_time(a in any::<i64>(), b in any::<i64>(), id in any::<u128>()) {
        let (a, b) = (Timestamp::from_millis(a), Timestamp::from_millis(b));
        let key = expiry(a, 3, RequestId(id));
        prop_assert_eq!(expiry_request(&key), Some((3, RequestId(id))));
        prop_assert_eq!(key < expired(b).to, a <= b);
        prop_assert!(expired(b).from <= key);
        prop_assert_eq!(expires_after(b).from <= key, a > b);
        prop_assert!(key < expires_after(b).to);
        prop_assert_eq!(due_time(&key), Some(a));
        prop_assert_eq!(due_time(&ended_job(a, RequestId(id))), Some(a));
    }

    #[test]
    fn a_repository_s_jobs_order_newest_first(a in any::<i64>(), b in any::<i64>(), x in any::<u128>(), y in any::<u128>()) {
        let (a, b) = (Timestamp::from_millis(a), Timestamp::from_millis(b));
        let (of_a, of_b) = (job_of_repository(repo(), a, RequestId(x)), job_of_repository(repo(), b, RequestId(y)));
        prop_assert_eq!(of_a.cmp(&of_b), (std::cmp::Reverse(a), x).cmp(&(std::cmp::Reverse(b), y)));
        prop_assert_eq!(job_id(&of_a), Some(RequestId(x)));
        let behind = jobs_of_repository(repo(), Some((a, RequestId(x))));
        prop_assert_eq!(behind.from <= of_b && of_b < behind.to, of_b > of_a);
    }

    #[test]
    fn everything_of_a_repository_is_under_its_uid(path in path(), uid in 0..3_u64, number in any::<u32>()) {
        let range = all_of_repository(RepositoryUid(1));
        let uid = RepositoryUid(uid);
        for key in [
            staged(uid, StagingToken(u64::MAX), &path),
            branch(uid, &"main".parse().unwrap()),
            part(uid, UploadId(u64::MAX), number),
        ] {
            prop_assert_eq!(range.from <= key && key < range.to, uid == RepositoryUid(1));
        }
    }
}

#[test]
fn ranges_end_behind_keys_of_255s() {
    let range = Key(vec![1, 255, 255]).all_under();
    assert_eq!(range, KeyRange { from: vec![1, 255, 255], to: vec![2] });
    let last = Key::uid(RepositoryUid(u64::MAX)).all_under();
    assert!(staged(RepositoryUid(u64::MAX - 1), StagingToken(1), &"a".parse().unwrap()) < last.from);
    assert!(branch(RepositoryUid(u64::MAX), &"main".parse().unwrap()) < last.to);
}

proptest! {
    #[test]
    fn names_at_the_end_of_keys_come_back(id in any::<u64>(), text in text(), other in text()) {
        let user = UserId(id);
        let key = credential_of_user(user, &text);
        prop_assert_eq!(name_at_end(&key, &KeyParent::of_credentials(user)), Some(text.clone()));
        if let (Ok(policy), Ok(group)) = (text.parse::<PolicyName>(), other.parse::<GroupName>()) {
            for by in [Holder::User(user), Holder::Group(group)] {
                let key = holder(&policy, &by);
                prop_assert_eq!(holder_in(&key, &policy), Some(by.clone()));
                let key = attached(&by, &policy);
                prop_assert_eq!(name_at_end(&key, &KeyParent::of_attached(&by)), Some(text.clone()));
            }
        }
    }
}

#[test]
fn tasks_come_back() {
    let (uid, token) = (RepositoryUid(3), StagingToken(9));
    assert_eq!(task(&dropped_token(uid, token)), Some(Task::Token(uid, token)));
    assert_eq!(task(&deleted_repository(uid)), Some(Task::Repository(uid)));
    for broken in [&[][..], &[1; 8], &[1; 10], &[2; 17], &[3; 9]] {
        assert_eq!(task(broken), None, "{broken:?}");
    }
}

#[test]
fn kinds_of_keys_never_meet() {
    let name: UserName = "x".parse().unwrap();
    let (group_name, policy_name): (GroupName, PolicyName) = ("x".parse().unwrap(), "x".parse().unwrap());
    let by = [Holder::User(UserId(1)), Holder::Group(group_name.clone())];
    let keys = [
        user(UserId(1)),
        user_by_name(&name),
        credential("x"),
        group(&group_name),
        policy(&policy_name),
        credential_of_user(UserId(1), "x"),
        member(&group_name, &name),
        group_of_user(UserId(1), &group_name),
        attached(&by[0], &policy_name),
        attached(&by[1], &policy_name),
        holder(&policy_name, &by[0]),
        holder(&policy_name, &by[1]),
        ended_session(UserId(1), SessionId(1)),
        access_is_set_up(),
        first_user_was_made(),
    ];
    assert_eq!(keys.iter().collect::<BTreeSet<_>>().len(), keys.len());
}

#[test]
fn the_layout_on_disk_stays_as_it_is() {
    // Golden: databases of earlier versions hold these keys.
    let trips: RepositoryName = "trips".parse().unwrap();
    assert_eq!(repository(&trips), b"\x01trips\x00\x01");
    assert_eq!(namespace(&"mem://t".parse().unwrap()), b"\x02mem://t/\x00\x01");
    assert_eq!(claim(&"mem://t".parse().unwrap()), b"\x03mem://t/\x00\x01");
    assert_eq!(claim_by_age(7), b"\x04\0\0\0\0\0\0\0\x07");
    assert_eq!(branch(repo(), &"main".parse().unwrap()), b"\0\0\0\0\0\0\0\x07\x01main\x00\x01");
    assert_eq!(tag(repo(), &"v1".parse().unwrap()), b"\0\0\0\0\0\0\0\x07\x02v1\x00\x01");
    assert_eq!(staged(repo(), StagingToken(9), &"a/b".parse().unwrap()), b"\0\0\0\0\0\0\0\x07\0\0\0\0\0\0\0\x09a/b");
    assert_eq!(upload(repo(), UploadId(9)), b"\0\0\0\0\0\0\0\x07\x01\0\0\0\0\0\0\0\x09");
    let (ann, devs, all) = ("ann".parse().unwrap(), "devs".parse().unwrap(), "all".parse().unwrap());
    assert_eq!(group(&devs), b"\x04devs\x00\x01");
    assert_eq!(policy(&all), b"\x05all\x00\x01");
    assert_eq!(credential_of_user(UserId(7), "K"), b"\x06\0\0\0\0\0\0\0\x07K\x00\x01");
    assert_eq!(member(&devs, &ann), b"\x07devs\x00\x01ann\x00\x01");
    assert_eq!(group_of_user(UserId(7), &devs), b"\x08\0\0\0\0\0\0\0\x07devs\x00\x01");
    assert_eq!(attached(&Holder::User(UserId(7)), &all), b"\x09\x01\0\0\0\0\0\0\0\x07all\x00\x01");
    assert_eq!(holder(&all, &Holder::Group(devs)), b"\x0aall\x00\x01\x02devs\x00\x01");
    assert_eq!(part(repo(), UploadId(9), 1), b"\0\0\0\0\0\0\0\x07\x03\0\0\0\0\0\0\0\x09\0\0\0\x01");
    assert_eq!(held_tokens(repo(), &"main".parse().unwrap()), b"\0\0\0\0\0\0\0\x07\x05main\x00\x01");
    let id = RequestId(9);
    assert_eq!(job(id), b"\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x09");
    assert_eq!(open_job(id), b"\x03\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x09");
    assert_eq!(ended_job(Timestamp::from_millis(1), id)[..9], *b"\x04\x80\0\0\0\0\0\0\x01");
    let listed = job_of_repository(repo(), Timestamp::from_millis(1), id);
    assert_eq!(listed[..17], *b"\x02\0\0\0\0\0\0\0\x07\x7f\xff\xff\xff\xff\xff\xff\xfe");
}
