//! Questions about repositories. Owns their shapes.

use serde::{Deserialize, Serialize};

use super::PageRequest;
use crate::{Repository, RepositoryName, Settings};

/// Finds a repository. → [`super::Answer::Repository`]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetRepository {
    /// Which.
    pub name: RepositoryName,
}

/// Finds what was decided about a repository. → [`super::Answer::Settings`]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetSettings {
    /// Which.
    pub repository: RepositoryName,
}

/// Lists repositories in the order of their names. → [`super::Answer::Repositories`]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListRepositories {
    /// Which page.
    pub page: PageRequest,
}

/// What [`GetSettings`] finds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingsOfRepository {
    /// The repository.
    pub repository: Repository,
    /// What was decided about it.
    pub settings: Settings,
}
