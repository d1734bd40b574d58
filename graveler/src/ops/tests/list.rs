//! Listings of a branch's view, against a naive model over maps.

use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::testing::{TestLake, branch, expr, run, small_options};
use crate::tree::tests::deltas::delta_options;
use crate::tree::tests::{cases, edited, edits, models};
use crate::{Error, GravelerOptions, ListItem, ListRequest, Listing};

type Model = BTreeMap<String, u64>;

/// An item as a text: an object with its content, or a common prefix.
fn shown(item: &ListItem) -> String {
    match item {
        ListItem::Object(path, entry) => format!("{path} = {}", entry.size),
        ListItem::CommonPrefix(prefix) => format!("{prefix}..."),
    }
}

/// All items of a listing, and for each the text that `after` takes to come after it.
fn naive(model: &Model, prefix: &str, delimiter: Option<&str>) -> Vec<(String, String)> {
    let mut items: Vec<(String, String)> = Vec::new();
    for (path, content) in model.iter().filter(|(path, _)| path.starts_with(prefix)) {
        let common = delimiter.and_then(|delimiter| {
            let rest = &path[prefix.len()..];
            rest.find(delimiter).map(|at| path[..prefix.len() + at + delimiter.len()].to_owned())
        });
        let (at, text) = match common {
            Some(common) => (common.clone(), format!("{common}...")),
            None => (path.clone(), format!("{path} = {content}")),
        };
        if items.last().is_none_or(|(_, last)| *last != text) {
            items.push((at, text));
        }
    }
    items
}

async fn all_pages(lake: &TestLake, at: &str, request: &ListRequest) -> Vec<String> {
    let mut request = request.clone();
    let mut found = Vec::new();
    loop {
        let page = lake.graveler.list(lake.name(), &expr(at), &request).await.unwrap();
        assert!(page.items.len() <= request.amount);
        found.extend(page.items.iter().map(shown));
        match page.items.last() {
            Some(ListItem::Object(path, _)) => request.after = path.to_string(),
            Some(ListItem::CommonPrefix(prefix)) => request.after.clone_from(prefix),
            None => assert_eq!(page.next, None),
        }
        if page.next.is_none() {
            return found;
        }
    }
}

async fn stage(lake: &TestLake, edits: &[(String, Option<u64>)]) {
    let changes: Vec<(&str, Option<u64>)> = edits.iter().map(|(path, content)| (path.as_str(), *content)).collect();
    lake.stage("main", &changes).await;
}

#[test]
fn listings_are_those_of_the_map() {
    let requests = (
        prop::sample::select(vec!["", "a", "a/", "a/b", "a/b1/", "data/", "data/day=1/", "z", "nothing/"]),
        prop::sample::select(vec![None, Some("/"), Some("="), Some("/0"), Some("")]),
        1..40usize,
    );
    let committed = models();
    let history = (any::<bool>(), prop::collection::vec(edits(), 0..6));
    proptest!(cases(48), |(first in committed, (deltas, history) in history, sealed in edits(), staged in edits(), (prefix, delimiter, amount) in requests)| run(async {
        let lake = TestLake::with_options(if deltas { delta_options() } else { small_options() }).await;
        let first: Vec<_> = first.into_iter().map(|(path, content)| (path, Some(content))).collect();
        let mut committed = Model::new();
        for edits in std::iter::once(&first).chain(&history) {
            stage(&lake, edits).await;
            committed = edited(&committed, edits);
            match lake.commit("main").await {
                Ok(_) | Err(Error::NoChanges) => {}
                Err(error) => panic!("{error}"),
            }
        }
        stage(&lake, &sealed).await;
        lake.seal("main").await;
        stage(&lake, &staged).await;
        let view = edited(&edited(&committed, &sealed), &staged);
        let delimiter = delimiter.map(str::to_owned);
        let request = ListRequest { prefix: prefix.into(), delimiter: delimiter.clone(), after: String::new(), amount };
        let grouped = delimiter.as_deref().filter(|delimiter| !delimiter.is_empty());
        for (at, model) in [("main", &view), ("main$", &view), ("main@", &committed)] {
            let expected: Vec<String> = naive(model, prefix, grouped).into_iter().map(|(_, text)| text).collect();
            prop_assert_eq!(all_pages(&lake, at, &request).await, expected);
        }
        // From any item on, and from any path, whether it is there or not.
        let items = naive(&view, prefix, grouped);
        for after in [items.get(items.len() / 2).map(|(at, _)| at.clone()), Some("a/b1/05".into())].into_iter().flatten() {
            let request = ListRequest { after: after.clone(), ..request.clone() };
            let is_prefix = grouped.is_some_and(|delimiter| after.strip_prefix(prefix).and_then(|rest| rest.find(delimiter).map(|at| at + delimiter.len() == rest.len())) == Some(true));
            let left: Model = view.iter().filter(|(path, _)| path.as_str() > after.as_str() && !(is_prefix && path.starts_with(&after))).map(|(path, content)| (path.clone(), *content)).collect();
            let expected: Vec<String> = naive(&left, prefix, grouped).into_iter().map(|(_, text)| text).collect();
            prop_assert_eq!(all_pages(&lake, "main", &request).await, expected, "after {}", after);
        }
        Ok(())
    })?);
}

#[test]
fn a_common_prefix_is_skipped_by_seeking() {
    run(async {
        let options = GravelerOptions { metarange_ranges: 8 << 10, ..small_options() };
        let lake = TestLake::with_options(options.clone()).await;
        for folder in 0..20 {
            let paths: Vec<String> = (0..300).map(|i| format!("f{folder:02}/{i:04}")).collect();
            let changes: Vec<(&str, Option<u64>)> = paths.iter().map(|path| (path.as_str(), Some(1))).collect();
            lake.stage("main", &changes).await;
        }
        let built = lake.commit("main").await.unwrap();
        let cold = lake.cold(options);
        let request = ListRequest { delimiter: Some("/".into()), amount: 1000, ..ListRequest::default() };
        let page = cold.list(lake.name(), &built.id.into(), &request).await.unwrap();
        assert_eq!(page.items.len(), 20);
        let read = cold.counters();
        assert!(read.ranges_opened <= 20, "{read:?}");
        // Beside the metarange's own, one block for each prefix.
        let metarange = cold.commit_object(&lake.repository, &built.id).await.unwrap().metarange.unwrap();
        let table = cold.files(&lake.repository).unwrap().metarange(metarange).await.unwrap();
        assert!(read.blocks_read <= 20 + table.tail.blocks() as u64, "{read:?}");
    });
}

#[test]
fn a_prefix_whose_objects_are_all_deleted_is_gone() {
    run(async {
        let lake = TestLake::new().await;
        lake.stage("main", &[("a/1", Some(1)), ("a/2", Some(1)), ("b/1", Some(1))]).await;
        lake.commit("main").await.unwrap();
        lake.stage("main", &[("a/1", None), ("a/2", None), ("c/1", None)]).await;
        let request = ListRequest { delimiter: Some("/".into()), amount: 10, ..ListRequest::default() };
        let page = lake.graveler.list(lake.name(), &(&branch("main")).into(), &request).await.unwrap();
        assert_eq!(page, Listing { items: vec![ListItem::CommonPrefix("b/".into())], next: None });
    });
}

#[test]
fn more_staged_values_than_a_page_holds_are_listed() {
    run(async {
        let lake = TestLake::new().await;
        let paths: Vec<String> = (0..2500).map(|i| format!("p/{i:05}")).collect();
        let changes: Vec<(&str, Option<u64>)> = paths.iter().map(|path| (path.as_str(), Some(1))).collect();
        lake.stage("main", &changes).await;
        let deleted: Vec<(&str, Option<u64>)> = paths[..2400].iter().map(|path| (path.as_str(), None)).collect();
        lake.stage("main", &deleted).await;
        let request = ListRequest { amount: 1000, ..ListRequest::default() };
        let page = lake.graveler.list(lake.name(), &expr("main"), &request).await.unwrap();
        assert_eq!(page.items.len(), 100);
        assert_eq!(page.next, None);
    });
}
