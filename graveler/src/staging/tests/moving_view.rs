//! A view sees each path once, although its branch is committed to meanwhile.

use proptest::prelude::*;

use crate::staging::View;
use crate::testing::{TestLake, expr, run};
use crate::tree::tests::cases;

/// Walks the view of `main`; after each of some numbers of paths, commits what is staged.
async fn walked(lake: &TestLake, commits: &[usize]) -> Vec<(String, u64)> {
    let resolved = lake.graveler.resolve(lake.name(), &expr("main")).await.unwrap();
    let mut view = View::open(&lake.graveler, &resolved, "p/", "").await.unwrap();
    let mut seen = Vec::new();
    loop {
        if commits.contains(&seen.len()) {
            let changes: Vec<(&str, Option<u64>)> = vec![("other", Some(seen.len() as u64))];
            lake.stage("main", &changes).await;
            lake.commit("main").await.unwrap();
        }
        let Some(found) = view.next().await.unwrap() else { return seen };
        let (path, entry) = found.into_entry(view.files()).unwrap();
        seen.push((path.to_string(), entry.size));
    }
}

#[test]
fn a_commit_in_the_middle_of_a_walk_neither_hides_nor_repeats() {
    proptest!(cases(12), |(commits in prop::collection::vec(0..500usize, 1..4), deleted in 0..500u32)| run(async {
        let lake = TestLake::new().await;
        let paths: Vec<String> = (0..500).map(|i| format!("p/{i:04}")).collect();
        let committed: Vec<(&str, Option<u64>)> = paths.iter().step_by(2).map(|path| (path.as_str(), Some(1))).collect();
        lake.stage("main", &committed).await;
        lake.commit("main").await.unwrap();
        let staged: Vec<(&str, Option<u64>)> = paths.iter().step_by(3).map(|path| (path.as_str(), Some(2))).collect();
        lake.stage("main", &staged).await;
        let deleted = format!("p/{deleted:04}");
        lake.stage("main", &[(&deleted, None)]).await;
        let expected: Vec<(String, u64)> = paths
            .iter()
            .enumerate()
            .filter(|(i, path)| (i % 2 == 0 || i % 3 == 0) && **path != deleted)
            .map(|(i, path)| (path.clone(), if i % 3 == 0 { 2 } else { 1 }))
            .collect();
        prop_assert_eq!(walked(&lake, &commits).await, expected);
        Ok(())
    })?);
}
