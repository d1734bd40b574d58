//! The handle on everything that verbs need: metadata, object stores, clock, caches. Owns nothing but their wiring.

use std::sync::Arc;

use model::{Clock, MetaStore};
use storage::Stores;

use crate::GravelerOptions;

/// The library's handle; cheap to clone. Its verbs are in `ops/`, one file each.
#[derive(Clone)]
pub struct Graveler {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) meta: Arc<dyn MetaStore>,
    pub(crate) stores: Arc<Stores>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) options: GravelerOptions,
}

impl Graveler {
    /// Wires a handle. Its caches are empty and shared by its clones.
    pub fn new(
        meta: Arc<dyn MetaStore>,
        stores: Arc<Stores>,
        clock: Arc<dyn Clock>,
        options: GravelerOptions,
    ) -> Self {
        Self { inner: Arc::new(Inner { meta, stores, clock, options }) }
    }

    /// The metadata service.
    pub fn meta(&self) -> &dyn MetaStore {
        &*self.inner.meta
    }

    /// The object stores.
    pub fn stores(&self) -> &Stores {
        &self.inner.stores
    }

    /// The time.
    pub fn clock(&self) -> &dyn Clock {
        &*self.inner.clock
    }
}
