//! `lakebed fs ls`, `cat` and `stat`.

use anyhow::Result;
use futures::TryStreamExt;
use lakebed_sdk::{Lakebed, ListItem, ListOptions};
use serde_json::json;

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
    while let Some(item) = items.try_next().await? {
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
    output.item(&view::object(&object), || {
        let mut lines = vec![
            format!("path           {}", shown(object.path.as_str())),
            format!("size           {}", object.size),
            format!("etag           {}", object.e_tag),
            format!("content type   {}", shown(&object.content_type)),
            format!("last modified  {}", object.last_modified),
            format!("address        {}", object.physical_address),
        ];
        lines.extend(
            object.metadata.iter().map(|(name, value)| format!("metadata       {} = {}", shown(name), shown(value))),
        );
        lines.join("\n")
    })
}
