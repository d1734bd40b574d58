//! Repositories: made, found, deleted, apart.

use std::sync::Arc;

use model::{
    AbortUpload, Answer, ClaimNamespace, Command, CompleteUpload, CreateBranch, CreateRepository, CreateTag,
    CreateUpload, DeleteBranch, DeleteRepository, DeleteTag, GetCompletedUpload, GetRepository, GetUpload,
    ListBranches, ListParts, ListStaged, ListTags, ListUploads, MetaStore, Note, Outcome, PageRequest, Publish,
    PutPart, Query, Refusal, RepositoryName, RequestId, ResolveRef, Seal, Stage, StorageNamespace, Unstage,
    UnstageScope, UploadId,
};

use super::lake::{
    Lake, called, change, commit, create_repository, granted, main_branch, name, object, part, path, refusal, request,
    unique, write,
};

pub(super) async fn are_made_found_and_deleted(store: Arc<dyn MetaStore>) {
    let lake = Lake::new(store, "made").await;
    let id = lake.repository.name.clone();
    assert_eq!(lake.repository.default_branch, main_branch());
    assert_eq!(granted(lake.ask(GetRepository { name: id.clone() }).await), lake.repository);
    let main = lake.branch("main").await;
    assert_eq!((main.commit, main.sealed.len()), (commit(1), 0));

    let again = lake.write(create_repository(id.as_str())).await;
    assert_eq!(refusal(again), Refusal::RepositoryExists(id.clone()));

    assert_eq!(lake.write(Command::DeleteRepository(DeleteRepository { name: id.clone() })).await.done(), Ok(()));
    let gone = Refusal::RepositoryNotFound(id.clone());
    assert_eq!(lake.ask(GetRepository { name: id.clone() }).await, Err(gone.clone()));
    assert_eq!(refusal(lake.write(Command::DeleteRepository(DeleteRepository { name: id })).await), gone);
}

pub(super) async fn have_a_namespace_of_their_own(store: Arc<dyn MetaStore>) {
    let bucket = format!("s3://bucket-{}", unique());
    let create = |namespace: &str| {
        let namespace = name(namespace);
        let id: RepositoryName = name(&format!("space-{}", unique()));
        Command::CreateRepository(CreateRepository {
            request: request(),
            name: id,
            namespace,
            default_branch: main_branch(),
            commit: Some(commit(1)),
            claim: None,
            note: Note::default(),
        })
    };
    let first = granted(write(&*store, create(&format!("{bucket}/a/b"))).await.repository());
    for taken in ["/a/b", "/a/b/c", "/a", ""] {
        let namespace = format!("{bucket}{taken}");
        let outcome = write(&*store, create(&namespace)).await;
        assert_eq!(refusal(outcome), Refusal::NamespaceTaken(name(&namespace)), "{namespace} overlaps {bucket}/a/b");
    }
    for free in ["/a/bc", "/a/a", "/b"] {
        granted(write(&*store, create(&format!("{bucket}{free}"))).await.repository());
    }
    granted(write(&*store, Command::DeleteRepository(DeleteRepository { name: first.name })).await.done());
    granted(write(&*store, create(&format!("{bucket}/a/b"))).await.repository());
}

fn claim(id: RequestId, repository: &str, namespace: &StorageNamespace) -> Command {
    Command::ClaimNamespace(ClaimNamespace { request: id, name: name(repository), namespace: namespace.clone() })
}

/// Makes a repository in a namespace that is claimed.
fn create_claimed(id: RequestId, repository: &str, namespace: &StorageNamespace, of: RequestId) -> Command {
    let mut create = create_repository(repository);
    let Command::CreateRepository(CreateRepository { request, namespace: at, claim, .. }) = &mut create else {
        panic!("a repository")
    };
    (*request, *at, *claim) = (id, namespace.clone(), Some(of));
    create
}

pub(super) async fn are_claimed_before_they_are_made(store: Arc<dyn MetaStore>) {
    let (one, two) = (format!("one-{}", unique()), format!("two-{}", unique()));
    let namespace: StorageNamespace = name(&format!("mem://claimed-{}", unique()));
    let (first, second, third) = (request(), request(), request());
    let ask = async |command: Command| write(&*store, command).await;
    assert_eq!(ask(claim(first, &one, &namespace)).await.claimed(), Ok(first));
    assert_eq!(ask(claim(second, &one, &namespace)).await.claimed(), Ok(first), "the first was cut off");
    assert_eq!(ask(claim(third, &two, &namespace)).await.claimed(), Ok(first), "under whichever name");
    let taken = Refusal::NamespaceTaken(namespace.clone());
    assert_eq!(refusal(ask(create_claimed(second, &one, &namespace, second)).await), taken, "that is no claim");
    let (second, made) = (request(), ask(create_claimed(third, &two, &namespace, first)).await);
    assert!(matches!(made, Outcome::Repository(_)), "{made:?}");
    assert_eq!(ask(claim(third, &two, &namespace)).await, made, "it is made; a retry finds it");
    assert_eq!(refusal(ask(claim(second, &two, &namespace)).await), Refusal::RepositoryExists(name(&two)));
    assert_eq!(refusal(ask(claim(second, &one, &namespace)).await), taken);

    granted(ask(Command::DeleteRepository(DeleteRepository { name: name(&two) })).await.done());
    let late = ask(create_claimed(request(), &one, &namespace, first)).await;
    assert_eq!(refusal(late), taken, "its claim ended with the repository that was made");
    assert_eq!(ask(claim(second, &one, &namespace)).await.claimed(), Ok(second), "a claim of its own");
}

pub(super) async fn that_are_never_made_leave_few_claims(store: Arc<dyn MetaStore>) {
    let names: Vec<StorageNamespace> = (0..1001).map(|_| name(&format!("mem://unmade-{}", unique()))).collect();
    let first = request();
    assert_eq!(write(&*store, claim(first, "unmade", &names[0])).await.claimed(), Ok(first));
    for namespace in &names[1..] {
        granted(write(&*store, claim(request(), "unmade", namespace)).await.claimed());
    }
    let again = request();
    assert_eq!(write(&*store, claim(again, "unmade", &names[0])).await.claimed(), Ok(again), "the oldest is forgotten");
}

pub(super) async fn begin_anew_under_an_old_name(store: Arc<dyn MetaStore>) {
    let old = Lake::new(store, "anew").await;
    granted(old.create_branch("dev").await.branch());
    granted(old.create_tag("v1").await.tag());
    old.put("a", object("1")).await;
    let upload = old.create_upload("main", "u").await;
    granted(old.put_part(&upload, part(1, "p")).await.done());
    granted(old.write(Command::DeleteRepository(DeleteRepository { name: old.repository.name.clone() })).await.done());

    let made = old.write(create_repository(old.repository.name.as_str())).await;
    let new = Lake { store: Arc::clone(&old.store), repository: granted(made.repository()) };
    assert_ne!(new.repository.uid, old.repository.uid);
    assert_eq!(new.staged_paths().await, [""; 0]);
    assert_eq!(new.staged("a").await, None);
    assert_eq!(new.lookup("dev", None).await.target, model::RefTarget::Unknown);
    assert_eq!(new.lookup("v1", None).await.target, model::RefTarget::Unknown);
    assert_eq!(new.find_upload(&upload).await, Err(Refusal::UploadNotFound(upload.id)));

    let stage = |uid| {
        Command::Stage(Stage {
            repository: new.repository.name.clone(),
            uid: Some(uid),
            branch: main_branch(),
            changes: vec![change("late", object("1"), None)],
        })
    };
    let late = refusal(new.write(stage(old.repository.uid)).await);
    assert_eq!(late, Refusal::RepositoryNotFound(new.repository.name.clone()), "its bytes lie elsewhere");
    assert_eq!(new.staged_paths().await, [""; 0]);
    granted(new.write(stage(new.repository.uid)).await.staged());
    assert_eq!(new.uploads("main", "", None, 10).await, (vec![], false));
}

pub(super) async fn are_needed_by_everything_in_them(store: Arc<dyn MetaStore>) {
    let id: RepositoryName = name(&format!("nowhere-{}", unique()));
    let (repository, branch, upload) = (id.clone(), main_branch(), UploadId(1));
    let elsewhere = Lake::new(Arc::clone(&store), "elsewhere").await;
    let Command::CreateUpload(CreateUpload { upload: new, .. }) = elsewhere.create_upload_command("main", "u") else {
        panic!("it makes an upload")
    };
    let commands = [
        Command::CreateBranch(CreateBranch {
            request: request(),
            repository: repository.clone(),
            branch: branch.clone(),
            commit: commit(1),
            hidden: false,
            note: Note::default(),
        }),
        Command::DeleteBranch(DeleteBranch {
            repository: repository.clone(),
            branch: branch.clone(),
            note: Note::default(),
        }),
        Command::CreateTag(CreateTag {
            request: request(),
            repository: repository.clone(),
            tag: name("v1"),
            commit: commit(1),
        }),
        Command::DeleteTag(DeleteTag { repository: repository.clone(), tag: name("v1") }),
        Command::Stage(Stage { repository: repository.clone(), uid: None, branch: branch.clone(), changes: vec![] }),
        Command::Unstage(Unstage { repository: repository.clone(), branch: branch.clone(), scope: UnstageScope::All }),
        Command::Seal(Seal { repository: repository.clone(), branch: branch.clone() }),
        Command::Publish(Publish {
            request: None,
            repository: repository.clone(),
            branch: branch.clone(),
            expected: commit(1),
            head: commit(2),
            consumed: vec![],
            held_by: vec![],
            read_at: None,
            ended: vec![],
            passed: vec![],
            require_clean: false,
            note: Note::default(),
        }),
        Command::CreateUpload(CreateUpload { request: request(), repository: repository.clone(), upload: new }),
        Command::PutPart(PutPart { repository: repository.clone(), upload, part: part(1, "p") }),
        Command::CompleteUpload(CompleteUpload {
            repository: repository.clone(),
            upload,
            entry: super::lake::entry("1"),
            condition: None,
            request: None,
        }),
        Command::AbortUpload(AbortUpload { repository: repository.clone(), upload }),
    ];
    let gone = Refusal::RepositoryNotFound(id);
    for command in commands {
        let said = command.to_string();
        assert_eq!(refusal(write(&*store, command).await), gone, "{said}");
    }
    let of = || repository.clone();
    let (prefix, amount) = (String::new, 1);
    let queries: [Query; 8] = [
        ResolveRef { repository: of(), reference: name("main"), path: Some(path("a")) }.into(),
        ListBranches { repository: of(), page: PageRequest::first(amount) }.into(),
        ListTags { repository: of(), page: PageRequest::first(amount) }.into(),
        ListStaged { repository: of(), branch: branch.clone(), tokens: None, prefix: prefix(), from: prefix(), amount }
            .into(),
        GetUpload { repository: of(), upload }.into(),
        GetCompletedUpload { repository: of(), upload }.into(),
        ListUploads { repository: of(), branch, prefix: prefix(), after: None, amount }.into(),
        ListParts { repository: of(), upload, after: 0, amount }.into(),
    ];
    for query in queries {
        assert_eq!(called(store.read(query.clone()).await), Answer::Refused(gone.clone()), "{query:?}");
    }
}
