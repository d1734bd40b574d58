//! What a node refuses to start on, and what it says then.

use std::fs;
use std::path::Path;

use metadata_server::{MetadataOptions, MetadataServer, StartError};

use crate::support::{create_branch, create_repository, has_branch, options, start, write_ahead_file};

async fn refusal(folder: &Path) -> StartError {
    match MetadataServer::start(options(folder)).await {
        Ok(_) => panic!("the node started"),
        Err(error) => error,
    }
}

/// A data folder that has been in use, closed in good order.
async fn used_folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let server = start(folder.path()).await;
    create_repository(&*server.store()).await;
    for number in 0..50 {
        create_branch(&*server.store(), &format!("b-{number}")).await.unwrap();
    }
    server.shutdown().await;
    folder
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_in_use() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(folder.path()).await;
    let error = refusal(folder.path()).await;
    assert!(matches!(error, StartError::Locked { .. }), "{error}");
    assert!(error.to_string().contains("in use by another process"), "{error}");
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newer_schema() {
    let folder = used_folder().await;
    let path = folder.path().join("identity.json");
    let text = fs::read_to_string(&path).unwrap().replace("\"schema\": 1", "\"schema\": 2");
    fs::write(&path, text).unwrap();
    let error = refusal(folder.path()).await;
    assert!(matches!(error, StartError::NewerSchema { found: 2, .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_or_missing_identity() {
    let folder = used_folder().await;
    let path = folder.path().join("identity.json");
    fs::write(&path, "{").unwrap();
    assert!(matches!(refusal(folder.path()).await, StartError::Corrupt { .. }));
    fs::remove_file(&path).unwrap();
    let error = refusal(folder.path()).await;
    assert!(matches!(error, StartError::Foreign { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_folder_beside_what_proves_that_it_was_there() {
    let folder = tempfile::tempdir().unwrap();
    let (metadata, proof) = (folder.path().join("metadata"), folder.path().join("proof"));
    let start = || MetadataServer::start(MetadataOptions { proof_of_use: Some(proof.clone()), ..options(&metadata) });
    let error = start().await.err().expect("it must not start");
    assert!(matches!(error, StartError::Lost { .. }), "{error}");
    for word in ["metadata", "restore it from a backup", "To begin anew", "proof"] {
        assert!(error.to_string().contains(word), "{error}");
    }
    assert!(!metadata.exists(), "nothing is made");
    fs::create_dir(&metadata).unwrap();
    assert!(matches!(start().await.err(), Some(StartError::Lost { .. })), "an empty folder is none");

    let server = crate::support::start(&metadata).await;
    server.shutdown().await;
    start().await.unwrap().shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_nodes_log_or_state() {
    let (one, other) = (used_folder().await, used_folder().await);
    let (kept, foreign) = (one.path().join("log-kept"), other.path().join("log"));
    fs::rename(one.path().join("log"), &kept).unwrap();
    let error = refusal(one.path()).await;
    assert!(matches!(error, StartError::Corrupt { .. } | StartError::Foreign { .. }), "a lost log: {error}");

    fs::remove_dir_all(one.path().join("log")).unwrap();
    fs::rename(&foreign, one.path().join("log")).unwrap();
    let error = refusal(one.path()).await;
    assert!(matches!(error, StartError::Foreign { .. }), "{error}");
    assert!(error.to_string().contains("don't mix folders of different nodes"), "{error}");

    fs::rename(one.path().join("log"), &foreign).unwrap();
    fs::rename(&kept, one.path().join("log")).unwrap();
    fs::remove_dir_all(one.path().join("state")).unwrap();
    fs::rename(other.path().join("state"), one.path().join("state")).unwrap();
    let error = refusal(one.path()).await;
    assert!(matches!(error, StartError::Foreign { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flipped_bit_in_the_log() {
    let folder = used_folder().await;
    let path = write_ahead_file(folder.path());
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, bytes).unwrap();
    let error = refusal(folder.path()).await;
    assert!(matches!(error, StartError::Corrupt { .. }), "{error}");
    assert!(error.to_string().contains(&folder.path().join("log").display().to_string()), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_whose_acknowledged_end_is_gone() {
    let folder = used_folder().await;
    let path = write_ahead_file(folder.path());
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 3]).unwrap();
    let error = refusal(folder.path()).await;
    assert!(matches!(error, StartError::Corrupt { .. }), "{error}");
    assert!(error.to_string().contains("the log lost its end"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn not_a_half_written_record_that_nobody_was_told_of() {
    let folder = used_folder().await;
    let path = write_ahead_file(folder.path());
    let mut bytes = fs::read(&path).unwrap();
    // A record's header that promises more bytes than there are, as a crash in the middle of a write leaves it.
    bytes.extend_from_slice(&[0xAA, 0xBB, 0xCC, 0xDD, 0xFF, 0x0F, 1, 1, 2, 3]);
    fs::write(&path, bytes).unwrap();
    let server = start(folder.path()).await;
    assert!(has_branch(&*server.store(), "b-49").await);
    server.shutdown().await;
}
