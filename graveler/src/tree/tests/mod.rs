//! Trees against maps. Owns building trees from maps and random content that makes many ranges of little.

mod canonical;
mod damage;
mod deep;
pub(crate) mod deltas;
mod diff;
mod lookup;
pub(crate) mod merge;
mod requests;
mod rewrites;
mod scratch;
mod wide;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::vec;

use bytes::Bytes;
use model::MetaRangeId;
use proptest::prelude::*;

use super::apply::{Changes, TreeChange, apply};
use super::builder::TreeBuilder;
use super::range_info::RangeInfo;
use super::record::{decode_entry, encode_entry};
use super::{Files, RecordCursor, TreeCursor};
use crate::testing::{TestLake, plain_entry, small_options};
use crate::{Error, GravelerOptions};

/// Content: a number at each path.
pub(crate) type Model = BTreeMap<String, u64>;

/// How many cases a property is tried with.
pub(crate) fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// The paths that random content is made of: folders of several depths.
pub(crate) fn path_of(index: u16) -> String {
    match index % 4 {
        0 => format!("a/{:03}", index / 4),
        1 => format!("a/b{}/{:03}", index / 80, index / 4),
        2 => format!("data/day={}/part-{:03}", index / 40, index / 4),
        _ => format!("z{:03}", index / 4),
    }
}

/// Numbers are few, so that equal content lies under many names.
pub(crate) fn models() -> impl Strategy<Value = Model> {
    let paths = prop::collection::btree_map(0..400u16, 0..3u64, 0..300);
    paths.prop_map(|paths| paths.into_iter().map(|(index, content)| (path_of(index), content)).collect())
}

/// Changes of content: scattered ones, and an area that is emptied or written anew.
pub(crate) fn edits() -> impl Strategy<Value = Vec<(String, Option<u64>)>> {
    let scattered = prop::collection::vec((0..400u16, prop::option::of(0..4u64)), 0..12);
    let area = (0..400u16, 0..60u16, prop::option::of(0..3u64));
    (scattered, prop::option::of(area)).prop_map(|(scattered, area)| {
        let area = area.map(|(start, length, content)| (start..start + length).map(move |index| (index, content)));
        let all = scattered.into_iter().chain(area.into_iter().flatten());
        all.map(|(index, content)| (path_of(index), content)).collect()
    })
}

pub(crate) fn edited(model: &Model, edits: &[(String, Option<u64>)]) -> Model {
    let mut model = model.clone();
    for (path, content) in edits {
        match content {
            Some(content) => drop(model.insert(path.clone(), *content)),
            None => drop(model.remove(path)),
        }
    }
    model
}

pub(crate) async fn build(files: &Files, model: &Model) -> Option<MetaRangeId> {
    build_with(files, model, &small_options()).await
}

pub(crate) async fn build_with(files: &Files, model: &Model, options: &GravelerOptions) -> Option<MetaRangeId> {
    let mut builder = TreeBuilder::new(files, options);
    for (path, content) in model {
        builder.push(path.as_bytes(), &encode_entry(plain_entry(*content))).await.unwrap();
    }
    builder.finish().await.unwrap()
}

/// The changes that make `after` of `before`, applied to a tree.
pub(crate) async fn rebuild(
    files: &Files,
    tree: Option<MetaRangeId>,
    before: &Model,
    after: &Model,
) -> Option<MetaRangeId> {
    rebuild_with(files, tree, (before, after), &small_options()).await
}

pub(crate) async fn rebuild_with(
    files: &Files,
    tree: Option<MetaRangeId>,
    (before, after): (&Model, &Model),
    options: &GravelerOptions,
) -> Option<MetaRangeId> {
    let mut builder = TreeBuilder::new(files, options);
    apply(files, tree, &mut changes_of(before, after), &mut builder).await.unwrap();
    builder.finish().await.unwrap()
}

/// The changes that make `after` of `before`.
pub(crate) fn changes_of(before: &Model, after: &Model) -> Listed {
    let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let changes = keys.into_iter().filter(|key| before.get(*key) != after.get(*key)).map(|key| TreeChange {
        key: key.clone().into(),
        value: after.get(key).map(|content| encode_entry(plain_entry(*content))),
    });
    Listed(changes.collect::<Vec<_>>().into_iter())
}

/// Changes out of a list.
pub(crate) struct Listed(pub(crate) vec::IntoIter<TreeChange>);

impl Changes for Listed {
    async fn next_change(&mut self) -> Result<Option<TreeChange>, Error> {
        Ok(self.0.next())
    }
}

pub(crate) async fn content_of(files: &Files, tree: Option<MetaRangeId>) -> Model {
    let mut cursor = RecordCursor::open(files, tree).await.unwrap();
    let mut model = Model::new();
    while cursor.bound().is_some() {
        if let Some((key, value)) = cursor.record() {
            model.insert(String::from_utf8(key.to_vec()).unwrap(), content(value));
            cursor.advance().await.unwrap();
        } else {
            cursor.load().await.unwrap();
        }
    }
    model
}

pub(crate) fn content(value: &[u8]) -> u64 {
    decode_entry(value).unwrap().size
}

pub(crate) fn content_at(value: Option<&Bytes>) -> Option<u64> {
    value.map(|value| content(value))
}

/// How many ranges a tree has.
pub(crate) async fn ranges_of(files: &Files, tree: Option<MetaRangeId>) -> usize {
    ranges_in(files, tree).await.len()
}

/// A tree's ranges.
pub(crate) async fn ranges_in(files: &Files, tree: Option<MetaRangeId>) -> Vec<Arc<RangeInfo>> {
    let mut cursor = TreeCursor::open(files, tree).await.unwrap();
    let mut ranges = Vec::new();
    while let Some(node) = cursor.whole_range().cloned() {
        if node.height > 0 {
            cursor.load().await.unwrap();
        } else {
            ranges.push(node);
            cursor.skip_range().await.unwrap();
        }
    }
    ranges
}

/// So much content that it makes many ranges.
pub(crate) fn large(prefix: &str, count: u32) -> Model {
    (0..count).map(|i| (format!("{prefix}{i:05}"), u64::from(i % 7))).collect()
}

pub(crate) async fn lake() -> (TestLake, Files) {
    let lake = TestLake::new().await;
    let files = lake.files();
    (lake, files)
}
