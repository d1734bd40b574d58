//! Logs of paths, and pages of logs, against histories that are written down.

use std::collections::{BTreeMap, BTreeSet};

use model::{Commit, CommitId, MetaRangeId, Timestamp};
use proptest::prelude::*;
use storage::testing::Verb;

use crate::history::write_commit;
use crate::testing::{TestLake, expr, run, small_options};
use crate::tree::tests::{Model, build_with, cases, large};
use crate::{Graveler, LogCursor, LogRequest};

fn of(objects: &[&str], prefixes: &[&str], amount: usize) -> LogRequest {
    let owned = |texts: &[&str]| texts.iter().map(ToString::to_string).collect();
    LogRequest { objects: owned(objects), prefixes: owned(prefixes), amount, ..LogRequest::default() }
}

/// All pages of a log, each cursor handed back as text.
async fn pages(graveler: &Graveler, lake: &TestLake, from: CommitId, request: &LogRequest) -> Vec<Vec<CommitId>> {
    let (mut pages, mut request) = (Vec::new(), request.clone());
    loop {
        let page = graveler.log(lake.name(), &from.into(), &request).await.unwrap();
        pages.push(page.commits.iter().map(|(id, _)| *id).collect());
        let Some(next) = page.next else { return pages };
        assert_eq!(next.to_string().parse::<LogCursor>().unwrap(), next);
        request.after = Some(next);
    }
}

/// Writes a commit and nothing else.
async fn commit(lake: &TestLake, tree: Option<MetaRangeId>, parents: &[CommitId], at: i64) -> CommitId {
    let mut generation = 0;
    for parent in parents {
        generation = generation.max(lake.graveler.commit_object(&lake.repository, parent).await.unwrap().generation);
    }
    static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    let number = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let commit = Commit {
        metarange: tree,
        parents: parents.to_vec(),
        generation: generation + 1,
        committer: "ann".into(),
        message: number.to_string(),
        created_at: Timestamp::from_millis(at),
        metadata: BTreeMap::new(),
    };
    write_commit(&lake.files(), &commit).await.unwrap()
}

#[test]
fn a_log_of_a_path_reads_no_range_of_commits_that_left_it_alone() {
    run(async {
        let lake = TestLake::new().await;
        let mut content = large("a/", 600);
        content.extend(large("b/", 600));
        let mut trees = vec![build_with(&lake.files(), &content, &small_options()).await];
        for number in 0..40_u64 {
            content.insert(format!("b/{:05}", 300 + number * 7), 100 + number);
            trees.push(build_with(&lake.files(), &content, &small_options()).await);
        }
        content.insert("a/00300".into(), 77);
        trees.push(build_with(&lake.files(), &content, &small_options()).await);
        let mut ids: Vec<CommitId> = Vec::new();
        for (at, tree) in trees.iter().enumerate() {
            ids.push(commit(&lake, *tree, ids.last().map_or(&[], std::slice::from_ref), at as i64).await);
        }

        for request in [of(&["a/00300"], &[], 100), of(&[], &["a/"], 100), of(&["a/00300", "zz"], &["a/003", "c"], 100)]
        {
            let cold = lake.cold(small_options());
            // The last change and the first are the path's; between them nothing of it is read.
            let found = pages(&cold, &lake, ids[40], &request).await.concat();
            assert_eq!(found, [ids[0]]);
            let before = cold.counters();
            assert!(before.ranges_opened <= 2, "only to see that the first commit has it: {before:?}");
            let found = pages(&cold, &lake, ids[41], &request).await.concat();
            assert_eq!(found, [ids[41], ids[0]]);
            assert!(cold.counters().ranges_opened - before.ranges_opened <= 4, "{:?}", cold.counters());
        }
        let b = pages(&lake.graveler, &lake, ids[41], &of(&["b/00307"], &[], 100)).await.concat();
        assert_eq!(b, [ids[2], ids[0]]);
    });
}

#[test]
fn commits_with_the_tree_of_their_parent_cost_their_own_object_alone_and_pages_are_bounded() {
    run(async {
        let lake = TestLake::new().await;
        let tree = build_with(&lake.files(), &large("a/", 100), &small_options()).await;
        let mut ids = vec![commit(&lake, tree, &[], 0).await];
        for at in 1..600 {
            ids.push(commit(&lake, tree, &[ids[ids.len() - 1]], at).await);
        }
        let cold = lake.cold(small_options());
        lake.requests.reset();
        let pages = pages(&cold, &lake, ids[599], &of(&["a/00001"], &[], 10)).await;
        assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [0, 0, 1], "250 commits are looked at for a page");
        assert_eq!(pages[2], [ids[0]]);
        // The tree is looked into for the first commit alone.
        let gets = lake.requests.requests(Verb::Get);
        assert!((600..610).contains(&gets), "{gets} requests");
    });
}

#[test]
fn logs_end_where_they_are_told_to() {
    run(async {
        let lake = TestLake::new().await;
        let mut ids = vec![commit(&lake, None, &[], 0).await];
        for at in 1..10 {
            ids.push(commit(&lake, None, &[ids[ids.len() - 1]], at).await);
        }
        let all = LogRequest { amount: 100, ..LogRequest::default() };
        let log = async |request: LogRequest| {
            let pages = pages(&lake.graveler, &lake, ids[9], &request).await;
            (pages.len(), pages.concat().len())
        };
        assert_eq!(log(all.clone()).await, (1, 10));
        assert_eq!(log(LogRequest { since: Some(Timestamp::from_millis(7)), ..all.clone() }).await, (1, 3));
        let stop_at = Some(expr(&ids[4].to_string()));
        assert_eq!(log(LogRequest { stop_at: stop_at.clone(), ..all.clone() }).await, (1, 6), "with that commit");
        assert_eq!(log(LogRequest { stop_at, amount: 2, ..all.clone() }).await, (3, 6));
        assert_eq!(log(LogRequest { limit: true, amount: 2, ..all.clone() }).await, (1, 2));
        assert_eq!(log(LogRequest { amount: 3, first_parent: true, ..all.clone() }).await, (4, 10));
        let behind = LogRequest { after: Some(ids[4].into()), ..all.clone() };
        assert_eq!(log(behind.clone()).await, (1, 4));
        assert_eq!(log(LogRequest { first_parent: true, ..behind }).await, (1, 4));
        for wrong in [format!("{}.{}", ids[1], "0".repeat(64)), "0".repeat(64)] {
            let request = LogRequest { after: Some(wrong.parse().unwrap()), ..all.clone() };
            assert!(lake.graveler.log(lake.name(), &ids[9].into(), &request).await.is_err(), "{wrong}");
        }
        for wrong in ["", "x", &format!("{}.", ids[1]), &format!("{}.x", ids[1]), &format!("{0},{0}", ids[1])] {
            assert!(wrong.parse::<LogCursor>().is_err(), "{wrong}");
        }
        let many = of(&["a"; 600], &["b"; 600], 10);
        assert!(lake.graveler.log(lake.name(), &ids[9].into(), &many).await.is_err());
    });
}

/// A commit as random histories have it: what lies at `x`, `y/1` and `z`, and which of the commits before are parents.
#[derive(Debug, Clone)]
struct Made {
    content: [Option<u64>; 3],
    parents: Vec<usize>,
    at: i64,
}

fn histories() -> impl Strategy<Value = Vec<Made>> {
    let content = prop::array::uniform3(prop::option::of(0..2_u64));
    let one = (content, 0..4_usize, prop::option::of(0..4_usize), 0..30_i64, prop::bool::weighted(0.7));
    (prop::collection::vec(one, 1..24), any::<bool>()).prop_map(|(seeds, sorted)| {
        let mut made: Vec<Made> = Vec::new();
        for (at, (content, first, second, time, same)) in seeds.into_iter().enumerate() {
            let mut parents: Vec<usize> = Vec::new();
            if at > 0 {
                parents.push(at.saturating_sub(first + 1));
                parents.extend(second.map(|second| at.saturating_sub(second + 1)).filter(|p| *p != parents[0]));
            }
            // Most commits have what one of their parents has.
            let content = parents.last().filter(|_| same).map_or(content, |parent| made[*parent].content);
            made.push(Made { content, parents, at: if sorted { at as i64 / 2 } else { time } });
        }
        made
    })
}

const PATHS: [&str; 3] = ["x", "y/1", "z"];

/// What a log of some of the paths shows, by the rule alone.
fn shown(made: &[Made], from: usize, scope: &[usize], first_parent: bool) -> BTreeSet<usize> {
    let (mut shown, mut seen, mut open) = (BTreeSet::new(), BTreeSet::from([from]), vec![from]);
    while let Some(at) = open.pop() {
        let parents =
            &made[at].parents[..if first_parent { made[at].parents.len().min(1) } else { made[at].parents.len() }];
        let alike = |parent: &&usize| scope.iter().all(|path| made[**parent].content[*path] == made[at].content[*path]);
        let followed = match parents.iter().find(alike) {
            Some(parent) => vec![*parent],
            None => {
                if !parents.is_empty() || scope.iter().any(|path| made[at].content[*path].is_some()) {
                    shown.insert(at);
                }
                parents.to_vec()
            }
        };
        open.extend(followed.into_iter().filter(|parent| seen.insert(*parent)));
    }
    shown
}

#[test]
fn pages_show_each_commit_that_counts_once_whatever_the_clocks_said() {
    proptest!(cases(64), |(made in histories(), amount in 1..5_usize, scope in prop::sample::subsequence(vec![0, 1, 2], 0..3),
            first_parent: bool)| run(async {
        let lake = TestLake::new().await;
        let mut ids: Vec<CommitId> = Vec::new();
        for Made { content, parents, at } in &made {
            let content = PATHS.iter().zip(content).filter_map(|(path, content)| Some(((*path).to_owned(), (*content)?)));
            let tree = build_with(&lake.files(), &content.collect::<Model>(), &small_options()).await;
            let parents: Vec<_> = parents.iter().map(|parent| ids[*parent]).collect();
            ids.push(commit(&lake, tree, &parents, *at).await);
        }
        let objects = scope.iter().filter(|path| **path != 1).map(|path| PATHS[*path].to_owned()).collect();
        let prefixes = scope.iter().filter(|path| **path == 1).map(|_| "y/".to_owned()).collect();
        let request = LogRequest { objects, prefixes, amount, first_parent, ..LogRequest::default() };
        let all = LogRequest { amount: 1000, ..request.clone() };
        let last = ids.len() - 1;
        let paged = pages(&lake.graveler, &lake, ids[last], &request).await.concat();
        prop_assert_eq!(&paged, &pages(&lake.graveler, &lake, ids[last], &all).await.concat());
        let numbers: Vec<usize> = paged.iter().map(|id| ids.iter().position(|there| there == id).unwrap()).collect();
        prop_assert_eq!(numbers.len(), numbers.iter().collect::<BTreeSet<_>>().len(), "none twice");
        if !scope.is_empty() {
            let expected = shown(&made, last, &scope, first_parent);
            prop_assert_eq!(numbers.into_iter().collect::<BTreeSet<_>>(), expected);
        }
        Ok(())
    })?);
}
