//! `lakebed tag …`: tags.

use anyhow::Result;
use clap::Subcommand;
use futures::TryStreamExt;
use lakebed_sdk::{Lakebed, TagName};
use serde_json::json;

use super::short_ids::{hidden_commit, tell_of_hidden};
use super::{agree, source};
use crate::output::{Output, shown};
use crate::uri::{RefUri, RepositoryUri};
use crate::view;

#[derive(Subcommand, Debug)]
pub(crate) enum Tag {
    /// Name a commit
    Create {
        /// lakebed://repository/tag
        tag: RefUri,
        /// The branch, tag or commit whose commit the tag is to name
        #[arg(long, value_name = "REF")]
        source: String,
    },
    /// List tags
    List {
        /// lakebed://repository
        repository: RepositoryUri,
        /// Only those whose names begin so
        #[arg(long, default_value = "")]
        prefix: String,
    },
    /// Show a tag
    Show {
        /// lakebed://repository/tag
        tag: RefUri,
    },
    /// Delete a tag; the commit stays
    Delete {
        /// lakebed://repository/tag
        tag: RefUri,
        /// Don't ask
        #[arg(long, short)]
        yes: bool,
    },
}

impl Tag {
    pub(crate) async fn run(&self, lakebed: &Lakebed, output: Output) -> Result<()> {
        match self {
            Self::Create { tag, source: from } => {
                let from = source(from, &tag.repository)?;
                let hidden = hidden_commit(lakebed, tag).await;
                let made = lakebed.create_tag(&tag.repository, &name(tag)?, &from).await?;
                tell_of_hidden(tag, &hidden);
                output.item(&view::tag(&made), || format!("Created {tag} at {}", view::short(&made.commit.to_string())))
            }
            Self::List { repository, prefix } => {
                let mut tags = lakebed.list_tags(&repository.repository, prefix);
                while let Some(tag) = tags.try_next().await? {
                    let (commit, name) = (tag.commit.to_string(), shown(tag.name.as_str()));
                    output.item(&view::tag(&tag), || format!("{}  {name}", view::short(&commit)))?;
                }
                Ok(())
            }
            Self::Show { tag } => {
                let found = lakebed.get_tag(&tag.repository, &name(tag)?).await?;
                output.item(&view::tag(&found), || {
                    let name = shown(found.name.as_str());
                    format!("name     {name}\ncommit   {}\ncreated  {}", found.commit, found.created_at)
                })
            }
            Self::Delete { tag, yes } => {
                agree(*yes, &format!("Deleting {tag} can't be undone"))?;
                lakebed.delete_tag(&tag.repository, &name(tag)?).await?;
                let value = json!({ "deleted": format!("lakebed://{}/{}", tag.repository, tag.reference) });
                output.item(&value, || format!("Deleted {tag}"))
            }
        }
    }
}

fn name(tag: &RefUri) -> Result<TagName> {
    Ok(tag.reference.parse()?)
}
