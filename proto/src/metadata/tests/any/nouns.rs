//! Any noun of `model`: what commands, questions and answers are made of.

use std::collections::BTreeMap;

use model::*;
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;

pub(crate) fn time() -> impl Strategy<Value = Timestamp> {
    any::<i64>().prop_map(Timestamp::from_millis)
}

pub(crate) fn parsed<T: std::str::FromStr<Err: std::fmt::Debug> + std::fmt::Debug>(
    pattern: impl Strategy<Value = String>,
) -> impl Strategy<Value = T> {
    pattern.prop_filter_map("follows the rule", |text| text.parse().ok())
}

pub(crate) fn text() -> impl Strategy<Value = String> + Clone {
    prop_oneof![Just(String::new()), any::<String>()]
}

pub(crate) fn letters(alphabet: &'static str, len: std::ops::Range<usize>) -> impl Strategy<Value = String> {
    vec(prop::sample::select(alphabet.chars().collect::<Vec<_>>()), len).prop_map(|c| c.into_iter().collect())
}

pub(crate) fn repository_name() -> impl Strategy<Value = RepositoryName> {
    parsed(letters("abcxyz019-", 3..20))
}

pub(crate) fn branch_name() -> impl Strategy<Value = BranchName> {
    parsed(letters("abcXYZ019-_", 1..20))
}

pub(crate) fn tag_name() -> impl Strategy<Value = TagName> {
    parsed(letters("abcXYZ019-_.é", 1..20))
}

pub(crate) fn ref_name() -> impl Strategy<Value = RefName> {
    prop_oneof![
        branch_name().prop_map(RefName::from),
        tag_name().prop_map(RefName::from),
        commit_id().prop_map(|id| id.to_string().parse().expect("a commit id is a ref")),
    ]
}

pub(crate) fn user_name() -> impl Strategy<Value = UserName> {
    parsed(letters("abc XYZ@.é", 1..20))
}

pub(crate) fn namespace() -> impl Strategy<Value = StorageNamespace> {
    parsed(letters("abc019-", 1..20).prop_map(|text| format!("s3://bucket/{text}")))
}

pub(crate) fn path() -> impl Strategy<Value = ObjectPath> {
    parsed(any::<String>())
}

pub(crate) fn commit_id() -> impl Strategy<Value = CommitId> {
    any::<[u8; 32]>().prop_map(CommitId::from_bytes)
}

pub(crate) fn request() -> impl Strategy<Value = RequestId> {
    any::<u128>().prop_map(RequestId)
}

pub(crate) fn token() -> impl Strategy<Value = StagingToken> {
    any::<u64>().prop_map(StagingToken)
}

pub(crate) fn upload_id() -> impl Strategy<Value = UploadId> {
    any::<u64>().prop_map(UploadId)
}

pub(crate) fn user_id() -> impl Strategy<Value = UserId> {
    any::<u64>().prop_map(UserId)
}

pub(crate) fn map() -> impl Strategy<Value = BTreeMap<String, String>> {
    btree_map(text(), text(), 0..4)
}

pub(crate) fn address() -> impl Strategy<Value = Address> {
    prop_oneof![text().prop_map(Address::Relative), text().prop_map(Address::Full)]
}

pub(crate) fn declared() -> impl Strategy<Value = (ChecksumAlgorithm, ChecksumKind)> {
    use ChecksumAlgorithm::*;
    let algorithm =
        prop::sample::select(vec![Crc32, Crc32c, Crc64Nvme, Sha1, Sha256, Sha512, Md5, Xxhash64, Xxhash3, Xxhash128]);
    (algorithm, prop::sample::select(vec![ChecksumKind::FullObject, ChecksumKind::Composite]))
}

pub(crate) fn checksum() -> impl Strategy<Value = Checksum> {
    (declared(), text()).prop_map(|((algorithm, kind), value)| Checksum { algorithm, kind, value })
}

pub(crate) fn entry() -> impl Strategy<Value = Entry> {
    let kept = (option::of(checksum()), option::of(parts()));
    (address(), time(), any::<u64>(), text(), text(), map(), map(), kept).prop_map(
        |(address, last_modified, size, e_tag, content_type, metadata, headers, (checksum, parts))| Entry {
            address,
            last_modified,
            size,
            e_tag,
            content_type,
            metadata,
            headers,
            checksum,
            parts,
        },
    )
}

pub(crate) fn parts() -> impl Strategy<Value = PartSizes> {
    vec(0..4_u64, 1..20).prop_filter_map("they are few", PartSizes::of)
}

pub(crate) fn staged_value() -> impl Strategy<Value = StagedValue> {
    prop_oneof![entry().prop_map(StagedValue::Entry), Just(StagedValue::Tombstone)]
}

pub(crate) fn patterns() -> impl Strategy<Value = Vec<BranchPattern>> {
    vec(parsed(letters("ab-*?", 1..10)), 0..4)
}

pub(crate) fn retention() -> impl Strategy<Value = Retention> {
    (any::<u32>(), btree_map(branch_name(), any::<u32>(), 0..4))
        .prop_map(|(default_days, branches)| Retention { default_days, branches })
}

pub(crate) fn settings() -> impl Strategy<Value = Settings> {
    (map(), option::of(retention())).prop_map(|(metadata, retention)| Settings { metadata, retention })
}

pub(crate) fn settings_change() -> impl Strategy<Value = SettingsChange> {
    prop_oneof![
        (patterns(), option::of(patterns()))
            .prop_map(|(patterns, expected)| SettingsChange::Protect { patterns, expected }),
        any::<bool>().prop_map(SettingsChange::ReadOnly),
        (map(), vec(text(), 0..4)).prop_map(|(set, remove)| SettingsChange::Metadata { set, remove }),
        option::of(retention()).prop_map(SettingsChange::Retention),
    ]
}

pub(crate) fn repository() -> impl Strategy<Value = Repository> {
    (any::<u64>(), repository_name(), namespace(), branch_name(), time(), any::<bool>(), patterns()).prop_map(
        |(uid, name, namespace, default_branch, created_at, read_only, protected)| Repository {
            uid: RepositoryUid(uid),
            name,
            namespace,
            default_branch,
            created_at,
            read_only,
            protected,
        },
    )
}

pub(crate) fn branch() -> impl Strategy<Value = Branch> {
    let more = (any::<u64>(), any::<bool>(), any::<u64>());
    (branch_name(), commit_id(), any::<u64>(), token(), vec(token(), 0..4), time(), more).prop_map(
        |(name, commit, version, staging, sealed, created_at, (reset, hidden, uid))| Branch {
            name,
            commit,
            version: Version(version),
            staging,
            sealed,
            created_at,
            reset: Version(reset),
            hidden,
            uid: BranchUid(uid),
        },
    )
}

pub(crate) fn note() -> impl Strategy<Value = Note> {
    (text(), text(), any::<u64>()).prop_map(|(who, why, kept_ms)| Note { who, why, kept_ms })
}

pub(crate) fn uncommitted() -> impl Strategy<Value = Uncommitted> {
    let kept = (vec(token(), 0..4), time()).prop_map(|(tokens, until)| Uncommitted::Kept { tokens, until });
    prop_oneof![Just(Uncommitted::Absent), kept, Just(Uncommitted::Gone)]
}

pub(crate) fn reflog_entry() -> impl Strategy<Value = ReflogEntry> {
    let heads = (option::of(commit_id()), option::of(commit_id()));
    let deleted = (time(), uncommitted(), any::<u64>()).prop_map(|(created_at, uncommitted, uid)| DeletedBranch {
        created_at,
        uncommitted,
        uid: BranchUid(uid),
    });
    (branch_name(), any::<u64>(), heads, note(), time(), time(), option::of(deleted)).prop_map(
        |(branch, number, (old, new), Note { who, why, .. }, at, expires, deleted)| ReflogEntry {
            branch,
            number,
            old,
            new,
            who,
            why,
            at,
            expires,
            deleted,
        },
    )
}

pub(crate) fn tag() -> impl Strategy<Value = Tag> {
    (tag_name(), commit_id(), time()).prop_map(|(name, commit, created_at)| Tag { name, commit, created_at })
}

pub(crate) fn new_upload() -> impl Strategy<Value = NewUpload> {
    (branch_name(), path(), address(), text(), text(), map(), map(), option::of(declared())).prop_map(
        |(branch, path, address, store_upload_id, content_type, metadata, headers, checksum)| NewUpload {
            branch,
            path,
            address,
            store_upload_id,
            content_type,
            metadata,
            headers,
            checksum,
        },
    )
}

pub(crate) fn upload() -> impl Strategy<Value = Upload> {
    (upload_id(), time(), new_upload(), any::<u64>()).prop_map(|(id, created_at, new, branch_uid)| Upload {
        id,
        created_at,
        new,
        branch_uid: BranchUid(branch_uid),
    })
}

pub(crate) fn completed_upload() -> impl Strategy<Value = CompletedUpload> {
    (branch_name(), path(), text(), option::of(checksum()), any::<u64>(), option::of(completion_digest())).prop_map(
        |(branch, path, e_tag, checksum, branch_uid, request)| CompletedUpload {
            branch,
            path,
            e_tag,
            checksum,
            branch_uid: BranchUid(branch_uid),
            request,
        },
    )
}

pub(crate) fn completion_digest() -> impl Strategy<Value = CompletionDigest> {
    any::<[u8; 32]>().prop_map(CompletionDigest::from_bytes)
}

pub(crate) fn part() -> impl Strategy<Value = Part> {
    (any::<u32>(), text(), any::<u64>(), text(), option::of(checksum()), time(), any::<bool>()).prop_map(
        |(number, store_part_id, size, e_tag, checksum, last_modified, is_sole)| Part {
            number,
            store_part_id,
            size,
            e_tag,
            checksum,
            last_modified,
            is_sole,
        },
    )
}

pub(crate) fn user() -> impl Strategy<Value = User> {
    (user_id(), user_name(), time(), option::of(time())).prop_map(|(id, name, created_at, sessions_since)| User {
        id,
        name,
        created_at,
        sessions_since,
    })
}

pub(crate) fn group_name() -> impl Strategy<Value = GroupName> {
    parsed(letters("abc XYZ@.é", 1..20))
}

pub(crate) fn policy_name() -> impl Strategy<Value = PolicyName> {
    parsed(letters("abc XYZ@.é", 1..20))
}

pub(crate) fn session() -> impl Strategy<Value = SessionId> {
    any::<u128>().prop_map(SessionId)
}

pub(crate) fn group() -> impl Strategy<Value = Group> {
    (group_name(), time()).prop_map(|(name, created_at)| Group { name, created_at })
}

pub(crate) fn policy() -> impl Strategy<Value = Policy> {
    (policy_name(), text(), time()).prop_map(|(name, document, created_at)| Policy { name, document, created_at })
}

pub(crate) fn holder() -> impl Strategy<Value = PolicyHolder> {
    prop_oneof![user_name().prop_map(PolicyHolder::User), group_name().prop_map(PolicyHolder::Group)]
}

pub(crate) fn access_by() -> impl Strategy<Value = AccessBy> {
    prop_oneof![
        text().prop_map(AccessBy::Key),
        (user_id(), vec(session(), 0..3), option::of(text()), time(), option::of(time()), vec(group_name(), 0..3))
            .prop_map(|(user, sessions, key, begun_at, after, groups)| AccessBy::Session {
                user,
                sessions,
                key,
                begun_at,
                after,
                groups
            }),
    ]
}

pub(crate) fn secret() -> impl Strategy<Value = SealedSecret> {
    vec(any::<u8>(), 0..60).prop_map(SealedSecret)
}

pub(crate) fn credential() -> impl Strategy<Value = Credential> {
    (text(), secret(), user_id(), time()).prop_map(|(access_key_id, secret, user, created_at)| Credential {
        access_key_id,
        secret,
        user,
        created_at,
    })
}

pub(crate) fn condition() -> impl Strategy<Value = Condition> {
    let require = prop_oneof![
        Just(Require::Absent),
        option::of(text()).prop_map(Require::Present),
        entry().prop_map(|entry| Require::Same(Box::new(entry)))
    ];
    (require, commit_id(), option::of(text())).prop_map(|(require, commit, committed_e_tag)| Condition {
        require,
        commit,
        committed_e_tag,
    })
}

pub(crate) fn change() -> impl Strategy<Value = StagedChange> {
    let once = (any::<u128>(), any::<i64>())
        .prop_map(|(id, until)| Once { id: RequestId(id), until: Timestamp::from_millis(until) });
    (path(), staged_value(), option::of(condition()), option::of(once))
        .prop_map(|(path, value, condition, once)| StagedChange { path, value, condition, once })
}

pub(crate) fn scope() -> impl Strategy<Value = UnstageScope> {
    prop_oneof![Just(UnstageScope::All), text().prop_map(UnstageScope::Prefix), path().prop_map(UnstageScope::Path)]
}

pub(crate) fn job_kind() -> impl Strategy<Value = JobKind> {
    prop::sample::select(JobKind::ALL.to_vec())
}

pub(crate) fn runner() -> impl Strategy<Value = RunnerId> {
    any::<u128>().prop_map(RunnerId)
}

pub(crate) fn bytes() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..20)
}

pub(crate) fn job_state() -> impl Strategy<Value = JobState> {
    prop_oneof![
        Just(JobState::Waiting),
        Just(JobState::Running),
        Just(JobState::Cancelling),
        Just(JobState::Cancelled),
        bytes().prop_map(JobState::Done),
        (any::<u32>(), text(), text()).prop_map(|(code, reason, message)| JobState::Failed(JobFailure {
            code,
            reason,
            message
        })),
    ]
}

pub(crate) fn progress() -> impl Strategy<Value = JobProgress> {
    (text(), any::<u64>(), any::<u64>()).prop_map(|(stage, objects, bytes)| JobProgress { stage, objects, bytes })
}

pub(crate) fn lease() -> impl Strategy<Value = Lease> {
    (runner(), time(), any::<u32>()).prop_map(|(runner, until, length_ms)| Lease { runner, until, length_ms })
}

pub(crate) fn job_caller() -> impl Strategy<Value = JobCaller> {
    let by = (text(), option::of(session()), vec(group_name(), 0..3), option::of(text()));
    (by, option::of(any::<std::net::IpAddr>()), time()).prop_map(
        |((access_key_id, session, groups, narrowed), address, at)| JobCaller {
            access_key_id,
            session,
            groups,
            narrowed,
            address,
            at,
        },
    )
}

pub(crate) fn job_spec() -> impl Strategy<Value = JobSpec> {
    let digest = option::of(any::<[u8; 32]>().prop_map(JobDigest::from_bytes));
    (any::<u32>(), bytes(), digest).prop_map(|(version, message, digest)| JobSpec { version, message, digest })
}

pub(crate) fn ended() -> impl Strategy<Value = CompletedRequest> {
    (request(), job_kind(), user_id(), job_spec(), job_state())
        .prop_map(|(id, kind, user, spec, state)| CompletedRequest { id, kind, user, spec, state })
}

pub(crate) fn job() -> impl Strategy<Value = Job> {
    let request = (
        request(),
        repository_name(),
        any::<u64>(),
        job_kind(),
        user_id(),
        option::of(job_caller()),
        job_spec(),
        time(),
    );
    let run = (job_state(), option::of(lease()), any::<u32>(), progress(), bytes(), option::of(time()));
    (request, run).prop_map(
        |(
            (id, repository, uid, kind, user, caller, spec, created_at),
            (state, lease, attempts, progress, checkpoint, ended_at),
        )| {
            let repository_uid = RepositoryUid(uid);
            Job {
                id,
                repository,
                repository_uid,
                kind,
                user,
                caller,
                spec,
                created_at,
                state,
                lease,
                attempts,
                progress,
                checkpoint,
                ended_at,
            }
        },
    )
}

pub(super) fn installation_id() -> impl Strategy<Value = InstallationId> {
    any::<u128>().prop_map(InstallationId)
}

pub(super) fn store_id() -> impl Strategy<Value = StoreId> {
    any::<u128>().prop_map(StoreId)
}

pub(super) fn installation() -> impl Strategy<Value = Installation> {
    (installation_id(), option::of(store_id())).prop_map(|(id, store)| Installation { id, store })
}
