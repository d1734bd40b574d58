//! What all tests need: repositories, bodies, and bytes to compare.

use std::sync::{Arc, Once};

use bytes::{Bytes, BytesMut};
use futures::stream::{self, StreamExt, TryStreamExt};
use model::Address;
use storage::{BodyError, BodyStream, CompletionPart, RepositoryStorage, Stored, StoredPart, Stores};

/// Installs the TLS provider that `main` installs in the server.
pub(crate) fn crypto() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        rustls::crypto::ring::default_provider().install_default().expect("because nobody else installs one");
    });
}

/// A repository of its own in a store.
pub(crate) fn repository(stores: &Arc<Stores>) -> RepositoryStorage {
    let name = format!("r-{:016x}", rand::random::<u64>());
    stores.repository(&stores.default_namespace(&name.parse().unwrap(), None)).unwrap()
}

/// Bytes that differ from place to place.
pub(crate) fn bytes(len: usize) -> Bytes {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64 ^ len as u64;
    let mut out = BytesMut::with_capacity(len + 8);
    while out.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        out.extend_from_slice(&state.to_le_bytes());
    }
    out.truncate(len);
    out.freeze()
}

/// A body in pieces of the sizes that sockets give.
pub(crate) fn body(whole: &Bytes) -> BodyStream {
    const PIECE: usize = 65_521;
    let pieces: Vec<Bytes> =
        (0..whole.len()).step_by(PIECE).map(|i| whole.slice(i..whole.len().min(i + PIECE))).collect();
    stream::iter(pieces.into_iter().map(Ok)).boxed()
}

/// A body that gives some bytes and then fails.
pub(crate) fn broken_body(whole: &Bytes) -> BodyStream {
    let failure: BodyError = Box::new(BrokenPipe);
    body(whole).chain(stream::iter([Err(failure)])).boxed()
}

#[derive(Debug, thiserror::Error)]
#[error("the client went away")]
pub(crate) struct BrokenPipe;

/// A part as a completion names it.
pub(crate) fn chosen(number: u32, part: &StoredPart) -> CompletionPart {
    CompletionPart { number, id: part.id.clone(), content: Some(Stored { size: part.size, md5: part.md5 }) }
}

pub(crate) async fn collect(body: BodyStream) -> Result<Bytes, BodyError> {
    let whole: BytesMut = body.try_collect().await?;
    Ok(whole.freeze())
}

pub(crate) async fn read(storage: &RepositoryStorage, address: &Address, len: usize) -> Bytes {
    collect(storage.get_data(address, 0..len as u64).await.unwrap()).await.unwrap()
}
