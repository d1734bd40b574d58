//! `lakebed repo …`: repositories.

use anyhow::Result;
use clap::Subcommand;
use futures::TryStreamExt;
use lakebed_sdk::{BranchName, CreateRepository, Error, Lakebed, Reason, StorageNamespace};

use super::agree;
use crate::output::Output;
use crate::uri::RepositoryUri;
use crate::view;

#[derive(Subcommand, Debug)]
pub(crate) enum Repo {
    /// Make a repository
    Create {
        /// lakebed://repository
        repository: RepositoryUri,
        /// Where it lives, beneath the server's object store [default: the repository's name there]
        #[arg(long, value_name = "URL")]
        storage_namespace: Option<StorageNamespace>,
        /// Its first branch, which can't be deleted
        #[arg(long, default_value = "main", value_name = "BRANCH")]
        default_branch: BranchName,
        /// Make no branch: `refs restore` is to make those of a dump that lies at --storage-namespace
        #[arg(long, requires = "storage_namespace")]
        bare: bool,
        /// Fill it with a small data set, for a first look
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
    /// Forget a repository, its refs and its uncommitted changes; objects stay in the object store
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
                let made = lakebed.create_repository(&repository.repository, options).await.map_err(advise)?;
                output.item(&view::repository(&made), || format!("Created {repository} at {}", made.namespace))
            }
            Self::List { prefix } => {
                let mut repositories = lakebed.list_repositories(prefix);
                while let Some(repository) = repositories.try_next().await? {
                    output.item(&view::repository(&repository), || {
                        format!("{}  {:<24}  {}", repository.created_at, repository.name.as_str(), repository.namespace)
                    })?;
                }
                Ok(())
            }
            Self::Show { repository } => {
                let found = lakebed.get_repository(&repository.repository).await?;
                output.item(&view::repository(&found), || {
                    format!(
                        "name               {}\nstorage namespace  {}\ndefault branch     {}\ncreated            {}",
                        found.name, found.namespace, found.default_branch, found.created_at
                    )
                })
            }
            Self::Delete { repository, yes } => {
                agree(*yes, &format!("Deleting {repository} with its refs and uncommitted changes can't be undone"))?;
                lakebed.delete_repository(&repository.repository).await?;
                let value = serde_json::json!({ "deleted": repository.to_string() });
                output.item(&value, || format!("Deleted {repository}; its objects are still in the object store"))
            }
        }
    }
}

/// A namespace stays taken when its repository is deleted, since the objects stay: who named one must choose.
fn advise(error: Error) -> anyhow::Error {
    let is_taken = error.reason == Reason::NamespaceTaken;
    let error = anyhow::Error::from(error);
    if is_taken {
        return error.context("a repository lives there, or did: choose another --storage-namespace, or name none");
    }
    error
}
