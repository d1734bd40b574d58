//! Protected branches and read-only repositories: no flow of any kind changes them, but merges do the former.

use lakebed_sdk::{
    CopyObjects, Error, HardReset, ImportSource, NewImport, Reason, RebaseOptions, ReplayOptions, UnstageScope,
};
use model::{ChangeSettings, Command, SettingsChange};

use crate::lake::{TestLake, branch, object};

/// `main` has `a` and then `b`; `dev` has `c` besides, and `main` is decided about.
async fn lake(change: SettingsChange) -> TestLake {
    let lake = TestLake::with_sources(vec!["file:///srv/nothing".to_owned()]).await;
    for path in ["a", "b"] {
        lake.put("main", path, "1").await;
        lake.commit("main", path).await;
    }
    lake.branch_off("dev", "main").await;
    lake.put("dev", "c", "1").await;
    lake.commit("dev", "c").await;
    let command = Command::ChangeSettings(ChangeSettings { repository: lake.trips.clone(), change });
    lake.graveler.meta().write(command).await.unwrap().done().unwrap();
    lake
}

fn copy() -> CopyObjects {
    CopyObjects { from: "a".to_owned(), to: "copy".to_owned(), recursive: false }
}

/// Whatever changes a branch without a merge.
async fn changes(lake: &TestLake, on: &str) -> Vec<(&'static str, Error)> {
    let (lakebed, trips, on) = (&lake.lakebed, &lake.trips, branch(on));
    let import = NewImport {
        sources: vec![ImportSource::Prefix { from: "file:///srv/nothing/".to_owned(), to: "in/".to_owned() }],
        message: "import".to_owned(),
        ..NewImport::default()
    };
    let upload = |path| lakebed.upload_bytes(trips, &on, path, "x", lakebed_sdk::Upload::default());
    let a = object("a");
    let reset = HardReset { to: "dev".to_owned(), ..HardReset::default() };
    let drop = HardReset { discard_uncommitted: true, ..reset.clone() };
    vec![
        ("upload", upload(&a).await.unwrap_err()),
        ("delete", lakebed.delete_objects(trips, &on, &[object("a")]).await.unwrap_err()),
        ("copy", lakebed.copy_objects(trips, "dev", &on, copy()).await.unwrap_err()),
        ("move", lakebed.move_objects(trips, &on, copy()).await.unwrap_err()),
        ("preview of a copy", lakebed.preview_copy(trips, "dev", &on, copy()).await.err().unwrap()),
        ("preview of a move", lakebed.preview_move(trips, &on, copy()).await.err().unwrap()),
        ("commit", lake.try_commit(on.as_str(), "direct").await.unwrap_err()),
        ("reset", lakebed.reset_branch(trips, &on, UnstageScope::All).await.unwrap_err()),
        ("reset of a path", lakebed.reset_branch(trips, &on, UnstageScope::Path(a.clone())).await.unwrap_err()),
        ("hard reset", lakebed.hard_reset(trips, &on, reset).await.unwrap_err()),
        ("hard reset that drops", lakebed.hard_reset(trips, &on, drop).await.unwrap_err()),
        ("revert", lakebed.revert(trips, &on, "main", ReplayOptions::default()).await.unwrap_err()),
        ("cherry-pick", lakebed.cherry_pick(trips, &on, "dev", ReplayOptions::default()).await.unwrap_err()),
        ("rebase", lakebed.rebase(trips, &on, "dev", RebaseOptions::default()).await.unwrap_err()),
        ("import", lakebed.import(trips, &on, import).await.unwrap_err()),
    ]
}

#[tokio::test]
async fn a_protected_branch_is_changed_by_merges_alone() {
    let protect = |patterns: &[&str]| SettingsChange::Protect {
        patterns: patterns.iter().map(|pattern| pattern.parse().unwrap()).collect(),
        expected: None,
    };
    let lake = lake(protect(&["ma*", "release"])).await;
    let (before, log) = (lake.paths("main").await, lake.log("main").await);
    for (what, error) in changes(&lake, "main").await {
        assert_eq!(error.reason, Reason::ProtectedBranch, "{what}: {error}");
        assert!(error.message.contains("main") && error.message.contains("merge"), "{what}: {error}");
    }
    assert_eq!((lake.paths("main").await, lake.log("main").await), (before, log));
    lake.branch_off("release", "main").await;
    let deleted = lake.lakebed.delete_branch(&lake.trips, &branch("release")).await.unwrap_err();
    assert_eq!(deleted.reason, Reason::ProtectedBranch);

    let command =
        Command::ChangeSettings(ChangeSettings { repository: lake.trips.clone(), change: protect(&["release"]) });
    lake.graveler.meta().write(command).await.unwrap().done().unwrap();
    lake.put("main", "d", "1").await;
    assert_eq!(lake.paths("release").await, ["a", "b"]);
    lake.merge("dev", "release").await.unwrap();
    assert_eq!(lake.paths("release").await, ["a", "b", "c"]);
}

#[tokio::test]
async fn a_read_only_repository_is_changed_by_nothing() {
    let lake = lake(SettingsChange::ReadOnly(true)).await;
    let mut refused = changes(&lake, "dev").await;
    let (lakebed, trips) = (&lake.lakebed, &lake.trips);
    refused.extend([
        ("merge", lakebed.merge(trips, "dev", &branch("main"), Default::default()).await.unwrap_err()),
        ("branch", lakebed.create_branch(trips, &branch("new"), "main").await.unwrap_err()),
        ("deletion", lakebed.delete_branch(trips, &branch("dev")).await.unwrap_err()),
        ("tag", lakebed.create_tag(trips, &"v1".parse().unwrap(), "main").await.unwrap_err()),
    ]);
    for (what, error) in refused {
        assert_eq!(error.reason, Reason::ReadOnly, "{what}: {error}");
    }
    assert_eq!(lake.paths("dev").await, ["a", "b", "c"]);
}
