//! Commands about the installation itself. Owns their shapes and how they look in logs; `metadata-server/command/` has a file for what each does.
//! Invariant: none shows a secret or a user's data in a log.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{InstallationId, StoreId};

/// Gives the installation its id if it has none, and notes its object store if what is known of it is what was
/// expected. → [`super::Outcome::Installation`], as it is then: of several who ask at once, the first decides
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identify {
    /// Counts if there is no id yet.
    pub installation: InstallationId,
    /// Where the objects lie; nothing if that isn't known.
    pub store: Option<StoreId>,
    /// What must be noted now.
    pub replaces: Option<StoreId>,
}

impl fmt::Display for Identify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self { installation, store: None, .. } => write!(f, "identify installation {installation}"),
            Self { installation, store: Some(store), .. } => {
                write!(f, "identify installation {installation} with store {store}")
            }
        }
    }
}
