//! What ref expressions name.

use model::{Command, CreateTag, RequestId};

use crate::testing::{TestLake, expr, run};
use crate::{Error, LogRequest};

/// Commits three times on `main`; returns the ids, the first commit of all first.
async fn history(lake: &TestLake) -> Vec<model::CommitId> {
    let mut ids = vec![lake.branch("main").await.commit];
    for content in 1..=3 {
        lake.stage("main", &[("a", Some(content))]).await;
        ids.push(lake.commit("main").await.unwrap().id);
    }
    ids
}

async fn resolved(lake: &TestLake, text: &str) -> Result<model::CommitId, Error> {
    lake.graveler.resolve(lake.name(), &expr(text)).await.map(|resolved| resolved.commit)
}

#[test]
fn expressions_walk_from_branches_tags_and_commits() {
    run(async {
        let lake = TestLake::new().await;
        let ids = history(&lake).await;
        let tag = Command::CreateTag(CreateTag {
            request: RequestId(7),
            repository: lake.name().clone(),
            tag: "v1.0".parse().unwrap(),
            commit: ids[2],
        });
        lake.graveler.meta().write(tag).await.unwrap().tag().unwrap();
        let whole = ids[3].to_string();
        for (text, expected) in [
            ("main", 3),
            ("main$", 3),
            ("main@", 3),
            ("main~", 2),
            ("main~0", 3),
            ("main~2", 1),
            ("main~~~", 0),
            ("main^", 2),
            ("main^0", 3),
            ("main@~1^1", 1),
            ("v1.0", 2),
            ("v1.0~1", 1),
            (&whole, 3),
            (&format!("{whole}~3"), 0),
            (&whole[..12], 3),
            (&format!("{}^", &whole[..12]), 2),
        ] {
            assert_eq!(resolved(&lake, text).await.unwrap(), ids[expected], "{text}");
        }
    });
}

#[test]
fn only_a_bare_branch_has_a_staged_view() {
    run(async {
        let lake = TestLake::new().await;
        history(&lake).await;
        for (text, staged) in [("main", true), ("main$", true), ("main@", false), ("main~0", false)] {
            let resolved = lake.graveler.resolve(lake.name(), &expr(text)).await.unwrap();
            assert_eq!(resolved.branch.is_some(), staged, "{text}");
        }
        let head = lake.branch("main").await.commit;
        assert!(matches!(resolved(&lake, &format!("{head}$")).await, Err(Error::NotABranch(_))));
    });
}

#[test]
fn a_time_takes_the_newest_commit_before_it() {
    run(async {
        let lake = TestLake::new().await;
        let ids = history(&lake).await;
        for (at, id) in ids.iter().enumerate() {
            let time = lake.graveler.commit_object(&lake.repository, id).await.unwrap().created_at;
            assert_eq!(resolved(&lake, &format!("main@{{{time}}}")).await.unwrap(), *id, "{at}");
        }
        let error = resolved(&lake, "main@{2001-01-01T00:00:00Z}").await.unwrap_err();
        assert!(matches!(error, Error::NoSuchAncestor { .. }), "{error}");
    });
}

#[test]
fn what_is_not_there_is_told_by_kind() {
    run(async {
        let lake = TestLake::new().await;
        let ids = history(&lake).await;
        for text in ["nope", "abcd", &"0".repeat(64), "abc"] {
            assert!(matches!(resolved(&lake, text).await, Err(Error::RefNotFound(_))), "{text}");
        }
        for text in ["main~4", "main^2", "main~99999999"] {
            assert!(matches!(resolved(&lake, text).await, Err(Error::NoSuchAncestor { .. })), "{text}");
        }
        assert_eq!(resolved(&lake, "main~3").await.unwrap(), ids[0]);
    });
}

#[test]
fn a_prefix_of_several_commits_is_ambiguous_and_lists_them() {
    run(async {
        let lake = TestLake::new().await;
        let files = lake.files();
        let stores = files.storage();
        let same = |end: &str| format!("beef{}{end}", "0".repeat(58)).parse::<model::CommitId>().unwrap();
        for id in [same("01"), same("02")] {
            stores.put(&storage::Immutable::Commit(id), bytes::Bytes::from_static(b"x")).await.unwrap();
        }
        match resolved(&lake, "beef").await {
            Err(Error::AmbiguousRef { text, candidates }) => {
                assert_eq!((text.as_str(), candidates), ("beef", vec![same("01"), same("02")]));
            }
            other => panic!("{other:?}"),
        }
        // One whose content isn't what its name says is damaged.
        let error = resolved(&lake, &format!("{}~1", same("01"))).await.unwrap_err();
        assert!(matches!(&error, Error::Corrupt { file, .. } if file.contains("commits/beef")), "{error}");
    });
}

#[test]
fn logs_page_without_gaps() {
    run(async {
        let lake = TestLake::new().await;
        let mut ids = history(&lake).await;
        ids.reverse();
        for first_parent in [false, true] {
            let mut request = LogRequest { amount: 3, first_parent, ..LogRequest::default() };
            let first = lake.graveler.log(lake.name(), &expr("main"), &request).await.unwrap();
            assert!(first.next.is_some());
            assert_eq!(first.commits.iter().map(|(id, _)| *id).collect::<Vec<_>>(), ids[..3]);
            request.after = first.next;
            let second = lake.graveler.log(lake.name(), &expr("main"), &request).await.unwrap();
            assert_eq!(second.next, None);
            assert_eq!(second.commits.iter().map(|(id, _)| *id).collect::<Vec<_>>(), ids[3..]);
        }
    });
}
