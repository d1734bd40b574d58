//! Groups, policies, sessions, and what a key or session comes to.

use std::sync::Arc;

use model::{
    AccessBy, AddMember, AttachPolicy, CREDENTIALS_MAX, Command, CreateCredential, CreateGroup, CreatePolicy,
    CreateUser, DeleteCredential, DeleteGroup, DeletePolicy, DeleteUser, DetachPolicy, EndSession, EndSessions,
    GetAccess, GetCredential, GetGroup, GetPolicy, GroupName, ListCredentials, ListGroups, ListMembers, ListPolicies,
    MetaStore, PAGE_MAX, PageRequest, PolicyHolder, PolicyName, Refusal, RemoveMember, SESSIONS_ENDED_MAX,
    SealedSecret, SessionId, SetUpAccess, Timestamp, UpdatePolicy, User, UserName,
};

use super::lake::{ask, granted, name, refusal, request, unique, write};

/// A user with a key, a group and two policies, by names of their own.
struct Somebody {
    store: Arc<dyn MetaStore>,
    user: User,
    key: String,
    group: GroupName,
    mine: PolicyName,
    ours: PolicyName,
}

impl Somebody {
    async fn new(store: Arc<dyn MetaStore>) -> Self {
        let number = unique();
        let (user, key) = (name(&format!("somebody {number}")), format!("AKSOME{number}"));
        let group = name(&format!("group {number}"));
        let [mine, ours] = ["mine", "ours"].map(|text| name(&format!("{text} {number}")));
        let user = make_user(&*store, user, &key).await;
        granted(
            write(&*store, Command::CreateGroup(CreateGroup { request: request(), name: clone(&group) })).await.group(),
        );
        for policy in [&mine, &ours] {
            let document = format!("the document of {policy}");
            let create = Command::CreatePolicy(CreatePolicy { request: request(), name: clone(policy), document });
            granted(write(&*store, create).await.policy());
        }
        Self { store, user, key, group, mine, ours }
    }

    async fn done(&self, command: Command) {
        granted(write(&*self.store, command).await.done());
    }

    fn join(&self) -> Command {
        Command::AddMember(AddMember { group: clone(&self.group), user: clone(&self.user.name) })
    }

    fn attach(&self) -> [Command; 2] {
        let holders = [PolicyHolder::User(clone(&self.user.name)), PolicyHolder::Group(clone(&self.group))];
        let [mine, ours] = holders;
        [
            Command::AttachPolicy(AttachPolicy { policy: clone(&self.mine), holder: mine }),
            Command::AttachPolicy(AttachPolicy { policy: clone(&self.ours), holder: ours }),
        ]
    }

    /// Makes everything there is to have.
    async fn endow(&self) {
        self.done(self.join()).await;
        for attach in self.attach() {
            self.done(attach).await;
        }
    }

    async fn by_key(&self) -> Result<Vec<String>, Refusal> {
        self.access(AccessBy::Key(self.key.clone())).await
    }

    async fn by_session(&self, session: u128, begun_at: Timestamp) -> Result<Vec<String>, Refusal> {
        let (sessions, key) = (vec![SessionId(session)], Some(self.key.clone()));
        self.session(sessions, key, begun_at, None).await
    }

    async fn session(
        &self,
        sessions: Vec<SessionId>,
        key: Option<String>,
        begun_at: Timestamp,
        after: Option<Timestamp>,
    ) -> Result<Vec<String>, Refusal> {
        self.access(AccessBy::Session { user: self.user.id, sessions, key, begun_at, after, groups: vec![] }).await
    }

    /// The names of the policies that a key or session has.
    async fn access(&self, by: AccessBy) -> Result<Vec<String>, Refusal> {
        let access = ask(&*self.store, GetAccess { by }).await?;
        Ok(access.policies.into_iter().map(|policy| policy.name.into()).collect())
    }

    async fn effective(&self) -> Vec<String> {
        let of = Some(PolicyHolder::User(clone(&self.user.name)));
        let all = |effective| ListPolicies { of: of.clone(), effective, page: PageRequest::first(PAGE_MAX) };
        let own = granted(ask(&*self.store, all(false)).await).items;
        let effective = granted(ask(&*self.store, all(true)).await).items;
        assert!(own.iter().all(|policy| effective.contains(policy)));
        effective.into_iter().map(|policy| policy.name.into()).collect()
    }
}

fn clone<T: Clone>(value: &T) -> T {
    value.clone()
}

async fn make_user(store: &dyn MetaStore, name: UserName, key: &str) -> User {
    let first_key = Some((key.to_owned(), SealedSecret(vec![1])));
    granted(
        write(
            store,
            Command::CreateUser(CreateUser { request: request(), name, first_key, groups: vec![], only_first: false }),
        )
        .await
        .user(),
    )
}

fn page<T>(make: impl FnOnce(String, String, usize) -> T) -> T {
    make(String::new(), String::new(), PAGE_MAX)
}

pub(super) async fn a_user_has_their_policies_and_their_groups(store: Arc<dyn MetaStore>) {
    let ann = Somebody::new(store).await;
    let store = &*ann.store;
    assert_eq!(ann.by_key().await, Ok(vec![]));
    ann.endow().await;
    ann.endow().await;
    let both = vec![ann.mine.to_string(), ann.ours.to_string()];
    assert_eq!(ann.by_key().await, Ok(both.clone()));
    assert_eq!(ann.effective().await, both);
    assert_eq!(ann.by_session(1, Timestamp::from_millis(i64::MAX)).await, Ok(both));

    let groups = page(|prefix, after, amount| ListGroups {
        of: Some(clone(&ann.user.name)),
        page: PageRequest { prefix, after, amount },
    });
    assert_eq!(granted(ask(store, groups).await).items[0].name, ann.group);
    let members = page(|prefix, after, amount| ListMembers {
        group: clone(&ann.group),
        page: PageRequest { prefix, after, amount },
    });
    assert_eq!(granted(ask(store, members.clone()).await).items, vec![clone(&ann.user)]);

    let update = Command::UpdatePolicy(UpdatePolicy { name: clone(&ann.mine), document: "another".into() });
    assert_eq!(granted(write(store, update).await.policy()).document, "another");
    let found = granted(ask(store, GetPolicy { name: clone(&ann.mine) }).await);
    assert_eq!(found.document, "another");

    ann.done(Command::RemoveMember(RemoveMember { group: clone(&ann.group), user: clone(&ann.user.name) })).await;
    assert_eq!(ann.by_key().await, Ok(vec![ann.mine.to_string()]));
    assert_eq!(granted(ask(store, members).await).items, vec![]);
    let holder = PolicyHolder::User(clone(&ann.user.name));
    ann.done(Command::DetachPolicy(DetachPolicy { policy: clone(&ann.mine), holder })).await;
    assert_eq!(ann.by_key().await, Ok(vec![]));
}

pub(super) async fn a_session_has_its_groups_policies_besides(store: Arc<dyn MetaStore>) {
    let ann = Somebody::new(store).await;
    let of = |groups| AccessBy::Session {
        user: ann.user.id,
        sessions: vec![],
        key: None,
        begun_at: Timestamp::from_millis(i64::MAX),
        after: None,
        groups,
    };
    let [_, ours] = ann.attach();
    ann.done(ours).await;
    let nowhere: GroupName = "nobody made this group".parse().expect("because it is a valid name");
    assert_eq!(ann.access(of(vec![nowhere, clone(&ann.group)])).await, Ok(vec![ann.ours.to_string()]));
    assert_eq!(ann.access(of(vec![])).await, Ok(vec![]), "nothing stays");
    assert_eq!(ann.effective().await, Vec::<String>::new());
}

pub(super) async fn who_is_made_again_gets_nothing_back(store: Arc<dyn MetaStore>) {
    let ann = Somebody::new(store).await;
    let store = &*ann.store;
    ann.endow().await;
    ann.done(Command::DeleteUser(DeleteUser { name: clone(&ann.user.name) })).await;
    let gone = Refusal::CredentialNotFound(ann.key.clone());
    assert_eq!(ann.by_key().await, Err(gone.clone()));
    assert_eq!(ann.by_session(1, Timestamp::from_millis(i64::MAX)).await, Err(Refusal::SessionEnded));
    let again = Command::DeleteUser(DeleteUser { name: clone(&ann.user.name) });
    assert_eq!(refusal(write(store, again).await), Refusal::UserNotFound(Some(clone(&ann.user.name))));
    let credential = GetCredential { access_key_id: ann.key.clone() };
    assert_eq!(ask(store, credential.clone()).await, Err(gone.clone()));

    let other_key = format!("{}-2", ann.key);
    let made = make_user(store, clone(&ann.user.name), &other_key).await;
    assert_ne!(made.id, ann.user.id);
    assert_eq!(ask(store, credential).await, Err(gone));
    assert_eq!(ann.access(AccessBy::Key(other_key)).await, Ok(vec![]));
    assert_eq!(ann.effective().await, Vec::<String>::new());
    assert_eq!(ann.by_session(1, Timestamp::from_millis(i64::MAX)).await, Err(Refusal::SessionEnded));
    let members = page(|prefix, after, amount| ListMembers {
        group: clone(&ann.group),
        page: PageRequest { prefix, after, amount },
    });
    assert_eq!(granted(ask(store, members).await).items, vec![]);
}

pub(super) async fn groups_and_policies_made_again_are_empty(store: Arc<dyn MetaStore>) {
    let ann = Somebody::new(store).await;
    let store = &*ann.store;
    ann.endow().await;
    ann.done(Command::DeleteGroup(DeleteGroup { name: clone(&ann.group) })).await;
    assert_eq!(ann.by_key().await, Ok(vec![ann.mine.to_string()]));
    assert_eq!(refusal(write(store, ann.join()).await), Refusal::GroupNotFound(clone(&ann.group)));
    granted(
        write(store, Command::CreateGroup(CreateGroup { request: request(), name: clone(&ann.group) })).await.group(),
    );
    assert_eq!(ann.by_key().await, Ok(vec![ann.mine.to_string()]));
    ann.done(ann.join()).await;
    assert_eq!(ann.by_key().await, Ok(vec![ann.mine.to_string()]), "the old group's policies are gone");

    ann.done(Command::DeletePolicy(DeletePolicy { name: clone(&ann.mine) })).await;
    assert_eq!(ann.by_key().await, Ok(vec![]));
    let missing = Refusal::PolicyNotFound(clone(&ann.mine));
    assert_eq!(refusal(write(store, clone(&ann.attach()[0])).await), missing);
    let create =
        Command::CreatePolicy(CreatePolicy { request: request(), name: clone(&ann.mine), document: "new".into() });
    granted(write(store, create).await.policy());
    assert_eq!(ann.by_key().await, Ok(vec![]));
    for taken in [
        Command::CreatePolicy(CreatePolicy { request: request(), name: clone(&ann.mine), document: String::new() }),
        Command::CreateGroup(CreateGroup { request: request(), name: clone(&ann.group) }),
    ] {
        let refused = refusal(write(store, taken).await);
        assert!(matches!(refused, Refusal::PolicyExists(_) | Refusal::GroupExists(_)), "{refused}");
    }
}

pub(super) async fn keys_are_listed_and_taken_away(store: Arc<dyn MetaStore>) {
    let (ann, bob) = (Somebody::new(Arc::clone(&store)).await, Somebody::new(store).await);
    let store = &*ann.store;
    let keys = async || {
        let user = clone(&ann.user.name);
        let query = page(|prefix, after, amount| ListCredentials { user, page: PageRequest { prefix, after, amount } });
        let found = granted(ask(store, query).await);
        found.items.into_iter().map(|key| key.access_key_id).collect::<Vec<_>>()
    };
    assert_eq!(keys().await, vec![ann.key.clone()]);
    let take = |user: &UserName| {
        Command::DeleteCredential(DeleteCredential { user: user.clone(), access_key_id: ann.key.clone() })
    };
    let not_his = Refusal::CredentialNotFound(ann.key.clone());
    assert_eq!(refusal(write(store, take(&bob.user.name)).await), not_his);
    assert!(ann.by_session(1, Timestamp::from_millis(i64::MAX)).await.is_ok());
    ann.done(take(&ann.user.name)).await;
    assert_eq!(keys().await, Vec::<String>::new());
    assert_eq!(ann.by_key().await, Err(not_his));
    let ended = ann.by_session(1, Timestamp::from_millis(i64::MAX)).await;
    assert_eq!(ended, Err(Refusal::SessionEnded), "the key's sessions end with it");
}

pub(super) async fn sessions_end(store: Arc<dyn MetaStore>) {
    let ann = Somebody::new(store).await;
    let far = Timestamp::from_millis(i64::MAX);
    let end = |session| Command::EndSession(EndSession { user: ann.user.id, session: SessionId(session), until: far });
    ann.done(end(1)).await;
    assert_eq!(ann.by_session(1, far).await, Err(Refusal::SessionEnded));
    assert_eq!(ann.by_session(2, far).await, Ok(vec![]));
    let sessions = vec![SessionId(3), SessionId(1)];
    assert_eq!(
        ann.session(sessions, None, far, None).await,
        Err(Refusal::SessionEnded),
        "it ends with the one that began it"
    );

    let end_all = Command::EndSessions(EndSessions { user: clone(&ann.user.name) });
    let since = granted(write(&*ann.store, end_all).await.user()).sessions_since;
    let since = since.unwrap_or_default();
    let after = Timestamp::from_millis(since.as_millis() + 1);
    assert_eq!(ann.by_session(4, since).await, Err(Refusal::SessionEnded));
    assert_eq!(ann.by_session(4, after).await, Ok(vec![]));
    let knowing = |since| ann.session(vec![SessionId(4)], None, Timestamp::default(), Some(since));
    assert_eq!(knowing(since).await, Ok(vec![]), "it was begun after that end, whatever the clock said");
    assert_eq!(knowing(after).await, Err(Refusal::SessionEnded));
    let end_all = Command::EndSessions(EndSessions { user: clone(&ann.user.name) });
    let again = granted(write(&*ann.store, end_all).await.user()).sessions_since.unwrap_or_default();
    assert!(again > since, "no two ends have the same time");
    assert_eq!(knowing(since).await, Err(Refusal::SessionEnded));
    assert_eq!(ann.by_key().await, Ok(vec![]), "keys aren't sessions");
}

pub(super) async fn very_many_ended_sessions_end_all(store: Arc<dyn MetaStore>) {
    let ann = Somebody::new(store).await;
    let far = Timestamp::from_millis(i64::MAX);
    let end = |session| Command::EndSession(EndSession { user: ann.user.id, session: SessionId(session), until: far });
    for session in 1..=SESSIONS_ENDED_MAX as u128 {
        ann.done(end(session)).await;
    }
    assert_eq!(ann.by_session(5000, Timestamp::default()).await, Ok(vec![]));
    ann.done(end(0)).await;
    assert_eq!(ann.by_session(5000, Timestamp::default()).await, Err(Refusal::SessionEnded));
    assert_eq!(ann.by_session(0, Timestamp::default()).await, Err(Refusal::SessionEnded));
}

pub(super) async fn bounds_are_kept(store: Arc<dyn MetaStore>) {
    let ann = Somebody::new(store).await;
    let store = &*ann.store;
    let give = |number: usize| {
        Command::CreateCredential(CreateCredential {
            request: request(),
            user: ann.user.id,
            access_key_id: format!("{}-{number}", ann.key),
            secret: SealedSecret(vec![]),
        })
    };
    for number in 1..CREDENTIALS_MAX {
        granted(write(store, give(number)).await.credential());
    }
    assert!(matches!(refusal(write(store, give(0)).await), Refusal::TooMany { .. }));
    let long = "x".repeat(model::POLICY_BYTES_MAX + 1);
    assert!(store.write(Command::UpdatePolicy(UpdatePolicy { name: clone(&ann.mine), document: long })).await.is_err());
}

/// Once a store: the second caller finds that nothing is made again.
pub(super) async fn is_set_up_once(store: Arc<dyn MetaStore>) {
    let ann = Somebody::new(store).await;
    let (number, store) = (unique(), &*ann.store);
    let set_up = |suffix: &str| {
        let (policy, group): (PolicyName, GroupName) =
            (name(&format!("usual policy {number}{suffix}")), name(&format!("usual group {number}{suffix}")));
        let command = Command::SetUpAccess(SetUpAccess {
            policies: vec![(policy.clone(), "document".into())],
            groups: vec![(group.clone(), vec![policy.clone()])],
            members: vec![(group.clone(), clone(&ann.user.name))],
        });
        (command, policy, group)
    };
    let (first, policy, group) = set_up("");
    ann.done(first.clone()).await;
    if ask(store, GetGroup { name: clone(&group) }).await.is_ok() {
        assert_eq!(ann.by_key().await, Ok(vec![policy.to_string()]));
        ann.done(Command::DeleteGroup(DeleteGroup { name: clone(&group) })).await;
        ann.done(first).await;
        assert!(ask(store, GetGroup { name: group }).await.is_err(), "what was deleted stays deleted");
    }
    let (second, _, group) = set_up(" again");
    ann.done(second).await;
    assert!(ask(store, GetGroup { name: group }).await.is_err());
}
