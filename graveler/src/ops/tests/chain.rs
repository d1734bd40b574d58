//! Chains of commits and merges, against the same verbs one after the other, and what a failed write does to one.

use model::CommitId;
use proptest::prelude::*;

use crate::testing::{TestLake, info, run};
use crate::tree::tests::{Model, cases, content_of, edits};
use crate::{CommitChain, Error, MergeOptions, Merged, Progress, SealedTokens, Strategy};

async fn content(lake: &TestLake, id: CommitId) -> Model {
    let tree = lake.graveler.commit_object(&lake.repository, &id).await.unwrap().metarange;
    content_of(&lake.files(), tree).await
}

/// Branches `b0` and so on off `main`, each with a commit of some edits; gives their heads.
async fn branches(lake: &TestLake, edits: &[Vec<(String, Option<u64>)>]) -> Vec<CommitId> {
    let main = lake.branch("main").await.commit;
    let mut heads = Vec::new();
    for (at, edits) in edits.iter().enumerate() {
        let branch = format!("b{at}");
        lake.create_branch(&branch, main, 100 + at as u128).await;
        let own = (format!("own/{at}"), Some(1));
        let changes: Vec<_> = edits.iter().chain([&own]).map(|(path, content)| (path.as_str(), *content)).collect();
        lake.stage(&branch, &changes).await;
        heads.push(lake.commit(&branch).await.unwrap().id);
    }
    heads
}

async fn merged(
    lake: &TestLake,
    chain: &mut CommitChain,
    source: CommitId,
    options: &MergeOptions,
) -> Option<CommitId> {
    match chain.merge(source, options, &info("merge", &lake.graveler), &Progress::default()).await.unwrap() {
        Merged::Clean(built) => Some(built.id),
        _ => None,
    }
}

#[test]
fn merges_in_a_chain_are_those_one_after_the_other() {
    let all = prop::collection::vec(edits(), 1..5);
    proptest!(cases(16), |(base in edits(), all in all, decided in any::<bool>())| run(async {
        let lake = TestLake::new().await;
        let base: Vec<_> = base.iter().map(|(path, content)| (path.as_str(), *content)).chain([("base", Some(1))]).collect();
        lake.stage("main", &base).await;
        let main = lake.commit("main").await.unwrap().id;
        let heads = branches(&lake, &all).await;
        let strategy = decided.then_some(Strategy::SourceWins);
        let options = MergeOptions { strategy, ..MergeOptions::default() };

        let mut chain = lake.graveler.chain(&lake.repository, main).unwrap();
        let mut tip = main;
        for head in heads {
            let one = lake.graveler.merge_tree(&lake.repository, &head, &tip, &options, &info("merge", &lake.graveler)).await.unwrap();
            let expected = if let Merged::Clean(built) = one { Some(content(&lake, built.id).await) } else { None };
            let id = merged(&lake, &mut chain, head, &options).await;
            prop_assert_eq!(id.is_some(), expected.is_some());
            prop_assert_eq!(chain.tip(), id.unwrap_or(tip), "what conflicts leaves the tip where it was");
            chain.settle().await.unwrap();
            if let Some(id) = id {
                prop_assert_eq!(Some(content(&lake, id).await), expected);
                let commit = lake.graveler.commit_object(&lake.repository, &id).await.unwrap();
                prop_assert_eq!(&commit.parents, &[tip, head]);
                tip = id;
            }
        }
        // Who knows nothing of the chain reads the same.
        let cold = lake.cold(crate::testing::small_options());
        let tree = cold.commit_object(&lake.repository, &tip).await.unwrap().metarange;
        prop_assert_eq!(content_of(&cold.files(&lake.repository).unwrap(), tree).await, content(&lake, tip).await);
        Ok(())
    })?);
}

#[test]
fn a_commit_in_a_chain_takes_the_tokens_it_is_given_and_no_other() {
    run(async {
        let lake = TestLake::new().await;
        let mut chain = lake.graveler.chain(&lake.repository, lake.branch("main").await.commit).unwrap();
        let mut ids = Vec::new();
        for (at, path) in ["a", "b"].into_iter().enumerate() {
            lake.stage("main", &[(path, Some(at as u64))]).await;
            let branch = lake.seal("main").await;
            let tokens = vec![branch.sealed[0]];
            let sealed = SealedTokens { branch: branch.name, tokens, read_at: Some(branch.reset) };
            ids.push(chain.commit(&sealed, &info("one", &lake.graveler), &Progress::default()).await.unwrap().id);
        }
        chain.settle().await.unwrap();
        assert_eq!(content(&lake, ids[0]).await.len(), 1);
        assert_eq!(content(&lake, ids[1]).await.len(), 2);
        let none = SealedTokens { branch: lake.branch("main").await.name, tokens: vec![], read_at: None };
        let nothing = chain.commit(&none, &info("none", &lake.graveler), &Progress::default()).await;
        assert!(matches!(nothing, Err(Error::NoChanges)), "{nothing:?}");
        assert_eq!(chain.tip(), ids[1]);
    });
}

#[test]
fn a_commit_that_is_appended_is_made_again_over_a_head_that_moved() {
    run(async {
        let lake = TestLake::new().await;
        lake.stage("main", &[("both", Some(0)), ("base", Some(0))]).await;
        let base = lake.commit("main").await.unwrap().id;
        lake.create_branch("side", base, 7).await;
        lake.stage("side", &[("both", Some(1)), ("side", Some(1))]).await;
        let built = lake.commit("side").await.unwrap();
        lake.stage("main", &[("both", Some(2)), ("main", Some(2))]).await;
        let head = lake.commit("main").await.unwrap().id;

        let mut same = lake.graveler.chain(&lake.repository, base).unwrap();
        assert_eq!(same.append(built.clone(), base).await.unwrap(), built, "as it is");
        let mut moved = lake.graveler.chain(&lake.repository, head).unwrap();
        let appended = moved.append(built, base).await.unwrap();
        moved.settle().await.unwrap();
        assert_eq!(appended.commit.parents, [head]);
        let model = content(&lake, appended.id).await;
        assert_eq!(model.keys().collect::<Vec<_>>(), ["base", "both", "main", "side"]);
        assert_eq!(model["both"], model["side"], "where both changed an object, the appended commit's is taken");
    });
}
