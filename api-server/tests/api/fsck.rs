//! Checks of a repository through the API.

use futures::TryStreamExt;
use lakebed_sdk::{CheckEvent, CheckSummary, Code, DataCheck, Fault, Reason};

use crate::lake::{TestLake, name};

pub(crate) async fn check(lake: &TestLake, reference: Option<&str>, data: DataCheck) -> (Vec<Fault>, CheckSummary) {
    let mut events = lake.lakebed.check(&lake.trips, reference, data).await.unwrap();
    let (mut faults, mut summary) = (Vec::new(), None);
    while let Some(event) = events.try_next().await.unwrap() {
        match event {
            CheckEvent::Fault(fault) => faults.push(fault),
            CheckEvent::Progress(_) => {}
            CheckEvent::Summary(end) => summary = Some(end),
        }
    }
    (faults, summary.unwrap())
}

#[tokio::test]
async fn a_sound_repository_is_told_so() {
    let lake = TestLake::new().await;
    lake.put("main", "a", "one").await;
    lake.commit("main", "first").await;
    lake.branch_off("fix", "main").await;
    lake.put("fix", "b", "two").await;
    lake.commit("fix", "second").await;
    let (faults, summary) = check(&lake, None, DataCheck::Bytes).await;
    assert_eq!(faults, []);
    assert_eq!((summary.commits, summary.metaranges, summary.faults), (3, 2, 0));
    assert_eq!(check(&lake, Some("main"), DataCheck::Skip).await.1.commits, 2);
    lake.put("fix", "c", "three").await;
    let (faults, summary) = check(&lake, None, DataCheck::Bytes).await;
    assert_eq!((faults.len(), summary.objects_uncommitted), (0, 1));
}

#[tokio::test]
async fn a_fault_comes_with_its_paths() {
    let lake = TestLake::new().await;
    lake.put("main", "a/b", "precious").await;
    lake.commit("main", "first").await;
    let object = lake.lakebed.stat(&lake.trips, "main", &"a/b".parse().unwrap()).await.unwrap();
    let repository = lake.graveler.meta().repository(&lake.trips).await.unwrap();
    let storage = lake.graveler.stores().repository(&repository.namespace).unwrap();
    storage.delete_data(&model::Address::Relative(object.physical_address.clone())).await.unwrap();
    let (faults, summary) = check(&lake, None, DataCheck::Size).await;
    let [fault] = &faults[..] else { panic!("{faults:?}") };
    assert_eq!((fault.kind.as_str(), fault.path.as_deref()), ("missing", Some("a/b")));
    assert_eq!(fault.file, object.physical_address);
    assert!(fault.needed_by.starts_with("_lakebed/ranges/"));
    assert_eq!(summary.faults, 1);
}

#[tokio::test]
async fn what_cannot_be_begun_is_an_error() {
    let lake = TestLake::new().await;
    let unknown = lake.lakebed.check(&lake.trips, Some("nothing"), DataCheck::Size).await.err().unwrap();
    assert_eq!((unknown.code, unknown.reason), (Code::NotFound, Reason::RefNotFound));
    let unknown = lake.lakebed.check(&name("others"), None, DataCheck::Size).await.err().unwrap();
    assert_eq!(unknown.reason, Reason::RepositoryNotFound);
}
