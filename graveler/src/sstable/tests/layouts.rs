//! Layouts of blocks and indexes that no writer at hand makes.

use super::super::block_builder::{BlockBuilder, common_prefix};
use super::super::coding::{Reader, put_signed_varint, put_varint};
use super::super::index::{Index, IndexLayout};
use super::*;

const TRAILER: [u8; 8] = [0x17, 5, 4, 3, 2, 1, 0, 0];

/// Encodes an index in any layout.
fn encode(blocks: &[(&[u8], BlockHandle)], layout: IndexLayout, restart_interval: usize) -> Vec<u8> {
    let mut builder = BlockBuilder::new(restart_interval);
    let (mut last_key, mut last_size) = (Vec::new(), 0);
    for (key, handle) in blocks {
        let key = if layout.user_keys { key.to_vec() } else { [key, &TRAILER[..]].concat() };
        let (mut whole, mut delta) = (Vec::new(), Vec::new());
        put_varint(&mut whole, handle.offset);
        put_varint(&mut whole, handle.size);
        put_signed_varint(&mut delta, handle.size as i64 - last_size);
        if layout.first_keys {
            for value in [&mut whole, &mut delta] {
                value.extend_from_slice(&[9]);
                value.extend_from_slice(&[b'f', 1, 0, 0, 0, 0, 0, 0, 0]);
            }
        }
        match layout.delta_values {
            true => builder.add_self_delimiting(&last_key, &key, &whole, &delta),
            false => builder.add(&last_key, &key, &[], &whole),
        }
        (last_key, last_size) = (key, handle.size as i64);
    }
    builder.finish().to_vec()
}

#[test]
fn every_layout_of_an_index_is_read() {
    let mut offset = 0;
    let keys: Vec<Vec<u8>> = (0..50u32).map(|i| [&b"key"[..], &(i * 1000).to_be_bytes()].concat()).collect();
    let handles: Vec<_> = (0..50u64)
        .map(|i| {
            let handle = BlockHandle { offset, size: 4000 + (i * 7919) % 900 };
            offset = handle.range().end;
            handle
        })
        .collect();
    let blocks: Vec<_> = keys.iter().map(Vec::as_slice).zip(handles.iter().copied()).collect();
    for flags in 0..8 {
        let layout =
            IndexLayout { user_keys: flags & 1 != 0, delta_values: flags & 2 != 0, first_keys: flags & 4 != 0 };
        for restart_interval in [1, 2, 16, 100] {
            let content = encode(&blocks, layout, restart_interval);
            let mut index = Index::default();
            index.read(&content, layout, offset).unwrap();
            assert_eq!(index.handles(), handles, "{layout:?}");
            for (at, key) in keys.iter().enumerate() {
                assert_eq!(index.find(key), Some(at));
                assert_eq!(index.find(&[key, &b"\0"[..]].concat()), (at < 49).then_some(at + 1));
            }
            assert_eq!(index.find(b""), Some(0));
            assert!(Index::default().read(&content, layout, offset - 1).is_err(), "a block behind the end");
            for at in 0..content.len() {
                let _ = Index::default().read(&content[..at], layout, offset);
            }
        }
    }
}

#[test]
fn indexes_out_of_order_are_refused() {
    let layout = IndexLayout { user_keys: true, delta_values: false, first_keys: false };
    let (near, far) = (BlockHandle { offset: 0, size: 10 }, BlockHandle { offset: 15, size: 10 });
    let read = |blocks: &[(&[u8], BlockHandle)]| Index::default().read(&encode(blocks, layout, 1), layout, 30);
    read(&[(b"a", near), (b"b", far)]).unwrap();
    assert!(read(&[(b"b", near), (b"a", far)]).is_err());
    assert!(read(&[(b"a", near), (b"a", far)]).is_err());
    assert!(read(&[(b"a", far), (b"b", near)]).is_err());
    assert!(read(&[(b"a", near), (b"b", BlockHandle { offset: 14, size: 10 })]).is_err());
    assert!(read(&[(b"a", BlockHandle { offset: u64::MAX, size: u64::MAX })]).is_err());
}

#[test]
fn integers_survive_and_too_long_ones_are_refused() {
    let samples = (0..64).flat_map(|bit| [1u64 << bit, (1 << bit) - 1, u64::MAX << bit]);
    for value in samples {
        let mut bytes = Vec::new();
        put_varint(&mut bytes, value);
        put_signed_varint(&mut bytes, value as i64);
        let mut reader = Reader::new(&bytes);
        assert_eq!((reader.varint().unwrap(), reader.signed_varint().unwrap()), (value, value as i64));
        assert!(reader.is_empty());
        assert!((1..bytes.len()).all(|end| {
            let mut reader = Reader::new(&bytes[..end]);
            reader.varint().and_then(|_| reader.varint()).is_err()
        }));
    }
    assert!(Reader::new(&[0xff; 11]).varint().is_err());
    assert!(Reader::new(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2]).varint().is_err());
}

#[test]
fn common_prefixes_are_counted() {
    for length in 0..40 {
        let a = vec![7; length];
        for differing in 0..length {
            let mut b = a.clone();
            b[differing] ^= 0x80;
            assert_eq!(common_prefix(&a, &b), differing);
            assert_eq!(common_prefix(&a, &b[..differing]), differing);
            assert_eq!(common_prefix(&a[..differing], &b), differing);
        }
        assert_eq!(common_prefix(&a, &a), length);
    }
}
