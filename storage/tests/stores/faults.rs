//! What users of a store see when it fails, through [`Faulty`]; and what it is asked, through [`Counting`].

use std::sync::Arc;
use std::time::Duration;

use model::RangeId;
use storage::testing::{Counters, Counting, Fault, Faults, Faulty, Verb};
use storage::{Immutable, PutError, RepositoryStorage, StorageError, StoreSettings, Stores};

use crate::support::{body, bytes, chosen, collect, read, repository};

async fn faulty() -> (RepositoryStorage, Faults) {
    let faults = Faults::default();
    let stores = Stores::open("memory:///", &StoreSettings::default()).await.unwrap();
    let wrapped = stores.decorated(|store, multipart| {
        let faulty = Faulty::new(store, multipart, faults.clone());
        (Arc::clone(&faulty) as _, faulty)
    });
    (repository(&wrapped), faults)
}

async fn counted() -> (RepositoryStorage, Counters) {
    let counters = Counters::default();
    let stores = Stores::open("memory:///", &StoreSettings::default()).await.unwrap();
    let wrapped = stores.decorated(|store, multipart| {
        let counting = Counting::new(store, multipart, counters.clone());
        (Arc::clone(&counting) as _, counting)
    });
    (repository(&wrapped), counters)
}

#[tokio::test]
async fn each_failure_has_its_error_and_ends_with_its_cause() {
    let (storage, faults) = faulty().await;
    let object = Immutable::Range(RangeId::from_bytes([1; 32]));
    storage.put(&object, bytes(100)).await.unwrap();
    for fault in [Fault::Unavailable, Fault::NotFound, Fault::Denied, Fault::Full] {
        faults.always(Verb::Get, fault);
        faults.always(Verb::Put, fault);
        let read = storage.get(&object).await.unwrap_err();
        let written = storage.put_data(&storage.new_address(), body(&bytes(10)), None).await.unwrap_err();
        let PutError::Storage(written) = written else { panic!("{written}") };
        for error in [read, written] {
            let fits = match fault {
                Fault::Unavailable => matches!(error, StorageError::Unavailable { .. }) && error.is_retryable(),
                Fault::NotFound => matches!(error, StorageError::NotFound { .. }) && !error.is_retryable(),
                Fault::Denied => matches!(error, StorageError::Denied { .. }) && !error.is_retryable(),
                _ => matches!(error, StorageError::Full { .. }) && error.is_retryable(),
            };
            assert!(fits, "{fault:?}: {error:?}");
            assert!(error.to_string().contains("mem://r-"), "{error}");
        }
        faults.clear();
        assert_eq!(storage.get(&object).await.unwrap(), bytes(100));
        storage.put_data(&storage.new_address(), body(&bytes(10)), None).await.unwrap();
    }
}

#[tokio::test]
async fn half_a_body_is_an_error_not_a_short_object() {
    let (storage, faults) = faulty().await;
    let address = storage.new_address();
    storage.put_data(&address, body(&bytes(1000)), None).await.unwrap();
    faults.once_after(Verb::Get, 0, Fault::HalfBody);
    let error = collect(storage.get_data(&address, 0..1000).await.unwrap()).await.unwrap_err();
    let error = error.downcast::<StorageError>().unwrap();
    assert!(matches!(*error, StorageError::Unavailable { .. }), "{error}");
    assert_eq!(read(&storage, &address, 1000).await, bytes(1000));
}

#[tokio::test]
async fn parts_are_taken_back_whatever_fails() {
    for (verb, skip) in [(Verb::Create, 0), (Verb::Part, 0), (Verb::Part, 2), (Verb::Complete, 0)] {
        let (storage, faults) = faulty().await;
        let address = storage.new_address();
        faults.once_after(verb, skip, Fault::Unavailable);
        let failed = storage.put_data(&address, body(&bytes(30 << 20)), None).await;
        assert!(matches!(failed, Err(PutError::Storage(StorageError::Unavailable { .. }))), "{verb:?}");
        assert!(matches!(storage.get_data(&address, 0..1).await, Err(StorageError::NotFound { .. })));
        storage.put_data(&address, body(&bytes(30 << 20)), None).await.expect("because the store is well again");
    }
}

#[tokio::test]
async fn a_creation_whose_answer_is_lost_is_ours_when_tried_again() {
    let (storage, faults) = faulty().await;
    let format = storage::Format::new("trips".parse().unwrap(), model::RequestId(9));
    faults.once_after(Verb::Put, 0, Fault::LostAnswer);
    assert!(storage.create_format(&format).await.is_err());
    storage.create_format(&format).await.unwrap();
    let other = storage::Format::new("trips".parse().unwrap(), model::RequestId(10));
    assert!(matches!(storage.create_format(&other).await, Err(StorageError::AlreadyExists { .. })));
}

#[tokio::test]
async fn a_completion_with_other_parts_isn_t_taken_for_the_one_that_succeeded() {
    let (storage, _) = faulty().await;
    let address = storage.new_address();
    let upload = storage.create_multipart(&address).await.unwrap();
    let first = storage.put_part(&address, &upload, 1, body(&bytes(10)), None).await.unwrap();
    let second = storage.put_part(&address, &upload, 2, body(&bytes(20)), None).await.unwrap();
    let both = [chosen(1, &first), chosen(2, &second)];
    storage.complete_multipart(&address, &upload, &both).await.unwrap();
    let other = storage.complete_multipart(&address, &upload, &both[1..]).await.unwrap_err();
    assert!(matches!(other, StorageError::NotFound { .. }), "{other}");
}

#[tokio::test]
async fn a_completion_whose_answer_is_lost_is_seen_to_have_succeeded() {
    let (storage, faults) = faulty().await;
    let address = storage.new_address();
    let upload = storage.create_multipart(&address).await.unwrap();
    let part = storage.put_part(&address, &upload, 1, body(&bytes(10)), None).await.unwrap();
    let parts = [chosen(1, &part)];
    faults.once_after(Verb::Complete, 0, Fault::LostAnswer);
    storage.complete_multipart(&address, &upload, &parts).await.unwrap();
    storage.complete_multipart(&address, &upload, &parts).await.expect("because it is there already");
    assert_eq!(read(&storage, &address, 10).await, bytes(10));
}

#[tokio::test]
async fn a_silent_store_is_given_up_by_its_callers() {
    let (storage, faults) = faulty().await;
    faults.always(Verb::Put, Fault::Hang);
    let address = storage.new_address();
    let put = storage.put_data(&address, body(&bytes(10)), None);
    assert!(tokio::time::timeout(Duration::from_millis(50), put).await.is_err());
    faults.clear();
    storage.put_data(&storage.new_address(), body(&bytes(10)), None).await.unwrap();
}

#[tokio::test]
async fn a_small_object_costs_one_request_each_way() {
    let (storage, counters) = counted().await;
    let address = storage.new_address();
    storage.put_data(&address, body(&bytes(1024)), Some(1024)).await.unwrap();
    assert_eq!((counters.requests(Verb::Put), counters.bytes(Verb::Put)), (1, 1024));
    read(&storage, &address, 1024).await;
    assert_eq!((counters.requests(Verb::Get), counters.bytes(Verb::Get)), (1, 1024));
    assert_eq!(counters.all_requests(), 2);
    counters.reset();
    let object = Immutable::Range(RangeId::from_bytes([1; 32]));
    storage.put(&object, bytes(5000)).await.unwrap();
    storage.get_suffix(&object, 100).await.unwrap();
    assert_eq!((counters.all_requests(), counters.bytes(Verb::Get)), (2, 100));
}

#[tokio::test]
async fn a_large_object_goes_in_parts_of_a_moderate_size() {
    let (storage, counters) = counted().await;
    storage.put_data(&storage.new_address(), body(&bytes(20 << 20)), None).await.unwrap();
    assert_eq!(counters.requests(Verb::Put), 0);
    assert_eq!((counters.requests(Verb::Part), counters.bytes(Verb::Part)), (3, 20 << 20));
    assert_eq!((counters.requests(Verb::Create), counters.requests(Verb::Complete)), (1, 1));
}
