//! The pages themselves, which the SDK hides: small amounts over the bare wire.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proto::generated::api as wire;
use proto::generated::api::branches_client::BranchesClient;
use proto::generated::api::commits_client::CommitsClient;
use proto::generated::api::objects_client::ObjectsClient;
use proto::generated::api::repositories_client::RepositoriesClient;
use tonic::Request;
use tonic::transport::Channel;

use crate::lake::{ACCESS_KEY_ID, SECRET_ACCESS_KEY, TestLake};

fn signed<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    let pair = STANDARD.encode(format!("{ACCESS_KEY_ID}:{SECRET_ACCESS_KEY}"));
    request.metadata_mut().insert("authorization", format!("Basic {pair}").parse().unwrap());
    request
}

async fn channel(lake: &TestLake) -> Channel {
    Channel::from_shared(lake.endpoint()).unwrap().connect().await.unwrap()
}

#[tokio::test]
async fn pages_meet_without_gap_or_overlap() {
    let lake = TestLake::new().await;
    for n in 0..5 {
        lake.put("main", &format!("d{n}/x"), "1").await;
        lake.put("main", &format!("f{n}"), "1").await;
        lake.commit("main", &format!("{n}")).await;
        lake.branch_off(&format!("b{n}"), "main").await;
    }
    let channel = channel(&lake).await;

    let (mut names, mut after) = (Vec::new(), String::new());
    loop {
        let request = wire::ListBranchesRequest { repository: "trips".into(), after, amount: 2, ..Default::default() };
        let page = BranchesClient::new(channel.clone()).list(signed(request)).await.unwrap().into_inner();
        assert!(page.branches.len() <= 2);
        names.extend(page.branches.into_iter().map(|branch| branch.name));
        if !page.more {
            assert_eq!(page.next_after, "");
            break;
        }
        after = page.next_after;
    }
    assert_eq!(names, ["b0", "b1", "b2", "b3", "b4", "main"]);

    let (mut names, mut after) = (Vec::new(), String::new());
    loop {
        let request = wire::ListObjectsRequest {
            repository: "trips".into(),
            r#ref: "main".into(),
            delimiter: "/".into(),
            after,
            amount: 3,
            ..Default::default()
        };
        let page = ObjectsClient::new(channel.clone()).list(signed(request)).await.unwrap().into_inner();
        names.extend(page.items.into_iter().map(|item| match item.item.unwrap() {
            wire::list_item::Item::Object(object) => object.path,
            wire::list_item::Item::CommonPrefix(prefix) => prefix,
        }));
        if !page.more {
            break;
        }
        after = page.next_after;
    }
    assert_eq!(names, ["d0/", "d1/", "d2/", "d3/", "d4/", "f0", "f1", "f2", "f3", "f4"]);

    let (mut messages, mut after) = (Vec::new(), String::new());
    loop {
        let request = wire::LogRequest {
            repository: "trips".into(),
            r#ref: "main".into(),
            after,
            amount: 2,
            ..wire::LogRequest::default()
        };
        let page = CommitsClient::new(channel.clone()).log(signed(request)).await.unwrap().into_inner();
        messages.extend(page.commits.into_iter().map(|commit| commit.message));
        if !page.more {
            break;
        }
        after = page.next_after;
    }
    assert_eq!(messages, ["4", "3", "2", "1", "0", "Repository created"]);
}

#[tokio::test]
async fn a_retry_with_the_same_request_id_finds_its_own_work() {
    let lake = TestLake::empty().await;
    let channel = channel(&lake).await;
    let request =
        wire::CreateRepositoryRequest { request_id: vec![7; 16].into(), name: "trips".into(), ..Default::default() };
    let mut client = RepositoriesClient::new(channel);
    let first = client.create(signed(request.clone())).await.unwrap().into_inner();
    let second = client.create(signed(request)).await.unwrap().into_inner();
    assert_eq!(first, second);
    let odd = wire::CreateRepositoryRequest { request_id: vec![7; 3].into(), name: "x".into(), ..Default::default() };
    assert_eq!(client.create(signed(odd)).await.unwrap_err().code(), tonic::Code::InvalidArgument);
}
