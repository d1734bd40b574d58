//! `If-None-Match` and `If-Match`, as the state machine judges them.

use std::sync::Arc;

use model::{Condition, Entry, MetaStore, Once, Require, StageOutcome, StagedChange, StagedValue, Timestamp};

use super::lake::{Lake, change, commit, granted, object, request};

const ABSENT: Require = Require::Absent;
const ANY: Require = Require::Present(None);

fn tagged(e_tag: &str) -> Require {
    Require::Present(Some(e_tag.into()))
}

/// A condition of a writer who looked into commit 1 and saw this there.
fn given(require: Require, committed: Option<&str>) -> Condition {
    Condition { require, commit: commit(1), committed_e_tag: committed.map(Into::into) }
}

pub(super) async fn follow_the_table(store: Arc<dyn MetaStore>) {
    use StageOutcome::{ConditionFailed, NotFound, Staged};
    let staged = || Some(object("s"));
    let tombstone = || Some(StagedValue::Tombstone);
    // What is staged, what is committed, what must be so → what becomes of it.
    let table = [
        (None, None, ABSENT, Staged),
        (None, None, ANY, NotFound),
        (None, None, tagged("c"), NotFound),
        (None, Some("c"), ABSENT, ConditionFailed),
        (None, Some("c"), ANY, Staged),
        (None, Some("c"), tagged("c"), Staged),
        (None, Some("c"), tagged("s"), ConditionFailed),
        (staged(), None, ABSENT, ConditionFailed),
        (staged(), None, ANY, Staged),
        (staged(), None, tagged("s"), Staged),
        (staged(), Some("c"), tagged("c"), ConditionFailed),
        (staged(), Some("c"), tagged("s"), Staged),
        (tombstone(), None, ABSENT, Staged),
        (tombstone(), Some("c"), ABSENT, Staged),
        (tombstone(), Some("c"), ANY, NotFound),
        (tombstone(), Some("c"), tagged("c"), NotFound),
    ];
    let lake = Lake::new(store, "table").await;
    for seal in [false, true] {
        let path = |row| format!("{seal}/{row}");
        for (row, (staged, ..)) in table.iter().enumerate() {
            if let Some(value) = staged {
                lake.put(&path(row), value.clone()).await;
            }
        }
        if seal {
            lake.sealed().await;
        }
        for (row, (staged, committed, require, wanted)) in table.iter().enumerate() {
            let condition = given(require.clone(), *committed);
            let outcome = lake.put_if(&path(row), object("new"), Some(condition)).await;
            assert_eq!(outcome, *wanted, "row {row}: {staged:?} over {committed:?}, {require:?}");
            let after = if outcome == Staged { Some(object("new")) } else { staged.clone() };
            assert_eq!(lake.staged(&path(row)).await, after, "row {row}");
        }
    }
}

pub(super) async fn are_judged_in_order(store: Arc<dyn MetaStore>) {
    use StageOutcome::{ConditionFailed, HeadMoved, NotFound, Staged};
    let lake = Lake::new(store, "order").await;
    let create = |e_tag| change("a", object(e_tag), Some(given(ABSENT, None)));
    let outcomes = lake
        .stage(
            "main",
            vec![
                create("1"),
                create("2"),
                change("a", object("3"), Some(given(tagged("1"), None))),
                change("b", object("4"), Some(given(ANY, None))),
                change("a", StagedValue::Tombstone, Some(given(tagged("3"), None))),
                create("5"),
            ],
        )
        .await;
    assert_eq!(outcomes, [Staged, ConditionFailed, Staged, NotFound, Staged, Staged]);
    assert_eq!(lake.staged("a").await, Some(object("5")));

    // The head moves: who looked into the old one looks again, unless what is staged decides.
    granted(lake.publish(commit(1), commit(2), &[], false).await.branch());
    assert_eq!(lake.put_if("new", object("6"), Some(given(ABSENT, None))).await, HeadMoved);
    assert_eq!(lake.staged("new").await, None);
    assert_eq!(lake.put_if("a", object("7"), Some(given(tagged("5"), None))).await, Staged);
    let fresh = Condition { commit: commit(2), ..given(ABSENT, None) };
    assert_eq!(lake.put_if("new", object("6"), Some(fresh)).await, Staged);
}

pub(super) async fn look_under_tombstones_never(store: Arc<dyn MetaStore>) {
    let lake = Lake::new(store, "under").await;
    lake.put("a", object("1")).await;
    lake.sealed().await;
    lake.put("a", StagedValue::Tombstone).await;
    lake.sealed().await;
    // The newest sealed token says that it is deleted; the older one and the commit don't count.
    let condition = given(tagged("1"), Some("1"));
    assert_eq!(lake.put_if("a", object("2"), Some(condition)).await, StageOutcome::NotFound);
    assert_eq!(lake.put_if("a", object("2"), Some(given(ABSENT, Some("1")))).await, StageOutcome::Staged);
}

pub(super) async fn tell_entries_with_one_e_tag_apart(store: Arc<dyn MetaStore>) {
    use StageOutcome::{ConditionFailed, NotFound, Staged};
    let lake = Lake::new(store, "same").await;
    let entry = |value: StagedValue, name: &str| match value {
        StagedValue::Entry(entry) => Entry { metadata: [(name.to_owned(), "x".to_owned())].into(), ..entry },
        StagedValue::Tombstone => panic!("an entry"),
    };
    let same = |entry: &Entry, committed| given(Require::Same(Box::new(entry.clone())), committed);
    let (first, second) = (entry(object("1"), "first"), entry(object("1"), "second"));
    lake.put("a", StagedValue::Entry(first.clone())).await;
    let put =
        async |wanted: &Entry| lake.put_if("a", StagedValue::Entry(second.clone()), Some(same(wanted, None))).await;
    assert_eq!(put(&second).await, ConditionFailed);
    assert_eq!(put(&first).await, Staged);
    assert_eq!(put(&first).await, ConditionFailed);
    lake.put("a", StagedValue::Tombstone).await;
    assert_eq!(put(&second).await, NotFound);
    // The writer says of what is committed whether it is that entry.
    for (committed, outcome) in [(Some("1"), Staged), (None, NotFound)] {
        let path = format!("b{committed:?}");
        assert_eq!(lake.put_if(&path, object("2"), Some(same(&first, committed))).await, outcome);
    }
}

pub(super) async fn permissions_are_used_up_by_what_is_taken(store: Arc<dyn MetaStore>) {
    use StageOutcome::{ConditionFailed, Spent, Staged};
    let lake = Lake::new(store, "permissions").await;
    let now = lake.create_upload("main", "u").await.created_at.as_millis();
    let until = |seconds: i64| Timestamp::from_millis(now + 1000 * seconds);
    let stage = async |path: &str, e_tag: &str, once: Once, absent: bool| {
        let condition = absent.then(|| given(ABSENT, None));
        let change = StagedChange { once: Some(once), ..change(path, object(e_tag), condition) };
        lake.stage("main", vec![change]).await
    };
    let first = Once { id: request(), until: until(3600) };
    lake.put("a", object("before")).await;
    assert_eq!(stage("a", "1", first, true).await, [ConditionFailed], "what isn't taken uses nothing up");
    assert_eq!(stage("a", "1", first, false).await, [Staged]);
    for path in ["a", "b"] {
        assert_eq!(stage(path, "2", first, false).await, [Spent], "{path}");
    }
    assert_eq!((lake.staged("a").await, lake.staged("b").await), (Some(object("1")), None));
    lake.put("a", object("later")).await;
    assert_eq!(stage("a", "1", first, false).await, [Staged], "the same change was sent again");
    assert_eq!(lake.staged("a").await, Some(object("later")), "and is staged once");

    let second = Once { id: request(), ..first };
    let both = ["c", "d"].map(|path| StagedChange { once: Some(second), ..change(path, object("1"), None) });
    assert_eq!(lake.stage("main", both.to_vec()).await, [Staged, Spent], "in one command too");
    let late = Once { id: request(), until: until(-3600) };
    assert_eq!(stage("e", "1", late, false).await, [Spent]);
    let far = Once { id: request(), until: until(25 * 3600) };
    assert_eq!(stage("e", "1", far, false).await, [Spent]);
}
