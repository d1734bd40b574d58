//! Lookup and ordered iteration.

use super::*;
use crate::testing::run;

#[test]
fn lookup_finds_what_the_map_has() {
    proptest!(cases(48), |(model in models())| run(async {
        let (_lake, files) = lake().await;
        let tree = build(&files, &model).await;
        for index in 0..400 {
            for path in [path_of(index), format!("{}0", path_of(index))] {
                let found = files.lookup(tree, path.as_bytes()).await.unwrap();
                let found = found.map(|found| found.entry(&files).unwrap().size);
                prop_assert_eq!(found, model.get(&path).copied(), "{}", path);
            }
        }
        Ok(())
    })?);
}

#[test]
fn iteration_gives_the_map_in_order_from_anywhere() {
    proptest!(cases(48), |(model in models(), seeks in prop::collection::vec(0..400u16, 0..6))| run(async {
        let (_lake, files) = lake().await;
        let tree = build(&files, &model).await;
        prop_assert_eq!(&content_of(&files, tree).await, &model);
        let mut seeks: Vec<String> = seeks.into_iter().map(path_of).collect();
        seeks.sort();
        let mut cursor = TreeCursor::open(&files, tree).await.unwrap();
        for seek in seeks {
            cursor.seek(seek.as_bytes()).await.unwrap();
            let expected = model.range(seek.clone()..).next().map(|(path, _)| path.clone());
            while cursor.bound().is_some() && cursor.record().is_none() {
                cursor.load().await.unwrap();
            }
            let found = cursor.record().map(|(key, _)| String::from_utf8(key.to_vec()).unwrap());
            prop_assert_eq!(found, expected, "from {}", seek);
        }
        Ok(())
    })?);
}

#[test]
fn an_empty_tree_has_no_metarange_and_finds_nothing() {
    run(async {
        let (_lake, files) = lake().await;
        assert_eq!(build(&files, &Model::new()).await, None);
        assert!(files.lookup(None, b"a").await.unwrap().is_none());
    });
}
