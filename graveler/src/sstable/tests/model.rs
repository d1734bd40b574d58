//! Round trips, lookups and seeks against a map.

use proptest::prelude::*;

use super::*;

fn options() -> impl Strategy<Value = WriterOptions> {
    let compression = prop_oneof![
        Just(Compression::None),
        Just(Compression::Snappy),
        Just(Compression::Lz4),
        Just(Compression::Zstd(1)),
        Just(Compression::Zstd(9)),
    ];
    let checksum = prop_oneof![Just(Checksum::Crc32c), Just(Checksum::XxHash64), Just(Checksum::Xxh3)];
    (compression, checksum, 4u32..2000).prop_map(|(compression, checksum, block_bytes)| WriterOptions {
        compression,
        checksum,
        block_bytes,
        ..WriterOptions::default()
    })
}

/// Keys of few letters share prefixes, and one is often another's prefix; 0x00, 0x01 and 0xff look like key trailers.
fn key() -> impl Strategy<Value = Vec<u8>> {
    let letter = prop_oneof![Just(0u8), Just(1), Just(b'a'), Just(b'b'), Just(0xff)];
    prop_oneof![
        8 => prop::collection::vec(letter, 0..12),
        2 => prop::collection::vec(any::<u8>(), 0..300),
    ]
}

fn entries() -> impl Strategy<Value = Entries> {
    let value = prop_oneof![
        8 => prop::collection::vec(any::<u8>(), 0..40),
        1 => (any::<u8>(), 0usize..3000).prop_map(|(byte, length)| vec![byte; length]),
    ];
    prop::collection::btree_map(key(), value, 1..150)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn what_was_written_is_read(entries in entries(), options in options(), probes in prop::collection::vec(key(), 20)) {
        let finished = write(&entries, options);
        prop_assert_eq!(&scan(&finished.bytes).unwrap(), &entries);
        prop_assert_eq!(Some(&finished.first_key), entries.keys().next());
        prop_assert_eq!(Some(&finished.last_key), entries.keys().next_back());
        prop_assert_eq!(finished.entries, entries.len() as u64);
        for probe in probes.iter().chain(entries.keys()) {
            prop_assert_eq!(get(&finished.bytes, probe).unwrap(), entries.get(probe).cloned());
            let next = entries.range(probe.clone()..).next().map(|(key, value)| (key.clone(), value.clone()));
            prop_assert_eq!(seek(&finished.bytes, probe).unwrap(), next);
        }
    }

    #[test]
    fn the_list_of_blocks_tells_the_truth(entries in entries(), options in options()) {
        let finished = write(&entries, options);
        let tail = parse_tail(&finished.bytes).unwrap();
        prop_assert_eq!(tail.content_id(), Some(finished.id));
        prop_assert_eq!(tail.entries(), finished.entries);
        for at in 0..tail.blocks() {
            let (info, handle) = (tail.info(at).unwrap(), tail.handle(at));
            let stored = stored(&finished.bytes, handle);
            let (block, hash) = Block::decode_and_hash(stored, handle, tail.format()).unwrap();
            let sums = (0..block.entries()).map(|i| block.entry(i));
            let (keys, values) = sums.fold((0, 0), |sum, (key, value)| (sum.0 + key.len(), sum.1 + value.len()));
            prop_assert_eq!(info.hash, hash);
            prop_assert_eq!(info.hash, finished.block_hashes[at]);
            prop_assert_eq!(info.entries, block.entries() as u64);
            prop_assert_eq!((info.key_bytes, info.value_bytes), (keys as u64, values as u64));
            prop_assert_eq!(&info.first_key[..], block.first_key());
            prop_assert_eq!(tail.separator(at), block.last_key());
            prop_assert!(info.closed || at + 1 == tail.blocks());
        }
    }

    #[test]
    fn a_suffix_of_the_tail_is_enough(entries in entries(), options in options()) {
        let finished = write(&entries, options);
        let size = finished.bytes.len();
        let start = size - finished.tail_length as usize;
        let TailParse::Parsed(tail) = Tail::parse(&finished.bytes[start..], size as u64).unwrap() else {
            panic!("the tail's length is too short");
        };
        prop_assert_eq!(tail.handle(tail.blocks() - 1).range().end, start as u64);
        let short = Tail::parse(&finished.bytes[start + 1..], size as u64).unwrap();
        prop_assert!(matches!(short, TailParse::NeedMore(bytes) if bytes == u64::from(finished.tail_length)));
    }
}

#[test]
fn a_tail_is_found_from_any_suffix() {
    let finished = write(&lake(500), small_blocks());
    let size = finished.bytes.len();
    for start in (0..=size).filter(|start| start % 41 == 0 || size - start < 100) {
        let (mut suffix, mut rounds) = (size - start, 0);
        while let TailParse::NeedMore(bytes) = Tail::parse(&finished.bytes[size - suffix..], size as u64).unwrap() {
            assert!(bytes as usize > suffix, "{bytes} bytes are asked for where {suffix} were given");
            (suffix, rounds) = (bytes as usize, rounds + 1);
        }
        assert!(rounds <= 3, "{rounds} rounds from {} bytes", size - start);
    }
}
