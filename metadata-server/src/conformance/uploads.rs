//! Multipart uploads, from create to complete or abort.

use std::sync::Arc;

use model::{CompletedUpload, Condition, ListParts, MetaStore, Part, Refusal, Require, StageOutcome, UploadId};

use super::lake::{COMPLETION, Lake, commit, granted, name, object, part, refusal};

pub(super) async fn live_from_create_to_complete(store: Arc<dyn MetaStore>) {
    let lake = Lake::new(store, "upload").await;
    let upload = lake.create_upload("main", "a").await;
    assert_eq!(lake.find_upload(&upload).await, Ok(upload.clone()));
    let other = lake.create_upload("main", "a").await;
    assert_ne!(other.id, upload.id);

    for (number, e_tag) in [(2, "two"), (1, "one"), (2, "two again"), (10_000, "last")] {
        assert_eq!(lake.put_part(&upload, part(number, e_tag)).await.done(), Ok(()));
    }
    assert_eq!(lake.parts(&upload, 0, 10).await, Ok((vec![1, 2, 10_000], false)));
    assert_eq!(lake.parts(&other, 0, 10).await, Ok((vec![], false)));
    let query = ListParts { repository: lake.repository.name.clone(), upload: upload.id, after: 1, amount: 1 };
    let page = granted(lake.ask(query).await);
    let newest = Part { is_sole: false, ..part(2, "two again") };
    assert_eq!((page.items, page.more), (vec![newest], true), "the newest of a number counts");

    assert_eq!(granted(lake.complete(&upload, "whole", None).await.staged()), [StageOutcome::Staged]);
    assert_eq!(lake.staged("a").await, Some(object("whole")));
    let gone = Refusal::UploadNotFound(upload.id);
    assert_eq!(lake.find_upload(&upload).await, Err(gone.clone()));
    assert_eq!(lake.parts(&upload, 0, 10).await, Err(gone.clone()));
    assert_eq!(refusal(lake.put_part(&upload, part(1, "late")).await), gone);
    assert_eq!(refusal(lake.complete(&upload, "again", None).await), gone);
    assert_eq!(refusal(lake.abort(&upload).await), gone);
    assert_eq!(lake.uploads("main", "", None, 10).await, (vec![other], false));
}

/// The sole part of its number tells that no completion can have been of other bytes under it.
pub(super) async fn know_which_parts_are_the_sole_ones_of_their_numbers(store: Arc<dyn MetaStore>) {
    let lake = Lake::new(store, "sole").await;
    let upload = lake.create_upload("main", "a").await;
    let elsewhere = |number, e_tag| Part { store_part_id: "sent again".into(), ..part(number, e_tag) };
    let said_to_be = |is_sole, part: Part| Part { is_sole, ..part };
    let sent = [
        part(1, "one"),
        elsewhere(1, "one"),
        said_to_be(false, part(2, "two")),
        part(3, "three"),
        part(3, "other"),
        part(3, "three"),
        part(4, "four"),
        Part { size: 6, ..part(4, "four") },
    ];
    for part in sent {
        granted(lake.put_part(&upload, part).await.done());
    }
    let query = ListParts { repository: lake.repository.name.clone(), upload: upload.id, after: 0, amount: 9 };
    let kept = granted(lake.ask(query).await).items;
    let sole: Vec<_> = kept.iter().map(|part| (part.number, part.is_sole)).collect();
    assert_eq!(sole, [(1, true), (2, true), (3, false), (4, false)]);
    assert_eq!(kept[0].store_part_id, "sent again");
}

pub(super) async fn are_aborted(store: Arc<dyn MetaStore>) {
    let lake = Lake::new(store, "abort").await;
    let upload = lake.create_upload("main", "a").await;
    granted(lake.put_part(&upload, part(1, "one")).await.done());
    assert_eq!(granted(lake.abort(&upload).await.upload()), upload, "so that the caller can clean up behind it");
    assert_eq!(refusal(lake.abort(&upload).await), Refusal::UploadNotFound(upload.id));
    assert_eq!(lake.uploads("main", "", None, 10).await, (vec![], false));
    assert_eq!(lake.staged("a").await, None);
    // An id means nothing in another repository.
    let other = Lake::new(Arc::clone(&lake.store), "abort").await;
    let there = other.create_upload("main", "a").await;
    assert_eq!(lake.find_upload(&there).await, Err(Refusal::UploadNotFound(there.id)));
    assert!(lake.find_upload(&model::Upload { id: UploadId(u64::MAX), ..there }).await.is_err());
}

pub(super) async fn complete_on_condition(store: Arc<dyn MetaStore>) {
    let lake = Lake::new(store, "condition").await;
    let upload = lake.create_upload("main", "a").await;
    let absent = Condition { require: Require::Absent, commit: commit(1), committed_e_tag: None };
    lake.put("a", object("first")).await;
    let outcome = lake.complete(&upload, "whole", Some(absent.clone())).await;
    assert_eq!(granted(outcome.staged()), [StageOutcome::ConditionFailed]);
    assert_eq!(lake.staged("a").await, Some(object("first")));
    assert_eq!(lake.find_upload(&upload).await, Ok(upload.clone()), "it goes on, since nothing was staged");
    let matching = Condition { require: Require::Present(Some("first".into())), ..absent };
    let outcome = lake.complete(&upload, "whole", Some(matching)).await;
    assert_eq!(granted(outcome.staged()), [StageOutcome::Staged]);
    assert!(lake.find_upload(&upload).await.is_err());
}

pub(super) async fn are_listed_by_path_and_id(store: Arc<dyn MetaStore>) {
    let lake = Lake::new(store, "listed").await;
    granted(lake.create_branch("dev").await.branch());
    let mut made = vec![];
    for path in ["b", "a/2", "a/1", "a/1", "a", "a/1\0"] {
        made.push(lake.create_upload("main", path).await);
    }
    let dev = lake.create_upload("dev", "a/1").await;
    let wanted = [4, 2, 3, 5, 1, 0].map(|at: usize| made[at].clone());
    assert_eq!(lake.uploads("main", "", None, 10).await, (wanted.to_vec(), false));
    assert_eq!(lake.uploads("main", "a/1", None, 10).await, (wanted[1..4].to_vec(), false));
    assert_eq!(lake.uploads("main", "a/", None, 2).await, (wanted[1..3].to_vec(), true));
    assert_eq!(lake.uploads("main", "a/", Some(&wanted[2]), 10).await, (wanted[3..5].to_vec(), false));
    assert_eq!(lake.uploads("main", "a/", Some(&wanted[0]), 1).await, (wanted[1..2].to_vec(), true));
    assert_eq!(lake.uploads("dev", "", None, 10).await, (vec![dev], false));
}

pub(super) async fn are_not_taken_over_by_a_later_branch(store: Arc<dyn MetaStore>) {
    let lake = Lake::new(store, "later").await;
    granted(lake.create_branch("dev").await.branch());
    let upload = lake.create_upload("dev", "a").await;
    granted(lake.put_part(&upload, part(1, "one")).await.done());
    granted(lake.delete_branch("dev").await.done());
    let gone = Refusal::BranchNotFound(name("dev"));
    assert_eq!(refusal(lake.put_part(&upload, part(2, "two")).await), gone);

    let undeleted = granted(lake.undelete("dev").await).branch;
    assert_eq!(undeleted.uid, upload.branch_uid, "it is the same branch");
    granted(lake.put_part(&upload, part(2, "two")).await.done());

    granted(lake.delete_branch("dev").await.done());
    let later = granted(lake.create_branch("dev").await.branch());
    assert_ne!(later.uid, upload.branch_uid);
    let unknown = Refusal::UploadNotFound(upload.id);
    assert_eq!(refusal(lake.put_part(&upload, part(3, "three")).await), unknown);
    assert_eq!(refusal(lake.complete(&upload, "whole", None).await), unknown);
    assert_eq!(lake.lookup("dev", Some("a")).await.staged, None);
    assert_eq!(granted(lake.abort(&upload).await.upload()), upload, "somebody can still clean up behind it");
}

pub(super) async fn are_remembered_when_they_were_completed(store: Arc<dyn MetaStore>) {
    let lake = Lake::new(store, "remembered").await;
    let (upload, aborted) = (lake.create_upload("main", "a").await, lake.create_upload("main", "a").await);
    let unknown = Err(Refusal::UploadNotFound(upload.id));
    assert_eq!(lake.completed(&upload).await, unknown);
    let wrong = Condition { require: Require::Present(None), commit: commit(1), committed_e_tag: None };
    assert_eq!(granted(lake.complete(&upload, "whole", Some(wrong)).await.staged()), [StageOutcome::NotFound]);
    assert_eq!(lake.completed(&upload).await, unknown, "it goes on");
    granted(lake.complete(&upload, "whole", None).await.staged());
    granted(lake.abort(&aborted).await.upload());
    assert_eq!(lake.completed(&aborted).await, Err(Refusal::UploadNotFound(aborted.id)));
    // The answer stays the same when the object is replaced.
    lake.put("a", object("another")).await;
    let completed = lake.completed(&upload).await;
    let expected = CompletedUpload {
        branch: name("main"),
        path: name("a"),
        e_tag: "whole".into(),
        checksum: None,
        branch_uid: upload.branch_uid,
        request: Some(COMPLETION),
    };
    assert_eq!(completed, Ok(expected));
    let other = Lake::new(Arc::clone(&lake.store), "remembered").await;
    assert_eq!(other.completed(&upload).await, unknown, "an id means nothing in another repository");
}

pub(super) async fn are_not_remembered_for_a_later_branch(store: Arc<dyn MetaStore>) {
    let lake = Lake::new(store, "completed").await;
    granted(lake.create_branch("dev").await.branch());
    let upload = lake.create_upload("dev", "a").await;
    granted(lake.complete(&upload, "whole", None).await.staged());
    let completed = granted(lake.completed(&upload).await);
    let unknown = Err(Refusal::UploadNotFound(upload.id));

    granted(lake.delete_branch("dev").await.done());
    assert_eq!(lake.completed(&upload).await, unknown);
    granted(lake.undelete("dev").await);
    assert_eq!(lake.completed(&upload).await, Ok(completed), "it is the same branch");
    granted(lake.delete_branch("dev").await.done());
    granted(lake.create_branch("dev").await.branch());
    assert_eq!(lake.completed(&upload).await, unknown, "nothing was completed on this one");
}

pub(super) async fn outlive_their_branch(store: Arc<dyn MetaStore>) {
    let lake = Lake::new(store, "outlive").await;
    granted(lake.create_branch("dev").await.branch());
    let upload = lake.create_upload("dev", "a").await;
    granted(lake.delete_branch("dev").await.done());
    let refused = refusal(lake.complete(&upload, "whole", None).await);
    assert_eq!(refused, Refusal::BranchNotFound(name("dev")));
    assert_eq!(lake.uploads("dev", "", None, 10).await, (vec![upload.clone()], false), "somebody must abort it");
    assert_eq!(granted(lake.abort(&upload).await.upload()), upload);
}

pub(super) async fn of_very_many_parts(store: Arc<dyn MetaStore>) {
    let lake = Lake::new(store, "parts").await;
    let (upload, other) = (lake.create_upload("main", "a").await, lake.create_upload("main", "b").await);
    for number in 1..=130 {
        granted(lake.put_part(&upload, part(number, "x")).await.done());
    }
    granted(lake.put_part(&other, part(1, "x")).await.done());
    granted(lake.complete(&upload, "whole", None).await.staged());
    assert_eq!(lake.parts(&other, 0, 10).await, Ok((vec![1], false)));
}
