//! Which installation this is, and which object store is its own. Leaves comparing them to who serves.

use serde::{Deserialize, Serialize};

use crate::{InstallationId, StoreId};

/// What the metadata service knows of itself and its object store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Installation {
    /// The installation's id for ever.
    pub id: InstallationId,
    /// Where its objects lie, once a server has found that out.
    pub store: Option<StoreId>,
}
