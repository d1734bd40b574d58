//! Files of commits and trees are damaged one by one in every way that a disk or a person can: each damage is found under
//! the path of the file, and a sound repository has none.

use std::collections::BTreeMap;
use std::path::Path;

use model::{Command, DeleteBranch, Note};
use storage::Immutable;
use storage::testing::Verb;

use super::*;
use crate::history::write_commit;
use crate::sstable::{Writer, WriterOptions};
use crate::testing::{plain_entry, small_options};
use crate::tree::TreeCursor;
use crate::tree::layers::Layers;
use crate::tree::range_info::RangeInfo;
use crate::tree::record::encode_entry;

/// All files under a folder with their bytes.
fn snapshot(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    for item in fs::read_dir(folder).unwrap() {
        let path = item.unwrap().path();
        if path.is_dir() {
            all.insert(path.clone(), Vec::new());
            all.extend(snapshot(&path));
        } else {
            all.insert(path.clone(), fs::read(path).unwrap());
        }
    }
    all
}

#[test]
fn a_sound_repository_has_no_faults() {
    run(async {
        let on_disk = OnDisk::small().await;
        let head = on_disk.lake.branch("main").await.commit;
        on_disk.lake.create_branch("fix", head, 7).await;
        let (summary, faults) = on_disk.check(DataCheck::Bytes).await;
        assert_eq!(faults, []);
        assert_eq!((summary.commits, summary.metaranges, summary.ranges), (3, 2, 2));
        assert_eq!((summary.objects, summary.objects_elsewhere, summary.faults), (3, 0, 0));
    });
}

#[test]
fn a_check_from_a_ref_reads_what_it_reaches_and_no_more() {
    run(async {
        let on_disk = OnDisk::small().await;
        for (from, commits) in [("main", 3), ("main~1", 2), ("main~2", 1)] {
            let (sender, receiver) = channel(4);
            let from = expr(from);
            let check = on_disk.lake.graveler.fsck(on_disk.lake.name(), Some(&from), FsckOptions::default(), sender);
            let (summary, faults) = tokio::join!(check, faults(receiver));
            assert_eq!((summary.unwrap().commits, faults), (commits, vec![]), "{from}");
        }
    });
}

#[test]
fn what_many_commits_share_is_read_once() {
    run(async {
        let on_disk = OnDisk::new(small_options()).await;
        let lake = &on_disk.lake;
        let paths: Vec<String> = (0..400).map(|i| format!("p/{i:05}")).collect();
        let load: Vec<_> = paths.iter().map(|path| (path.as_str(), Some(1))).collect();
        lake.stage("main", &load).await;
        lake.commit("main").await.unwrap();
        for i in 0..20 {
            lake.stage("main", &[(paths[i * 20].as_str(), Some(2))]).await;
            lake.commit("main").await.unwrap();
        }
        let files = on_disk.files();
        let of = |folder: &str| files.iter().filter(|file| file.contains(folder)).count() as u64;
        let bytes: u64 = files.iter().map(|file| fs::metadata(on_disk.place(file)).unwrap().len()).sum();
        assert!(of("/ranges/") >= 30, "{files:?}");

        lake.requests.reset();
        let (summary, faults) = on_disk.check(DataCheck::Skip).await;
        assert_eq!(faults, []);
        let counted = (summary.commits, summary.metaranges, summary.ranges, summary.bytes_read);
        assert_eq!(counted, (of("/commits/"), of("/metaranges/"), of("/ranges/"), bytes));
        // One request a commit, and at most two a table; one for the format.
        let most = of("/commits/") + 2 * (of("/metaranges/") + of("/ranges/")) + 1;
        assert!(lake.requests.requests(Verb::Get) <= most);
        assert_eq!(lake.requests.all_requests(), lake.requests.requests(Verb::Get));
        lake.requests.reset();
        // The data objects of this lake don't exist; one that many ranges name is asked for once.
        let (summary, faults) = on_disk.check(DataCheck::Size).await;
        assert!(faults.iter().all(|fault| fault.kind == FaultKind::Missing && fault.path.is_some()));
        assert_eq!(lake.requests.requests(Verb::Head), summary.objects);
        assert_eq!((summary.objects, faults.len()), (420, 420));
    });
}

type Damage = (&'static str, fn(&mut Vec<u8>));

/// What may happen to a file's bytes.
const DAMAGES: [Damage; 8] = [
    ("first byte flipped", |bytes| bytes[0] ^= 1),
    ("middle byte flipped", |bytes| {
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0x40;
    }),
    ("last byte flipped", |bytes| *bytes.last_mut().unwrap() ^= 0x80),
    ("cut by a byte", |bytes| bytes.truncate(bytes.len() - 1)),
    ("cut in half", |bytes| bytes.truncate(bytes.len() / 2)),
    ("emptied", Vec::clear),
    ("longer by a byte", |bytes| bytes.push(0)),
    ("zeros", |bytes| bytes.fill(0)),
];

#[test]
fn every_damage_to_every_file_is_found_under_its_path() {
    run(async { every_damage_is_found(&OnDisk::small().await).await });
}

#[test]
fn every_damage_to_a_delta_or_a_root_over_deltas_is_found() {
    run(async {
        let on_disk = OnDisk::with_a_delta().await;
        let tree = on_disk.lake.tree_of("main").await;
        assert_eq!(tree.deltas.len(), 1);
        every_damage_is_found(&on_disk).await;
    });
}

async fn every_damage_is_found(on_disk: &OnDisk) {
    {
        let files = on_disk.files();
        for file in files.iter().map(String::as_str).chain(["_lakebed/format.json"]) {
            let place = on_disk.place(file);
            let sound = fs::read(&place).unwrap();
            for (name, damage) in DAMAGES {
                let mut bytes = sound.clone();
                damage(&mut bytes);
                // JSON has no hash: a letter in a name, or the last line's end, isn't seen.
                if file.ends_with(".json") && !["first byte flipped", "cut in half", "emptied", "zeros"].contains(&name)
                {
                    continue;
                }
                fs::write(&place, &bytes).unwrap();
                let (summary, faults) = on_disk.check(DataCheck::Size).await;
                assert!(faults.iter().any(|fault| fault.file == file), "{file} {name}: {faults:?}");
                assert!(faults.iter().all(|fault| fault.file == file), "{file} {name}: {faults:?}");
                assert_eq!(summary.faults, faults.len() as u64);
            }
            fs::remove_file(&place).unwrap();
            let (_, faults) = on_disk.check(DataCheck::Size).await;
            assert_eq!(kinds(&faults), [(FaultKind::Missing, file)]);
            fs::write(&place, &sound).unwrap();
        }
        assert_eq!(on_disk.check(DataCheck::Bytes).await.1, []);
    }
}

#[test]
fn a_repository_with_many_deltas_has_no_faults() {
    run(async {
        let on_disk = OnDisk::new(delta_options()).await;
        let lake = &on_disk.lake;
        let paths: Vec<String> = (0..400).map(|i| format!("p/{i:05}")).collect();
        let load: Vec<_> = paths.iter().map(|path| (path.as_str(), Some(1))).collect();
        lake.stage("main", &load).await;
        lake.commit("main").await.unwrap();
        let mut most = 0;
        for round in 0..12 {
            let content = (round % 3 != 0).then_some(round as u64 + 50);
            let changes: Vec<_> = (0..12).map(|i| (paths[(i * 31 + round * 7) % 400].as_str(), content)).collect();
            lake.stage("main", &changes).await;
            lake.commit("main").await.unwrap();
            most = most.max(lake.tree_of("main").await.deltas.len());
        }
        assert_eq!(most, 3);
        let (_, faults) = on_disk.check(DataCheck::Skip).await;
        assert_eq!(faults, []);
    });
}

#[test]
fn a_tombstone_outside_of_a_delta_and_a_filter_of_other_keys_are_found() {
    run(async {
        let on_disk = OnDisk::with_a_delta().await;
        let (files, tree) = (on_disk.lake.files(), on_disk.lake.tree_of("main").await);
        let mut writer = Writer::new(WriterOptions { filter: true, ..WriterOptions::default() });
        writer.add(b"gone", b"").unwrap();
        let range = writer.finish().unwrap();
        let delta = RangeInfo {
            object: Immutable::Range(model::RangeId::from_bytes(range.id)),
            height: 0,
            level: 0,
            first_key: range.first_key,
            last_key: range.last_key,
            entries: 1,
            bytes: range.bytes.len() as u64,
            tail_length: range.tail_length,
        };
        files.put(delta.object, range.bytes.clone()).await.unwrap();
        let mut writer = Writer::new(WriterOptions::default());
        writer.add(&delta.last_key, &delta.encode()).unwrap();
        let metarange = writer.finish().unwrap();
        let plain = model::MetaRangeId::from_bytes(metarange.id);
        files.put(Immutable::MetaRange(plain), metarange.bytes).await.unwrap();
        let layers = Layers {
            base: RangeInfo::clone(tree.base_info.as_ref().unwrap()),
            deltas: vec![RangeInfo { level: 1, ..delta.clone() }],
            digest: tree.digest().unwrap(),
        };
        let layered = layers.store(&files, &delta_options()).await.unwrap();

        assert_eq!(faults_of_tree(&on_disk, layered).await, []);
        let faults = faults_of_tree(&on_disk, plain).await;
        assert_eq!(kinds(&faults), [(FaultKind::Corrupt, delta.object.to_string().as_str())]);

        // Another filter, with the checksum that fits it: the id tells.
        let place = on_disk.place(&delta.object.to_string());
        let mut writer = Writer::new(WriterOptions { filter: true, ..WriterOptions::default() });
        writer.add(b"hone", b"").unwrap();
        let other = writer.finish().unwrap().bytes;
        let (from, to) = (range.bytes.len() - range.tail_length as usize, range.bytes.len());
        let mixed = [&range.bytes[..from], &other[from..to]].concat();
        fs::write(place, mixed).unwrap();
        let faults = faults_of_tree(&on_disk, layered).await;
        assert!(matches!(&faults[..], [fault] if fault.file == delta.object.to_string()), "{faults:?}");
    });
}

/// What is wrong with a tree, as that of a commit.
async fn faults_of_tree(on_disk: &OnDisk, tree: model::MetaRangeId) -> Vec<Fault> {
    let files = on_disk.lake.files();
    let head = on_disk.lake.branch("main").await.commit;
    let commit = on_disk.lake.graveler.commit_object(&on_disk.lake.repository, &head).await.unwrap();
    let commit = model::Commit { metarange: Some(tree), ..(*commit).clone() };
    let commit = write_commit(&files, &commit).await.unwrap();
    let (sender, receiver) = channel(4);
    let options = FsckOptions { data: DataCheck::Skip, ..FsckOptions::default() };
    let check = fsck_bucket(files.storage().clone(), Some(commit), options, sender);
    let (summary, faults) = tokio::join!(check, faults(receiver));
    summary.unwrap();
    faults
}

#[test]
fn a_file_under_the_name_of_another_is_found() {
    run(async {
        let on_disk = OnDisk::small().await;
        for folder in ["/commits/", "/metaranges/", "/ranges/"] {
            let files = on_disk.files();
            let files: Vec<&String> = files.iter().filter(|file| file.contains(folder)).collect();
            let (one, other) = (on_disk.place(files[0]), on_disk.place(files[1]));
            let sound = fs::read(&one).unwrap();
            fs::copy(&other, &one).unwrap();
            let (_, faults) = on_disk.check(DataCheck::Size).await;
            let kind = if folder == "/commits/" { FaultKind::Corrupt } else { FaultKind::Misnamed };
            assert_eq!(kinds(&faults), [(kind, files[0].as_str())], "{faults:?}");
            fs::write(&one, &sound).unwrap();
        }
    });
}

#[test]
fn every_flipped_byte_of_every_kind_of_file_is_found() {
    run(async {
        let on_disk = OnDisk::small().await;
        let files = on_disk.files();
        for folder in ["/commits/", "/metaranges/", "/ranges/"] {
            let file = files.iter().find(|file| file.contains(folder)).unwrap();
            let place = on_disk.place(file);
            let sound = fs::read(&place).unwrap();
            for at in 0..sound.len() {
                let mut bytes = sound.clone();
                bytes[at] ^= 0x10;
                fs::write(&place, &bytes).unwrap();
                let (_, faults) = on_disk.check(DataCheck::Skip).await;
                assert!(faults.iter().any(|fault| fault.file == *file), "{file}: byte {at} of {}", sound.len());
            }
            fs::write(&place, &sound).unwrap();
        }
    });
}

#[test]
fn all_faults_are_found_at_once() {
    run(async {
        let on_disk = OnDisk::new(small_options()).await;
        let lake = &on_disk.lake;
        let paths: Vec<String> = (0..200).map(|i| format!("p/{i:05}")).collect();
        lake.stage("main", &paths.iter().map(|path| (path.as_str(), Some(1))).collect::<Vec<_>>()).await;
        lake.commit("main").await.unwrap();
        let files = on_disk.files();
        let ranges: Vec<&str> = files.iter().map(String::as_str).filter(|file| file.contains("/ranges/")).collect();
        fs::remove_file(on_disk.place(ranges[0])).unwrap();
        fs::copy(on_disk.place(ranges[2]), on_disk.place(ranges[1])).unwrap();
        // Two blocks of one range.
        let place = on_disk.place(ranges[3]);
        let mut bytes = fs::read(&place).unwrap();
        bytes[0] ^= 1;
        let later = bytes.len() / 4;
        bytes[later] ^= 1;
        fs::write(&place, bytes).unwrap();
        let (_, faults) = on_disk.check(DataCheck::Skip).await;
        let found: Vec<_> = kinds(&faults);
        assert!(found.contains(&(FaultKind::Missing, ranges[0])), "{found:?}");
        assert!(found.contains(&(FaultKind::Misnamed, ranges[1])), "{found:?}");
        assert!(found.iter().any(|fault| *fault == (FaultKind::Corrupt, ranges[3])), "{found:?}");
        assert!(found.iter().all(|(_, file)| [ranges[0], ranges[1], ranges[3]].contains(file)), "{found:?}");
    });
}

#[test]
fn a_metarange_that_says_something_else_of_a_range_is_found() {
    run(async {
        let on_disk = OnDisk::small().await;
        let files = on_disk.lake.files();
        let head = on_disk.lake.branch("main").await.commit;
        let commit = on_disk.lake.graveler.commit_object(&on_disk.lake.repository, &head).await.unwrap();
        let cursor = TreeCursor::open(&files, commit.metarange).await.unwrap();
        let info = (**cursor.whole_range().unwrap()).clone();
        let range = info.object.to_string();
        type Change = fn(&mut RangeInfo);
        let wrongs: [Change; 5] = [
            |info| info.entries += 1,
            |info| info.bytes -= 1,
            |info| info.tail_length += 1,
            |info| info.first_key = b"a".to_vec(),
            |info| info.last_key = b"zz".to_vec(),
        ];
        for wrong in wrongs {
            let mut said = info.clone();
            wrong(&mut said);
            let mut writer = Writer::new(WriterOptions::default());
            writer.add(&said.last_key, &said.encode()).unwrap();
            let finished = writer.finish().unwrap();
            let metarange = model::MetaRangeId::from_bytes(finished.id);
            files.put(Immutable::MetaRange(metarange), finished.bytes).await.unwrap();
            let wrong = model::Commit { metarange: Some(metarange), ..(*commit).clone() };
            let id = write_commit(&files, &wrong).await.unwrap();
            let (sender, receiver) = channel(4);
            let check = fsck_bucket(files.storage().clone(), Some(id), FsckOptions::default(), sender);
            let (summary, faults) = tokio::join!(check, faults(receiver));
            assert_eq!(kinds(&faults), [(FaultKind::Mismatch, range.as_str())]);
            assert_eq!(faults[0].needed_by, Immutable::MetaRange(metarange).to_string());
            summary.unwrap();
        }
    });
}

#[test]
fn bad_records_and_generations_are_found() {
    run(async {
        let on_disk = OnDisk::small().await;
        let files = on_disk.lake.files();
        let good = encode_entry(plain_entry(1));
        let mut other_identity = good.to_vec();
        other_identity[3] ^= 1;
        for (key, value, why) in [
            (&b"ok"[..], &good[..good.len() - 1], "cut short"),
            (&b"ok"[..], &other_identity[..], "identity"),
            (&b"\xff\xfe"[..], &good[..], "UTF-8"),
        ] {
            let mut writer = Writer::new(WriterOptions::default());
            writer.add(key, value).unwrap();
            let range = writer.finish().unwrap();
            let info = RangeInfo {
                object: Immutable::Range(model::RangeId::from_bytes(range.id)),
                height: 0,
                level: 0,
                first_key: range.first_key,
                last_key: range.last_key,
                entries: range.entries,
                bytes: range.bytes.len() as u64,
                tail_length: range.tail_length,
            };
            files.put(info.object, range.bytes).await.unwrap();
            let mut writer = Writer::new(WriterOptions::default());
            writer.add(&info.last_key, &info.encode()).unwrap();
            let metarange = writer.finish().unwrap();
            let id = model::MetaRangeId::from_bytes(metarange.id);
            files.put(Immutable::MetaRange(id), metarange.bytes).await.unwrap();
            let head = on_disk.lake.branch("main").await.commit;
            let commit = on_disk.lake.graveler.commit_object(&on_disk.lake.repository, &head).await.unwrap();
            let commit = model::Commit { metarange: Some(id), generation: 9, ..(*commit).clone() };
            let commit = write_commit(&files, &commit).await.unwrap();
            let (sender, receiver) = channel(4);
            let options = FsckOptions { data: DataCheck::Skip, ..FsckOptions::default() };
            let check = fsck_bucket(files.storage().clone(), Some(commit), options, sender);
            let (summary, faults) = tokio::join!(check, faults(receiver));
            summary.unwrap();
            let [commits, ranges] = &faults[..] else { panic!("{faults:?}") };
            assert!(commits.why.contains("generation") && commits.file == Immutable::Commit(commit).to_string());
            assert!(ranges.why.contains(why) && ranges.file == info.object.to_string(), "{ranges}");
        }
    });
}

#[test]
fn a_bucket_is_checked_without_a_server_and_without_a_write() {
    run(async {
        let on_disk = OnDisk::small().await;
        // Nothing but commit objects names what a branch that is gone held.
        let head = on_disk.lake.branch("main").await.commit;
        on_disk.lake.create_branch("gone", head, 9).await;
        on_disk.lake.stage("gone", &[("lost", Some(0))]).await;
        on_disk.lake.commit("gone").await.unwrap();
        let command = Command::DeleteBranch(DeleteBranch {
            repository: on_disk.lake.name().clone(),
            branch: branch("gone"),
            note: Note::default(),
        });
        on_disk.lake.graveler.meta().write(command).await.unwrap();

        let before = snapshot(on_disk.folder.path());
        let url = format!("file://{}", on_disk.folder.path().display());
        let stores = Stores::open_read_only(&url, &StoreSettings::default()).await.unwrap();
        let storage = stores.repository(&on_disk.lake.repository.namespace).unwrap();
        for (from, commits, missing) in [(None, 4, 1), (Some(head), 3, 0)] {
            let (sender, receiver) = channel(4);
            let check = fsck_bucket(storage.clone(), from, FsckOptions::default(), sender);
            let (summary, faults) = tokio::join!(check, faults(receiver));
            assert_eq!((summary.unwrap().commits, faults.len()), (commits, missing), "{faults:?}");
        }
        assert!(storage.put(&Immutable::Commit(head), "no".into()).await.is_err());
        assert!(storage.delete_data(&storage.new_address()).await.is_err());
        assert!(snapshot(on_disk.folder.path()) == before);
        assert_eq!(on_disk.check(DataCheck::Size).await.0.commits, 3);
    });
}

#[test]
fn a_check_that_nobody_listens_to_ends() {
    run(async {
        let on_disk = OnDisk::small().await;
        let (sender, receiver) = channel(1);
        drop(receiver);
        let check = on_disk.lake.graveler.fsck(on_disk.lake.name(), None, FsckOptions::default(), sender);
        assert!(matches!(check.await, Err(Error::Internal(_))));
    });
}

#[test]
fn a_folder_that_is_not_there_is_not_made() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("file://{}/nothing", folder.path().display());
        assert!(Stores::open_read_only(&url, &StoreSettings::default()).await.is_err());
        assert_eq!(snapshot(folder.path()).len(), 0);
    });
}
