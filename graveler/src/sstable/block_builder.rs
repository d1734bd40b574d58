//! Builds the inside of a block. Owns the prefix compression of keys and the restart points; leaves compression and
//! trailer to `stored.rs`. Invariant: the bytes depend on the entries alone.

use super::coding::put_varint;

/// Builds one block after another, in the same buffers.
#[derive(Debug)]
pub(super) struct BlockBuilder {
    interval: usize,
    buffer: Vec<u8>,
    restarts: Vec<u32>,
    since_restart: usize,
}

impl BlockBuilder {
    /// Makes a builder whose blocks have a restart point every `interval` entries.
    pub(super) fn new(interval: usize) -> Self {
        Self { interval, buffer: Vec::new(), restarts: vec![0], since_restart: 0 }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.buffer.is_empty()
    }

    /// Adds an entry with key `key` ‖ `trailer` after that of `previous` (‖ any trailer).
    pub(super) fn add(&mut self, previous: &[u8], key: &[u8], trailer: &[u8], value: &[u8]) {
        let shared = self.begin(previous, key);
        put_varint(&mut self.buffer, shared as u64);
        put_varint(&mut self.buffer, (key.len() - shared + trailer.len()) as u64);
        put_varint(&mut self.buffer, value.len() as u64);
        self.buffer.extend_from_slice(&key[shared..]);
        self.buffer.extend_from_slice(trailer);
        self.buffer.extend_from_slice(value);
    }

    /// Adds an entry whose value ends itself, and is `delta` where the key shares bytes with the one before.
    pub(super) fn add_self_delimiting(&mut self, previous: &[u8], key: &[u8], whole: &[u8], delta: &[u8]) {
        let shared = self.begin(previous, key);
        put_varint(&mut self.buffer, shared as u64);
        put_varint(&mut self.buffer, (key.len() - shared) as u64);
        self.buffer.extend_from_slice(&key[shared..]);
        self.buffer.extend_from_slice(if shared == 0 { whole } else { delta });
    }

    /// Begins an entry, at a restart point if one is due; returns how many bytes its key shares.
    fn begin(&mut self, previous: &[u8], key: &[u8]) -> usize {
        if self.since_restart == self.interval {
            self.restarts.push(self.buffer.len() as u32);
            self.since_restart = 0;
        }
        self.since_restart += 1;
        if self.since_restart == 1 { 0 } else { common_prefix(previous, key) }
    }

    /// Ends the block; returns its content.
    pub(super) fn finish(&mut self) -> &[u8] {
        for restart in &self.restarts {
            self.buffer.extend_from_slice(&restart.to_le_bytes());
        }
        self.buffer.extend_from_slice(&(self.restarts.len() as u32).to_le_bytes());
        &self.buffer
    }

    /// Begins the next block.
    pub(super) fn clear(&mut self) {
        self.buffer.clear();
        self.restarts.truncate(1);
        self.since_restart = 0;
    }
}

/// How many first bytes two keys share.
pub(super) fn common_prefix(a: &[u8], b: &[u8]) -> usize {
    let words = a.as_chunks::<8>().0.iter().zip(b.as_chunks::<8>().0);
    let mut same = 0;
    for (a, b) in words {
        let differing = u64::from_le_bytes(*a) ^ u64::from_le_bytes(*b);
        if differing != 0 {
            return same + differing.trailing_zeros() as usize / 8;
        }
        same += 8;
    }
    same + a[same..].iter().zip(&b[same..]).take_while(|(a, b)| a == b).count()
}
