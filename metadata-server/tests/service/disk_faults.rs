//! A disk that fails under the log or the state: clear errors, nothing acknowledged lost, and service again once the
//! cause is gone, without a restart of the process.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use metadata_server::{FaultPoint, Faults, MetadataOptions, MetadataServer};
use model::{ListBranches, MetaError, PageRequest};

use crate::support::{
    copy_folder, create_branch, create_branch_when_up, create_repository, has_branch, options, repository, start,
};

/// A disk that is full at one point while the switch is on.
fn full_at(point: FaultPoint) -> (Faults, Arc<AtomicBool>) {
    let full = Arc::new(AtomicBool::new(false));
    let switch = full.clone();
    let faults = Faults::new(move |at| match at == point && switch.load(Ordering::SeqCst) {
        true => Err(io::Error::other("No space left on device (injected)")),
        false => Ok(()),
    });
    (faults, full)
}

async fn start_with(folder: &Path, faults: Faults) -> MetadataServer {
    MetadataServer::start(MetadataOptions { faults, ..options(folder) }).await.unwrap()
}

/// Writes, breaks the disk, writes in vain, mends it, and looks for what was acknowledged.
async fn survives(point: FaultPoint, folder_in_text: &str) {
    let folder = tempfile::tempdir().unwrap();
    let (faults, full) = full_at(point);
    let server = start_with(folder.path(), faults).await;
    let store = server.store();
    create_repository(&*store).await;
    create_branch(&*store, "before").await.unwrap();

    full.store(true, Ordering::SeqCst);
    let error = create_branch(&*store, "during").await.unwrap_err();
    assert!(matches!(error, MetaError::OutcomeUnknown(_)), "the write may be on disk: {error}");
    let text = error.to_string();
    assert!(text.contains("disk is full") && text.contains(folder_in_text), "{text}");
    assert!(text.contains(&folder.path().display().to_string()), "{text}");
    let error = create_branch(&*store, "while-down").await.unwrap_err();
    assert!(error.is_retryable() || matches!(error, MetaError::OutcomeUnknown(_)), "{error}");

    full.store(false, Ordering::SeqCst);
    create_branch_when_up(&*store, "after").await;
    assert!(server.counters().restarts >= 1);
    for name in ["main", "before", "after"] {
        assert!(has_branch(&*store, name).await, "{name}");
    }
    server.shutdown().await;

    let server = start(folder.path()).await;
    for name in ["main", "before", "after"] {
        assert!(has_branch(&*server.store(), name).await, "{name} after a restart");
    }
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_survives_a_log_that_cant_be_written() {
    survives(FaultPoint::BeforeLogWrite, "log").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_survives_a_sync_that_fails_after_the_write() {
    survives(FaultPoint::AfterLogWrite, "log").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_survives_a_state_that_cant_be_written() {
    survives(FaultPoint::BeforeApply, "state").await;
}

/// Breaks the disk again and again under a reader: each of its questions is answered, and by what was acknowledged.
async fn reads_go_on(point: FaultPoint) {
    let folder = tempfile::tempdir().unwrap();
    let (faults, full) = full_at(point);
    let server = start_with(folder.path(), faults).await;
    let store = server.store();
    create_repository(&*store).await;
    create_branch(&*store, "before").await.unwrap();

    let (acknowledged, done) = (Arc::new(Mutex::new(vec!["before".to_owned()])), Arc::new(AtomicBool::new(false)));
    let reader = tokio::spawn({
        let (store, acknowledged, done) = (store.clone(), acknowledged.clone(), done.clone());
        async move {
            let mut answered = 0_u64;
            while !done.load(Ordering::SeqCst) {
                let name = acknowledged.lock().unwrap().last().unwrap().clone();
                let found = store.branch(&repository(), &name.parse().unwrap()).await;
                assert!(found.is_ok(), "{name}: {:?}", found.err());
                answered += 1;
            }
            answered
        }
    });
    for round in 0..3 {
        full.store(true, Ordering::SeqCst);
        create_branch(&*store, &format!("in-doubt-{round}")).await.unwrap_err();
        // Commands are refused while questions are answered.
        let error = create_branch(&*store, "refused").await.unwrap_err();
        assert!(error.to_string().contains("disk is full"), "{error}");
        assert!(!error.to_string().contains("backup"), "{error}");
        for _ in 0..50 {
            assert!(has_branch(&*store, "before").await);
        }
        full.store(false, Ordering::SeqCst);
        let name = format!("after-{round}");
        create_branch_when_up(&*store, &name).await;
        acknowledged.lock().unwrap().push(name);
    }
    done.store(true, Ordering::SeqCst);
    assert!(reader.await.unwrap() > 0);
    assert!(server.counters().restarts >= 3);
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn questions_are_answered_while_the_log_cant_be_written() {
    reads_go_on(FaultPoint::BeforeLogWrite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn questions_are_answered_while_the_state_cant_be_written() {
    reads_go_on(FaultPoint::BeforeApply).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_on_a_full_disk_answers_questions() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(folder.path()).await;
    create_repository(&*server.store()).await;
    let (names, store): (Vec<_>, _) = ((0..1200).map(|number| format!("b-{number}")).collect(), server.store());
    let made = futures::future::join_all(names.iter().map(|name| create_branch(&*store, name))).await;
    assert!(made.iter().all(Result::is_ok));
    // What a crash leaves: the state on disk lacks all that is only in the log.
    let crashed = tempfile::tempdir().unwrap();
    copy_folder(folder.path(), crashed.path());
    server.shutdown().await;

    let (faults, full) = full_at(FaultPoint::BeforeLogWrite);
    full.store(true, Ordering::SeqCst);
    let server = start_with(crashed.path(), faults).await;
    let store = server.store();
    for name in ["main", "b-0", "b-1024", "b-1199"] {
        assert!(has_branch(&*store, name).await, "{name}");
    }
    assert!(!has_branch(&*store, "b-1200").await);
    let listed = ListBranches {
        repository: repository(),
        page: PageRequest { prefix: "b-".into(), after: String::new(), amount: 1000 },
    };
    assert_eq!(store.ask(listed).await.unwrap().items.len(), 1000);
    let error = create_branch(&*store, "refused").await.unwrap_err();
    assert!(matches!(error, MetaError::Unavailable(_)), "{error}");
    assert!(error.to_string().contains("disk is full") && !error.to_string().contains("backup"), "{error}");

    full.store(false, Ordering::SeqCst);
    create_branch_when_up(&*store, "after").await;
    assert!(has_branch(&*store, "b-1199").await);
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_in_a_crowd_lose_nothing_that_was_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let (faults, full) = full_at(FaultPoint::BeforeLogWrite);
    let server = start_with(folder.path(), faults).await;
    let store = server.store();
    create_repository(&*store).await;
    let writers = (0..16).map(|writer| {
        let store = store.clone();
        tokio::spawn(async move {
            let mut acknowledged = Vec::new();
            for write in 0..20 {
                let name = format!("b-{writer}-{write}");
                if create_branch(&*store, &name).await.is_ok() {
                    acknowledged.push(name);
                }
            }
            acknowledged
        })
    });
    let writers: Vec<_> = writers.collect();
    for _ in 0..3 {
        let fsyncs = server.counters().log_fsyncs;
        while server.counters().log_fsyncs < fsyncs + 3 && writers.iter().any(|writer| !writer.is_finished()) {
            tokio::task::yield_now().await;
        }
        full.store(true, Ordering::SeqCst);
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        full.store(false, Ordering::SeqCst);
        create_branch_when_up(&*store, "main-up").await;
    }
    let mut acknowledged = Vec::new();
    for writer in writers {
        acknowledged.extend(writer.await.unwrap());
    }
    for name in &acknowledged {
        assert!(has_branch(&*store, name).await, "{name} was acknowledged");
    }
    server.shutdown().await;
}
