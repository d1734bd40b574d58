//! The answer which installation this is.

use model::{GetInstallation, Installation};

use super::Find;
use crate::state::keyspace::Keyspace;
use crate::state::{Halt, records};

impl Find for GetInstallation {
    const IS_POINT: bool = true;

    fn find(&self, keys: &dyn Keyspace) -> Result<Option<Installation>, Halt> {
        Ok(records::installation(keys)?)
    }
}
