//! `lakebed repo …`: repositories.

use std::collections::BTreeMap;

use anyhow::Result;
use clap::Subcommand;
use futures::TryStreamExt;
use lakebed_sdk::{BranchName, CreateRepository, Error, Lakebed, Reason, Repository};
use serde_json::json;

use super::{agree, parse_pair, to_map};
use crate::exit::NotFound;
use crate::output::{Output, shown};
use crate::uri::RepositoryUri;
use crate::view;

#[derive(Subcommand, Debug)]
pub(crate) enum Repo {
    /// Make a repository
    Create {
        /// lakebed://repository
        repository: RepositoryUri,
        /// Where the repository lives, under the server's object store [default: the repository's name there]
        #[arg(long, value_name = "URL")]
        storage_namespace: Option<String>,
        /// The repository's first branch, which can't be deleted
        #[arg(long, default_value = "main", value_name = "BRANCH")]
        default_branch: BranchName,
        /// Make no branch: `refs restore` is to make those of a dump that lies at --storage-namespace
        #[arg(long, requires = "storage_namespace")]
        bare: bool,
        /// Fill the repository with a small data set, for a first look
        #[arg(long, conflicts_with = "bare")]
        sample_data: bool,
    },
    /// List repositories
    List {
        /// Only those whose names begin so
        #[arg(long, default_value = "")]
        prefix: String,
    },
    /// Show a repository
    Show {
        /// lakebed://repository
        repository: RepositoryUri,
    },
    /// Make a repository read-only, or writable again
    Set {
        /// lakebed://repository
        repository: RepositoryUri,
        /// Refuse all writes: commits, uploads, new branches and tags [values: true, false; without one: true]
        #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", required = true)]
        read_only: Option<bool>,
    },
    /// Show a repository's metadata, which are names with values, or change some
    Metadata {
        /// lakebed://repository
        repository: RepositoryUri,
        /// Set a value; one that the name had is replaced (may be given several times)
        #[arg(long, value_name = "NAME=VALUE", value_parser = parse_pair)]
        set: Vec<(String, String)>,
        /// Remove a name with its value (may be given several times)
        #[arg(long, value_name = "NAME")]
        remove: Vec<String>,
    },
    /// Delete a repository with all refs and uncommitted changes; objects stay in the object store
    Delete {
        /// lakebed://repository
        repository: RepositoryUri,
        /// Don't ask
        #[arg(long, short)]
        yes: bool,
    },
}

impl Repo {
    pub(crate) async fn run(&self, lakebed: &Lakebed, output: Output) -> Result<()> {
        match self {
            Self::Create { repository, storage_namespace, default_branch, bare, sample_data } => {
                let options = CreateRepository {
                    storage_namespace: storage_namespace.clone(),
                    default_branch: Some(default_branch.clone()),
                    bare: *bare,
                    sample_data: *sample_data,
                };
                let made = lakebed
                    .create_repository(&repository.repository, options)
                    .await
                    .map_err(|error| advise(error, *bare))?;
                output.item(&view::repository(&made), || {
                    format!("Created {repository} at {}", shown(made.namespace.as_str()))
                })
            }
            Self::List { prefix } => {
                let mut repositories = lakebed.list_repositories(prefix);
                while let Some(repository) = repositories.try_next().await? {
                    output.item(&view::repository(&repository), || {
                        let namespace = shown(repository.namespace.as_str());
                        format!("{}  {:<24}  {namespace}", repository.created_at, repository.name.as_str())
                    })?;
                }
                Ok(())
            }
            Self::Show { repository } => {
                let found = lakebed.get_repository(&repository.repository).await?;
                let metadata = lakebed.repository_metadata(&repository.repository).await?;
                let mut value = view::repository(&found);
                value["metadata"] = json!(metadata);
                output.item(&value, || text(&found, &metadata))
            }
            Self::Set { repository, read_only } => {
                let read_only = read_only.expect("because clap requires it");
                let changed = lakebed.set_read_only(&repository.repository, read_only).await?;
                output.item(&view::repository(&changed), || match read_only {
                    true => format!("{repository} takes no writes"),
                    false => format!("{repository} takes writes"),
                })
            }
            Self::Metadata { repository, set, remove } => {
                let name = &repository.repository;
                if !set.is_empty() || !remove.is_empty() {
                    check_are_there(remove, &lakebed.repository_metadata(name).await?)?;
                    lakebed.change_repository_metadata(name, to_map(set), remove.clone()).await?;
                }
                let metadata = lakebed.repository_metadata(name).await?;
                output.item(&json!(metadata), || lines(&metadata))
            }
            Self::Delete { repository, yes } => {
                agree(*yes, &format!("Deleting {repository} with its refs and uncommitted changes can't be undone"))?;
                lakebed.delete_repository(&repository.repository).await?;
                let value = json!({ "deleted": repository.to_string() });
                output.item(&value, || format!("Deleted {repository}; its objects are still in the object store"))
            }
        }
    }
}

/// Refuses to remove names that aren't there, before anything is changed.
fn check_are_there(remove: &[String], metadata: &BTreeMap<String, String>) -> Result<()> {
    let Some(unknown) = remove.iter().find(|name| !metadata.contains_key(*name)) else { return Ok(()) };
    let there = match metadata.is_empty() {
        true => "there are none".to_owned(),
        false => format!("there are {}", metadata.keys().map(|name| shown(name)).collect::<Vec<_>>().join(", ")),
    };
    Err(NotFound(format!("no metadata are called {}: {there}; nothing was changed", shown(unknown))).into())
}

/// A repository for people; what isn't decided takes no line.
fn text(repository: &Repository, metadata: &BTreeMap<String, String>) -> String {
    let mut text = format!(
        "name                {}\nstorage namespace   {}\ndefault branch      {}\ncreated             {}",
        repository.name,
        shown(repository.namespace.as_str()),
        repository.default_branch,
        repository.created_at
    );
    if repository.read_only {
        text.push_str("\nread-only           yes");
    }
    if !repository.protected.is_empty() {
        let patterns: Vec<_> = repository.protected.iter().map(ToString::to_string).collect();
        text.push_str(&format!("\nprotected branches  {}", patterns.join(" ")));
    }
    if !metadata.is_empty() {
        text.push_str(&format!("\nmetadata            {}", lines(metadata).replace('\n', "\n                    ")));
    }
    text
}

/// Names and values, a line each.
fn lines(metadata: &BTreeMap<String, String>) -> String {
    let lines = metadata.iter().map(|(name, value)| format!("{}={}", shown(name), shown(value)));
    lines.collect::<Vec<_>>().join("\n")
}

/// A namespace stays taken when its repository is deleted, since the objects stay; but a bare one may take its place.
fn advise(error: Error, bare: bool) -> anyhow::Error {
    if error.reason != Reason::NamespaceTaken {
        return error.into();
    }
    anyhow::Error::from(error).context(match bare {
        true => "a repository of this server lives there: delete it first (its objects and dumps stay), or restore the dump in another installation",
        false => "a repository lives there, or did: choose another --storage-namespace, or name none (--bare is for refs that were dumped there)",
    })
}
