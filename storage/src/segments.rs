//! A body cut into segments of moderate size, hashed on the way. Owns the copy out of the network's buffers: a small
//! slice of a large buffer keeps all of it alive, so pieces are gathered in buffers of our own.
//! Invariant: at most one segment is being filled, and a segment is never empty.

use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use tokio::task::JoinError;

use crate::digest::BodyDigest;
use crate::{BodyError, BodyStream, Stored};

/// The most bytes of a segment: large enough that a system call or a hop between threads costs little beside it.
pub(crate) const SEGMENT_BYTES_MAX: usize = 256 << 10;

/// What a segment begins with when nobody said how long the body is.
const SEGMENT_BYTES_START: usize = 8 << 10;

/// Why there is no next segment.
pub(crate) enum SegmentError {
    Body(BodyError),
    Runtime(JoinError),
}

/// Cuts a body.
pub(crate) struct Segments {
    body: BodyStream,
    /// What didn't fit into the last segment.
    rest: Bytes,
    /// What the whole body is said to have.
    hint: Option<u64>,
    size: u64,
    digest: BodyDigest,
}

impl Segments {
    pub(crate) fn new(body: BodyStream, hint: Option<u64>) -> Self {
        // The last segment is known to be the last only by asking again, which not every stream bears.
        Self { body: body.fuse().boxed(), rest: Bytes::new(), hint, size: 0, digest: BodyDigest::new() }
    }

    /// The next segment; all but the last have [`SEGMENT_BYTES_MAX`] bytes.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, SegmentError> {
        let mut segment = BytesMut::with_capacity(self.expected_len());
        while segment.len() < SEGMENT_BYTES_MAX {
            if self.rest.is_empty() {
                match self.body.next().await {
                    Some(piece) => self.rest = piece.map_err(SegmentError::Body)?,
                    None => break,
                }
            }
            let take = self.rest.len().min(SEGMENT_BYTES_MAX - segment.len());
            segment.extend_from_slice(&self.rest.split_to(take));
        }
        if segment.is_empty() {
            return Ok(None);
        }
        let segment = segment.freeze();
        self.size += segment.len() as u64;
        self.digest.update(&segment).await.map_err(SegmentError::Runtime)?;
        Ok(Some(segment))
    }

    /// What went through; to be asked after the last segment.
    pub(crate) async fn finish(self) -> Result<Stored, SegmentError> {
        let md5 = self.digest.finish().await.map_err(SegmentError::Runtime)?;
        Ok(Stored { size: self.size, md5 })
    }

    pub(crate) fn hint(&self) -> Option<u64> {
        self.hint
    }

    fn expected_len(&self) -> usize {
        match self.hint {
            Some(hint) => hint.saturating_sub(self.size).min(SEGMENT_BYTES_MAX as u64) as usize,
            None if self.size == 0 => SEGMENT_BYTES_START,
            None => SEGMENT_BYTES_MAX,
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::stream;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn segments_hold_the_body_in_order(sizes in prop::collection::vec(0usize..200_000, 0..12), hinted: bool) {
            let pieces: Vec<Bytes> = sizes.iter().enumerate().map(|(i, n)| Bytes::from(vec![i as u8; *n])).collect();
            let whole = pieces.concat();
            let hint = hinted.then_some(whole.len() as u64);
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(async {
                let body = stream::iter(pieces.into_iter().map(Ok)).boxed();
                let mut segments = Segments::new(body, hint);
                let mut seen = Vec::new();
                let mut lengths = Vec::new();
                while let Ok(Some(segment)) = segments.next().await {
                    lengths.push(segment.len());
                    seen.extend_from_slice(&segment);
                }
                assert_eq!(seen, whole);
                lengths.pop();
                assert!(lengths.iter().all(|n| *n == SEGMENT_BYTES_MAX));
                let stored = segments.finish().await.ok().unwrap();
                assert_eq!(stored.size, whole.len() as u64);
            });
        }
    }
}
