//! Damaged files: an error, or (where a byte says nothing) the right answer; never a panic or another answer.

use super::*;

/// Reads a damaged file in every way there is.
fn check_damaged(file: &[u8], sound: &Entries, what: &str) {
    match scan(file) {
        Ok(entries) => assert_eq!(&entries, sound, "another answer after {what}"),
        Err(SstError::Corrupt(_) | SstError::Unsupported(_)) => {}
        Err(other) => panic!("{other} after {what}"),
    }
    for key in sound.keys().step_by(7) {
        if let Ok(found) = get(file, key) {
            assert_eq!(found.as_ref(), sound.get(key), "another answer after {what}");
        }
    }
}

pub(super) fn check_all_damage(file: &[u8], sound: &Entries) {
    assert_eq!(&scan(file).unwrap(), sound);
    for at in 0..file.len() {
        for bit in 0..8 {
            let mut damaged = file.to_vec();
            damaged[at] ^= 1 << bit;
            check_damaged(&damaged, sound, &format!("a flip of bit {bit} of byte {at}"));
        }
        let mut damaged = file.to_vec();
        damaged[at] = !damaged[at];
        check_damaged(&damaged, sound, &format!("a flip of byte {at}"));
        assert!(scan(&file[..at]).is_err(), "a file cut at {at} is taken for whole");
        assert!(scan(&file[at + 1..]).is_err(), "a file from {at} on is taken for whole");
        if let Ok(TailParse::NeedMore(bytes)) = Tail::parse(&file[at..], file.len() as u64) {
            assert!(bytes > (file.len() - at) as u64);
        }
    }
}

#[test]
fn no_damage_to_a_table_of_ours_passes() {
    for (compression, checksum) in [
        (Compression::None, Checksum::Crc32c),
        (Compression::Snappy, Checksum::Xxh3),
        (Compression::Lz4, Checksum::XxHash64),
        (Compression::Zstd(1), Checksum::Crc32c),
    ] {
        let entries = lake(9);
        let filter = checksum == Checksum::Crc32c;
        let options = WriterOptions { compression, checksum, block_bytes: 512, filter, ..WriterOptions::default() };
        check_all_damage(&write(&entries, options).bytes, &entries);
    }
}

#[test]
fn a_filter_is_part_of_what_a_table_is() {
    let entries = lake(40);
    let plain = write(&entries, small_blocks());
    let filtered = write(&entries, WriterOptions { filter: true, ..small_blocks() });
    assert_ne!(plain.id, filtered.id, "two files would have one name");
    let tail = parse_tail(&filtered.bytes).unwrap();
    assert_eq!(tail.content_id(), Some(filtered.id));
    assert!(parse_tail(&plain.bytes).unwrap().filter().is_none());
    let filter = tail.filter().unwrap();
    assert!(entries.keys().all(|key| filter.may_have(KeyHash::of(key))));

    let copied = parse_tail(&plain.bytes).unwrap();
    let mut writer = Writer::new(WriterOptions { filter: true, ..small_blocks() });
    let block = copied.raw_block(0, stored(&plain.bytes, copied.handle(0))).unwrap();
    assert!(matches!(writer.add_raw_block(&block), Err(SstError::Misuse(_))));
}

#[test]
fn blocks_in_each_others_place_are_noticed_by_their_keys() {
    let finished = write(&lake(40), WriterOptions { compression: Compression::None, ..small_blocks() });
    let tail = parse_tail(&finished.bytes).unwrap();
    let handle = tail.handle(1);
    let (first, second) = (stored(&finished.bytes, tail.handle(0)), stored(&finished.bytes, handle));
    assert!(Block::decode(&first[1..], handle, tail.format()).is_err());
    assert!(Block::decode(second, BlockHandle { size: handle.size + 1, ..handle }, tail.format()).is_err());
}

/// Nonsense that a checksum vouches for (a bug or an attacker's work) may be believed, but must not panic, hang or
/// take much memory.
#[test]
fn nonsense_with_sound_checksums_does_not_panic() {
    let folder = tempfile::tempdir().unwrap();
    let ours = write(&lake(40), WriterOptions { compression: Compression::None, ..small_blocks() }).bytes.to_vec();
    let theirs = oracle::two_level(&lake(40), folder.path());
    for file in [ours, theirs] {
        let size = file.len() as u64;
        let footer = footer::Footer::parse(file.last_chunk().unwrap(), size).unwrap();
        let metaindex = metablocks::Metaindex::parse(stored_content(&file, footer.metaindex), size).unwrap();
        let mut handles = vec![footer.metaindex, footer.index.unwrap(), parse_tail(&file).unwrap().handle(0)];
        handles.extend([metablocks::PROPERTIES, metablocks::BLOCK_LIST].iter().filter_map(|name| metaindex.get(name)));
        for handle in handles {
            for at in handle.offset..=handle.offset + handle.size {
                for byte in [0, 0x7f, 0xff] {
                    let mut damaged = file.clone();
                    damaged[at as usize] = byte;
                    let (start, end) = (handle.offset as usize, (handle.offset + handle.size) as usize + 1);
                    let checksum = footer.format.compute(&damaged[start..end], handle.offset);
                    damaged[end..end + 4].copy_from_slice(&checksum.to_le_bytes());
                    let _ = scan_anything(&damaged);
                }
            }
        }
    }
}

fn stored_content(file: &[u8], handle: BlockHandle) -> &[u8] {
    &file[handle.offset as usize..(handle.offset + handle.size) as usize]
}

fn scan_anything(file: &[u8]) -> Result<usize, SstError> {
    let TailParse::Parsed(tail) = Tail::parse(file, file.len() as u64)? else { return Ok(0) };
    let mut entries = 0;
    for at in 0..tail.blocks() {
        let block = block(file, &tail, at)?;
        entries += block.entries() + usize::from(block.get(tail.separator(at)).is_some());
    }
    Ok(entries)
}

#[test]
fn random_bytes_with_a_sound_checksum_are_refused_or_in_order() {
    let format = BlockFormat { checksum: Checksum::Xxh3, context: 0 };
    let mut passed = 0;
    for seed in 0..20_000 {
        let mut content = noise(seed, (seed % 60) as usize);
        content.iter_mut().step_by(2).for_each(|byte| *byte %= 12);
        content.extend_from_slice(&[0, 0, 0, 0, 1, 0, 0, 0]);
        let mut file = Vec::new();
        let handle = stored::append(&mut file, 0, &content, format);
        if let Ok(block) = Block::decode(&file, handle, format) {
            passed += 1;
            assert!((1..block.entries()).all(|i| block.entry(i - 1).0 < block.entry(i).0));
        }
        let kind = (seed % 9) as u8;
        let handle = stored::append(&mut file, kind, &content, format);
        let _ = Block::decode(stored(&file, handle), handle, format);
    }
    assert!(passed < 200, "{passed} blocks of noise passed");
}
