//! Completions on stores that answer each one of an upload as the first, whatever parts it names.

use std::sync::Arc;

use bytes::Bytes;
use storage::testing::{Completing, Tags};
use storage::{Completed, CompletionPart, StorageError, Stores};

use crate::support::{body, bytes, chosen, repository};

/// What an upload of two parts was completed into, and what a completion with another part of the same size, with one part
/// and with the same ones is told afterwards: by the store, and by the bytes.
async fn told(stores: &Arc<Stores>) -> (Completed, [Result<(Completed, bool), StorageError>; 3]) {
    let storage = repository(stores);
    let address = storage.new_address();
    let upload = storage.create_multipart(&address).await.unwrap();
    let mut parts = Vec::new();
    for (number, content) in (1..).zip([bytes(100), bytes(10), Bytes::from(vec![7; 10])]) {
        let part = storage.put_part(&address, &upload, number, body(&content), None).await.unwrap();
        parts.push(chosen(number, &part));
    }
    let complete = async |parts: &[CompletionPart]| {
        let completed = storage.complete_multipart(&address, &upload, parts).await?;
        Ok((completed, storage.is_made_of(&address, parts).await?))
    };
    let (first, is_made_of_them) = complete(&parts[..2]).await.unwrap();
    assert!(is_made_of_them);
    let other = [parts[0].clone(), parts[2].clone()];
    (first, [complete(&other).await, complete(&parts[..1]).await, complete(&parts[..2]).await])
}

#[tokio::test]
async fn the_e_tag_of_s3_tells_who_did_not_complete_an_upload() {
    let (first, [other, fewer, same]) = told(&Completing::in_memory(Tags::Md5)).await;
    assert_eq!(first, Completed::OfThese);
    for refused in [other, fewer] {
        assert!(matches!(refused, Err(StorageError::NotFound { .. })), "{refused:?}");
    }
    assert_eq!(same.unwrap(), (Completed::OfThese, true));
}

#[tokio::test]
async fn another_e_tag_tells_nothing_and_the_bytes_do() {
    let (first, later) = told(&Completing::in_memory(Tags::Opaque)).await;
    assert_eq!(first, Completed::Untold);
    let later = later.map(Result::unwrap);
    assert_eq!(later, [(Completed::Untold, false), (Completed::Untold, false), (Completed::Untold, true)]);
}
