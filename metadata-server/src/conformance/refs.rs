//! Branches and tags: made, found, deleted, and their one space of names.

use std::sync::Arc;

use model::{
    Command, CreateBranch, DeleteTag, MetaStore, Note, Publish, RefTarget, Refusal, ResolveRef, Seal, Stage, Unstage,
    UnstageScope,
};

use super::lake::{Lake, change, commit, granted, main_branch, name, object, refusal};

pub(super) async fn branches_are_made_found_and_deleted(store: Arc<dyn MetaStore>) {
    let lake = Lake::new(store, "branches").await;
    let dev = granted(lake.create_branch("dev").await.branch());
    assert_eq!((dev.commit, &dev.sealed), (commit(1), &vec![]));
    assert_eq!(lake.branch("dev").await, dev);
    assert_eq!(refusal(lake.create_branch("dev").await), Refusal::RefExists("dev".into()));

    lake.stage("dev", vec![change("a", object("1"), None)]).await;
    assert_eq!(lake.delete_branch("dev").await.done(), Ok(()));
    assert_eq!(refusal(lake.delete_branch("dev").await), Refusal::BranchNotFound(name("dev")));
    assert_eq!(refusal(lake.delete_branch("main").await), Refusal::DefaultBranch(main_branch()));

    let mut hide = lake.create_branch_command("tx");
    if let Command::CreateBranch(CreateBranch { hidden, .. }) = &mut hide {
        *hidden = true;
    }
    assert!(granted(lake.write(hide).await.branch()).hidden && lake.branch("tx").await.hidden && !dev.hidden);

    let again = granted(lake.create_branch("dev").await.branch());
    assert!(again.version > dev.version && again.staging > dev.staging, "a new branch, newer than the old one");
    assert_eq!(lake.lookup("dev", Some("a")).await.staged, None, "what was staged on the old one is gone");

    let repository = lake.repository.name.clone();
    let nowhere = name("nowhere");
    for command in [
        Command::Stage(Stage { repository: repository.clone(), uid: None, branch: name("nowhere"), changes: vec![] }),
        Command::Unstage(Unstage { repository: repository.clone(), branch: name("nowhere"), scope: UnstageScope::All }),
        Command::Seal(Seal { repository: repository.clone(), branch: name("nowhere") }),
        Command::Publish(Publish {
            request: None,
            repository,
            branch: name("nowhere"),
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
        lake.create_upload_command("nowhere", "u"),
    ] {
        let said = command.to_string();
        assert_eq!(refusal(lake.write(command).await), Refusal::BranchNotFound(name("nowhere")), "{said}");
    }
    let found = lake.store.branch(&lake.repository.name, &nowhere).await;
    assert!(matches!(found, Err(model::MetaError::Refused(Refusal::BranchNotFound(_)))), "{found:?}");
}

pub(super) async fn tags_are_made_found_and_deleted(store: Arc<dyn MetaStore>) {
    let lake = Lake::new(store, "tags").await;
    let tag = granted(lake.create_tag("v1.0").await.tag());
    assert_eq!((tag.name.as_str(), tag.commit), ("v1.0", commit(1)));
    assert_eq!(lake.lookup("v1.0", None).await.target, RefTarget::Tag(tag));
    assert_eq!(refusal(lake.create_tag("v1.0").await), Refusal::RefExists("v1.0".into()));
    let delete = || Command::DeleteTag(DeleteTag { repository: lake.repository.name.clone(), tag: name("v1.0") });
    assert_eq!(lake.write(delete()).await.done(), Ok(()));
    assert_eq!(lake.lookup("v1.0", None).await.target, RefTarget::Unknown);
    assert_eq!(refusal(lake.write(delete()).await), Refusal::TagNotFound(name("v1.0")));
    granted(lake.create_tag("v1.0").await.tag());
    let main = DeleteTag { repository: lake.repository.name.clone(), tag: name("main") };
    assert_eq!(refusal(lake.write(Command::DeleteTag(main)).await), Refusal::BranchIsNoTag(name("main")));

    granted(lake.create_tag("v2").await.tag());
    let seal = Command::Seal(Seal { repository: lake.repository.name.clone(), branch: name("v2") });
    assert_eq!(refusal(lake.write(seal).await), Refusal::TagIsNoBranch(name("v2")), "it says what it is");
    let found = lake.store.branch(&lake.repository.name, &name("v2")).await;
    assert!(matches!(found, Err(model::MetaError::Refused(Refusal::TagIsNoBranch(_)))), "{found:?}");
}

pub(super) async fn share_one_space_of_names(store: Arc<dyn MetaStore>) {
    let lake = Lake::new(store, "names").await;
    granted(lake.create_tag("x").await.tag());
    assert_eq!(refusal(lake.create_branch("x").await), Refusal::RefExists("x".into()));
    assert_eq!(refusal(lake.create_tag("main").await), Refusal::RefExists("main".into()));
    // Other repositories have names of their own.
    let other = Lake::new(Arc::clone(&lake.store), "names").await;
    granted(other.create_branch("x").await.branch());
}

pub(super) async fn lookup_answers_all_at_once(store: Arc<dyn MetaStore>) {
    let lake = Lake::new(store, "lookup").await;
    lake.put("a", object("1")).await;
    granted(lake.create_tag("v1").await.tag());

    let found = lake.lookup("main", Some("a")).await;
    assert_eq!(found.repository, lake.repository);
    assert_eq!(found.target, RefTarget::Branch(lake.branch("main").await));
    assert_eq!(found.staged, Some(object("1")));
    assert_eq!(lake.lookup("main", Some("b")).await.staged, None);
    assert_eq!(lake.lookup("main", None).await.staged, None);
    let tag = lake.lookup("v1", Some("a")).await;
    assert!(matches!(tag.target, RefTarget::Tag(_)));
    assert_eq!(tag.staged, None, "nothing is staged on a tag");
    for unknown in ["nowhere", &commit(1).to_string(), "0101"] {
        assert_eq!(lake.lookup(unknown, Some("a")).await.target, RefTarget::Unknown, "{unknown}");
    }

    let repository = lake.repository.name.clone();
    let query = ResolveRef { repository, reference: name("main"), path: Some(name("a")) };
    assert_eq!(lake.ask(query.clone()).await, lake.ask(query).await, "reading changes nothing");
}
