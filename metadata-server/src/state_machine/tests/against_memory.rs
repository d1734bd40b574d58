//! Random commands: the state machine, however it is batched, restarted, copied and reclaimed, says what the in-memory store says.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use futures::executor::block_on;
use model::{
    AbortUpload, AccessBy, AddMember, Answer, AttachPolicy, ClaimNamespace, Clock, CompleteUpload, Condition,
    CreateBranch, CreateCredential, CreateGroup, CreatePolicy, CreateRepository, CreateTag, CreateUpload, CreateUser,
    DeleteBranch, DeleteCredential, DeleteGroup, DeletePolicy, DeleteRepository, DeleteTag, DeleteUser, DetachPolicy,
    EndSession, EndSessions, GetAccess, GetCompletedUpload, GetCredential, GetInstallation, GetRepository, GetUpload,
    GetUser, GetUserByName, GroupName, Identify, InstallationId, ListBranches, ListCredentials, ListDeletedBranches,
    ListGroups, ListMembers, ListParts, ListPolicies, ListRepositories, ListStaged, ListTags, ListUploads, ListUsers,
    MetaStore, NewUpload, Note, Once, PageRequest, Part, PolicyHolder, Publish, PutPart, Query, ReadReflog, RefName,
    RemoveMember, Require, ResolveRef, Seal, SealedSecret, SessionId, SetUpAccess, Stage, StoreId, UndeleteBranch,
    Unstage, UpdatePolicy, UploadId, UserId, UserName,
};
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::MemoryMetaStore;

const REPOSITORIES: [&str; 2] = ["one", "two"];
const BRANCHES: [&str; 3] = ["main", "dev", "x"];
const PATHS: [&str; 6] = ["a", "a/", "a/b", "a0", "b", "a\0"];

/// What is done to all replicas.
#[derive(Debug, Clone)]
enum Step {
    Command(Box<Command>),
    /// Publishes what is sealed, or some of it.
    Publish {
        repository: usize,
        branch: usize,
        skip: usize,
        head: u8,
        clean: bool,
    },
    /// Goes on with an upload that is there.
    Upload {
        repository: usize,
        at: usize,
        next: Next,
    },
    /// So many hours pass.
    Pass(i64),
}

/// What becomes of an upload.
#[derive(Debug, Clone)]
enum Next {
    Part(Part),
    Complete(Option<Condition>),
    Abort,
}

/// What is done to the replica under test alone.
#[derive(Debug, Clone, Copy)]
enum Upset {
    Nothing,
    Reopen,
    Restore,
    Reclaim,
}

fn repository() -> impl Strategy<Value = RepositoryName> {
    select(&REPOSITORIES[..]).prop_map(|name| name.parse().unwrap())
}

fn branch() -> impl Strategy<Value = BranchName> {
    select(&BRANCHES[..]).prop_map(|name| name.parse().unwrap())
}

fn paths() -> impl Strategy<Value = ObjectPath> {
    select(&PATHS[..]).prop_map(path)
}

fn commits() -> impl Strategy<Value = CommitId> {
    (1..4_u8).prop_map(commit)
}

fn requests() -> impl Strategy<Value = RequestId> {
    (0..12_u128).prop_map(RequestId)
}

fn ids() -> impl Strategy<Value = u64> {
    1..60_u64
}

fn e_tags() -> impl Strategy<Value = &'static str> {
    select(&["1", "2"][..])
}

fn value() -> impl Strategy<Value = StagedValue> {
    prop_oneof![3 => e_tags().prop_map(object), 1 => Just(StagedValue::Tombstone)]
}

/// Some are kept for hours, most for longer than any sequence of steps lasts.
fn notes() -> impl Strategy<Value = Note> {
    prop_oneof![Just(Note::default()), (0..30_u64).prop_map(|hours| Note::new("ann", "x", hours * HOUR as u64))]
}

fn condition() -> impl Strategy<Value = Condition> {
    let require = prop_oneof![
        Just(Require::Absent),
        Just(Require::Present(None)),
        e_tags().prop_map(|e_tag| Require::Present(Some(e_tag.into()))),
    ];
    let committed = prop::option::of(e_tags().prop_map(Into::into));
    (require, commits(), committed).prop_map(|(require, commit, committed_e_tag)| Condition {
        require,
        commit,
        committed_e_tag,
    })
}

fn change() -> impl Strategy<Value = StagedChange> {
    let once = prop::option::weighted(0.2, (requests(), 0..80_i64))
        .prop_map(|once| once.map(|(id, hours)| Once { id, until: time(hours * HOUR) }));
    (paths(), value(), prop::option::of(condition()), once).prop_map(|(path, value, condition, once)| StagedChange {
        path,
        value,
        condition,
        once,
    })
}

fn new_upload() -> impl Strategy<Value = NewUpload> {
    (branch(), paths()).prop_map(|(branch, path)| NewUpload {
        branch,
        path,
        address: Address::Relative("data/u".into()),
        store_upload_id: "s".into(),
        content_type: String::new(),
        metadata: Default::default(),
        headers: Default::default(),
        checksum: None,
    })
}

fn part() -> impl Strategy<Value = Part> {
    (1..4_u32, e_tags()).prop_map(|(number, e_tag)| Part {
        number,
        store_part_id: String::new(),
        size: 1,
        e_tag: e_tag.into(),
        checksum: None,
        last_modified: time(0),
        is_sole: false,
    })
}

fn scope() -> impl Strategy<Value = UnstageScope> {
    prop_oneof![
        Just(UnstageScope::All),
        select(&["", "a", "a/", "b", "z"][..]).prop_map(|prefix| UnstageScope::Prefix(prefix.into())),
        paths().prop_map(UnstageScope::Path),
    ]
}

fn command() -> impl Strategy<Value = Command> {
    let namespace = || select(&["mem://a", "mem://b", "mem://a/b"][..]).prop_map(|text| text.parse().unwrap());
    let claims = proptest::option::of(requests());
    let commit = proptest::option::weighted(0.9, commits());
    prop_oneof![
        2 => (requests(), repository(), namespace(), branch(), commit, claims).prop_map(
            |(request, name, namespace, default_branch, commit, claim)| Command::CreateRepository(CreateRepository {
                request, name, namespace, default_branch, commit, claim, note: Note::default()
            })
        ),
        1 => (requests(), repository(), namespace()).prop_map(
            |(request, name, namespace)| Command::ClaimNamespace(ClaimNamespace { request, name, namespace })
        ),
        1 => repository().prop_map(|name| Command::DeleteRepository(DeleteRepository { name })),
        3 => (requests(), repository(), branch(), commits(), any::<bool>()).prop_map(
            |(request, repository, branch, commit, hidden)| {
                Command::CreateBranch(CreateBranch { request, repository, branch, commit, hidden, note: Note::default() })
            }
        ),
        2 => (repository(), branch(), notes()).prop_map(
            |(repository, branch, note)| Command::DeleteBranch(DeleteBranch { repository, branch, note })
        ),
        2 => (requests(), repository(), branch(), notes()).prop_map(
            |(request, repository, branch, note)| Command::UndeleteBranch(UndeleteBranch { request, repository, branch, note })
        ),
        1 => (requests(), repository(), branch(), commits()).prop_map(|(request, repository, name, commit)| {
            Command::CreateTag(CreateTag { request, repository, tag: name.as_str().parse().unwrap(), commit })
        }),
        1 => (repository(), branch()).prop_map(|(repository, name)| {
            Command::DeleteTag(DeleteTag { repository, tag: name.as_str().parse().unwrap() })
        }),
        12 => (repository(), branch(), prop::collection::vec(change(), 1..5)).prop_map(
            |(repository, branch, changes)| Command::Stage(Stage { repository, uid: None, branch, changes })
        ),
        3 => (repository(), branch(), scope()).prop_map(
            |(repository, branch, scope)| Command::Unstage(Unstage { repository, branch, scope })
        ),
        4 => (repository(), branch()).prop_map(|(repository, branch)| Command::Seal(Seal { repository, branch })),
        3 => (requests(), repository(), new_upload()).prop_map(
            |(request, repository, upload)| Command::CreateUpload(CreateUpload { request, repository, upload })
        ),
        2 => (repository(), ids(), part()).prop_map(
            |(repository, upload, part)| Command::PutPart(PutPart { repository, upload: UploadId(upload), part })
        ),
        1 => (requests(), select(&["ann", "bob"][..]), prop::option::of(select(&["K1", "K3"][..])), any::<bool>()).prop_map(
            |(request, name, key, only_first)| Command::CreateUser(CreateUser {
                request,
                name: name.parse().unwrap(),
                first_key: key.map(|key| (key.to_owned(), SealedSecret(vec![1]))),
                groups: if key == Some("K3") { vec!["g".parse().unwrap()] } else { vec![] },
                only_first,
            })
        ),
        // User 5 is made at the beginning.
        1 => (requests(), 4..7_u64, select(&["K1", "K2"][..])).prop_map(|(request, user, key)| {
            Command::CreateCredential(CreateCredential {
                request, user: UserId(user), access_key_id: key.into(), secret: SealedSecret(vec![1])
            })
        }),
        6 => access_command(),
    ]
}

const USERS: [&str; 3] = ["ann", "bob", "zoe"];
const GROUPS: [&str; 2] = ["g", "h"];
const POLICIES: [&str; 3] = ["p", "q", "p\u{1f600}"];

fn named<T: std::str::FromStr<Err: std::fmt::Debug> + std::fmt::Debug>(
    names: &'static [&'static str],
) -> impl Strategy<Value = T> {
    select(names).prop_map(|name| name.parse().unwrap())
}

fn holder() -> impl Strategy<Value = PolicyHolder> {
    prop_oneof![named(&USERS).prop_map(PolicyHolder::User), named(&GROUPS).prop_map(PolicyHolder::Group)]
}

fn access_command() -> impl Strategy<Value = Command> {
    let document = || select(&["1", "2"][..]).prop_map(str::to_owned);
    prop_oneof![
        1 => named(&USERS).prop_map(|name| Command::DeleteUser(DeleteUser { name })),
        1 => (named(&USERS), select(&["K1", "K2", "K3"][..]))
            .prop_map(|(user, key)| Command::DeleteCredential(DeleteCredential { user, access_key_id: key.into() })),
        1 => (4..7_u64, 0..3_u128, 0..3_i64).prop_map(|(user, session, hours)| Command::EndSession(EndSession {
            user: UserId(user), session: SessionId(session), until: time(hours * HOUR)
        })),
        1 => named(&USERS).prop_map(|user| Command::EndSessions(EndSessions { user })),
        2 => (requests(), named(&GROUPS)).prop_map(|(request, name)| Command::CreateGroup(CreateGroup { request, name })),
        1 => named(&GROUPS).prop_map(|name| Command::DeleteGroup(DeleteGroup { name })),
        3 => (named(&GROUPS), named(&USERS)).prop_map(|(group, user)| Command::AddMember(AddMember { group, user })),
        1 => (named(&GROUPS), named(&USERS)).prop_map(|(group, user)| Command::RemoveMember(RemoveMember { group, user })),
        2 => (requests(), named(&POLICIES), document())
            .prop_map(|(request, name, document)| Command::CreatePolicy(CreatePolicy { request, name, document })),
        1 => (named(&POLICIES), document()).prop_map(|(name, document)| Command::UpdatePolicy(UpdatePolicy { name, document })),
        1 => named(&POLICIES).prop_map(|name| Command::DeletePolicy(DeletePolicy { name })),
        3 => (named(&POLICIES), holder()).prop_map(|(policy, holder)| Command::AttachPolicy(AttachPolicy { policy, holder })),
        1 => (named(&POLICIES), holder()).prop_map(|(policy, holder)| Command::DetachPolicy(DetachPolicy { policy, holder })),
        1 => Just(Command::SetUpAccess(SetUpAccess {
            policies: vec![("p".parse().unwrap(), "usual".into())],
            groups: vec![("g".parse().unwrap(), vec!["p".parse().unwrap()])],
            members: vec![("g".parse().unwrap(), "zoe".parse().unwrap())],
        })),
        1 => (0..3_u128, prop::option::of(0..3_u128), prop::option::of(0..3_u128)).prop_map(|(id, store, replaces)| Command::Identify(Identify {
            installation: InstallationId(id), store: store.map(StoreId), replaces: replaces.map(StoreId)
        })),
    ]
}

/// Questions about who may what.
fn access_questions() -> Vec<Query> {
    let none = String::new;
    let mut all = vec![
        GetInstallation.into(),
        ListGroups { of: None, page: PageRequest::first(10) }.into(),
        ListPolicies { of: None, effective: false, page: PageRequest::after("p", 10) }.into(),
    ];
    for key in ["K1", "K2", "K3"] {
        all.push(GetAccess { by: AccessBy::Key(key.into()) }.into());
    }
    for user in 1..20 {
        let by = |session, hours: i64| AccessBy::Session {
            user: UserId(user),
            sessions: vec![SessionId(session)],
            key: None,
            begun_at: time(hours * HOUR),
            after: None,
            groups: vec![],
        };
        all.extend([by(0, 0), by(1, 24)].map(|by| GetAccess { by }.into()));
    }
    let mut holders = vec![];
    for user in USERS.map(|name| name.parse::<UserName>().unwrap()) {
        all.push(GetUserByName { name: user.clone() }.into());
        all.push(
            ListCredentials { user: user.clone(), page: PageRequest { prefix: "K".into(), after: none(), amount: 2 } }
                .into(),
        );
        all.push(ListGroups { of: Some(user.clone()), page: PageRequest::first(1) }.into());
        holders.push(PolicyHolder::User(user));
    }
    for group in GROUPS.map(|name| name.parse::<GroupName>().unwrap()) {
        all.push(ListMembers { group: group.clone(), page: PageRequest::after("ann", 2) }.into());
        holders.push(PolicyHolder::Group(group));
    }
    for of in holders {
        for effective in [false, true] {
            all.push(ListPolicies { of: Some(of.clone()), effective, page: PageRequest::first(2) }.into());
        }
    }
    all
}

fn next() -> impl Strategy<Value = Next> {
    prop_oneof![
        3 => part().prop_map(Next::Part),
        1 => prop::option::of(condition()).prop_map(Next::Complete),
        1 => Just(Next::Abort),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        16 => command().prop_map(|command| Step::Command(Box::new(command))),
        1 => command().prop_map(|command| Step::Command(Box::new(Command::Forced(Box::new(command))))),
        3 => (0..2_usize, 0..3_usize, 0..3_usize, 1..4_u8, any::<bool>()).prop_map(
            |(repository, branch, skip, head, clean)| Step::Publish { repository, branch, skip, head, clean }
        ),
        3 => (0..2_usize, 0..3_usize, next()).prop_map(
            |(repository, at, next)| Step::Upload { repository, at, next }
        ),
        1 => select(&[1, 13, 24][..]).prop_map(Step::Pass),
    ]
}

fn upset() -> impl Strategy<Value = Upset> {
    prop_oneof![
        20 => Just(Upset::Nothing),
        1 => Just(Upset::Reopen),
        1 => Just(Upset::Restore),
        4 => Just(Upset::Reclaim),
    ]
}

/// What all sequences begin with, so that most commands find what they speak of.
fn beginning() -> Vec<Command> {
    let mut commands = vec![];
    for (number, name) in (100..).zip(REPOSITORIES) {
        commands.push(Command::CreateRepository(CreateRepository {
            request: RequestId(number),
            name: name.parse().unwrap(),
            namespace: format!("mem://{name}").parse().unwrap(),
            default_branch: main_branch(),
            commit: Some(commit(1)),
            claim: None,
            note: Note::default(),
        }));
        commands.push(Command::CreateBranch(CreateBranch {
            request: RequestId(number),
            repository: name.parse().unwrap(),
            branch: "dev".parse().unwrap(),
            commit: commit(1),
            hidden: false,
            note: Note::default(),
        }));
    }
    commands.push(Command::CreateUser(CreateUser {
        request: RequestId(100),
        name: "zoe".parse().unwrap(),
        first_key: None,
        groups: vec![],
        only_first: true,
    }));
    commands
}

/// A clock that stands until it is told otherwise.
#[derive(Default)]
struct StandingClock(AtomicI64);

impl Clock for StandingClock {
    fn now(&self) -> Timestamp {
        time(self.0.load(Ordering::Relaxed))
    }
}

/// Makes a command of a step, with what the in-memory store knows.
fn resolve(memory: &MemoryMetaStore, step: &Step) -> Option<Command> {
    let memory: &dyn MetaStore = memory;
    let name = |at: usize| REPOSITORIES[at].parse::<RepositoryName>().unwrap();
    match step {
        Step::Command(command) => Some((**command).clone()),
        Step::Publish { repository, branch, skip, head, clean } => {
            let (repository, branch): (_, BranchName) = (name(*repository), BRANCHES[*branch].parse().unwrap());
            let query = ListBranches {
                repository: repository.clone(),
                page: PageRequest { prefix: branch.to_string(), after: String::new(), amount: 1 },
            };
            let found = block_on(memory.ask(query)).ok()?.items.into_iter().next()?;
            Some(Command::Publish(Publish {
                request: None,
                repository,
                branch,
                expected: if *skip == 2 { commit(1) } else { found.commit },
                head: commit(*head),
                consumed: found.sealed.into_iter().skip(*skip).collect(),
                held_by: vec![],
                read_at: None,
                ended: vec![],
                passed: vec![],
                require_clean: *clean,
                note: Note::default(),
            }))
        }
        Step::Upload { repository, at, next } => {
            let repository = name(*repository);
            let query = ListUploads {
                repository: repository.clone(),
                branch: BRANCHES[*at].parse().unwrap(),
                prefix: String::new(),
                after: None,
                amount: 1,
            };
            let upload = block_on(memory.ask(query)).ok()?.items.into_iter().next()?.id;
            Some(match next.clone() {
                Next::Part(part) => Command::PutPart(PutPart { repository, upload, part }),
                Next::Complete(condition) => {
                    let StagedValue::Entry(entry) = object("u") else { panic!("an object") };
                    Command::CompleteUpload(CompleteUpload { repository, upload, entry, condition, request: None })
                }
                Next::Abort => Command::AbortUpload(AbortUpload { repository, upload }),
            })
        }
        Step::Pass(_) => None,
    }
}

/// Questions about everything that the steps can have made.
fn questions() -> Vec<Query> {
    let mut all = vec![
        ListRepositories { page: PageRequest::first(10) }.into(),
        ListUsers { page: PageRequest::first(10) }.into(),
        GetCredential { access_key_id: "K1".into() }.into(),
        GetCredential { access_key_id: "K2".into() }.into(),
        GetCredential { access_key_id: "K3".into() }.into(),
    ];
    all.extend((1..60).map(|id| GetUser { id: UserId(id) }.into()));
    all.extend(access_questions());
    for repository in REPOSITORIES.map(|name| name.parse::<RepositoryName>().unwrap()) {
        let of = || repository.clone();
        all.push(GetRepository { name: of() }.into());
        all.push(ListBranches { repository: of(), page: PageRequest::first(10) }.into());
        all.push(ListDeletedBranches { repository: of(), page: PageRequest::first(10) }.into());
        all.push(ListTags { repository: of(), page: PageRequest::first(10) }.into());
        for id in (1..80).map(UploadId) {
            all.push(GetUpload { repository: of(), upload: id }.into());
            all.push(GetCompletedUpload { repository: of(), upload: id }.into());
            all.push(ListParts { repository: of(), upload: id, after: 1, amount: 2 }.into());
        }
        for branch in BRANCHES.map(|name| name.parse::<BranchName>().unwrap()) {
            let staged = |tokens: Option<Vec<u64>>, prefix: &str, from: &str, amount| ListStaged {
                repository: repository.clone(),
                branch: branch.clone(),
                tokens: tokens.map(|tokens| tokens.into_iter().map(StagingToken).collect()),
                prefix: prefix.into(),
                from: from.into(),
                amount,
            };
            all.push(staged(None, "", "", 100).into());
            all.push(staged(None, "a", "a/", 2).into());
            // Dropped tokens are asked for too: nobody may see them.
            all.push(staged(Some((1..80).collect()), "", "", 100).into());
            all.push(staged(Some((1..80).step_by(3).collect()), "a", "", 3).into());
            for (before, amount) in [(None, 100), (Some(3), 1)] {
                all.push(ReadReflog { repository: of(), branch: branch.clone(), before, amount }.into());
            }
            let branch = branch.clone();
            all.push(
                ListUploads { repository: of(), branch: branch.clone(), prefix: "a".into(), after: None, amount: 2 }
                    .into(),
            );
            for at in PATHS {
                let reference = RefName::from(&branch);
                all.push(ResolveRef { repository: of(), reference, path: Some(path(at)) }.into());
            }
        }
    }
    all
}

fn compare(state: &StateMachine, memory: &MemoryMetaStore) -> Result<(), TestCaseError> {
    for query in questions() {
        let (ours, theirs): (Answer, Answer) =
            (state.read(&query).unwrap(), block_on(memory.read(query.clone())).unwrap());
        prop_assert_eq!(ours, theirs, "{:?}", query);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 400, ..ProptestConfig::default() })]

    #[test]
    fn outcomes_and_answers_are_the_twins(steps in prop::collection::vec((step(), upset()), 1..60)) {
        let clock = Arc::new(StandingClock::default());
        let memory = MemoryMetaStore::new(Arc::clone(&clock) as Arc<dyn Clock>);
        let dir = tempfile::tempdir().unwrap();
        let mut state = open(&dir);
        let beginning = beginning().into_iter().map(|command| (Step::Command(Box::new(command)), Upset::Nothing));
        let steps: Vec<_> = beginning.chain(steps).collect();
        for (number, (step, upset)) in steps.iter().enumerate() {
            if let Step::Pass(hours) = step {
                clock.0.fetch_add(hours * HOUR, Ordering::Relaxed);
            }
            if let Some(command) = resolve(&memory, step) {
                let index = state.applied_index().unwrap() + 1;
                let entry = Applied { index, raft: Bytes::new(), command: Some((clock.now(), command.clone())) };
                let outcome = state.apply(&[entry]).unwrap().remove(0);
                prop_assert_eq!(&outcome, &block_on(memory.write(command.clone())).unwrap(), "{}", command);
            }
            match upset {
                Upset::Nothing => continue,
                Upset::Reopen => {
                    drop(state);
                    state = open(&dir);
                }
                Upset::Restore => {
                    let copy = dir.path().join(format!("copy {number}"));
                    state.checkpoint(&copy).unwrap();
                    // It restores over whatever came later.
                    apply(&state, create(999));
                    state.restore(&copy).unwrap();
                }
                Upset::Reclaim => {
                    state.reclaim(number % 4).unwrap();
                }
            }
            compare(&state, &memory)?;
        }
        compare(&state, &memory)?;
    }

    #[test]
    fn batches_make_no_difference(
        steps in prop::collection::vec(command(), 1..60),
        cuts in prop::collection::vec(1..12_usize, 1..60),
    ) {
        let commands = beginning().into_iter().chain(steps);
        let entries: Vec<_> = (1..).zip(commands).map(|(index, command)| applied(index, command)).collect();
        let (one, many) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (one, many) = (open(&one), open(&many));
        let mut outcomes = vec![];
        for entry in &entries {
            outcomes.extend(one.apply(std::slice::from_ref(entry)).unwrap());
        }
        let mut batched = vec![];
        let (mut rest, mut cuts) = (&entries[..], cuts.iter().cycle());
        while !rest.is_empty() {
            let (batch, after) = rest.split_at(rest.len().min(*cuts.next().unwrap()));
            batched.extend(many.apply(batch).unwrap());
            rest = after;
        }
        prop_assert_eq!(outcomes, batched);
        prop_assert_eq!(dump(&one), dump(&many), "byte for byte, in all tables");
    }
}
