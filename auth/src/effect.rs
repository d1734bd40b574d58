//! What a statement of a policy does.

use serde::{Deserialize, Serialize};

/// What a statement does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// Allows, unless something else denies.
    Allow,
    /// Denies, whatever else allows.
    Deny,
}
