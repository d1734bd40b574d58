//! Conversions of the commands about the installation itself.

use model::Identify;

use super::*;

impl Wire for Identify {
    type Message = pb::Identify;

    fn to_message(&self) -> pb::Identify {
        let Self { installation, store, replaces } = self;
        pb::Identify {
            installation: installation.0.to_be_bytes().to_vec(),
            store: store.map(store_bytes),
            replaces: replaces.map(store_bytes),
        }
    }

    fn from_message(m: pb::Identify) -> Result<Self, DecodeError> {
        Ok(Self {
            installation: super::super::installation(&m.installation)?,
            store: m.store.as_deref().map(super::super::store).transpose()?,
            replaces: m.replaces.as_deref().map(super::super::store).transpose()?,
        })
    }
}
