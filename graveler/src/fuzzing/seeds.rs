//! What fuzzing begins with: files, records and texts as Lakebed writes them.

use std::collections::BTreeMap;

use model::{
    Address, Checksum, ChecksumAlgorithm, ChecksumKind, Commit, CommitId, Entry, MetaRangeId, PartSizes, RangeId,
    Timestamp,
};
use storage::Immutable;

use crate::history::commit_object;
use crate::sstable::{Checksum as BlockChecksum, Compression, Writer, WriterOptions};
use crate::tree::range_info::RangeInfo;
use crate::tree::record::encode_entry;

/// Bytes for a target.
pub struct Seed {
    /// Which target.
    pub target: &'static str,
    /// Tells it from the target's others.
    pub name: String,
    /// What the target is given.
    pub bytes: Vec<u8>,
}

/// All seeds, the same each time.
pub fn seeds() -> Vec<Seed> {
    let seed = |target, name: &str, bytes: Vec<u8>| Seed { target, name: name.to_owned(), bytes };
    let mut all = Vec::new();
    for (name, compression, checksum) in [
        ("plain", Compression::None, BlockChecksum::Crc32c),
        ("snappy", Compression::Snappy, BlockChecksum::Xxh3),
        ("lz4", Compression::Lz4, BlockChecksum::XxHash64),
        ("zstd", Compression::Zstd(1), BlockChecksum::Crc32c),
    ] {
        let options = WriterOptions { compression, checksum, block_bytes: 512, ..WriterOptions::default() };
        let records =
            (0..24).map(|number| (format!("day={}/part-{number:03}", number / 8), encode_entry(entry(number))));
        all.push(seed("sstable", name, table(options.clone(), records.map(|(key, value)| (key, value.to_vec())))));
        let ranges = (0..6).map(|number| (last_key(number), range(number).encode()));
        all.push(seed("metarange", name, table(options, ranges)));
    }
    for number in 0..3 {
        let (key, value) = (last_key(number), range(number).encode());
        all.push(seed("metarange", &format!("record-{number}"), [&[key.len() as u8], key.as_bytes(), &value].concat()));
        all.push(seed("commit", &format!("parents-{number}"), commit_object::encode(&commit(number)).1));
        all.push(seed("record", &format!("entry-{number}"), encode_entry(entry(number)).to_vec()));
    }
    let id = CommitId::from_bytes([0xab; 32]);
    let texts =
        ["main", "main@", "main$", "v1.0@rc~3^2", "main@{7}~", "main@{2026-11-01T00:00:00Z}^", "beef", "a@b@{0}"];
    let cursors = [id.to_string(), format!("{id}.{id}")];
    for (number, text) in texts.into_iter().map(str::to_owned).chain(cursors).enumerate() {
        all.push(seed("ref_expr", &number.to_string(), text.into_bytes()));
    }
    all
}

fn table(options: WriterOptions, records: impl Iterator<Item = (String, Vec<u8>)>) -> Vec<u8> {
    let mut writer = Writer::new(options);
    for (key, value) in records {
        writer.add(key.as_bytes(), &value).expect("because the records are small and in order");
    }
    writer.finish().expect("because there are records").bytes.to_vec()
}

fn entry(number: u64) -> Entry {
    let few = |name: &str| (0..number % 3).map(|at| (format!("{name}-{at}"), format!("value {at}"))).collect();
    Entry {
        address: match number % 3 {
            0 => Address::Full(format!("s3://elsewhere/object-{number}")),
            _ => Address::Relative(format!("data/part/{number}")),
        },
        last_modified: Timestamp::from_millis(1_790_000_000_000 + number.cast_signed()),
        size: number << 20,
        e_tag: format!("{number:032x}"),
        content_type: "application/parquet".into(),
        metadata: few("user"),
        headers: few("header"),
        checksum: (number % 2 == 1).then(|| Checksum {
            algorithm: ChecksumAlgorithm::Crc64Nvme,
            kind: ChecksumKind::FullObject,
            value: "AAAAAAAAAAA=".into(),
        }),
        parts: if number % 3 == 1 { PartSizes::of([5, 5, 1]) } else { None },
    }
}

fn last_key(number: u64) -> String {
    format!("day={number}/part-999")
}

fn range(number: u64) -> RangeInfo {
    let bytes = [number as u8; 32];
    let height = u32::from(number % 3 == 2);
    RangeInfo {
        object: match height {
            0 => Immutable::Range(RangeId::from_bytes(bytes)),
            _ => Immutable::MetaRange(MetaRangeId::from_bytes(bytes)),
        },
        height,
        level: 0,
        first_key: format!("day={number}/part-000").into_bytes(),
        last_key: last_key(number).into_bytes(),
        entries: 1000 * number,
        bytes: number << 20,
        tail_length: 4096,
    }
}

fn commit(parents: u64) -> Commit {
    Commit {
        metarange: (parents > 0).then(|| MetaRangeId::from_bytes([9; 32])),
        parents: (0..parents).map(|parent| CommitId::from_bytes([parent as u8; 32])).collect(),
        generation: parents + 1,
        committer: "ann".into(),
        message: "first load\n\nand more".into(),
        created_at: Timestamp::from_millis(1_790_000_000_000),
        metadata: BTreeMap::from([("run".into(), "7".into())]),
    }
}
