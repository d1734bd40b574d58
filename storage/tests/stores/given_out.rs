//! Bytes that clients put at addresses that were given out: what becomes theirs, and what no longer is.

use std::sync::Arc;

use bytes::Bytes;
use md5::{Digest, Md5};
use model::{Address, Entry, Timestamp};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use storage::testing::{Tagging, Tags};
use storage::{RepositoryStorage, Scheme, StorageError, StoreSettings, Stores, UploadSlot};

use crate::sources::raw;
use crate::support::{bytes, read, repository};

/// A slot, and where somebody writes for it.
struct Given {
    storage: RepositoryStorage,
    slot: UploadSlot,
    address: Address,
    raw: Arc<dyn ObjectStore>,
    key: Path,
}

impl Given {
    fn new(stores: &Arc<Stores>) -> Self {
        let storage = repository(stores);
        let slot = storage.new_slot();
        let address = slot.given_out("1f-seal");
        let namespace = storage.namespace().as_str().split_once("://").unwrap().1;
        let in_bucket = match stores.scheme() {
            Scheme::Local | Scheme::Memory => namespace,
            Scheme::S3 | Scheme::Gcs | Scheme::Azure => namespace.split_once('/').unwrap().1,
        };
        let key = Path::from(format!("{in_bucket}/{}", address.as_str()));
        Self { storage, slot, address, raw: raw(stores), key }
    }

    async fn put(&self, bytes: &Bytes) -> Option<String> {
        self.raw.put(&self.key, bytes.clone().into()).await.unwrap();
        self.raw.head(&self.key).await.unwrap().e_tag.map(|e_tag| e_tag.trim_matches('"').to_owned())
    }
}

fn entry(address: Address, size: u64) -> Entry {
    Entry {
        address,
        last_modified: Timestamp::default(),
        size,
        e_tag: String::new(),
        content_type: String::new(),
        metadata: Default::default(),
        headers: Default::default(),
        checksum: None,
        parts: None,
    }
}

/// What every store must do.
pub(crate) async fn are_adopted(stores: &Arc<Stores>) {
    for len in [0, 1, 300_000, 6 << 20] {
        let (given, first, second) = (Given::new(stores), bytes(len), Bytes::from(vec![b'z'; len + 1]));
        let Given { storage, slot, address, .. } = &given;
        assert!(matches!(storage.look_staged(address).await, Err(StorageError::NotFound { .. })));
        let e_tag = given.put(&first).await;
        let staged = storage.look_staged(address).await.unwrap();
        assert_eq!(staged.size(), len as u64);
        let adopted = storage.adopt(slot, &staged).await.unwrap();
        assert_eq!(adopted.size, len as u64);
        let named = entry(adopted.address.clone(), adopted.size);
        if let Some(e_tag) = &e_tag {
            assert!(storage.is_called(&named, &adopted, e_tag).await.unwrap(), "{e_tag} {adopted:?}");
        }
        assert!(slot.has_made(&adopted.address) && !storage::is_given_out(adopted.address.as_str()));
        let again = storage.adopt(slot, &staged).await.unwrap();
        assert_ne!(again.address, adopted.address, "nobody can tell it beforehand");

        let of_second = given.put(&second).await;
        assert_eq!(read(storage, &adopted.address, len).await, first, "it is out of reach");
        let meanwhile = storage.adopt(slot, &staged).await.unwrap();
        assert_eq!(
            read(storage, &meanwhile.address, meanwhile.size as usize).await[..],
            second[..meanwhile.size as usize]
        );
        let old = md5(&first);
        let named = entry(meanwhile.address.clone(), meanwhile.size);
        // Of nothing, what is read as long as it was is still nothing.
        let is_same = meanwhile.size == 0;
        for name in e_tag.iter().chain([&old]) {
            let is_called = storage.is_called(&named, &meanwhile, name).await.unwrap();
            assert!(!is_called || is_same, "it isn't called {name} as it was before");
        }
        let named = entry(adopted.address.clone(), adopted.size);
        assert!(storage.is_called(&named, &adopted, &old).await.unwrap(), "its MD5 is a name too");
        for unknown in ["", "x", &"0".repeat(32)].into_iter().chain(of_second.as_deref()) {
            assert!(!storage.is_called(&named, &adopted, unknown).await.unwrap(), "{unknown}");
        }
        for _ in 0..2 {
            storage.delete_staged(address).await.unwrap();
        }
        assert!(matches!(storage.look_staged(address).await, Err(StorageError::NotFound { .. })));
        if len > 0 {
            assert!(matches!(storage.adopt(slot, &staged).await, Err(StorageError::NotFound { .. })));
        }
    }
}

fn md5(bytes: &Bytes) -> String {
    Md5::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn a_store_that_copies_late_is_read_and_written() {
    let memory = Arc::new(InMemory::new());
    let stores = Stores::with_store(Arc::clone(&memory) as _, memory, Scheme::Azure);
    are_adopted(&stores).await;
}

#[tokio::test]
async fn bytes_that_were_swapped_and_put_back_within_a_second_are_known() {
    let memory = Arc::new(InMemory::new());
    let raw = Tagging::new(Arc::clone(&memory) as _, Tags::Md5);
    let given = Given::new(&Stores::with_store(raw, memory, Scheme::S3));
    let Given { storage, slot, address, .. } = &given;
    let (first, second) = (Bytes::from_static(b"first"), Bytes::from_static(b"other"));
    let e_tag = given.put(&first).await.unwrap();
    assert_eq!(e_tag, md5(&first), "as S3 has it");
    let staged = storage.look_staged(address).await.unwrap();
    given.put(&second).await;
    let adopted = storage.adopt(slot, &staged).await.unwrap();
    given.put(&first).await;
    let named = entry(adopted.address.clone(), adopted.size);
    assert!(!storage.is_called(&named, &adopted, &e_tag).await.unwrap(), "the copy is of what was there in between");
    assert!(storage.is_called(&named, &adopted, &md5(&second)).await.unwrap());
}

#[tokio::test]
async fn a_slot_knows_what_it_made() {
    let stores = Stores::open("memory:///", &StoreSettings::default()).await.unwrap();
    let storage = repository(&stores);
    let (slot, other) = (storage.new_slot(), storage.new_slot());
    let (read_back, seal) = {
        let address = slot.given_out("1f-seal");
        let (slot, seal) = UploadSlot::of_given_out(address.as_str()).unwrap();
        (slot, seal.to_owned())
    };
    assert_eq!((&read_back, seal.as_str()), (&slot, "1f-seal"));
    assert!(slot.has_made(&slot.of_parts()) && !other.has_made(&slot.of_parts()));
    for not_made in [slot.given_out("x"), storage.new_address(), Address::Full(slot.of_parts().as_str().to_owned())] {
        assert!(!slot.has_made(&not_made), "{not_made:?}");
    }
    assert!(UploadSlot::of_given_out(slot.of_parts().as_str()).is_none());
    assert!(storage.signed_put(&slot.of_parts()).await.is_err(), "no URL writes where objects lie");
}
