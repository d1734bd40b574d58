//! The client commands, one file each. Owns what they share: how a source is named and how a destructive step is agreed to.

pub(crate) mod auth;
pub(crate) mod branch;
pub(crate) mod commit;
pub(crate) mod completion;
pub(crate) mod diff;
pub(crate) mod doctor;
pub(crate) mod env;
pub(crate) mod fs;
pub(crate) mod fsck;
pub(crate) mod import;
pub(crate) mod job;
pub(crate) mod log;
pub(crate) mod login;
pub(crate) mod merge;
pub(crate) mod merge_base;
pub(crate) mod presign;
pub(crate) mod rebase;
pub(crate) mod reflog;
pub(crate) mod refs;
pub(crate) mod replay;
pub(crate) mod repo;
pub(crate) mod request;
pub(crate) mod s3_endpoint;
mod short_ids;
pub(crate) mod show;
pub(crate) mod tag;
pub(crate) mod whoami;

use std::collections::BTreeMap;
use std::io::{self, BufRead, IsTerminal, Write};

use anyhow::{Result, bail};
use lakebed_sdk::{Code, Lakebed};
use model::{BranchName, RepositoryName};

use crate::exit::usage;
use crate::uri::RefUri;

/// Reads `--source`: a branch, tag, commit or expression, alone or as a URI of the same repository.
fn source(text: &str, repository: &RepositoryName) -> Result<String> {
    if !text.contains("://") {
        return Ok(text.to_owned());
    }
    let uri: RefUri = text.parse()?;
    if uri.repository != *repository {
        usage!("the source {text} is in another repository than {repository}");
    }
    Ok(uri.reference)
}

/// Refuses to write to what is no branch, where the server isn't asked to write: by a dry run, for a URL that does so later,
/// or if nothing may turn out to differ. If the caller may not ask, only the write itself is refused.
async fn refuse_unless_branch(lakebed: &Lakebed, repository: &RepositoryName, branch: &BranchName) -> Result<()> {
    match lakebed.get_branch(repository, branch).await {
        Err(error) if error.code == Code::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

/// Reads `--meta NAME=VALUE`.
fn parse_pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("expected NAME=VALUE".to_owned()),
    }
}

fn to_map(pairs: &[(String, String)]) -> BTreeMap<String, String> {
    pairs.iter().cloned().collect()
}

/// Lets a person agree to a step that a slip of the hand shouldn't take; scripts say `--yes`. `what` says what it costs.
fn agree(yes: bool, what: &str) -> Result<()> {
    if yes {
        return Ok(());
    }
    if !io::stdin().is_terminal() {
        usage!("{what}: say so with --yes");
    }
    write!(io::stderr(), "{what}. Go on? [y/N] ")?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    if !matches!(answer.trim(), "y" | "Y" | "yes") {
        bail!("nothing was done");
    }
    Ok(())
}
