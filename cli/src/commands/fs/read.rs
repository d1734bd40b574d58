//! `lakebed fs ls`, `cat` and `stat`.

use std::collections::BTreeMap;

use anyhow::Result;
use futures::TryStreamExt;
use lakebed_sdk::{Lakebed, ListItem, ListOptions, Object};
use model::{ObjectTags, TAGS_NAME};
use serde_json::json;

use crate::exit::NotFound;
use crate::output::{Output, shown};
use crate::uri::PathUri;
use crate::view;

pub(super) async fn list(lakebed: &Lakebed, path: &PathUri, recursive: bool, output: Output) -> Result<()> {
    let options = ListOptions {
        prefix: path.path.clone(),
        delimiter: (!recursive).then(|| "/".to_owned()),
        ..ListOptions::default()
    };
    let mut items = lakebed.list_objects(&path.repository, &path.reference, options);
    let mut is_empty = true;
    while let Some(item) = items.try_next().await? {
        is_empty = false;
        match item {
            ListItem::Object(object) => output.item(&view::object(&object), || {
                format!("{}  {:>12}  {}", object.last_modified, object.size, shown(object.path.as_str()))
            })?,
            ListItem::CommonPrefix(prefix) => {
                output.item(&json!({ "common_prefix": prefix }), || {
                    format!("{:>24}  {:>12}  {}", "", "folder", shown(&prefix))
                })?;
            }
        }
    }
    // A ref's root is there even if nothing is in it.
    if is_empty && !path.path.is_empty() {
        return Err(NotFound(format!("nothing is there: no object's path begins with {path}")).into());
    }
    Ok(())
}

pub(super) async fn cat(lakebed: &Lakebed, path: &PathUri, output: Output) -> Result<()> {
    let mut download = lakebed.download(&path.repository, &path.reference, &path.object()?, ..).await?;
    while let Some(chunk) = download.body.try_next().await? {
        output.bytes(&chunk)?;
    }
    Ok(())
}

pub(super) async fn stat(lakebed: &Lakebed, path: &PathUri, output: Output) -> Result<()> {
    let object = lakebed.stat(&path.repository, &path.reference, &path.object()?).await?;
    let tags = ObjectTags::kept_in(&object.metadata).ok();
    let mut value = view::object(&object);
    value["tags"] = json!(tags.as_ref().map(|tags| tags.iter().collect::<BTreeMap<_, _>>()));
    output.item(&value, || stat_lines(&object, tags.as_ref()).join("\n"))
}

fn stat_lines(object: &Object, tags: Option<&ObjectTags>) -> Vec<String> {
    let mut lines = vec![
        format!("path           {}", shown(object.path.as_str())),
        format!("size           {}", object.size),
        format!("etag           {}", object.e_tag),
        format!("content type   {}", shown(&object.content_type)),
        format!("last modified  {}", object.last_modified),
        format!("address        {}", shown(&object.physical_address)),
    ];
    lines.extend(tags.into_iter().flat_map(ObjectTags::iter).map(|(key, value)| pair("tag", key, value)));
    // Tags that can't be read are shown as they are kept.
    let metadata = object.metadata.iter().filter(|(name, _)| tags.is_none() || *name != TAGS_NAME);
    lines.extend(metadata.map(|(name, value)| pair("metadata", name, value)));
    lines
}

fn pair(label: &str, name: &str, value: &str) -> String {
    format!("{label:<13}  {} = {}", shown(name), shown(value))
}

#[cfg(test)]
mod tests {
    use lakebed_sdk::Timestamp;

    use super::*;

    #[test]
    fn tags_are_shown_as_such() {
        let kept = [(TAGS_NAME, "team=data%20lake&stage="), ("k", "a\nb")];
        let object = Object {
            path: "a".parse().unwrap(),
            size: 5,
            e_tag: String::new(),
            content_type: String::new(),
            last_modified: Timestamp::from_millis(0),
            metadata: kept.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            headers: BTreeMap::new(),
            physical_address: String::new(),
        };
        let tags = ObjectTags::kept_in(&object.metadata).unwrap();
        let after = |tags| stat_lines(&object, tags).split_off(6);
        assert_eq!(
            after(Some(&tags)),
            ["tag            stage = ", "tag            team = data lake", "metadata       k = a\\nb"]
        );
        assert_eq!(after(None).len(), 2, "what can't be read is metadata");
    }
}
