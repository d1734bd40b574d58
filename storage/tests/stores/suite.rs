//! What every back end must do alike.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::stream::{self, StreamExt, TryStreamExt};
use md5::{Digest, Md5};
use model::{Address, CommitId, InstallationId, RangeId, RequestId, StoreId};
use storage::{CompletionPart, Format, Immutable, PutError, RepositoryStorage, StorageError, StoreMarker, Stores};

use crate::given_out;
use crate::support::{BrokenPipe, body, broken_body, bytes, chosen, collect, read, repository};

const MIB: usize = 1 << 20;

/// Where stores differ.
#[derive(Clone, Copy)]
pub(crate) struct Ways {
    /// Whether uploads complete whose part numbers have gaps. On all real stores they do.
    pub(crate) gaps_complete: bool,
    /// Whether an aborted upload can't complete any more. Azure has no aborts: its blocks vanish after a week, and that
    /// an upload ended is known to the metadata service alone.
    pub(crate) aborts_are_final: bool,
    /// Whether conditional writes and completions of uploads are one step. In all real stores they are; some emulators look
    /// first and write then.
    pub(crate) writes_are_atomic: bool,
}

pub(crate) const USUAL: Ways = Ways { gaps_complete: true, aborts_are_final: true, writes_are_atomic: true };

/// Runs all of it over one store.
pub(crate) async fn run(stores: &Arc<Stores>, ways: Ways) {
    probe(stores).await;
    a_marked_store_is_no_copy_of_itself(stores).await;
    formats_are_claimed_once(stores, ways).await;
    immutable_objects(stores).await;
    commits_by_prefix(stores).await;
    bodies_of_all_sizes(stores).await;
    ranges(stores).await;
    broken_bodies_leave_nothing(stores).await;
    dropped_uploads_leave_nothing(stores).await;
    multipart(stores, [1, 2, 3]).await;
    if ways.gaps_complete {
        multipart(stores, [3, 7, 10_000]).await;
        multipart_completions_race(stores, ways).await;
    }
    multipart_of_one_part(stores).await;
    multipart_aborts(stores, ways).await;
    given_out::are_adopted(stores).await;
    deletes(stores).await;
    refusals(stores).await;
}

async fn probe(stores: &Arc<Stores>) {
    let probe = stores.probe().await.unwrap();
    assert!(probe.conditional_put && probe.delete, "{probe:?}");
}

async fn a_marked_store_is_no_copy_of_itself(stores: &Arc<Stores>) {
    let marker = StoreMarker { store: StoreId(rand::random()), installation: InstallationId(1) };
    assert_eq!(stores.create_marker(marker).await.unwrap(), marker);
    for _ in 0..3 {
        assert!(!stores.is_copy().await.unwrap());
    }
    let taken_over = StoreMarker { store: StoreId(rand::random()), ..marker };
    stores.replace_marker(taken_over).await.unwrap();
    assert_eq!(stores.marker().await.unwrap(), Some(taken_over));
    for _ in 0..3 {
        assert!(!stores.is_copy().await.unwrap());
    }
}

async fn formats_are_claimed_once(stores: &Arc<Stores>, ways: Ways) {
    let storage = repository(stores);
    assert!(matches!(storage.read_format().await, Err(StorageError::NotFound { .. })));
    let formats: Vec<Format> = (0..6).map(|i| Format::new("trips".parse().unwrap(), RequestId(i))).collect();
    let claims = formats.iter().map(|format| storage.create_format(format));
    let at_once = if ways.writes_are_atomic { formats.len() } else { 1 };
    let claims: Vec<_> = stream::iter(claims).buffered(at_once).collect().await;
    let won: Vec<&Format> = claims.iter().zip(&formats).filter(|(claim, _)| claim.is_ok()).map(|(_, f)| f).collect();
    assert_eq!(won.len(), 1, "{claims:?}");
    assert!(claims.iter().all(|c| matches!(c, Ok(()) | Err(StorageError::AlreadyExists { .. }))), "{claims:?}");
    assert_eq!(&storage.read_format().await.unwrap(), won[0]);
    storage.create_format(won[0]).await.expect("because the winner tries again");
}

async fn immutable_objects(stores: &Arc<Stores>) {
    let storage = repository(stores);
    let object = Immutable::Range(RangeId::from_bytes(rand::random()));
    let missing = storage.get(&object).await.unwrap_err();
    assert!(matches!(&missing, StorageError::NotFound { path } if path.ends_with(&object.to_string())), "{missing}");
    assert!(matches!(storage.get_suffix(&object, 5).await, Err(StorageError::NotFound { .. })));
    assert!(matches!(storage.stream(&object).await.map(|(size, _)| size), Err(StorageError::NotFound { .. })));
    assert!(matches!(storage.get_range(&object, 0..5).await, Err(StorageError::NotFound { .. })));

    let whole = bytes(700_001);
    storage.put(&object, whole.clone()).await.unwrap();
    storage.put(&object, whole.clone()).await.expect("because the same again does no harm");
    assert_eq!(storage.get(&object).await.unwrap(), whole);
    for range in [0..1, 5..300_000, 700_000..700_001, 9..9] {
        let part = storage.get_range(&object, range.start as u64..range.end as u64).await.unwrap();
        assert_eq!(part, whole.slice(range));
    }
    assert_eq!(storage.get_range(&object, 699_000..900_000).await.unwrap(), whole.slice(699_000..));
    let behind = storage.get_range(&object, 700_001..700_002).await.unwrap_err();
    assert!(matches!(behind, StorageError::Corrupt { .. }), "{behind}");
    for wanted in [1, 1000, 700_001, 9_000_000] {
        let suffix = storage.get_suffix(&object, wanted).await.unwrap();
        assert_eq!(suffix.size, 700_001);
        assert_eq!(suffix.bytes, whole.slice(700_001 - (wanted as usize).min(700_001)..));
    }
    let (size, pieces) = storage.stream(&object).await.unwrap();
    assert_eq!((size, pieces.try_collect::<Vec<_>>().await.unwrap().concat()), (700_001, whole.to_vec()));
}

async fn commits_by_prefix(stores: &Arc<Stores>) {
    let storage = repository(stores);
    assert_eq!(storage.commits_with_prefix("ab", 10).await.unwrap(), []);
    let id = |first: u8, second: u8| {
        let mut bytes = [7; 32];
        (bytes[0], bytes[1]) = (first, second);
        CommitId::from_bytes(bytes)
    };
    let ids = [id(0x0a, 0), id(0xab, 1), id(0xab, 2), id(0xab, 0xff), id(0xac, 0), id(0xff, 0)];
    for id in ids {
        storage.put(&Immutable::Commit(id), Bytes::from_static(b"a commit")).await.unwrap();
    }
    let found = |prefix: &'static str, limit| storage.commits_with_prefix(prefix, limit);
    assert_eq!(found("ab", 10).await.unwrap(), ids[1..4]);
    assert_eq!(found("ab", 2).await.unwrap(), ids[1..3]);
    assert_eq!(found("0", 10).await.unwrap(), ids[..1]);
    assert_eq!(found("abff", 10).await.unwrap(), ids[3..4]);
    assert_eq!(found("b", 10).await.unwrap(), []);
    for whole in [ids[4], id(1, 1)] {
        let there = ids.contains(&whole);
        let found = storage.commits_with_prefix(&whole.to_string(), 10).await.unwrap();
        assert_eq!(found, if there { vec![whole] } else { vec![] });
    }
    for nonsense in ["", "AB", "../", "x"] {
        assert_eq!(found(nonsense, 10).await.unwrap(), []);
    }
}

async fn bodies_of_all_sizes(stores: &Arc<Stores>) {
    let storage = repository(stores);
    let sizes = [0, 1, 65_536, 262_143, 262_144, 262_145, 5 * MIB + 3, 8 * MIB, 8 * MIB + 1, 20 * MIB + 77];
    for len in sizes {
        let whole = bytes(len);
        for hint in [Some(len as u64), None, Some(1), Some(100 << 30)] {
            if hint != Some(len as u64) && len > 8 * MIB + 1 {
                continue;
            }
            let address = storage.new_address();
            let stored = storage.put_data(&address, body(&whole), hint).await.unwrap();
            assert_eq!(stored.size, len as u64);
            let md5: [u8; 16] = Md5::digest(&whole).into();
            assert_eq!(stored.md5, md5, "{len} {hint:?}");
            assert_eq!(read(&storage, &address, len).await, whole, "{len} {hint:?}");
        }
    }
}

async fn ranges(stores: &Arc<Stores>) {
    let storage = repository(stores);
    let address = storage.new_address();
    let len = 3 * MIB + 5;
    let whole = bytes(len);
    storage.put_data(&address, body(&whole), None).await.unwrap();
    for range in [0..1, 100..100, 262_143..262_146, 1_000_000..3_000_000, len - 1..len, 0..len] {
        let part = storage.get_data(&address, range.start as u64..range.end as u64).await.unwrap();
        assert_eq!(collect(part).await.unwrap(), whole.slice(range.clone()), "{range:?}");
    }
    for behind in [len as u64..len as u64 + 1, len as u64 - 1..len as u64 + 1] {
        let error = storage.get_data(&address, behind).await.err().unwrap();
        assert!(matches!(error, StorageError::Corrupt { .. }), "{error}");
    }
    let full = Address::Full(format!("{}/{}", storage.namespace(), address.as_str()));
    assert_eq!(read(&storage, &full, len).await, whole);
    let missing = storage.get_data(&storage.new_address(), 0..1).await.err().unwrap();
    assert!(matches!(missing, StorageError::NotFound { .. }), "{missing}");
}

async fn broken_bodies_leave_nothing(stores: &Arc<Stores>) {
    let storage = repository(stores);
    for len in [0, 10, 300_000, 9 * MIB] {
        let address = storage.new_address();
        let error = storage.put_data(&address, broken_body(&bytes(len)), None).await.unwrap_err();
        let PutError::Body(error) = error else { panic!("{error}") };
        assert!(error.is::<BrokenPipe>(), "the body's own error comes back: {error}");
        assert!(matches!(storage.get_data(&address, 0..1).await, Err(StorageError::NotFound { .. })));
    }
}

async fn dropped_uploads_leave_nothing(stores: &Arc<Stores>) {
    let storage = repository(stores);
    for len in [10, 300_000, 9 * MIB] {
        let address = storage.new_address();
        let endless = body(&bytes(len)).chain(stream::pending()).boxed();
        let put = storage.put_data(&address, endless, None);
        assert!(tokio::time::timeout(Duration::from_millis(300), put).await.is_err());
        assert!(matches!(storage.get_data(&address, 0..1).await, Err(StorageError::NotFound { .. })));
    }
}

/// S3 wants 5 MiB of each part but the last.
async fn multipart(stores: &Arc<Stores>, numbers: [u32; 3]) {
    let storage = repository(stores);
    let address = storage.new_address();
    let upload = storage.create_multipart(&address).await.unwrap();
    let contents = [bytes(5 * MIB + 1), bytes(17 * MIB), bytes(1000)];
    let mut parts = Vec::new();
    let replaced = storage.put_part(&address, &upload, numbers[1], body(&bytes(5 * MIB)), None).await.unwrap();
    for (number, content) in numbers.iter().zip(&contents).rev() {
        let hint = Some(content.len() as u64);
        let part = storage.put_part(&address, &upload, *number, body(content), hint).await.unwrap();
        let md5: [u8; 16] = Md5::digest(content).into();
        assert_eq!((part.size, part.md5), (content.len() as u64, md5));
        parts.insert(0, chosen(*number, &part));
    }
    assert_ne!(parts[1].id, replaced.id);
    assert!(matches!(storage.get_data(&address, 0..1).await, Err(StorageError::NotFound { .. })));
    let whole = Bytes::from(contents.concat());
    storage.complete_multipart(&address, &upload, &parts).await.unwrap();
    assert_eq!(read(&storage, &address, whole.len()).await, whole, "{numbers:?}");
    storage.complete_multipart(&address, &upload, &parts).await.expect("because a retry finds the object there");
    let others = storage.complete_multipart(&address, &upload, &parts[1..]).await;
    assert!(matches!(others, Err(StorageError::NotFound { .. })), "{others:?}");
    abort_again(&storage, &address, &upload).await;
    assert_eq!(read(&storage, &address, whole.len()).await, whole);
}

async fn multipart_of_one_part(stores: &Arc<Stores>) {
    let storage = repository(stores);
    let address = storage.new_address();
    let upload = storage.create_multipart(&address).await.unwrap();
    let only = storage.put_part(&address, &upload, 1, body(&bytes(77)), None).await.unwrap();
    for bad in [vec![], vec![chosen(1, &only), chosen(1, &only)], vec![chosen(2, &only), chosen(1, &only)]] {
        let error = storage.complete_multipart(&address, &upload, &bad).await.unwrap_err();
        assert!(matches!(error, StorageError::Invalid(_)), "{error}");
    }
    storage.complete_multipart(&address, &upload, &[chosen(1, &only)]).await.unwrap();
    assert_eq!(read(&storage, &address, 77).await, bytes(77));
}

/// Parts of one size, so that nothing but their bytes tells the two objects apart.
async fn multipart_completions_race(stores: &Arc<Stores>, ways: Ways) {
    let storage = repository(stores);
    for round in 0..4 {
        let address = storage.new_address();
        let upload = storage.create_multipart(&address).await.unwrap();
        let contents = [bytes(5 * MIB), bytes(1000 + round), Bytes::from(vec![7; 1000 + round])];
        let mut parts = Vec::new();
        for (number, content) in (1..).zip(&contents) {
            let part = storage.put_part(&address, &upload, number, body(content), None).await.unwrap();
            parts.push(chosen(number, &part));
        }
        let (with_2, with_3) = ([parts[0].clone(), parts[1].clone()], [parts[0].clone(), parts[2].clone()]);
        let complete =
            async |parts: &[CompletionPart]| storage.complete_multipart(&address, &upload, parts).await.is_ok();
        let won = match ways.writes_are_atomic {
            true => futures::join!(complete(&with_2), complete(&with_3)),
            false => (complete(&with_2).await, complete(&with_3).await),
        };
        let second = match won {
            (true, false) => 1,
            (false, true) => 2,
            both => panic!("exactly one must win, not {both:?}"),
        };
        let whole = Bytes::from([&contents[0][..], &contents[second]].concat());
        assert_eq!(read(&storage, &address, whole.len()).await, whole);
        // As after a crash: who asks again for what won is told so, and who asks for the other isn't.
        assert_eq!((complete(&with_2).await, complete(&with_3).await), won);
    }
}

async fn multipart_aborts(stores: &Arc<Stores>, ways: Ways) {
    let storage = repository(stores);
    let address = storage.new_address();
    let upload = storage.create_multipart(&address).await.unwrap();
    let part = storage.put_part(&address, &upload, 1, body(&bytes(6 * MIB)), None).await.unwrap();
    let broken = storage.put_part(&address, &upload, 2, broken_body(&bytes(6 * MIB)), None).await.unwrap_err();
    assert!(matches!(broken, PutError::Body(error) if error.is::<BrokenPipe>()));
    storage.abort_multipart(&address, &upload).await.unwrap();
    abort_again(&storage, &address, &upload).await;
    assert!(matches!(storage.get_data(&address, 0..1).await, Err(StorageError::NotFound { .. })));
    if ways.aborts_are_final {
        assert!(storage.complete_multipart(&address, &upload, &[chosen(1, &part)]).await.is_err());
        assert!(matches!(storage.get_data(&address, 0..1).await, Err(StorageError::NotFound { .. })));
    }
}

/// Aborts an upload that ended. That is fine, though some servers call it forbidden.
async fn abort_again(storage: &RepositoryStorage, address: &Address, upload: &str) {
    let aborted = storage.abort_multipart(address, upload).await;
    assert!(matches!(aborted, Ok(()) | Err(StorageError::Denied { .. })), "{aborted:?}");
}

async fn deletes(stores: &Arc<Stores>) {
    let storage = repository(stores);
    let address = storage.new_address();
    storage.put_data(&address, body(&bytes(10)), None).await.unwrap();
    storage.delete_data(&address).await.unwrap();
    assert!(matches!(storage.get_data(&address, 0..1).await, Err(StorageError::NotFound { .. })));
    storage.delete_data(&address).await.expect("because it is gone already");
}

async fn refusals(stores: &Arc<Stores>) {
    let storage = repository(stores);
    for bad in ["_lakebed/format.json", "data/../../x", "/etc/passwd", "data//x", "data/..", "x", "", "data/a\nb"] {
        let address = Address::Relative(bad.into());
        let written = storage.put_data(&address, body(&bytes(1)), None).await;
        assert!(matches!(written, Err(PutError::Storage(StorageError::Invalid(_)))), "{bad:?}");
        assert!(matches!(storage.delete_data(&address).await, Err(StorageError::Invalid(_))), "{bad:?}");
        assert!(matches!(storage.create_multipart(&address).await, Err(StorageError::Invalid(_))), "{bad:?}");
    }
    let root = storage.namespace().as_str().rsplit_once('/').unwrap().0.to_owned();
    for outside in
        ["s3://elsewhere/x".to_owned(), "file:///etc/passwd".into(), format!("{root}/../x"), format!("{root}/")]
    {
        let read = storage.get_data(&Address::Full(outside.clone()), 0..1).await;
        assert!(matches!(read, Err(StorageError::Elsewhere { .. })), "{outside}");
    }
    for foreign in ["s3://elsewhere/x", "local://.lakebed/x", "mem://a/_lakebed"] {
        assert!(stores.repository(&foreign.parse().unwrap()).is_err(), "{foreign}");
    }
}
