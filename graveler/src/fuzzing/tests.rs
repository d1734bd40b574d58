//! The fuzz targets over the seeds and what is near them: a first fuzzing in every test run.

use proptest::prelude::*;

use super::*;

fn target(name: &str) -> Target {
    TARGETS.iter().find(|(target, _)| *target == name).expect("a seed is for a target").1
}

#[test]
fn seeds_are_taken_whole() {
    for Seed { target: name, name: of, bytes } in seeds() {
        target(name)(&bytes);
        let is_taken = match name {
            "sstable" => read_table(&bytes).is_ok(),
            "metarange" if of.starts_with("record") => {
                let (key, value) = bytes[1..].split_at(bytes[0].into());
                RangeInfo::decode(key, value).is_ok()
            }
            "metarange" => read_table(&bytes).unwrap().iter().all(|(key, value)| RangeInfo::decode(key, value).is_ok()),
            "commit" => commit_object::decode(CommitId::from_bytes(*blake3::hash(&bytes).as_bytes()), &bytes).is_ok(),
            "record" => record::decode_entry(&bytes).is_ok(),
            _ => {
                let text = str::from_utf8(&bytes).unwrap();
                text.parse::<RefExpr>().is_ok() || text.parse::<LogCursor>().is_ok()
            }
        };
        assert!(is_taken, "{name}/{of}");
    }
}

#[test]
fn what_is_near_a_seed_keeps_the_promises() {
    let seeds = seeds();
    let edits = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..4_u8), 1..6);
    // More with PROPTEST_CASES.
    let cases = ProptestConfig::default().cases.max(1500);
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(seed in any::<prop::sample::Index>(), edits in edits)| {
        let Seed { target: name, bytes, .. } = &seeds[seed.index(seeds.len())];
        let mut bytes = bytes.clone();
        for (at, byte, edit) in edits {
            let at = at.index(bytes.len().max(1));
            match edit {
                0 => bytes.truncate(at),
                1 => bytes.insert(at, byte),
                _ if bytes.is_empty() => {}
                2 => drop(bytes.remove(at)),
                _ => bytes[at] = byte,
            }
        }
        target(name)(&bytes);
    });
}

#[test]
fn a_mended_table_shows_what_is_behind_its_checksums() {
    let seeds = seeds();
    let plain = seeds.iter().find(|seed| seed.target == "sstable" && seed.name == "plain").unwrap();
    let mut damaged = plain.bytes.clone();
    let key = damaged.windows(4).position(|bytes| bytes == b"part").unwrap();
    damaged[key] = b'q';
    assert!(read_table(&damaged).is_err());
    mend(&mut damaged);
    assert!(read_table(&damaged).unwrap().iter().any(|(key, _)| key.windows(4).any(|bytes| bytes == b"qart")));
}
