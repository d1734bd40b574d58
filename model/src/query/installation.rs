//! The question which installation this is. Owns its shape.

use serde::{Deserialize, Serialize};

/// Finds which installation this is. → [`super::Answer::Installation`]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetInstallation;
