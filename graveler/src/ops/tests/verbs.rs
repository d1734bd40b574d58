//! Committing, merging, comparing, staging, making repositories.

use std::sync::Arc;

use futures::future::join_all;
use model::{DeleteRepository, MetaError, Refusal, RequestId, Require, StageOutcome, StagedValue};
use proptest::prelude::*;

use crate::NamedPaths;
use crate::testing::{TestLake, branch, entry, expr, info, name, path, run};
use crate::tree::tests::{cases, edited, edits, models};
use crate::{
    Change, ChangeCounts, ChangeKind, CommitInfo, DiffItem, DiffKind, DiffRequest, Error, MergeOptions, Merged,
    Strategy,
};

fn shown(items: &[DiffItem]) -> Vec<String> {
    let size = |entry: &Option<model::Entry>| entry.as_ref().map_or("-".into(), |entry| entry.size.to_string());
    items
        .iter()
        .map(|item| format!("{:?} {} {} {}", item.kind, item.path, size(&item.left), size(&item.right)))
        .collect()
}

fn all() -> DiffRequest {
    DiffRequest { amount: 1000, ..DiffRequest::default() }
}

#[test]
fn a_repository_begins_with_an_empty_commit_and_a_retry_finds_it() {
    run(async {
        let lake = TestLake::new().await;
        let head = lake.branch("main").await.commit;
        let first = lake.graveler.commit_object(&lake.repository, &head).await.unwrap();
        assert_eq!((first.metarange, first.generation, first.message.as_str()), (None, 1, "Repository created"));
        let create = |request, of: &str| {
            let (graveler, of) = (lake.graveler.clone(), name(of));
            async move { graveler.create_repository(RequestId(request), &of, None, &branch("main"), "ann").await }
        };
        assert_eq!(create(1, "trips").await.unwrap(), lake.repository);
        let error = create(2, "trips").await.unwrap_err();
        assert!(matches!(error, Error::Meta(MetaError::Refused(Refusal::RepositoryExists(_)))), "{error}");
    });
}

#[test]
fn a_name_that_is_used_again_gets_another_place() {
    run(async {
        let lake = TestLake::new().await;
        let delete = model::Command::DeleteRepository(DeleteRepository { name: lake.name().clone() });
        lake.graveler.meta().write(delete).await.unwrap().done().unwrap();
        let again = lake.graveler.create_repository(RequestId(0xabc), lake.name(), None, &branch("main"), "ann").await;
        let again = again.unwrap();
        assert_eq!(again.namespace.as_str(), "mem://trips-00000abc");
        let given = lake.repository.namespace.clone();
        let (other, main) = (name("other"), branch("main"));
        let taken = lake.graveler.create_repository(RequestId(5), &other, Some(&given), &main, "ann").await;
        assert!(taken.is_err());
    });
}

#[test]
fn a_namespace_inside_of_which_another_repository_lives_is_left_for_another_place() {
    run(async {
        let lake = TestLake::new().await;
        let (main, inside) = (branch("main"), "mem://taxis/inside".parse().unwrap());
        lake.graveler.create_repository(RequestId(7), &name("inner"), Some(&inside), &main, "ann").await.unwrap();
        let create =
            async || lake.graveler.create_repository(RequestId(0xabc), &name("taxis"), None, &main, "ann").await;
        let made = create().await.unwrap();
        assert_eq!(made.namespace.as_str(), "mem://taxis-00000abc");
        assert_eq!(create().await.unwrap(), made, "a retry finds it");
    });
}

#[test]
fn a_repository_made_anew_under_the_same_name_is_read_by_its_own_commits() {
    run(async {
        let lake = TestLake::new().await;
        let old = lake.branch("main").await.commit;
        lake.graveler.resolve(lake.name(), &old.into()).await.unwrap();
        let delete = model::Command::DeleteRepository(DeleteRepository { name: lake.name().clone() });
        lake.graveler.meta().write(delete).await.unwrap().done().unwrap();
        let made =
            lake.graveler.create_repository(RequestId(9), lake.name(), None, &branch("main"), "ann").await.unwrap();
        let new = lake.branch("main").await.commit;
        assert_ne!(new, old);
        assert_eq!(lake.graveler.resolve(lake.name(), &new.into()).await.unwrap().repository, made);
        let error = lake.graveler.resolve(lake.name(), &old.into()).await.unwrap_err();
        assert!(matches!(error, Error::RefNotFound(_)), "{error}");
    });
}

#[test]
fn commits_hold_what_was_staged() {
    proptest!(cases(24), |(first in models(), second in edits(), third in edits())| run(async {
        let lake = TestLake::new().await;
        let mut model = crate::tree::tests::Model::new();
        let first: Vec<_> = first.into_iter().map(|(path, content)| (path, Some(content))).collect();
        for edits in [&first, &second, &third] {
            let changes: Vec<_> = edits.iter().map(|(path, content)| (path.as_str(), *content)).collect();
            lake.stage("main", &changes).await;
            let after = edited(&model, edits);
            match lake.commit("main").await {
                Ok(_) => prop_assert!(after != model),
                Err(Error::NoChanges) => prop_assert_eq!(&after, &model),
                Err(other) => return Err(TestCaseError::fail(other.to_string())),
            }
            model = after;
            let head = lake.branch("main").await.commit;
            let tree = lake.graveler.commit_object(&lake.repository, &head).await.unwrap().metarange;
            prop_assert_eq!(crate::tree::tests::content_of(&lake.files(), tree).await, model.clone());
        }
        Ok(())
    })?);
}

#[test]
fn a_commit_without_changes_must_be_asked_for() {
    run(async {
        let lake = TestLake::new().await;
        lake.stage("main", &[("a", Some(1))]).await;
        let first = lake.commit("main").await.unwrap();
        assert_eq!((first.changes, first.commit.generation), (1, 2));
        // The same content again, a deletion of nothing: a reader sees what it saw.
        lake.stage("main", &[("a", Some(1)), ("b", None)]).await;
        assert!(matches!(lake.commit("main").await, Err(Error::NoChanges)));
        let sealed = lake.seal("main").await;
        let info = CommitInfo { allow_empty: true, ..info("empty", &lake.graveler) };
        let built = lake
            .graveler
            .build_commit(&lake.repository, &first.id, &branch("main"), &sealed.sealed, &info)
            .await
            .unwrap();
        assert_eq!((built.changes, built.commit.metarange), (0, first.commit.metarange));
    });
}

#[test]
fn tokens_that_another_commit_published_are_not_taken_for_empty() {
    run(async {
        let lake = TestLake::new().await;
        lake.stage("main", &[("a", Some(1))]).await;
        let sealed = lake.seal("main").await;
        lake.commit("main").await.unwrap();
        let info = info("late", &lake.graveler);
        let late =
            lake.graveler.build_commit(&lake.repository, &sealed.commit, &sealed.name, &sealed.sealed, &info).await;
        assert!(matches!(late, Err(Error::Meta(MetaError::Refused(Refusal::HeadMoved { .. })))));
    });
}

#[test]
fn objects_are_found_in_every_layer() {
    run(async {
        let lake = TestLake::new().await;
        lake.stage("main", &[("committed", Some(1)), ("hidden", Some(2)), ("replaced", Some(3))]).await;
        let built = lake.commit("main").await.unwrap();
        lake.stage("main", &[("sealed", Some(4)), ("hidden", None)]).await;
        lake.seal("main").await;
        lake.stage("main", &[("staged", Some(5)), ("replaced", Some(6))]).await;
        let at = built.id.to_string();
        for (of, at, expected) in [
            ("committed", "main", Some(1)),
            ("hidden", "main", None),
            ("replaced", "main", Some(6)),
            ("sealed", "main$", Some(4)),
            ("staged", "main", Some(5)),
            ("hidden", "main@", Some(2)),
            ("replaced", &at, Some(3)),
            ("staged", &at[..8], None),
        ] {
            let found = lake.graveler.stat(lake.name(), &expr(at), &path(of)).await.unwrap();
            assert_eq!(found.map(|found| found.entry.size), expected, "{of} at {at}");
        }
        let missing = lake.graveler.stat(lake.name(), &expr("nope"), &path("a")).await;
        assert!(matches!(missing, Err(Error::RefNotFound(_))));
    });
}

#[test]
fn a_warm_read_by_commit_asks_for_nothing() {
    run(async {
        let lake = TestLake::new().await;
        lake.stage("main", &[("a", Some(1))]).await;
        let at = lake.commit("main").await.unwrap().id.into();
        lake.graveler.stat(lake.name(), &at, &path("a")).await.unwrap().unwrap();
        lake.requests.reset();
        lake.graveler.stat(lake.name(), &at, &path("a")).await.unwrap().unwrap();
        assert_eq!(lake.requests.all_requests(), 0);
    });
}

#[test]
fn uploaded_bytes_read_back() {
    run(async {
        use futures::{StreamExt, TryStreamExt, stream};
        let lake = TestLake::new().await;
        let pieces = [Ok(bytes::Bytes::from_static(b"hello ")), Ok(bytes::Bytes::from_static(b"lake"))];
        let stored = lake.graveler.upload(&lake.repository, stream::iter(pieces).boxed(), None).await.unwrap();
        assert_eq!(stored.size, 10);
        let entry = model::Entry { address: stored.address, ..entry(10) };
        let body = lake.graveler.read(&lake.repository, &entry, 6..10).await.unwrap();
        let read: Vec<bytes::Bytes> = body.try_collect().await.unwrap();
        assert_eq!(read.concat(), b"lake");
        let broken = stream::iter([Err("the client went away".into())]).boxed();
        let error = lake.graveler.upload(&lake.repository, broken, None).await.unwrap_err();
        assert!(matches!(&error, Error::Body(body) if body.to_string() == "the client went away"), "{error}");
    });
}

#[test]
fn conditions_are_judged_over_staged_and_committed() {
    run(async {
        let lake = TestLake::new().await;
        lake.stage("main", &[("committed", Some(1)), ("deleted", Some(1))]).await;
        lake.commit("main").await.unwrap();
        lake.stage("main", &[("staged", Some(2)), ("deleted", None)]).await;
        let tag = |content: u64| Require::Present(Some(format!("{content:032x}")));
        let put = |at: &str, require: Option<Require>| Change {
            path: path(at),
            value: StagedValue::Entry(entry(9)),
            require,
        };
        let cases = [
            (put("committed", Some(Require::Absent)), StageOutcome::ConditionFailed),
            (put("staged", Some(Require::Absent)), StageOutcome::ConditionFailed),
            (put("deleted", Some(tag(1))), StageOutcome::NotFound),
            (put("new", Some(Require::Present(None))), StageOutcome::NotFound),
            (put("staged", Some(tag(1))), StageOutcome::ConditionFailed),
            (put("committed", Some(tag(1))), StageOutcome::Staged),
            (put("staged", Some(tag(2))), StageOutcome::Staged),
            (put("deleted", Some(Require::Absent)), StageOutcome::Staged),
            (put("plain", None), StageOutcome::Staged),
        ];
        let (changes, expected): (Vec<_>, Vec<_>) = cases.into_iter().unzip();
        let outcomes = lake.graveler.stage(lake.name(), &branch("main"), changes).await.unwrap();
        assert_eq!(outcomes, expected);
        let nowhere = lake.graveler.stage(lake.name(), &branch("nope"), vec![put("a", None)]).await;
        assert!(matches!(nowhere, Err(Error::Meta(MetaError::Refused(Refusal::BranchNotFound(_))))));
    });
}

#[test]
fn many_writers_each_get_their_own_outcomes() {
    run(async {
        let lake = Arc::new(TestLake::new().await);
        let writers = (0..200u64).map(|writer| {
            let lake = Arc::clone(&lake);
            tokio::spawn(async move {
                let at = if writer % 2 == 0 { "contended".to_owned() } else { format!("own/{writer}") };
                let change = Change {
                    path: path(&at),
                    value: StagedValue::Entry(entry(writer)),
                    require: Some(Require::Absent),
                };
                lake.graveler.stage(lake.name(), &branch("main"), vec![change]).await.unwrap()
            })
        });
        let outcomes: Vec<_> = join_all(writers).await.into_iter().map(Result::unwrap).collect();
        let won = |writer: &(usize, &Vec<StageOutcome>)| *writer.1 == [StageOutcome::Staged];
        assert_eq!(outcomes.iter().enumerate().filter(won).filter(|(writer, _)| writer % 2 == 0).count(), 1);
        assert_eq!(outcomes.iter().enumerate().filter(won).filter(|(writer, _)| writer % 2 == 1).count(), 100);
    });
}

#[test]
fn two_dots_compare_refs_and_three_dots_what_a_merge_would_bring() {
    run(async {
        let lake = TestLake::new().await;
        lake.stage("main", &[("a", Some(1)), ("b", Some(1)), ("f/x", Some(1)), ("f/y", Some(1))]).await;
        let base = lake.commit("main").await.unwrap().id;
        lake.create_branch("dev", base, 10).await;
        lake.stage("main", &[("b", None), ("m", Some(2))]).await;
        lake.commit("main").await.unwrap();
        lake.stage("dev", &[("a", Some(3)), ("f/x", None), ("f/z", Some(3))]).await;
        lake.commit("dev").await.unwrap();
        let diff = async |kind, request: DiffRequest| {
            lake.graveler.diff(lake.name(), &expr("main"), &expr("dev"), kind, &request).await.unwrap()
        };
        let two = ["Changed a 1 3", "Added b - 1", "Removed f/x 1 -", "Added f/z - 3", "Removed m 2 -"];
        assert_eq!(shown(&diff(DiffKind::TwoDot, all()).await.items), two);
        let three = ["Changed a 1 3", "Removed f/x 1 -", "Added f/z - 3"];
        assert_eq!(shown(&diff(DiffKind::ThreeDot, all()).await.items), three);
        let grouped = DiffRequest { delimiter: Some("/".into()), ..all() };
        let page = diff(DiffKind::ThreeDot, grouped.clone()).await;
        assert_eq!(shown(&page.items), ["Changed a 1 3", "PrefixChanged f/ - -"]);
        let page = diff(DiffKind::TwoDot, DiffRequest { after: "f/".into(), ..grouped }).await;
        assert_eq!(shown(&page.items), ["Removed m 2 -"]);
        let page = diff(DiffKind::TwoDot, DiffRequest { prefix: "f/".into(), amount: 1, ..all() }).await;
        assert_eq!((shown(&page.items), page.next.as_deref()), (vec!["Removed f/x 1 -".to_owned()], Some("f/x")));
        let page = diff(DiffKind::TwoDot, DiffRequest { after: "f/x".into(), amount: 1, ..all() }).await;
        assert_eq!((shown(&page.items), page.next.as_deref()), (vec!["Added f/z - 3".to_owned()], Some("f/z")));
    });
}

#[test]
fn uncommitted_changes_are_those_that_a_reader_sees() {
    run(async {
        let lake = TestLake::new().await;
        lake.stage("main", &[("a", Some(1)), ("b", Some(1)), ("f/x", Some(1))]).await;
        lake.commit("main").await.unwrap();
        lake.stage("main", &[("a", Some(1)), ("b", Some(2)), ("gone", None)]).await;
        lake.seal("main").await;
        lake.stage("main", &[("f/x", None), ("f/y", Some(5))]).await;
        let diff = async |request: DiffRequest| {
            lake.graveler.diff_uncommitted(lake.name(), &branch("main"), &request).await.unwrap()
        };
        assert_eq!(shown(&diff(all()).await.items), ["Changed b 1 2", "Removed f/x 1 -", "Added f/y - 5"]);
        let grouped = diff(DiffRequest { delimiter: Some("/".into()), ..all() }).await;
        assert_eq!(shown(&grouped.items), ["Changed b 1 2", "PrefixChanged f/ - -"]);
        assert_eq!(grouped.items[1].kind, ChangeKind::PrefixChanged);
        let page = diff(DiffRequest { amount: 2, ..all() }).await;
        assert!(page.next.is_some() && page.items.len() == 2);
        assert_eq!(shown(&diff(DiffRequest { after: "f/x".into(), ..all() }).await.items), ["Added f/y - 5"]);
    });
}

#[test]
fn merges_build_commits_of_two_parents_or_tell_all_conflicts() {
    run(async {
        let lake = TestLake::new().await;
        lake.stage("main", &[("a", Some(1)), ("b", Some(1)), ("c", Some(1)), ("d", Some(1))]).await;
        let base = lake.commit("main").await.unwrap().id;
        lake.create_branch("dev", base, 10).await;
        lake.stage("main", &[("a", Some(2)), ("b", None), ("m", Some(1))]).await;
        let main = lake.commit("main").await.unwrap().id;
        lake.stage("dev", &[("a", Some(3)), ("b", Some(4)), ("c", None), ("e", Some(1))]).await;
        let dev = lake.commit("dev").await.unwrap().id;
        let info = info("merge", &lake.graveler);
        let merge = async |options: MergeOptions| {
            lake.graveler.merge_tree(&lake.repository, &dev, &main, &options, &info).await.unwrap()
        };

        let Merged::Conflicts(found) = merge(MergeOptions::default()).await else { panic!("no conflict") };
        let paths: Vec<_> = found.items.iter().map(|conflict| conflict.path.as_str()).collect();
        assert_eq!((paths, found.more), (vec!["a", "b"], false));
        let sizes = |conflict: &crate::Conflict| {
            [&conflict.base, &conflict.source, &conflict.destination].map(|e| e.as_ref().map(|entry| entry.size))
        };
        assert_eq!(sizes(&found.items[0]), [Some(1), Some(3), Some(2)]);
        assert_eq!(sizes(&found.items[1]), [Some(1), Some(4), None]);
        let page = MergeOptions { conflicts_amount: 1, ..MergeOptions::default() };
        let Merged::Conflicts(first) = merge(page.clone()).await else { panic!("no conflict") };
        assert!(first.more && first.items.len() == 1);
        let Merged::Conflicts(rest) = merge(MergeOptions { conflicts_after: "a".into(), ..page }).await else {
            panic!()
        };
        assert_eq!((rest.items.len(), rest.items[0].path.as_str(), rest.more), (1, "b", false));

        // What isn't named is counted, on the page of what comes after it; a dry run finds it too.
        for (named, amount, pages) in [
            ("ab", 10, vec![(vec!["a", "b"], 0, false)]),
            ("a", 10, vec![(vec!["a"], 1, false)]),
            ("a", 1, vec![(vec!["a"], 0, true), (vec![], 1, false)]),
            ("b", 1, vec![(vec!["b"], 1, false)]),
            ("", 1, vec![(vec![], 2, false)]),
        ] {
            for dry_run in [false, true] {
                let mut conflicts_after = String::new();
                for (paths, unnamed, more) in &pages {
                    let options = MergeOptions {
                        dry_run,
                        conflicts_after: conflicts_after.clone(),
                        conflicts_amount: amount,
                        named: NamedPaths::those(move |path| named.contains(path)),
                        ..MergeOptions::default()
                    };
                    let Merged::Conflicts(page) = merge(options).await else { panic!("no conflict") };
                    let found: Vec<_> = page.items.iter().map(|conflict| conflict.path.as_str()).collect();
                    assert_eq!((&found, page.unnamed, page.more), (paths, *unnamed, *more), "{named} {dry_run}");
                    conflicts_after = found.last().map(|last| (*last).to_owned()).unwrap_or_default();
                }
            }
        }

        let source_wins = MergeOptions { strategy: Some(Strategy::SourceWins), ..MergeOptions::default() };
        let dry = merge(MergeOptions { dry_run: true, ..source_wins.clone() }).await;
        assert_eq!(dry, Merged::WouldMerge(ChangeCounts { added: 2, removed: 1, changed: 1 }));
        let Merged::Clean(built) = merge(source_wins).await else { panic!("not merged") };
        assert_eq!((built.commit.parents, built.commit.generation), (vec![main, dev], 4));
        let diff =
            lake.graveler.diff(lake.name(), &main.into(), &built.id.into(), DiffKind::TwoDot, &all()).await.unwrap();
        assert_eq!(shown(&diff.items), ["Changed a 2 3", "Added b - 4", "Removed c 1 -", "Added e - 1"]);

        let up_to_date =
            lake.graveler.merge_tree(&lake.repository, &base, &main, &MergeOptions::default(), &info).await;
        assert_eq!(up_to_date.unwrap(), Merged::UpToDate);
        assert_eq!(lake.graveler.merge_bases(&lake.repository, &main, &dev).await.unwrap(), [base]);
    });
}

#[test]
fn a_dry_run_tells_what_the_merge_does() {
    proptest!(cases(16), |(base in models(), ours in edits(), theirs in edits(), wins in any::<bool>())| run(async {
        let lake = TestLake::new().await;
        let base: Vec<_> = base.iter().map(|(path, content)| (path.as_str(), Some(*content))).collect();
        lake.stage("main", &base).await;
        lake.stage("main", &[("always", Some(1))]).await;
        let start = lake.commit("main").await.unwrap().id;
        lake.create_branch("dev", start, 10).await;
        let mut heads = Vec::new();
        for (on, edits) in [("dev", &ours), ("main", &theirs)] {
            let changes: Vec<_> = edits.iter().map(|(path, content)| (path.as_str(), *content)).collect();
            lake.stage(on, &changes).await;
            lake.stage(on, &[(on, Some(1))]).await;
            heads.push(lake.commit(on).await.unwrap().id);
        }
        let strategy = Some(if wins { Strategy::SourceWins } else { Strategy::DestinationWins });
        let options = MergeOptions { strategy, ..MergeOptions::default() };
        let dry = MergeOptions { dry_run: true, ..options.clone() };
        let info = info("merge", &lake.graveler);
        let Merged::WouldMerge(counts) =
            lake.graveler.merge_tree(&lake.repository, &heads[0], &heads[1], &dry, &info).await.unwrap()
        else { return Err(TestCaseError::fail("not a dry run")) };
        let Merged::Clean(built) =
            lake.graveler.merge_tree(&lake.repository, &heads[0], &heads[1], &options, &info).await.unwrap()
        else { return Err(TestCaseError::fail("not merged")) };
        let diff = lake.graveler.diff(lake.name(), &heads[1].into(), &built.id.into(), DiffKind::TwoDot, &all()).await.unwrap();
        let of = |kind| diff.items.iter().filter(|item| item.kind == kind).count() as u64;
        let found = ChangeCounts { added: of(ChangeKind::Added), removed: of(ChangeKind::Removed), changed: of(ChangeKind::Changed) };
        prop_assert_eq!(counts, found);
        prop_assert!(built.changes <= counts.total());
        Ok(())
    })?);
}
