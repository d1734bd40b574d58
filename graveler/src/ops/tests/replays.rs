//! Reverts, cherry-picks, squashes and rebases, against three-way merges of maps.

use model::CommitId;
use proptest::prelude::*;

use crate::testing::{TestLake, info, run};
use crate::tree::merge::Sides;
use crate::tree::tests::merge::naive;
use crate::tree::tests::{Model, cases, content_of, edited, edits, models};
use crate::{Built, CommitChange, CommitInfo, Error, MergeOptions, Merged, Rebased, Strategy};

type Edits = Vec<(String, Option<u64>)>;

/// Commits edits and a path of its own, so that there is always a change; gives the commit and the map it holds.
async fn commit(lake: &TestLake, on: &str, model: &Model, edits: &Edits, own: &str) -> (CommitId, Model) {
    let mut edits = edits.clone();
    edits.push((own.to_owned(), Some(1)));
    let changes: Vec<_> = edits.iter().map(|(path, content)| (path.as_str(), *content)).collect();
    lake.stage(on, &changes).await;
    (lake.commit(on).await.unwrap().id, edited(model, &edits))
}

async fn content(lake: &TestLake, id: CommitId) -> Model {
    let tree = lake.graveler.commit_object(&lake.repository, &id).await.unwrap().metarange;
    content_of(&lake.files(), tree).await
}

fn strategies() -> impl proptest::strategy::Strategy<Value = Option<Strategy>> {
    prop_oneof![Just(None), Just(Some(Strategy::SourceWins)), Just(Some(Strategy::DestinationWins))]
}

/// Holds an outcome against the merge of three maps.
async fn check(
    lake: &TestLake,
    merged: Merged,
    maps: Sides<&Model>,
    strategy: Option<Strategy>,
    parent: CommitId,
) -> Result<(), TestCaseError> {
    let (expected, conflicts) = naive(maps, strategy);
    match merged {
        Merged::Conflicts(found) => {
            let paths: Vec<_> = found.items.iter().map(|conflict| conflict.path.to_string()).collect();
            prop_assert_eq!((paths, strategy), (conflicts, None));
        }
        Merged::UpToDate => prop_assert_eq!(&expected, maps.destination),
        Merged::Clean(Built { id, commit, .. }) => {
            prop_assert!(strategy.is_some() || conflicts.is_empty());
            prop_assert!(&expected != maps.destination, "an empty commit");
            prop_assert_eq!(commit.parents, [parent]);
            prop_assert_eq!(content(lake, id).await, expected);
        }
        Merged::WouldMerge(_) => prop_assert!(false, "not a dry run"),
    }
    Ok(())
}

#[test]
fn a_revert_is_the_merge_of_the_parent_with_the_commit_as_base() {
    proptest!(cases(32), |(first in models(), change in edits(), later in edits(), strategy in strategies())| run(async {
        let lake = TestLake::new().await;
        let first: Edits = first.into_iter().map(|(path, content)| (path, Some(content))).collect();
        let (_, before) = commit(&lake, "main", &Model::new(), &first, "x/first").await;
        let (id, after) = commit(&lake, "main", &before, &change, "x/change").await;
        let (head, now) = commit(&lake, "main", &after, &later, "x/later").await;
        let (options, info) = (MergeOptions { strategy, ..Default::default() }, info("revert", &lake.graveler));
        let change = CommitChange { commit: id, parent: None };
        let merged = lake.graveler.revert_tree(&lake.repository, change, &head, &options, &info).await.unwrap();
        let maps = Sides { base: &after, source: &before, destination: &now };
        check(&lake, merged, maps, strategy, head).await
    })?);
}

#[test]
fn a_cherry_pick_is_the_merge_of_the_commit_with_its_parent_as_base() {
    proptest!(cases(32), |(first in models(), ours in edits(), before in edits(), change in edits(), strategy in strategies())| run(async {
        let lake = TestLake::new().await;
        let first: Edits = first.into_iter().map(|(path, content)| (path, Some(content))).collect();
        let (start, base) = commit(&lake, "main", &Model::new(), &first, "x/first").await;
        lake.create_branch("dev", start, 10).await;
        let (head, now) = commit(&lake, "main", &base, &ours, "x/ours").await;
        let (_, before) = commit(&lake, "dev", &base, &before, "x/before").await;
        let (id, after) = commit(&lake, "dev", &before, &change, "x/change").await;
        let (options, info) = (MergeOptions { strategy, ..Default::default() }, info("pick", &lake.graveler));
        let change = CommitChange { commit: id, parent: Some(1) };
        let merged = lake.graveler.cherry_pick_tree(&lake.repository, change, &head, &options, &info).await.unwrap();
        let maps = Sides { base: &before, source: &after, destination: &now };
        check(&lake, merged, maps, strategy, head).await
    })?);
}

#[test]
fn a_squash_is_the_merge_with_one_parent() {
    proptest!(cases(24), |(first in models(), ours in edits(), theirs in prop::collection::vec(edits(), 1..3), strategy in strategies())| run(async {
        let lake = TestLake::new().await;
        let first: Edits = first.into_iter().map(|(path, content)| (path, Some(content))).collect();
        let (start, base) = commit(&lake, "main", &Model::new(), &first, "x/first").await;
        lake.create_branch("dev", start, 10).await;
        let (head, now) = commit(&lake, "main", &base, &ours, "x/ours").await;
        let (mut source, mut after) = (start, base.clone());
        for (n, edits) in theirs.iter().enumerate() {
            (source, after) = commit(&lake, "dev", &after, edits, &format!("x/{n}")).await;
        }
        let options = MergeOptions { strategy, squash: true, ..Default::default() };
        let info = info("squash", &lake.graveler);
        let merged = lake.graveler.merge_tree(&lake.repository, &source, &head, &options, &info).await.unwrap();
        let maps = Sides { base: &base, source: &after, destination: &now };
        check(&lake, merged, maps, strategy, head).await
    })?);
}

#[test]
fn a_rebase_is_a_cherry_pick_of_each_commit_in_turn() {
    proptest!(cases(24), |(first in models(), ours in edits(), theirs in prop::collection::vec(edits(), 1..4))| run(async {
        let lake = TestLake::new().await;
        let first: Edits = first.into_iter().map(|(path, content)| (path, Some(content))).collect();
        let (start, base) = commit(&lake, "main", &Model::new(), &first, "x/first").await;
        lake.create_branch("dev", start, 10).await;
        let (onto, now) = commit(&lake, "main", &base, &ours, "x/0").await;
        let mut own = vec![(start, base.clone())];
        for (n, edits) in theirs.iter().enumerate() {
            let (_, model) = own.last().unwrap();
            own.push(commit(&lake, "dev", model, edits, &format!("x/{n}")).await);
        }
        let head = own.last().unwrap().0;
        let rebased = lake.graveler.rebase_tree(&lake.repository, &head, &onto, &MergeOptions::default()).await.unwrap();

        let (mut expected, mut made, mut left_out, mut stopped) = (now, 0, 0, None);
        for pair in own.windows(2) {
            let maps = Sides { base: &pair[0].1, source: &pair[1].1, destination: &expected };
            let (next, conflicts) = naive(maps, None);
            if !conflicts.is_empty() {
                stopped = Some((pair[1].0, conflicts));
                break;
            }
            if next == expected { left_out += 1 } else { made += 1 }
            expected = next;
        }
        match (rebased, stopped) {
            (Rebased::Conflicts { commit, conflicts }, Some(expected)) => {
                let paths: Vec<_> = conflicts.items.iter().map(|conflict| conflict.path.to_string()).collect();
                prop_assert_eq!((commit, paths), expected);
            }
            (Rebased::Clean { head, replayed, dropped }, None) => {
                prop_assert_eq!((replayed, dropped), (made, left_out));
                prop_assert_eq!(content(&lake, head).await, expected);
                let mut at = head;
                for _ in 0..replayed {
                    at = lake.graveler.commit_object(&lake.repository, &at).await.unwrap().parents[0];
                }
                prop_assert_eq!(at, onto, "one line over the new base");
            }
            other => prop_assert!(false, "{other:?}"),
        }
        Ok(())
    })?);
}

#[test]
fn merges_of_the_new_base_replay_as_what_they_mended() {
    run(async {
        let lake = TestLake::new().await;
        let none = Edits::new();
        let (start, base) = commit(&lake, "main", &Model::new(), &none, "start").await;
        lake.create_branch("dev", start, 10).await;
        let (_, dev) = commit(&lake, "dev", &base, &vec![("both".into(), Some(1))], "dev").await;
        let (main, _) =
            commit(&lake, "main", &base, &vec![("both".into(), Some(2)), ("main".into(), Some(2))], "m").await;
        let ours = lake.branch("dev").await;
        let options = MergeOptions { strategy: Some(Strategy::SourceWins), ..Default::default() };
        let info = info("merge main", &lake.graveler);
        let merged = lake.graveler.merge_tree(&lake.repository, &main, &ours.commit, &options, &info).await.unwrap();
        let Merged::Clean(built) = merged else { panic!("{merged:?}") };
        lake.publish("dev", ours.commit, &built, &ours).await;
        let model = edited(&dev, &[("both".into(), Some(2)), ("main".into(), Some(2)), ("m".into(), Some(1))]);
        commit(&lake, "dev", &model, &none, "last").await;
        let (onto, _) = commit(&lake, "main", &model, &vec![("main".into(), Some(3))], "later").await;

        let head = lake.branch("dev").await.commit;
        let options = MergeOptions { strategy: Some(Strategy::DestinationWins), ..Default::default() };
        let rebased = lake.graveler.rebase_tree(&lake.repository, &head, &onto, &options).await.unwrap();
        let Rebased::Clean { head: tip, replayed, dropped } = rebased else { panic!("{rebased:?}") };
        assert_eq!((replayed, dropped), (2, 1), "the merge brings nothing any more");
        let content = content(&lake, tip).await;
        assert_eq!((content["both"], content["main"], content["last"], content["dev"]), (2, 3, 1, 1));

        let again = lake.graveler.rebase_tree(&lake.repository, &tip, &onto, &options).await.unwrap();
        assert_eq!(again, Rebased::UpToDate);
        let forward = lake.graveler.rebase_tree(&lake.repository, &start, &onto, &options).await.unwrap();
        assert_eq!(forward, Rebased::Clean { head: onto, replayed: 0, dropped: 0 });
    });
}

#[test]
fn a_merge_commit_needs_a_parent_and_the_first_commit_changes_nothing() {
    run(async {
        let lake = TestLake::new().await;
        let first = lake.branch("main").await.commit;
        let (start, base) = commit(&lake, "main", &Model::new(), &Edits::new(), "start").await;
        lake.create_branch("dev", start, 10).await;
        let (dev, _) = commit(&lake, "dev", &base, &Edits::new(), "dev").await;
        let (main, _) = commit(&lake, "main", &base, &Edits::new(), "main").await;
        let (options, info) = (MergeOptions::default(), info("merge", &lake.graveler));
        let merged = lake.graveler.merge_tree(&lake.repository, &dev, &main, &options, &info).await.unwrap();
        let Merged::Clean(merge) = merged else { panic!("{merged:?}") };
        let revert = async |commit, parent| {
            let change = CommitChange { commit, parent };
            lake.graveler.revert_tree(&lake.repository, change, &merge.id, &options, &info).await
        };
        assert!(matches!(revert(merge.id, None).await, Err(Error::ParentNeeded { parents: 2, .. })));
        for parent in [0, 3] {
            assert!(matches!(revert(merge.id, Some(parent)).await, Err(Error::Invalid(_))));
        }
        assert!(matches!(revert(first, None).await, Err(Error::Invalid(_))));
        let Merged::Clean(back) = revert(merge.id, Some(1)).await.unwrap() else { panic!("not reverted") };
        assert_eq!(content(&lake, back.id).await, content(&lake, main).await);

        // Taken back already: nothing is left to do, unless an empty commit is asked for.
        let change = CommitChange { commit: merge.id, parent: Some(1) };
        let again = lake.graveler.revert_tree(&lake.repository, change, &main, &options, &info).await.unwrap();
        assert_eq!(again, Merged::UpToDate);
        let empty = CommitInfo { allow_empty: true, ..info.clone() };
        let again = lake.graveler.revert_tree(&lake.repository, change, &main, &options, &empty).await.unwrap();
        assert!(matches!(again, Merged::Clean(_)), "{again:?}");
    });
}
