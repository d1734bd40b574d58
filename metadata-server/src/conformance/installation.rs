//! The installation and its object store.

use std::sync::Arc;

use model::{Command, GetInstallation, Identify, Installation, InstallationId, MetaStore, StoreId};

use super::lake::{ask, granted, request, write};

async fn identify(store: &dyn MetaStore, to: Option<StoreId>, replaces: Option<StoreId>) -> Installation {
    let installation = InstallationId(request().0);
    granted(write(store, Command::Identify(Identify { installation, store: to, replaces })).await.installation())
}

/// Others may have been first on this store.
pub(super) async fn has_one_id_and_the_store_that_was_noted_first(store: Arc<dyn MetaStore>) {
    let store = &*store;
    let found = async || granted(ask(store, GetInstallation).await);
    let first = identify(store, None, None).await;
    assert_eq!(found().await, Some(first));
    assert_eq!(identify(store, None, first.store).await, first, "its id stays, and so does its store");

    let fresh = || Some(StoreId(request().0));
    let (one, other) = (fresh(), fresh());
    let noted = Installation { store: one, ..first };
    assert_eq!(identify(store, one, first.store).await, noted);
    assert_eq!(identify(store, other, first.store).await, noted, "it isn't what was expected any more");
    assert_eq!(identify(store, other, fresh()).await, noted);
    assert_eq!(found().await, Some(noted));
    assert_eq!(identify(store, other, one).await, Installation { store: other, ..first });
}
