//! The MD5 of a body, computed beside its transfer: MD5 is the slowest step of a PUT, so it must neither hold up the
//! socket nor run on the threads that serve other requests. Invariant: at most one piece is being hashed at a time, in
//! order.

use bytes::Bytes;
use md5::{Digest, Md5};
use tokio::task::{JoinError, JoinHandle};

/// Pieces up to this size are hashed where they are: a hop to another thread costs as much.
const INLINE_BYTES_MAX: usize = 32 << 10;

/// An MD5 under way.
pub(crate) enum BodyDigest {
    /// Nothing is being hashed.
    Idle(Md5),
    /// A piece is being hashed on another thread.
    Busy(JoinHandle<Md5>),
}

impl BodyDigest {
    pub(crate) fn new() -> Self {
        Self::Idle(Md5::new())
    }

    /// Adds a piece; returns as soon as the piece before it is hashed.
    pub(crate) async fn update(&mut self, piece: &Bytes) -> Result<(), JoinError> {
        let mut md5 = self.wait().await?;
        *self = if piece.len() <= INLINE_BYTES_MAX {
            md5.update(piece);
            Self::Idle(md5)
        } else {
            let piece = piece.clone();
            Self::Busy(tokio::task::spawn_blocking(move || {
                md5.update(&piece);
                md5
            }))
        };
        Ok(())
    }

    /// The digest of all pieces.
    pub(crate) async fn finish(mut self) -> Result<[u8; 16], JoinError> {
        Ok(self.wait().await?.finalize().into())
    }

    /// Takes the state, once no piece is being hashed. If the caller is cancelled here, the digest goes on waiting for
    /// the same piece when it is asked again.
    async fn wait(&mut self) -> Result<Md5, JoinError> {
        match self {
            Self::Idle(md5) => Ok(std::mem::take(md5)),
            Self::Busy(task) => task.await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn pieces_of_all_sizes_make_one_digest() {
        let whole: Vec<u8> = (0..300_000u32).map(|i| (i % 251) as u8).collect();
        let mut digest = BodyDigest::new();
        for (from, to) in [(0, 10), (10, 100_000), (100_000, 200_000), (200_000, 200_000), (200_000, 300_000)] {
            digest.update(&Bytes::copy_from_slice(&whole[from..to])).await.unwrap();
        }
        let expected: [u8; 16] = Md5::digest(&whole).into();
        assert_eq!(digest.finish().await.unwrap(), expected);
    }
}
