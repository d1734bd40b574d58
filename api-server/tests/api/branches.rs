//! The API's branches, through the SDK over real gRPC.

use std::sync::atomic::Ordering::Relaxed;

use futures::TryStreamExt;
use lakebed_sdk::{Branch, Code, Reason, Tag, UnstageScope};

use crate::lake::{TestLake, branch, object};

#[tokio::test]
async fn a_branch_begins_at_a_branch_tag_commit_or_expression() {
    let lake = TestLake::new().await;
    lake.put("main", "a", "1").await;
    let first = lake.commit("main", "first").await;
    lake.put("main", "a", "2").await;
    let second = lake.commit("main", "second").await;
    lake.lakebed.create_tag(&lake.trips, &"v1".parse().unwrap(), "main~1").await.unwrap();

    let prefix = first.id.to_string()[..10].to_owned();
    for (new, source, at) in [
        ("b1", "main", second.id),
        ("b2", "v1", first.id),
        ("b3", &first.id.to_string(), first.id),
        ("b4", "main~1", first.id),
        ("b5", &prefix, first.id),
        ("b6", "main@", second.id),
    ] {
        let made = lake.lakebed.create_branch(&lake.trips, &branch(new), source).await.unwrap();
        assert_eq!((made.name, made.commit), (branch(new), at), "{source}");
    }
    assert_eq!(lake.read("b2", "a").await.unwrap(), "1");
    let all: Vec<Branch> = lake.lakebed.list_branches(&lake.trips, "b", false).try_collect().await.unwrap();
    assert_eq!(all.len(), 6);
    assert_eq!(lake.lakebed.get_branch(&lake.trips, &branch("b3")).await.unwrap(), all[2]);
}

#[tokio::test]
async fn a_branch_costs_one_lookup_one_command_and_no_request_to_the_object_store() {
    let lake = TestLake::new().await;
    lake.put("main", "a", "1").await;
    lake.commit("main", "first").await;
    lake.lakebed.create_tag(&lake.trips, &"v1".parse().unwrap(), "main").await.unwrap();

    for (new, source) in [("from-branch", "main"), ("from-tag", "v1")] {
        lake.requests.reset();
        let (reads, writes) = (lake.meta.reads.load(Relaxed), lake.meta.writes.load(Relaxed));
        lake.branch_off(new, source).await;
        assert_eq!(lake.meta.reads.load(Relaxed) - reads, 1, "lookups for {source}");
        assert_eq!(lake.meta.writes.load(Relaxed) - writes, 1, "commands for {source}");
        assert_eq!(lake.requests.all_requests(), 0, "object store requests for {source}");
    }
}

#[tokio::test]
async fn what_is_uncommitted_stays_on_its_branch() {
    let lake = TestLake::new().await;
    lake.put("main", "a", "1").await;
    lake.branch_off("fix", "main").await;
    assert_eq!(lake.paths("main").await, ["a"]);
    assert_eq!(lake.paths("fix").await, Vec::<String>::new());
}

#[tokio::test]
async fn wrong_branches_are_told_apart() {
    let lake = TestLake::new().await;
    let create = async |new: &str, source: &str| {
        lake.lakebed.create_branch(&lake.trips, &branch(new), source).await.unwrap_err()
    };
    assert_eq!(create("main", "main").await.reason, Reason::RefExists);
    assert_eq!(create("b", "nothing").await.reason, Reason::RefNotFound);
    assert_eq!(create("b", "main~7").await.reason, Reason::RefNotFound);
    assert_eq!(create("b", "a b").await.reason, Reason::InvalidArgument);

    let missing = lake.lakebed.get_branch(&lake.trips, &branch("nothing")).await.unwrap_err();
    assert_eq!((missing.code, missing.reason), (Code::NotFound, Reason::BranchNotFound));
    let stays = lake.lakebed.delete_branch(&lake.trips, &branch("main")).await.unwrap_err();
    assert_eq!((stays.code, stays.reason), (Code::FailedPrecondition, Reason::DefaultBranch));
    lake.branch_off("fix", "main").await;
    lake.lakebed.delete_branch(&lake.trips, &branch("fix")).await.unwrap();
    assert_eq!(lake.lakebed.get_branch(&lake.trips, &branch("fix")).await.unwrap_err().reason, Reason::BranchNotFound);
}

#[tokio::test]
async fn a_reset_drops_what_it_names_and_shows_what_is_committed() {
    let lake = TestLake::new().await;
    lake.put("main", "a/1", "committed").await;
    lake.commit("main", "first").await;
    for path in ["a/1", "a/2", "b/1", "b/2"] {
        lake.put("main", path, "staged").await;
    }
    let reset = async |scope| lake.lakebed.reset_branch(&lake.trips, &branch("main"), scope).await.unwrap();
    reset(UnstageScope::Path(object("b/1"))).await;
    assert_eq!(lake.paths("main").await, ["a/1", "a/2", "b/2"]);
    reset(UnstageScope::Prefix("a/".into())).await;
    assert_eq!(lake.paths("main").await, ["a/1", "b/2"]);
    assert_eq!(lake.read("main", "a/1").await.unwrap(), "committed");
    reset(UnstageScope::All).await;
    assert_eq!(lake.paths("main").await, ["a/1"]);
}

#[tokio::test]
async fn tags_name_commits_and_are_never_written() {
    let lake = TestLake::new().await;
    lake.put("main", "a", "1").await;
    let first = lake.commit("main", "first").await;
    let v1 = "v1.0".parse().unwrap();
    let made = lake.lakebed.create_tag(&lake.trips, &v1, "main").await.unwrap();
    assert_eq!(made.commit, first.id);
    lake.put("main", "a", "2").await;
    lake.commit("main", "second").await;
    assert_eq!(lake.read("v1.0", "a").await.unwrap(), "1");
    assert_eq!(lake.lakebed.get_tag(&lake.trips, &v1).await.unwrap(), made);
    let all: Vec<Tag> = lake.lakebed.list_tags(&lake.trips, "").try_collect().await.unwrap();
    assert_eq!(all, [made]);

    assert_eq!(lake.lakebed.create_tag(&lake.trips, &v1, "main").await.unwrap_err().reason, Reason::RefExists);
    lake.lakebed.create_tag(&lake.trips, &"taken".parse().unwrap(), "main").await.unwrap();
    let to_a_tag = lake.lakebed.delete_objects(&lake.trips, &branch("taken"), &[object("a")]).await.unwrap_err();
    assert!(matches!(to_a_tag.reason, Reason::BranchNotFound | Reason::NotABranch), "{to_a_tag:?}");

    for of_a_branch in [
        lake.lakebed.delete_tag(&lake.trips, &"main".parse().unwrap()).await.unwrap_err(),
        lake.lakebed.get_tag(&lake.trips, &"main".parse().unwrap()).await.unwrap_err(),
    ] {
        assert_eq!((of_a_branch.code, of_a_branch.reason), (Code::NotFound, Reason::TagNotFound));
        assert!(of_a_branch.message.contains("main is a branch"), "{of_a_branch}");
    }

    lake.lakebed.delete_tag(&lake.trips, &v1).await.unwrap();
    let gone = lake.lakebed.get_tag(&lake.trips, &v1).await.unwrap_err();
    assert_eq!((gone.code, gone.reason), (Code::NotFound, Reason::TagNotFound));
}
