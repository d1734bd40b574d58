//! The API's repositories, through the SDK over real gRPC.

use futures::TryStreamExt;
use lakebed_sdk::{Code, CopyObjects, CreateRepository, HardReset, Reason, RebaseOptions, ReplayOptions, Repository};
use model::{Command, DeleteRepository, RequestId};

use crate::lake::{TestLake, branch, name};

#[tokio::test]
async fn a_repository_is_made_found_listed_and_forgotten() {
    let lake = TestLake::empty().await;
    let made = lake.lakebed.create_repository(&name("trips"), CreateRepository::default()).await.unwrap();
    assert_eq!(made.namespace.as_str(), "mem://trips");
    assert_eq!(made.default_branch, branch("main"));
    let named = CreateRepository { default_branch: Some(branch("trunk")), ..CreateRepository::default() };
    let other = lake.lakebed.create_repository(&name("other"), named).await.unwrap();
    assert_eq!(other.default_branch, branch("trunk"));

    assert_eq!(lake.lakebed.get_repository(&name("trips")).await.unwrap(), made);
    let all: Vec<Repository> = lake.lakebed.list_repositories("").try_collect().await.unwrap();
    assert_eq!(all, [other, made.clone()]);
    let some: Vec<Repository> = lake.lakebed.list_repositories("tr").try_collect().await.unwrap();
    assert_eq!(some, [made]);

    lake.lakebed.delete_repository(&name("trips")).await.unwrap();
    let gone = lake.lakebed.get_repository(&name("trips")).await.unwrap_err();
    assert_eq!((gone.code, gone.reason), (Code::NotFound, Reason::RepositoryNotFound));
    assert!(gone.message.contains("trips"), "{gone}");
}

#[tokio::test]
async fn a_name_or_a_namespace_is_given_once() {
    let lake = TestLake::new().await;
    let taken = lake.lakebed.create_repository(&lake.trips, CreateRepository::default()).await.unwrap_err();
    assert_eq!((taken.code, taken.reason), (Code::AlreadyExists, Reason::RepositoryExists));
    let same = CreateRepository { storage_namespace: Some("mem://trips".to_owned()), ..Default::default() };
    let taken = lake.lakebed.create_repository(&name("other"), same).await.unwrap_err();
    assert_eq!((taken.code, taken.reason), (Code::AlreadyExists, Reason::NamespaceTaken));
}

#[tokio::test]
async fn a_deleted_repository_s_name_may_be_used_again() {
    let lake = TestLake::new().await;
    lake.put("main", "a", "old").await;
    lake.commit("main", "old").await;
    let old = lake.lakebed.get_repository(&lake.trips).await.unwrap();
    lake.lakebed.delete_repository(&lake.trips).await.unwrap();
    let new = lake.lakebed.create_repository(&lake.trips, CreateRepository::default()).await.unwrap();
    assert_ne!((new.uid, &new.namespace), (old.uid, &old.namespace));
    assert_eq!(lake.paths("main").await, Vec::<String>::new());
}

#[tokio::test]
async fn a_deleted_repository_s_commits_are_gone_from_its_successor() {
    let lake = TestLake::new().await;
    lake.put("main", "a", "old").await;
    let old = lake.commit("main", "old").await.id.to_string();
    assert_eq!(lake.read(&old, "a").await.unwrap(), "old");
    lake.lakebed.delete_repository(&lake.trips).await.unwrap();
    let deleted = lake.read(&old, "a").await.unwrap_err();
    assert_eq!(deleted.reason, Reason::RepositoryNotFound, "{deleted}");

    lake.lakebed.create_repository(&lake.trips, CreateRepository::default()).await.unwrap();
    let branched = lake.lakebed.create_branch(&lake.trips, &branch("fix"), &old).await.unwrap_err();
    assert_eq!(branched.reason, Reason::RefNotFound, "{branched}");
}

/// The repository is deleted and made by another server, of which this one hears nothing.
#[tokio::test]
async fn a_ref_is_never_made_of_another_repository_s_commit() {
    let lake = TestLake::new().await;
    lake.put("main", "a", "old").await;
    let old = lake.commit("main", "old").await.id.to_string();
    assert_eq!(lake.read(&old, "a").await.unwrap(), "old");
    let delete = Command::DeleteRepository(DeleteRepository { name: lake.trips.clone() });
    lake.graveler.meta().write(delete).await.unwrap().done().unwrap();
    let main = branch("main");
    let made = lake.graveler.create_repository(RequestId(77), &lake.trips, None, &main, "ann").await.unwrap();
    assert_ne!(made.namespace.as_str(), "mem://trips");

    let branched = lake.lakebed.create_branch(&lake.trips, &branch("fix"), &old).await.unwrap_err();
    assert_eq!(branched.reason, Reason::RefNotFound, "{branched}");
    assert_eq!(lake.read("main", "b").await.unwrap_err().reason, Reason::ObjectNotFound);
}

#[tokio::test]
async fn no_verb_takes_a_commit_of_another_repository() {
    for verb in ["tag", "merge", "reset", "rebase", "revert", "pick", "copy"] {
        let lake = TestLake::new().await;
        let old = lake.log("main").await[0].id.to_string();
        assert_eq!(lake.read(&old, "a").await.unwrap_err().reason, Reason::ObjectNotFound);
        let delete = Command::DeleteRepository(DeleteRepository { name: lake.trips.clone() });
        lake.graveler.meta().write(delete).await.unwrap().done().unwrap();
        let (api, trips, main) = (&lake.lakebed, &lake.trips, branch("main"));
        lake.graveler.create_repository(RequestId(77), trips, None, &main, "ann").await.unwrap();
        let reset = HardReset { to: old.clone(), expected: None, discard_uncommitted: false };
        let copy = CopyObjects { from: String::new(), to: "copy/".into(), recursive: true };
        let error = match verb {
            "tag" => api.create_tag(trips, &"v1".parse().unwrap(), &old).await.err(),
            "merge" => lake.merge(&old, "main").await.err(),
            "reset" => api.hard_reset(trips, &main, reset).await.err(),
            "rebase" => api.rebase(trips, &main, &old, RebaseOptions::default()).await.err(),
            "revert" => api.revert(trips, &main, &old, ReplayOptions::default()).await.err(),
            "pick" => api.cherry_pick(trips, &main, &old, ReplayOptions::default()).await.err(),
            _ => api.copy_objects(trips, &old, &main, copy).await.err(),
        };
        assert_eq!(error.map(|error| error.reason), Some(Reason::RefNotFound), "{verb}");
    }
}

#[tokio::test]
async fn a_namespace_outside_the_server_s_store_is_refused() {
    let lake = TestLake::empty().await;
    for elsewhere in ["s3://elsewhere/x", "https://me.blob.core.windows.net/c/p", "abfs://c@me.dfs.core.windows.net/p"]
    {
        let options = CreateRepository { storage_namespace: Some(elsewhere.to_owned()), ..Default::default() };
        let refused = lake.lakebed.create_repository(&name("trips"), options).await.unwrap_err();
        assert_eq!((refused.code, refused.reason), (Code::InvalidArgument, Reason::InvalidArgument), "{elsewhere}");
    }
}

/// One rule for all APIs: that of lakeFS's clients.
#[tokio::test]
async fn a_namespace_is_read_as_lakefs_s_clients_write_it() {
    let lake = TestLake::empty().await;
    for (at, written) in ["mem://a", "mem:///b", "mem://c/", "mem:////d"].into_iter().enumerate() {
        let options = CreateRepository { storage_namespace: Some(written.to_owned()), ..Default::default() };
        let made = lake.lakebed.create_repository(&name(&format!("trips{at}")), options).await.unwrap();
        assert_eq!(made.namespace.as_str(), format!("mem://{}", &"abcd"[at..=at]), "{written}");
    }
}
