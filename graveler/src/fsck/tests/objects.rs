//! Data objects: by what they are judged, how often they are looked at, and under which path their faults are told.

use storage::testing::Verb;

use super::*;

#[test]
fn damaged_data_objects_are_found_under_path_and_address() {
    run(async {
        let on_disk = OnDisk::small().await;
        let entry = on_disk.write("c/new", b"precious").await;
        on_disk.lake.commit("main").await.unwrap();
        let address = entry.address.as_str();
        let place = on_disk.place(address);
        for (bytes, size, whole) in [
            (&b"preciou"[..], vec![FaultKind::WrongSize], FaultKind::WrongSize),
            (&b"precious!"[..], vec![FaultKind::WrongSize], FaultKind::WrongSize),
            (&b""[..], vec![FaultKind::WrongSize], FaultKind::WrongSize),
            (&b"Precious"[..], vec![], FaultKind::WrongBytes),
        ] {
            fs::write(&place, bytes).unwrap();
            let (_, faults) = on_disk.check(DataCheck::Size).await;
            assert_eq!(faults.iter().map(|fault| fault.kind).collect::<Vec<_>>(), size);
            let (_, faults) = on_disk.check(DataCheck::Bytes).await;
            assert_eq!(kinds(&faults), [(whole, address)]);
            assert_eq!(faults[0].path.as_deref(), Some("c/new"));
            assert!(faults[0].needed_by.starts_with("_lakebed/ranges/"));
        }
        fs::remove_file(&place).unwrap();
        assert_eq!(kinds(&on_disk.check(DataCheck::Size).await.1), [(FaultKind::Missing, address)]);
        assert_eq!(on_disk.check(DataCheck::Skip).await.1, []);
    });
}

/// Objects with their bytes at `p/0` and so on.
async fn with_objects(tags: Option<Tags>, amount: usize) -> (OnDisk, Vec<Entry>) {
    let on_disk = OnDisk::with_tags(GravelerOptions::default(), tags).await;
    let mut entries = Vec::new();
    for at in 0..amount {
        entries.push(on_disk.write(&format!("p/{at}"), b"bytes").await);
    }
    on_disk.lake.commit("main").await.unwrap();
    (on_disk, entries)
}

impl OnDisk {
    /// Changes an object's bytes and not its size.
    fn rot(&self, entry: &Entry) {
        fs::write(self.place(entry.address.as_str()), b"bytez").unwrap();
    }
}

fn judged(summary: &CheckSummary) -> [u64; 3] {
    [summary.objects_by_bytes, summary.objects_by_e_tag, summary.objects_by_size]
}

#[test]
fn etags_are_compared_where_the_store_s_tell_of_bytes_and_a_check_says_by_what_it_judged() {
    run(async {
        let (on_disk, entries) = with_objects(Some(Tags::Md5), 5).await;
        let (summary, faults) = on_disk.check(DataCheck::default()).await;
        assert_eq!((judged(&summary), faults), ([0, 5, 0], vec![]));
        assert_eq!(judged(&on_disk.check(DataCheck::Size).await.0), [0, 0, 5]);
        assert_eq!(judged(&on_disk.check(DataCheck::Bytes).await.0), [5, 0, 0]);

        on_disk.rot(&entries[2]);
        assert_eq!(on_disk.check(DataCheck::Size).await.1, []);
        for data in [DataCheck::default(), DataCheck::Bytes] {
            let (summary, faults) = on_disk.check(data).await;
            assert_eq!(kinds(&faults), [(FaultKind::WrongBytes, entries[2].address.as_str())]);
            assert_eq!((summary.objects, judged(&summary).iter().sum::<u64>()), (5, 4));
        }
    });
}

#[test]
fn etags_that_say_nothing_of_bytes_are_no_fault_and_are_soon_left_alone() {
    run(async {
        let (on_disk, entries) = with_objects(Some(Tags::Opaque), 60).await;
        let (summary, faults) = on_disk.check(DataCheck::default()).await;
        assert_eq!(faults, []);
        // Some are read to learn that; those under way at a time may be more than the bound.
        let [bytes, e_tags, sizes] = judged(&summary);
        assert_eq!((bytes + sizes, e_tags), (60, 0));
        assert!((16..16 + 16).contains(&bytes), "{summary:?}");
        // What the bytes show is a fault all the same.
        let (on_disk, few) = (on_disk, &entries[..1]);
        on_disk.rot(&few[0]);
        let (_, faults) = on_disk.check(DataCheck::Bytes).await;
        assert_eq!(kinds(&faults), [(FaultKind::WrongBytes, few[0].address.as_str())]);
    });
}

#[test]
fn a_store_without_such_etags_is_judged_by_sizes_and_said_so() {
    run(async {
        let (on_disk, _) = with_objects(None, 3).await;
        let (summary, faults) = on_disk.check(DataCheck::default()).await;
        assert_eq!((judged(&summary), faults), ([0, 0, 3], vec![]));
    });
}

#[test]
fn an_object_that_many_ranges_name_is_looked_at_and_counted_once() {
    run(async {
        let on_disk = OnDisk::new(GravelerOptions::default()).await;
        let mut first = None;
        for at in 0..7 {
            let entry = on_disk.write(&format!("p/{at}"), b"bytes").await;
            first.get_or_insert(entry);
            on_disk.lake.commit("main").await.unwrap();
        }
        // Another path names the first object: a copy.
        let first = first.unwrap();
        on_disk.stage_entry("copy", first.clone()).await;
        for (data, sound) in [(DataCheck::Size, [0, 0, 7]), (DataCheck::Bytes, [7, 0, 0])] {
            on_disk.lake.requests.reset();
            let (summary, faults) = on_disk.check(data).await;
            assert_eq!((summary.ranges, summary.objects, summary.objects_uncommitted), (7, 7, 1));
            assert_eq!((judged(&summary), faults), (sound, vec![]));
            assert_eq!(on_disk.lake.requests.requests(Verb::Head), 7);
        }
        let (tables, all) = (on_disk.check(DataCheck::Skip).await.0, on_disk.check(DataCheck::Bytes).await.0);
        assert_eq!(all.bytes_read - tables.bytes_read, 7 * 5);

        // A fault is told for each path, once, and the object counts once.
        on_disk.rot(&first);
        let (summary, faults) = on_disk.check(DataCheck::Bytes).await;
        assert_eq!((summary.objects, summary.faults, judged(&summary)), (7, 2, [6, 0, 0]));
        let mut paths: Vec<_> = faults.iter().map(|fault| fault.path.as_deref().unwrap()).collect();
        paths.sort_unstable();
        assert_eq!(paths, ["copy", "p/0"]);
    });
}

#[test]
fn an_object_where_the_server_does_not_read_is_counted_once() {
    run(async {
        let on_disk = OnDisk::new(GravelerOptions::default()).await;
        let address = model::Address::Full("s3://elsewhere/x".into());
        on_disk.stage_entry("imported", Entry { address, ..entry(5) }).await;
        for at in 0..3 {
            on_disk.write(&format!("p/{at}"), b"bytes").await;
            on_disk.lake.commit("main").await.unwrap();
        }
        let (summary, faults) = on_disk.check(DataCheck::default()).await;
        assert_eq!((summary.ranges, summary.objects, summary.objects_elsewhere, faults), (3, 3, 1, vec![]));
    });
}
