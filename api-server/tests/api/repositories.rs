use futures::TryStreamExt;
use lakebed_sdk::{Code, CreateRepository, Reason, Repository};

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
    let same = CreateRepository { storage_namespace: Some("mem://trips".parse().unwrap()), ..Default::default() };
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
async fn a_namespace_outside_the_server_s_store_is_refused() {
    let lake = TestLake::empty().await;
    let elsewhere =
        CreateRepository { storage_namespace: Some("s3://elsewhere/x".parse().unwrap()), ..Default::default() };
    let refused = lake.lakebed.create_repository(&name("trips"), elsewhere).await.unwrap_err();
    assert_eq!((refused.code, refused.reason), (Code::InvalidArgument, Reason::InvalidArgument));
}
