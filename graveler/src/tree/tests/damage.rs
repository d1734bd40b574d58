//! Damaged files are errors that name the file.

use storage::Immutable;

use super::deltas::delta_options;
use super::*;
use crate::sstable::{Block, Compression, Tail, TailParse, Writer, WriterOptions};
use crate::testing::run;
use crate::tree::write::write;

async fn first_range(files: &Files, tree: Option<MetaRangeId>) -> Immutable {
    ranges_in(files, tree).await[0].object
}

#[test]
fn every_flipped_byte_of_a_range_is_an_error_that_names_it() {
    run(async {
        let (lake, files) = lake().await;
        let model = large("p/", 12);
        let tree = build(&files, &model).await;
        let object = first_range(&files, tree).await;
        check_all_damage(&lake, tree, &model, object).await;
    });
}

#[test]
fn a_damaged_delta_or_root_over_deltas_gives_an_error_that_names_it_or_the_right_answer() {
    run(async {
        let (lake, files) = lake().await;
        let model = large("p/", 12);
        let tree = build(&files, &model).await;
        let after = edited(&model, &[("p/00003".into(), Some(90)), ("p/00007".into(), None), ("q".into(), Some(91))]);
        let written = write(&files, &delta_options(), tree, &mut changes_of(&model, &after)).await.unwrap().root;
        let delta = files.tree(written).await.unwrap().deltas[0].info.object;
        for object in [delta, Immutable::MetaRange(written.unwrap())] {
            let sound = files.storage().get(&object).await.unwrap();
            check_all_damage(&lake, written, &after, object).await;
            files.storage().put(&object, sound).await.unwrap();
        }
    });
}

/// Looks all keys up in a tree one of whose files is damaged, byte by byte.
async fn check_all_damage(lake: &TestLake, tree: Option<MetaRangeId>, model: &Model, object: Immutable) {
    let files = lake.files();
    {
        let bytes = files.storage().get(&object).await.unwrap();
        for at in 0..bytes.len() {
            let mut damaged = bytes.to_vec();
            damaged[at] ^= 0x20;
            files.storage().put(&object, damaged.into()).await.unwrap();
            let cold = lake.cold(small_options());
            let files = cold.files(&lake.repository).unwrap();
            let mut seen = Model::new();
            let failed = async {
                for path in model.keys().chain(&["p/00007".to_owned()]) {
                    if let Some(found) = files.lookup(tree, path.as_bytes()).await? {
                        seen.insert(path.clone(), found.entry(&files)?.size);
                    }
                }
                Ok::<_, Error>(())
            };
            match failed.await {
                Err(Error::Corrupt { file, .. } | Error::Unsupported { file, .. }) => {
                    assert!(file.contains(&object.to_string()), "{file}");
                }
                Err(other) => panic!("byte {at}: {other}"),
                Ok(()) => assert_eq!(&seen, model, "byte {at}"),
            }
        }
    }
}

#[test]
fn a_range_under_the_name_of_another_is_an_error_that_names_it() {
    run(async {
        let (lake, files) = lake().await;
        let tree = build(&files, &large("p/", 12)).await;
        let other = build(&files, &large("q/", 12)).await;
        let object = first_range(&files, tree).await;
        let moved = files.storage().get(&first_range(&files, other).await).await.unwrap();
        files.storage().put(&object, moved).await.unwrap();
        let cold = lake.cold(small_options());
        let files = cold.files(&lake.repository).unwrap();
        match files.lookup(tree, b"p/00001").await {
            Err(Error::Corrupt { file, .. }) => assert!(file.contains(&object.to_string())),
            _ => panic!("another range's content was taken for this one's"),
        }
    });
}

#[test]
fn a_damaged_block_is_not_copied_into_another_range() {
    run(async {
        let options = GravelerOptions { range_bytes: 64 << 10, ..small_options() };
        let lake = TestLake::with_options(options.clone()).await;
        let files = lake.files();
        let model = large("p/", 400);
        let tree = build_with(&files, &model, &options).await;
        let object = first_range(&files, tree).await;
        let mut bytes = files.storage().get(&object).await.unwrap().to_vec();
        bytes[40] ^= 1;
        files.storage().put(&object, bytes.into()).await.unwrap();
        let files = lake.cold(options.clone()).files(&lake.repository).unwrap();
        let mut builder = TreeBuilder::new(&files, &options);
        let changes = vec![TreeChange { key: "p/00300".into(), value: None }];
        apply(&files, tree, &mut Listed(changes.into_iter()), &mut builder).await.unwrap();
        match builder.finish().await {
            Err(Error::Corrupt { file, .. }) => assert!(file.contains(&object.to_string()), "{file}"),
            other => panic!("{other:?}"),
        }
    });
}

/// A file's content compressed otherwise, as another version of a compressor would: the id stays.
fn recompressed(file: &Bytes) -> Bytes {
    let TailParse::Parsed(tail) = Tail::parse(file, file.len() as u64).unwrap() else {
        panic!("a whole file is enough")
    };
    let options = WriterOptions {
        compression: Compression::None,
        block_bytes: small_options().block_bytes,
        ..WriterOptions::default()
    };
    let mut writer = Writer::new(options);
    for at in 0..tail.blocks() {
        let range = tail.handle(at).range();
        let stored = &file[range.start as usize..range.end as usize];
        let block = Block::decode(stored, tail.handle(at), tail.format()).unwrap();
        (0..block.entries()).map(|slot| block.entry(slot)).for_each(|(key, value)| {
            writer.add(key, value).unwrap();
        });
    }
    let finished = writer.finish().unwrap();
    assert_eq!(Some(finished.id), tail.content_id());
    assert_ne!(&finished.bytes, file);
    finished.bytes
}

#[test]
fn repositories_may_compress_equal_content_each_in_its_way() {
    run(async {
        let (lake, files) = lake().await;
        let model = large("p/", 400);
        let tree = build(&files, &model).await;
        let other = lake.graveler.files_at(&"mem://other".parse().unwrap()).unwrap();
        assert_eq!(build(&other, &model).await, tree);
        for range in ranges_in(&files, tree).await {
            let file = files.storage().get(&range.object).await.unwrap();
            other.storage().put(&range.object, recompressed(&file)).await.unwrap();
        }
        let cold = lake.cold(small_options());
        for namespace in ["mem://trips", "mem://other", "mem://trips"] {
            let files = cold.files_at(&namespace.parse().unwrap()).unwrap();
            assert_eq!(content_of(&files, tree).await, model, "{namespace}");
        }
    });
}

#[test]
fn a_file_that_was_written_again_compressed_otherwise_is_found_at_the_next_attempt() {
    run(async {
        let (lake, files) = lake().await;
        let model = large("p/", 400);
        let tree = build(&files, &model).await;
        let files = lake.cold(small_options()).files(&lake.repository).unwrap();
        let object = first_range(&files, tree).await;
        // Its tail is cached from here on, and few of its blocks.
        assert!(files.lookup(tree, b"p/00000").await.unwrap().is_some());
        let file = files.storage().get(&object).await.unwrap();
        files.storage().put(&object, recompressed(&file)).await.unwrap();
        let mut failures = 0;
        for path in model.keys() {
            let found = match files.lookup(tree, path.as_bytes()).await {
                Err(Error::Corrupt { .. }) => {
                    failures += 1;
                    files.lookup(tree, path.as_bytes()).await
                }
                other => other,
            };
            assert!(found.unwrap().is_some(), "{path}");
        }
        assert!(failures <= 1, "{failures} failures");
    });
}
