//! What the writer and reader refuse.

use super::*;

#[test]
fn keys_must_increase() {
    let mut writer = Writer::new(WriterOptions::default());
    writer.add(b"b", b"").unwrap();
    assert!(matches!(writer.add(b"b", b""), Err(SstError::Misuse(_))));
    assert!(matches!(writer.add(b"a", b""), Err(SstError::Misuse(_))));
    assert!(matches!(writer.add(b"", b""), Err(SstError::Misuse(_))));
    writer.add(b"b\0", b"").unwrap();
    assert_eq!(writer.finish().unwrap().entries, 2);
}

#[test]
fn the_empty_key_may_be_the_first() {
    let finished = write(&Entries::from([(vec![], b"v".to_vec())]), WriterOptions::default());
    assert_eq!(get(&finished.bytes, b"").unwrap().as_deref(), Some(&b"v"[..]));
}

#[test]
fn a_table_without_entries_is_refused() {
    assert!(matches!(Writer::new(WriterOptions::default()).finish(), Err(SstError::Misuse(_))));
}

#[test]
fn keys_and_values_have_limits() {
    let mut writer = Writer::new(WriterOptions::default());
    assert!(matches!(writer.add(&vec![1; KEY_BYTES_MAX - 7], b""), Err(SstError::TooLarge { .. })));
    assert!(matches!(writer.add(b"k", &vec![1; VALUE_BYTES_MAX + 1]), Err(SstError::TooLarge { .. })));
    writer.add(&vec![1; KEY_BYTES_MAX - 8], b"longest").unwrap();
    let finished = writer.finish().unwrap();
    assert_eq!(get(&finished.bytes, &vec![1; KEY_BYTES_MAX - 8]).unwrap().as_deref(), Some(&b"longest"[..]));
}

#[test]
fn a_property_of_rocksdb_cannot_be_set() {
    let properties = BTreeMap::from([("rocksdb.num.entries".to_owned(), vec![9])]);
    let mut writer = Writer::new(WriterOptions { properties, ..WriterOptions::default() });
    writer.add(b"k", b"v").unwrap();
    assert!(matches!(writer.finish(), Err(SstError::Misuse(_))));
}

#[test]
fn extra_properties_are_kept() {
    let properties = BTreeMap::from([("type".to_owned(), b"ranges".to_vec()), ("a".to_owned(), vec![0, 255])]);
    let options = WriterOptions { properties: properties.clone(), ..WriterOptions::default() };
    let finished = write(&lake(10), options);
    let tail = parse_tail(&finished.bytes).unwrap();
    assert!(properties.iter().all(|(name, value)| tail.properties().get(name) == Some(value)));
}

#[test]
fn a_block_that_promises_too_much_is_refused_before_memory_is_taken() {
    let format = BlockFormat { checksum: Checksum::Crc32c, context: 0 };
    for (kind, promise) in [(4, vec![0xff, 0xff, 0xff, 0xff, 0x0f, 0]), (7, vec![0xff, 0xff, 0xff, 0xff, 0x0f, 0])] {
        let mut file = Vec::new();
        let handle = stored::append(&mut file, kind, &promise, format);
        assert!(matches!(Block::decode(&file, handle, format), Err(SstError::Unsupported(_))));
    }
    let mut file = Vec::new();
    let handle = stored::append(&mut file, 1, &[0xff, 0xff, 0xff, 0xff, 0x0f], format);
    assert!(Block::decode(&file, handle, format).is_err());
}

#[test]
fn shared_prefixes_cannot_blow_up_a_block() {
    let mut builder = block_builder::BlockBuilder::new(usize::MAX);
    let long = vec![b'x'; 1 << 19];
    let mut previous = long.clone();
    builder.add(&[], &long, &[1, 0, 0, 0, 0, 0, 0, 0], &[]);
    for i in 0u16..600 {
        let key = [&long[..], &i.to_be_bytes()].concat();
        builder.add(&previous, &key, &[1, 0, 0, 0, 0, 0, 0, 0], &[]);
        previous = key;
    }
    let format = BlockFormat { checksum: Checksum::Crc32c, context: 0 };
    let mut file = Vec::new();
    let handle = stored::append(&mut file, 0, builder.finish(), format);
    assert!(file.len() < 1 << 20);
    assert!(matches!(Block::decode(&file, handle, format), Err(SstError::Unsupported(_))));
}

#[test]
fn restart_points_of_nothing_are_refused() {
    use entries::{Entries, Values};
    for (restarts, sound) in [(&[0u32][..], true), (&[0, 0], false), (&[1], false), (&[0, 4], false)] {
        let mut content: Vec<u8> = restarts.iter().flat_map(|restart| restart.to_le_bytes()).collect();
        content.extend_from_slice(&(restarts.len() as u32).to_le_bytes());
        let ended = Entries::new(&content, Values::Prefixed).unwrap().advance();
        assert_eq!(ended.ok(), sound.then_some(false), "{restarts:?}");
    }
    assert!(Entries::new(&[0; 4], Values::Prefixed).is_err(), "no restart points at all");
}

#[test]
fn foreign_formats_are_named() {
    let mut file = write(&lake(3), WriterOptions::default()).bytes.to_vec();
    let magic = file.len() - 8;
    for (bytes, name) in [
        (0xdb47_7524_8b80_fb57_u64, "version 2"),
        (0x8242_2296_63bf_9564, "plain"),
        (0x9267_89d0_c5f1_7873, "cuckoo"),
        (0x1234, "magic"),
    ] {
        file[magic..].copy_from_slice(&bytes.to_le_bytes());
        let error = scan(&file).unwrap_err().to_string();
        assert!(error.contains(name), "{error}");
    }
    for bytes in [&b""[..], b"not a table", &[0; 1000]] {
        assert!(matches!(scan(bytes), Err(SstError::Corrupt(_))));
    }
}
