//! The API's commits, through the SDK over real gRPC.

use std::collections::BTreeMap;

use futures::TryStreamExt;
use lakebed_sdk::{Code, Commit, LogOptions, NewCommit, Reason};
use model::{Command, CreateBranch, DeleteBranch, Note, RequestId, Seal};

use crate::lake::{TestLake, branch};
use crate::meta::Lose;

#[tokio::test]
async fn a_commit_holds_what_was_staged_and_says_who_and_why() {
    let lake = TestLake::new().await;
    lake.put("main", "a", "1").await;
    lake.put("main", "b", "1").await;
    let metadata = BTreeMap::from([("job".to_owned(), "42".to_owned())]);
    let commit = NewCommit {
        message: "first load".into(),
        metadata: metadata.clone(),
        allow_empty: false,
        ..NewCommit::default()
    };
    let committed = lake.lakebed.commit(&lake.trips, &branch("main"), commit).await.unwrap();
    assert_eq!(committed.changes, Some(2));
    let first = committed.commit;
    assert_eq!((first.message.as_str(), first.committer.as_str(), &first.metadata), ("first load", "admin", &metadata));
    assert_eq!((first.generation, first.parents.len()), (2, 1));
    assert_eq!(lake.lakebed.get_commit(&lake.trips, "main").await.unwrap(), first);

    lake.delete("main", "a").await;
    lake.put("main", "b", "2").await;
    let second = lake.try_commit("main", "second").await.unwrap();
    assert_eq!(second.changes, Some(2));
    assert_eq!(second.commit.parents, [first.id]);
    assert_eq!(lake.paths("main@").await, ["b"]);
    assert_eq!(lake.read(&first.id.to_string(), "b").await.unwrap(), "1");
}

#[tokio::test]
async fn without_changes_there_is_no_commit_unless_asked_for() {
    let lake = TestLake::new().await;
    let none = lake.try_commit("main", "nothing").await.unwrap_err();
    assert_eq!((none.code, none.reason), (Code::FailedPrecondition, Reason::NoChanges));
    let empty = NewCommit { allow_empty: true, ..NewCommit::new("marker") };
    let empty = lake.lakebed.commit(&lake.trips, &branch("main"), empty).await.unwrap();
    assert_eq!((empty.changes, empty.commit.message.as_str()), (Some(0), "marker"));
}

#[tokio::test]
async fn what_changes_nothing_leaves_no_sealed_token_behind() {
    let lake = TestLake::new().await;
    lake.put("main", "a", "same").await;
    lake.commit("main", "first").await;
    for _ in 0..12 {
        lake.put("main", "a", "same").await;
        lake.delete("main", "never-there").await;
        assert_eq!(lake.try_commit("main", "nothing new").await.unwrap_err().reason, Reason::NoChanges);
    }
    assert_eq!(lake.graveler.meta().branch(&lake.trips, &branch("main")).await.unwrap().sealed, []);
    assert_eq!(lake.read("main", "a").await.unwrap(), "same");
}

#[tokio::test]
async fn a_log_has_children_before_parents() {
    let lake = TestLake::new().await;
    let mut ids = Vec::new();
    for n in 0..5 {
        lake.put("main", "a", &n.to_string()).await;
        ids.insert(0, lake.commit("main", &format!("commit {n}")).await.id);
    }
    let log = lake.log("main").await;
    assert_eq!(log.len(), 6);
    assert_eq!(log[..5].iter().map(|commit| commit.id).collect::<Vec<_>>(), ids);
    assert_eq!(log[5].message, "Repository created");

    let options = LogOptions { after: Some(ids[1]), ..LogOptions::default() };
    let rest: Vec<Commit> = lake.lakebed.log(&lake.trips, "main", options).try_collect().await.unwrap();
    assert_eq!(rest, log[2..]);
    assert_eq!(lake.log("main~4").await, log[4..]);
}

#[tokio::test]
async fn a_log_of_paths_has_the_commits_that_changed_them() {
    let lake = TestLake::new().await;
    for (path, content) in [("a/1", "1"), ("b", "1"), ("a/2", "1"), ("a/1", "2"), ("b", "2")] {
        lake.put("main", path, content).await;
        lake.commit("main", &format!("{path} {content}")).await;
    }
    let messages = async |options: LogOptions| {
        let log = lake.lakebed.log(&lake.trips, "main", options).try_collect::<Vec<Commit>>().await?;
        Ok::<_, lakebed_sdk::Error>(log.into_iter().map(|commit| commit.message).collect::<Vec<_>>())
    };
    let objects = |paths: &[&str]| paths.iter().map(ToString::to_string).collect::<Vec<_>>();
    let of_a1 = LogOptions { objects: objects(&["a/1"]), ..LogOptions::default() };
    assert_eq!(messages(of_a1.clone()).await.unwrap(), ["a/1 2", "a/1 1"]);
    let of_a = LogOptions { prefixes: objects(&["a/"]), ..LogOptions::default() };
    assert_eq!(messages(of_a.clone()).await.unwrap(), ["a/1 2", "a/2 1", "a/1 1"]);
    let both = LogOptions { objects: objects(&["b", "nothing"]), ..of_a };
    assert_eq!(messages(both.clone()).await.unwrap().len(), 5);
    let stop_at = LogOptions { stop_at: Some("main~2".into()), ..both };
    assert_eq!(messages(stop_at.clone()).await.unwrap(), ["b 2", "a/1 2", "a/2 1"]);
    let wrong = LogOptions { stop_at: Some("nothing".into()), ..stop_at };
    assert_eq!(messages(wrong).await.unwrap_err().reason, Reason::RefNotFound);
    let since = lake.log("main~").await[0].created_at;
    let since = LogOptions { since: Some(since), ..of_a1 };
    assert_eq!(messages(since).await.unwrap().first().map(String::as_str), Some("a/1 2"));
}

#[tokio::test]
async fn tokens_of_commits_that_died_make_room_and_are_committed() {
    let lake = TestLake::new().await;
    for n in 0..model::SEALED_TOKENS_MAX {
        lake.put("main", &format!("lost/{n}"), "1").await;
        let seal = Command::Seal(Seal { repository: lake.trips.clone(), branch: branch("main") });
        lake.graveler.meta().write(seal).await.unwrap().branch().unwrap();
    }
    lake.put("main", "mine", "1").await;
    let committed = lake.try_commit("main", "mine and what others left").await.unwrap();
    assert_eq!(lake.paths(&committed.commit.id.to_string()).await.len(), model::SEALED_TOKENS_MAX + 1);
    assert_eq!(lake.graveler.meta().branch(&lake.trips, &branch("main")).await.unwrap().sealed, []);
}

#[tokio::test]
async fn a_publication_whose_answer_is_lost_is_asked_for_and_not_repeated() {
    for lose in [Lose::Request, Lose::Answer] {
        let lake = TestLake::new().await;
        lake.put("main", "a", "1").await;
        lake.meta.lose_next_publication(lose);
        let committed = lake.try_commit("main", "once").await.unwrap();
        let log = lake.log("main").await;
        assert_eq!(log.len(), 2, "{lose:?}: the first commit and this one");
        assert_eq!(log[0], committed.commit, "{lose:?}");
        assert_eq!(lake.read("main@", "a").await.unwrap(), "1");
    }
}

#[tokio::test]
async fn a_publication_of_which_nobody_ever_hears_is_known_by_the_request_s_own_answer() {
    let lake = TestLake::new().await;
    lake.put("main", "a", "1").await;
    lake.meta.lose_next_publication(Lose::AllAnswers);
    let committed = lake.try_commit("main", "once").await.unwrap();
    assert_eq!(lake.log("main").await, [committed.commit.clone(), lake.log("main~1").await[0].clone()]);
    // A revert is no job, and has no answer of its own.
    let error = lake.lakebed.revert(&lake.trips, &branch("main"), "main", Default::default()).await.unwrap_err();
    assert_eq!(error.reason, Reason::OutcomeUnknown, "{error}");
    assert_eq!(lake.log("main").await.len(), 3, "it was carried out once");
}

#[tokio::test]
async fn a_branch_made_anew_during_a_commit_isn_t_taken_for_the_old_one() {
    let lake = TestLake::new().await;
    lake.branch_off("fix", "main").await;
    lake.put("fix", "dropped", "1").await;
    lake.put("main", "other", "1").await;
    let other = lake.commit("main", "other").await;

    let (repository, fix) = (lake.trips.clone(), branch("fix"));
    let delete = Command::DeleteBranch(DeleteBranch {
        repository: repository.clone(),
        branch: fix.clone(),
        note: Note::default(),
    });
    let create = Command::CreateBranch(CreateBranch {
        request: RequestId(1),
        repository,
        branch: fix,
        commit: other.id,
        hidden: false,
        note: Note::default(),
    });
    lake.meta.let_others_come_first(vec![delete, create]);
    let error = lake.try_commit("fix", "dropped").await.unwrap_err();
    assert_eq!(error.reason, Reason::BranchNotFound, "nobody took the change along: {error}");
    assert_eq!(lake.paths("fix").await, ["other"]);
}

#[tokio::test]
async fn an_unknown_repository_or_branch_is_told() {
    let lake = TestLake::new().await;
    let missing = lake.try_commit("nothing", "x").await.unwrap_err();
    assert_eq!((missing.code, missing.reason), (Code::NotFound, Reason::BranchNotFound));
    let elsewhere = lake.lakebed.commit(&"other".parse().unwrap(), &branch("main"), NewCommit::new("x")).await;
    assert_eq!(elsewhere.unwrap_err().reason, Reason::RepositoryNotFound);
}
