//! Questions about jobs. Owns their shapes.

use serde::{Deserialize, Serialize};

use crate::{RepositoryName, RequestId};

/// Finds a job. → [`super::Answer::Job`]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetJob {
    /// Which.
    pub id: RequestId,
}

/// Lists a repository's jobs, newest first. → [`super::Answer::Jobs`]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListJobs {
    /// Of which repository.
    pub repository: RepositoryName,
    /// Jobs after this one.
    pub after: Option<RequestId>,
    /// How many at most.
    pub amount: usize,
}

/// Lists the jobs of all repositories that haven't ended, in the order of their ids. → [`super::Answer::Jobs`]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListOpenJobs {
    /// Ids are larger.
    pub after: Option<RequestId>,
    /// How many at most.
    pub amount: usize,
}
