//! A disk that fails under the log or the state: clear errors, nothing acknowledged lost, and service again once the
//! cause is gone, without a restart of the process.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use metadata_server::{FaultPoint, Faults, MetadataOptions, MetadataServer};
use model::MetaError;

use crate::support::{create_branch, create_branch_when_up, create_repository, has_branch, options, start};

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
