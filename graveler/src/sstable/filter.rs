//! The metablock `lakebed.filter`: which keys a table surely doesn't have. Owns its bits: a split block Bloom filter as
//! Parquet's format document describes it (<https://parquet.apache.org/docs/file-format/bloomfilter/>), over XXH3 of the
//! key; RocksDB ignores it. Invariant: it depends on the set of keys alone, and never denies one of them.
//!
//! version 1 ‖ blocks of 32 bytes. A key sets one bit in each of a block's eight words. With 12 bits a key about one
//! absent key in 250 isn't denied.

use xxhash_rust::xxh3::xxh3_64;

use super::SstError;

const VERSION: u8 = 1;
const BITS_PER_KEY: usize = 12;
const BLOCK_BYTES: usize = 32;
/// What Parquet multiplies the hash with, for each word.
const SALTS: [u32; 8] =
    [0x47b6_137b, 0x4497_4d91, 0x8824_ad5b, 0xa2b7_289d, 0x7054_95c7, 0x2df1_424b, 0x9efc_4947, 0x5c6b_fb31];

/// A key as filters know it: hashed once, asked for in many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyHash(u64);

impl KeyHash {
    /// Hashes a key.
    pub fn of(key: &[u8]) -> Self {
        Self(xxh3_64(key))
    }

    fn block(self, blocks: usize) -> usize {
        (((self.0 >> 32) * blocks as u64) >> 32) as usize
    }

    /// The bit of each word.
    fn bits(self) -> [u32; 8] {
        SALTS.map(|salt| 1 << ((self.0 as u32).wrapping_mul(salt) >> 27))
    }
}

/// A table's filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    blocks: Vec<[u32; 8]>,
}

impl Filter {
    /// Makes the filter of some keys.
    pub fn of(keys: &[KeyHash]) -> Self {
        let count = (keys.len() * BITS_PER_KEY).div_ceil(8 * BLOCK_BYTES).max(1);
        let mut blocks = vec![[0; 8]; count];
        for key in keys {
            let words = &mut blocks[key.block(count)];
            words.iter_mut().zip(key.bits()).for_each(|(word, bit)| *word |= bit);
        }
        Self { blocks }
    }

    /// Whether the table may have a key.
    pub fn may_have(&self, key: KeyHash) -> bool {
        let words = &self.blocks[key.block(self.blocks.len())];
        words.iter().zip(key.bits()).all(|(word, bit)| word & bit != 0)
    }

    /// How long it is in a file and, nearly, in memory.
    pub fn bytes(&self) -> usize {
        1 + self.blocks.len() * BLOCK_BYTES
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let words = self.blocks.iter().flatten().flat_map(|word| word.to_le_bytes());
        std::iter::once(VERSION).chain(words).collect()
    }

    pub(super) fn parse(content: &[u8]) -> Result<Self, SstError> {
        let (version, words) = content.split_first().ok_or_else(|| SstError::corrupt("an empty filter"))?;
        if *version != VERSION {
            return Err(SstError::unsupported(format!("version {version} of the filter")));
        }
        let (blocks, rest) = words.as_chunks::<BLOCK_BYTES>();
        if blocks.is_empty() || !rest.is_empty() {
            return Err(SstError::corrupt("a filter that isn't made of whole blocks"));
        }
        let blocks = blocks.iter().map(|block| {
            let (words, _) = block.as_chunks::<4>();
            std::array::from_fn(|at| u32::from_le_bytes(words[at]))
        });
        Ok(Self { blocks: blocks.collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(range: std::ops::Range<u32>) -> Vec<KeyHash> {
        range.map(|i| KeyHash::of(format!("folder/part-{i:07}").as_bytes())).collect()
    }

    #[test]
    fn no_key_is_denied_and_few_others_are_let_through() {
        for count in [0, 1, 20, 10_000] {
            let filter = Filter::of(&keys(0..count));
            assert!(keys(0..count).into_iter().all(|key| filter.may_have(key)));
            let through = keys(1_000_000..1_100_000).into_iter().filter(|key| filter.may_have(*key)).count();
            assert!(through < 1000, "{through} of 100,000 let through by {count}");
            assert_eq!(Filter::parse(&filter.encode()), Ok(filter));
        }
    }

    #[test]
    fn what_is_no_filter_is_refused() {
        for content in [&[][..], &[1], &[2; 33], &[1; 32]] {
            assert!(Filter::parse(content).is_err(), "{content:?}");
        }
    }

    /// What others depend on: if this fails, delta ranges that are stored can't be read any more.
    #[test]
    fn a_known_key_has_known_bits() {
        let encoded = Filter::of(&[KeyHash::of(b"a")]).encode();
        assert_eq!(hex::encode(encoded), "010000008000000008000000100000400000400000000040000010000001000000");
    }
}
