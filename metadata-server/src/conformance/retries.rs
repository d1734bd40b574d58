//! Commands that carry a request id, sent again.

use std::sync::Arc;

use model::{Command, CreateBranch, CreateTag, CreateUser, MetaStore, Note, Outcome, Publish, PutPart, Refusal, Stage};

use super::lake::{
    Lake, change, commit, create_repository, granted, name, object, part, refusal, request, unique, write,
};

pub(super) async fn get_the_first_answer(store: Arc<dyn MetaStore>) {
    let lake = Lake::new(Arc::clone(&store), "retry").await;
    let repository = lake.repository.name.clone();
    let mut answered: Vec<(Command, Outcome)> = vec![];
    let tag = Command::CreateTag(CreateTag { request: request(), repository, tag: name("v1"), commit: commit(1) });
    let user = Command::CreateUser(CreateUser {
        request: request(),
        name: name(&format!("retrier {}", unique())),
        first_key: None,
        groups: vec![],
        only_first: false,
    });
    for command in [
        create_repository(&format!("retried-{}", unique())),
        lake.create_branch_command("dev"),
        tag,
        lake.create_upload_command("main", "a"),
        user,
    ] {
        let outcome = lake.write(command.clone()).await;
        assert!(!matches!(outcome, Outcome::Refused(_)), "{command}: {outcome:?}");
        answered.push((command, outcome));
    }
    for (command, outcome) in &answered {
        assert_eq!(lake.write(command.clone()).await, *outcome, "{command}");
    }
    // Nothing was made twice, and the answer stays the first one when the thing is gone.
    assert_eq!(lake.uploads("main", "", None, 10).await.0.len(), 1);
    granted(lake.delete_branch("dev").await.done());
    assert_eq!(lake.write(answered[1].0.clone()).await, answered[1].1);
    assert_eq!(lake.lookup("dev", None).await.target, model::RefTarget::Unknown);
}

pub(super) async fn of_a_refusal_get_it_again(store: Arc<dyn MetaStore>) {
    let lake = Lake::new(store, "refused").await;
    let create = lake.create_branch_command("main");
    let refused = lake.write(create.clone()).await;
    assert_eq!(refused, Outcome::Refused(Refusal::RefExists("main".into())));
    assert_eq!(lake.write(create).await, refused);
    assert_eq!(refusal(lake.write(lake.create_branch_command("main")).await), Refusal::RefExists("main".into()));
}

pub(super) async fn of_another_kind_are_requests_of_their_own(store: Arc<dyn MetaStore>) {
    let lake = Lake::new(store, "kinds").await;
    let (request, repository) = (request(), lake.repository.name.clone());
    let branch = Command::CreateBranch(CreateBranch {
        request,
        repository: repository.clone(),
        branch: name("dev"),
        commit: commit(1),
        hidden: false,
        note: Note::default(),
    });
    granted(lake.write(branch).await.branch());
    let tag = Command::CreateTag(CreateTag { request, repository, tag: name("v1"), commit: commit(1) });
    granted(lake.write(tag).await.tag());
}

pub(super) async fn of_a_publication_move_nothing_again(store: Arc<dyn MetaStore>) {
    let lake = Lake::new(store, "republished").await;
    let publish = |from: u8, to: u8| {
        let mut publish = lake.publish_command(commit(from), commit(to), &[], false);
        let Command::Publish(Publish { request: key, .. }) = &mut publish else { panic!("a publication") };
        *key = Some(request());
        publish
    };
    let (there, back, refused) = (publish(1, 2), publish(2, 1), publish(7, 3));
    let first = lake.write(there.clone()).await;
    assert_eq!(lake.write(there.clone()).await, first);
    granted(lake.write(back).await.branch());
    assert_eq!(lake.write(there).await, first, "it was carried out; the branch went elsewhere since");
    assert_eq!(lake.branch("main").await.commit, commit(1));
    assert!(matches!(refusal(lake.write(refused.clone()).await), Refusal::HeadMoved { .. }));
    granted(lake.write(publish(1, 7)).await.branch());
    assert!(
        matches!(refusal(lake.write(refused).await), Refusal::HeadMoved { .. }),
        "its caller was told to build anew"
    );
    assert_eq!(lake.branch("main").await.commit, commit(7));
}

pub(super) async fn larger_commands_than_any_are_errors(store: Arc<dyn MetaStore>) {
    let lake = Lake::new(store, "large").await;
    let (repository, branch) = (lake.repository.name.clone(), name("main"));
    let changes = vec![change("a", object("1"), None); Command::STAGED_CHANGES_MAX + 1];
    let stage = Command::Stage(Stage { repository: repository.clone(), uid: None, branch, changes });
    assert!(lake.store.write(stage).await.is_err());
    let upload = lake.create_upload("main", "a").await;
    for number in [0, model::PART_NUMBER_MAX + 1] {
        let put =
            Command::PutPart(PutPart { repository: repository.clone(), upload: upload.id, part: part(number, "x") });
        assert!(lake.store.write(put).await.is_err(), "part {number}");
    }
    assert_eq!(lake.staged("a").await, None);
    assert_eq!(lake.parts(&upload, 0, 10).await, Ok((vec![], false)));
    // The service is none the worse.
    granted(write(&*lake.store, lake.create_branch_command("dev")).await.branch());
}
