//! What the paths of requests name. Invariant: a name that breaks its rule never reaches a handler.

use std::fmt::Display;
use std::str::FromStr;

use graveler::RefExpr;
use model::{BranchName, RepositoryName, TagName, Timestamp};
use proto::api::time_from_text;
use serde::{Deserialize, Deserializer};
use utoipa::IntoParams;

/// A repository.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct InRepository {
    /// The repository's name.
    #[param(value_type = String)]
    pub(crate) repository: RepositoryName,
}

/// A branch.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct OnBranch {
    /// The repository's name.
    #[param(value_type = String)]
    pub(crate) repository: RepositoryName,
    /// The branch's name.
    #[param(value_type = String)]
    pub(crate) branch: BranchName,
}

/// A task of a branch.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct OfBranchTask {
    /// The repository's name.
    #[param(value_type = String)]
    pub(crate) repository: RepositoryName,
    /// The branch's name.
    #[param(value_type = String)]
    pub(crate) branch: BranchName,
    /// The task, as its start was answered.
    pub(crate) id: String,
}

/// A tag.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct OfTag {
    /// The repository's name.
    #[param(value_type = String)]
    pub(crate) repository: RepositoryName,
    /// The tag's name.
    #[param(value_type = String)]
    pub(crate) tag: TagName,
}

/// Anything that names a commit.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct AtRef {
    /// The repository's name.
    #[param(value_type = String)]
    pub(crate) repository: RepositoryName,
    /// A branch, tag or commit id, with `~n`, `^n`, `@` or `$` after it.
    #[serde(rename = "ref", deserialize_with = "text")]
    #[param(value_type = String)]
    pub(crate) reference: RefExpr,
}

/// A commit.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct OfCommit {
    /// The repository's name.
    #[param(value_type = String)]
    pub(crate) repository: RepositoryName,
    /// The commit's id, or anything that names a commit.
    #[serde(rename = "commitId", deserialize_with = "text")]
    #[param(value_type = String)]
    pub(crate) commit: RefExpr,
}

/// Two refs to compare.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct BetweenRefs {
    /// The repository's name.
    #[param(value_type = String)]
    pub(crate) repository: RepositoryName,
    /// What is compared with.
    #[serde(rename = "leftRef", deserialize_with = "text")]
    #[param(value_type = String)]
    pub(crate) left: RefExpr,
    /// What is compared.
    #[serde(rename = "rightRef", deserialize_with = "text")]
    #[param(value_type = String)]
    pub(crate) right: RefExpr,
}

/// What to merge, and into what.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct IntoBranch {
    /// The repository's name.
    #[param(value_type = String)]
    pub(crate) repository: RepositoryName,
    /// What to merge.
    #[serde(rename = "sourceRef", deserialize_with = "text")]
    #[param(value_type = String)]
    pub(crate) source: RefExpr,
    /// The branch to merge it into.
    #[serde(rename = "destinationBranch")]
    #[param(value_type = String)]
    pub(crate) destination: BranchName,
}

/// A merge that was begun.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct OfMergeTask {
    /// The repository's name.
    #[param(value_type = String)]
    pub(crate) repository: RepositoryName,
    /// What to merge.
    #[serde(rename = "sourceRef", deserialize_with = "text")]
    #[param(value_type = String)]
    pub(crate) source: RefExpr,
    /// The branch to merge it into.
    #[serde(rename = "destinationBranch")]
    #[param(value_type = String)]
    pub(crate) destination: BranchName,
    /// The task, as its start was answered.
    pub(crate) id: String,
}

/// Whether a write is by force.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ForceQuery {
    /// Whether to write even if the repository takes no writes.
    #[serde(default, deserialize_with = "flag")]
    #[param(value_type = Option<bool>)]
    pub(crate) force: bool,
}

/// Reads what has a text form.
pub(crate) fn text<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: Display>,
{
    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
}

/// Reads a yes or no as Go, in which lakeFS is written, and Python write it.
pub(crate) fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    let text = String::deserialize(deserializer)?;
    match text.to_ascii_lowercase().as_str() {
        "true" | "t" | "1" => Ok(true),
        "false" | "f" | "0" => Ok(false),
        _ => Err(serde::de::Error::custom(format!("{text:?} is neither true nor false"))),
    }
}

/// As [`text`], of what may be left out or be empty.
pub(crate) fn optional_text<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: Display>,
{
    let text = Option::<String>::deserialize(deserializer)?.filter(|text| !text.is_empty());
    text.map(|text| text.parse().map_err(serde::de::Error::custom)).transpose()
}

/// Reads a moment in the form of RFC 3339, which may be left out.
pub(crate) fn optional_time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?.filter(|text| !text.is_empty());
    text.map(|text| time_from_text(&text).map_err(serde::de::Error::custom)).transpose()
}
