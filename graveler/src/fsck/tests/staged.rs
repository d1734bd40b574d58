//! What is uncommitted on a branch is checked too, and a fault is told once for its path.

use model::PAGE_MAX;

use super::*;

async fn check_from(on_disk: &OnDisk, from: &str) -> (CheckSummary, Vec<Fault>) {
    let (sender, receiver) = channel(4);
    let from = expr(from);
    let check = on_disk.lake.graveler.fsck(on_disk.lake.name(), Some(&from), FsckOptions::default(), sender);
    let (summary, faults) = tokio::join!(check, faults(receiver));
    (summary.unwrap(), faults)
}

#[test]
fn uncommitted_objects_are_checked_as_committed_ones_are() {
    run(async {
        let on_disk = OnDisk::small().await;
        let head = on_disk.lake.branch("main").await.commit;
        on_disk.lake.create_branch("fix", head, 7).await;
        let entry = on_disk.write("c/new", b"precious").await;
        on_disk.lake.stage("main", &[("a/1", None)]).await;
        let (summary, faults) = on_disk.check(DataCheck::Bytes).await;
        assert_eq!((summary.objects, summary.objects_by_bytes, summary.objects_uncommitted), (4, 4, 1));
        assert_eq!(faults, []);
        // A part of it is sealed: a commit began and didn't end.
        on_disk.lake.seal("main").await;
        on_disk.write("c/newer", b"precious too").await;
        assert_eq!(on_disk.check(DataCheck::Bytes).await.0.objects_uncommitted, 2);

        let place = on_disk.place(entry.address.as_str());
        fs::write(&place, b"Precious").unwrap();
        let found = [(FaultKind::WrongBytes, entry.address.as_str())];
        assert_eq!(kinds(&on_disk.check(DataCheck::Bytes).await.1), found);
        fs::remove_file(&place).unwrap();
        let (summary, faults) = on_disk.check(DataCheck::Size).await;
        assert_eq!((kinds(&faults), summary.faults), (vec![(FaultKind::Missing, entry.address.as_str())], 1));
        assert_eq!((faults[0].path.as_deref(), &*faults[0].needed_by), (Some("c/new"), "branch main, uncommitted"));
        assert_eq!(check_from(&on_disk, "main").await.1, faults);
        for committed in ["main@", "main~1", "fix"] {
            let (summary, faults) = check_from(&on_disk, committed).await;
            assert_eq!((summary.objects_uncommitted, faults), (0, vec![]), "{committed}");
        }
        let (summary, faults) = on_disk.check(DataCheck::Skip).await;
        assert_eq!((summary.objects_uncommitted, faults), (0, vec![]));
    });
}

#[test]
fn more_uncommitted_objects_than_a_page_are_all_checked() {
    run(async {
        let on_disk = OnDisk::small().await;
        let paths: Vec<String> = (0..PAGE_MAX + 5).map(|i| format!("p/{i:06}")).collect();
        for some in paths.chunks(500) {
            on_disk.lake.stage("main", &some.iter().map(|path| (path.as_str(), Some(1))).collect::<Vec<_>>()).await;
        }
        let (summary, faults) = on_disk.check(DataCheck::Size).await;
        assert_eq!((summary.objects_uncommitted, faults.len()), (paths.len() as u64, paths.len()));
    });
}

#[test]
fn a_fault_is_told_once_for_a_path_however_many_commits_have_the_object() {
    run(async {
        let on_disk = OnDisk::new(GravelerOptions::default()).await;
        let entry = on_disk.write("a", b"one").await;
        on_disk.lake.commit("main").await.unwrap();
        for path in ["b", "c", "d"] {
            on_disk.write(path, b"more").await;
            on_disk.lake.commit("main").await.unwrap();
        }
        let copy = Change { path: path("e"), value: StagedValue::Entry(entry.clone()), require: None };
        on_disk.lake.graveler.stage(on_disk.lake.name(), &branch("main"), vec![copy]).await.unwrap();
        fs::remove_file(on_disk.place(entry.address.as_str())).unwrap();
        let (summary, faults) = on_disk.check(DataCheck::Size).await;
        let mut paths: Vec<_> = faults.iter().filter_map(|fault| fault.path.as_deref()).collect();
        paths.sort_unstable();
        assert_eq!((paths, summary.faults), (vec!["a", "e"], 2));
        assert!(faults.iter().all(|fault| fault.kind == FaultKind::Missing));
    });
}
