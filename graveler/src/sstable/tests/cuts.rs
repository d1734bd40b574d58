//! Canonical cuts: equal content, equal bytes; an edit changes only its neighbourhood; unchanged blocks are copied.

use super::*;

/// Rewrites a table with some keys changed, copying blocks that no change touches.
fn rewrite(old: &[u8], edits: &BTreeMap<Vec<u8>, Option<Vec<u8>>>, options: WriterOptions) -> (Finished, usize) {
    let tail = parse_tail(old).unwrap();
    let (mut writer, mut edits, mut copied) = (Writer::new(options), edits.iter().peekable(), 0);
    for at in 0..tail.blocks() {
        let (info, last) = (tail.info(at).unwrap(), at + 1 == tail.blocks());
        let touched = edits.peek().is_some_and(|(key, _)| key.as_slice() <= tail.separator(at) || last);
        if writer.at_cut() && !touched {
            writer.add_raw_block(&tail.raw_block(at, stored(old, tail.handle(at))).unwrap()).unwrap();
            assert_eq!(writer.last_block_weight(), info.weight());
            copied += 1;
            continue;
        }
        let block = block(old, &tail, at).unwrap();
        let mut merged: Entries =
            (0..block.entries()).map(|i| block.entry(i)).map(|(k, v)| (k.into(), v.into())).collect();
        while let Some((key, value)) = edits.next_if(|(key, _)| key.as_slice() <= tail.separator(at) || last) {
            match value {
                Some(value) => drop(merged.insert(key.clone(), value.clone())),
                None => drop(merged.remove(key)),
            }
        }
        for (key, value) in &merged {
            writer.add(key, value).unwrap();
        }
    }
    (writer.finish().unwrap(), copied)
}

fn apply(entries: &Entries, edits: &BTreeMap<Vec<u8>, Option<Vec<u8>>>) -> Entries {
    let mut entries = entries.clone();
    for (key, value) in edits {
        match value {
            Some(value) => drop(entries.insert(key.clone(), value.clone())),
            None => drop(entries.remove(key)),
        }
    }
    entries
}

#[test]
fn equal_content_gives_equal_bytes() {
    let entries = lake(5000);
    let (one, two) = (write(&entries, WriterOptions::default()), write(&entries, WriterOptions::default()));
    assert_eq!(one.bytes, two.bytes);
    assert_eq!(one.id, two.id);
    let other = WriterOptions { compression: Compression::Lz4, checksum: Checksum::Xxh3, ..WriterOptions::default() };
    assert_eq!(write(&entries, other).id, one.id, "ids depend on neither compressor nor checksum");
}

#[test]
fn rewriting_gives_the_bytes_of_writing() {
    let entries = lake(4000);
    let old = write(&entries, WriterOptions::default());
    let keys: Vec<_> = entries.keys().cloned().collect();
    for seed in 0..60u64 {
        let noise = noise(seed, 64);
        let edits: BTreeMap<_, _> = (0..=seed as usize % 4)
            .map(|i| {
                let pick = usize::from(u16::from_le_bytes([noise[i * 4], noise[i * 4 + 1]])) % keys.len();
                match noise[i * 4 + 2] % 3 {
                    0 => (keys[pick].clone(), None),
                    1 => (keys[pick].clone(), Some(noise[..usize::from(noise[i * 4 + 3]) % 64].to_vec())),
                    _ => ([&keys[pick], &b"~new"[..]].concat(), Some(noise.clone())),
                }
            })
            .collect();
        let (rewritten, copied) = rewrite(&old.bytes, &edits, WriterOptions::default());
        let written = write(&apply(&entries, &edits), WriterOptions::default());
        assert_eq!(rewritten.bytes, written.bytes, "seed {seed}");
        assert_eq!(rewritten.id, written.id);
        assert!(copied > 0, "nothing was copied");
    }
}

#[test]
fn rewriting_without_edits_copies_everything() {
    let old = write(&lake(2000), small_blocks());
    let (rewritten, copied) = rewrite(&old.bytes, &BTreeMap::new(), small_blocks());
    assert_eq!(copied, old.block_hashes.len());
    assert_eq!(rewritten.bytes, old.bytes);
}

#[test]
fn an_edit_changes_only_its_neighbourhood() {
    let entries = lake(20_000);
    let old = write(&entries, WriterOptions::default());
    let known: std::collections::HashSet<_> = old.block_hashes.iter().collect();
    let (mut changed, mut worst, probes) = (0, 0, 100);
    for probe in 0..probes {
        let key = entries.keys().nth(probe * entries.len() / probes).unwrap();
        let edits = BTreeMap::from([(key.clone(), Some(vec![7; 200]))]);
        let new = write(&apply(&entries, &edits), WriterOptions::default());
        let fresh = new.block_hashes.iter().filter(|hash| !known.contains(hash)).count();
        assert!(fresh > 0);
        (changed, worst) = (changed + fresh, worst.max(fresh));
    }
    assert!(changed <= probes * 4, "an edit changes {} blocks on average", changed as f64 / probes as f64);
    assert!(worst < old.block_hashes.len() / 3, "an edit changes {worst} of {} blocks", old.block_hashes.len());
}

#[test]
fn blocks_have_nearly_equal_weights() {
    let entries = lake(60_000);
    let finished = write(&entries, WriterOptions::default());
    let tail = parse_tail(&finished.bytes).unwrap();
    let weights: Vec<_> = (0..tail.blocks() - 1).map(|at| tail.info(at).unwrap().weight() as f64).collect();
    let mean = weights.iter().sum::<f64>() / weights.len() as f64;
    let hit = weights.iter().map(|weight| weight * weight).sum::<f64>() / weights.len() as f64 / mean;
    assert!((mean / 16384.0 - 1.0).abs() < 0.06, "blocks weigh {mean} on average");
    assert!(hit / mean < 1.12, "a random entry's block weighs {} times the mean", hit / mean);
    assert!(weights.iter().all(|weight| (4096.0..=65536.0).contains(weight)));
}

#[test]
fn cuts_keep_their_bounds() {
    let rule = CutRule::new(1000, 3);
    let mut cutter = Cutter::new(rule);
    for i in 0..100_000u32 {
        let before = cutter.weight();
        if cutter.step(&i.to_le_bytes(), 10) {
            assert!((250..=4000).contains(&(before + 10)));
            assert_eq!(cutter.weight(), 0);
        }
        assert!(cutter.weight() < 4000);
    }
    assert!(cutter.step(b"heavy", u64::MAX), "a step that is too heavy ends its piece");
    assert!((0..1000).all(|_| !Cutter::new(rule).step(b"light", 249)));
    let mut tiny = Cutter::new(CutRule::new(0, 0));
    assert!((0..100u8).filter(|i| tiny.step(&[*i], 1)).count() >= 100 / 16);
}

/// What others depend on: the cuts and ids of known content. If this fails, the trees of all repositories change.
#[test]
fn known_content_has_known_cuts_and_ids() {
    let mut cutter = Cutter::new(CutRule::new(16 << 10, 1));
    let cuts: Vec<_> = (0..2000u32).filter(|i| cutter.step(&i.to_be_bytes(), 127)).collect();
    assert_eq!(cuts, GOLDEN_CUTS);
    let finished = write(&lake(1000), WriterOptions { compression: Compression::None, ..WriterOptions::default() });
    let file = blake3::hash(&finished.bytes).to_hex();
    assert_eq!((&*blake3::Hash::from(finished.id).to_hex(), &*file), GOLDEN_ID_AND_FILE);
}

const GOLDEN_CUTS: [u32; 17] =
    [81, 192, 313, 470, 583, 694, 831, 1016, 1072, 1191, 1302, 1443, 1502, 1620, 1762, 1850, 1963];
const GOLDEN_ID_AND_FILE: (&str, &str) = (
    "11cd22cb2c7e44832b1a1aa3fd3537eaa9e1514a3768aacd41028cba2043265d",
    "bcfff70d2f3f821c75e5e1dc6131fcff38d1c96b606fc8bbac480a140d7bf06c",
);

#[test]
fn raw_blocks_are_held_to_the_rules() {
    let old = write(&lake(300), small_blocks());
    let tail = parse_tail(&old.bytes).unwrap();
    let raw = |at: usize| tail.raw_block(at, stored(&old.bytes, tail.handle(at))).unwrap();
    let refused = |result: Result<(), SstError>, why: &str| match result {
        Err(SstError::Misuse(text) | SstError::Corrupt(text)) => assert!(text.contains(why), "{text}"),
        other => panic!("{other:?} where {why:?} was due"),
    };

    let mut writer = Writer::new(small_blocks());
    writer.add(b"a", b"not a cut").unwrap();
    refused(writer.add_raw_block(&raw(0)), "cut");

    let mut writer = Writer::new(small_blocks());
    writer.add_raw_block(&raw(1)).unwrap();
    refused(writer.add_raw_block(&raw(1)), "behind");
    refused(writer.add_raw_block(&raw(0)), "behind");

    refused(Writer::new(WriterOptions::default()).add_raw_block(&raw(0)), "cut for");

    let mut damaged = stored(&old.bytes, tail.handle(0)).to_vec();
    damaged[9] ^= 1;
    refused(Writer::new(small_blocks()).add_raw_block(&RawBlock { stored: &damaged, ..raw(0) }), "checksum");

    let last = tail.blocks() - 1;
    assert!(!tail.info(last).unwrap().closed, "this content doesn't happen to end with a cut");
    let mut writer = Writer::new(small_blocks());
    writer.add_raw_block(&raw(last)).unwrap();
    refused(writer.add(b"zzz", b"").map(drop), "last");
    assert_eq!(scan(&writer.finish().unwrap().bytes).unwrap().len() as u64, tail.info(last).unwrap().entries);
}

#[test]
fn blocks_are_copied_between_kinds_of_checksums() {
    let entries = lake(500);
    let old = write(&entries, WriterOptions { checksum: Checksum::Xxh3, ..small_blocks() });
    let (copy, copied) = rewrite(&old.bytes, &BTreeMap::new(), small_blocks());
    assert_eq!(copied, old.block_hashes.len());
    assert_eq!(copy.bytes, write(&entries, small_blocks()).bytes);
}
