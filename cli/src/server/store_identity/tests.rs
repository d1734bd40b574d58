//! Each row of the table, over folders and the in-memory metadata service.

use graveler::{Graveler, GravelerOptions};
use metadata_server::MemoryMetaStore;
use model::{RequestId, SystemClock, Timestamp};
use storage::StoreSettings;
use storage::testing::copy_store;

use super::*;

/// Object stores beside each other, and one installation.
struct Home {
    folder: tempfile::TempDir,
    meta: Arc<dyn MetaStore>,
}

impl Home {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), meta: Arc::new(MemoryMetaStore::new(Arc::new(SystemClock))) }
    }

    async fn store(&self, name: &str) -> Arc<Stores> {
        let url = format!("file://{}", self.folder.path().join(name).display());
        Stores::open(&url, &StoreSettings::default()).await.unwrap()
    }

    async fn settle(&self, name: &str) -> Result<()> {
        settle(&*self.meta, &self.store(name).await, None).await
    }

    async fn take_over(&self, name: &str, whose: &str) -> Result<()> {
        settle(&*self.meta, &self.store(name).await, Some(whose.parse().unwrap())).await
    }

    /// Why a store is refused, and that this changed nothing.
    async fn refusal(&self, name: &str) -> String {
        let (noted, marker) = (self.noted().await, self.marker(name).await);
        let refusal = self.settle(name).await.unwrap_err().to_string();
        assert_eq!((self.noted().await, self.marker(name).await), (noted, marker), "nothing changed");
        refusal
    }

    async fn noted(&self) -> Installation {
        installation(&*self.meta).await.unwrap()
    }

    async fn marker(&self, name: &str) -> Option<StoreMarker> {
        self.store(name).await.marker().await.unwrap()
    }

    async fn create_repository(&self, store: &str, name: &str) {
        let (meta, clock) = (Arc::clone(&self.meta), Arc::new(SystemClock));
        let graveler = Graveler::new(meta, self.store(store).await, clock, GravelerOptions::default());
        let (name, branch) = (name.parse().unwrap(), "main".parse().unwrap());
        graveler.create_repository(RequestId(rand::random()), &name, None, &branch, "ann").await.unwrap();
    }

    /// An installation of a release before there were markers.
    async fn older(store: &str) -> Self {
        let home = Self::new();
        home.create_repository(store, "trips").await;
        home
    }
}

/// A marker that another installation left on a store of this home.
async fn foreign_marker(home: &Home, name: &str) -> StoreMarker {
    let marker = StoreMarker { store: StoreId(1), installation: InstallationId(0xabc) };
    home.store(name).await.create_marker(marker).await.unwrap()
}

#[tokio::test]
async fn the_first_start_marks_the_store_and_no_other_will_do_from_then_on() {
    let home = Home::new();
    home.settle("one").await.unwrap();
    let marker = home.marker("one").await.unwrap();
    assert_eq!(home.noted().await, Installation { id: marker.installation, store: Some(marker.store) });
    home.settle("one").await.unwrap();
    assert_eq!(home.marker("one").await, Some(marker));

    let refusal = home.refusal("two").await;
    assert!(refusal.contains(&marker.store.to_string()) && refusal.contains("--object-store"), "{refusal}");
    foreign_marker(&home, "three").await;
    let refusal = home.refusal("three").await;
    for word in [&marker.store.to_string(), &marker.installation.to_string(), &StoreId(1).to_string(), "--take-over"] {
        assert!(refusal.contains(word), "no {word} in {refusal}");
    }
}

#[tokio::test]
async fn a_new_installation_leaves_anothers_store_alone() {
    let home = Home::new();
    foreign_marker(&home, "theirs").await;
    let refusal = home.refusal("theirs").await;
    assert!(refusal.contains("has no store yet") && refusal.contains("restore the metadata"), "{refusal}");
    let refusal = refuse_new(&*home.store("theirs").await, None).await.unwrap_err().to_string();
    assert!(refusal.contains("a new installation"), "{refusal}");
    refuse_new(&*home.store("empty").await, None).await.unwrap();
}

#[tokio::test]
async fn a_new_installation_finds_the_traces_of_an_older_release() {
    let older = Home::older("objects").await;
    older.store("audited").await.put_audit(Timestamp::from_millis(1), "{}".into()).await.unwrap();
    let new = Home { folder: older.folder, ..Home::new() };
    for (store, sign) in [("objects", "local://trips/_lakebed/"), ("audited", "local://_lakebed/audit/")] {
        let refusal = new.refusal(store).await;
        assert!(refusal.contains(sign) && refusal.contains("--take-over unmarked"), "{refusal}");
        assert!(refuse_new(&*new.store(store).await, None).await.unwrap_err().to_string().contains(sign));
    }
    // What others keep in a bucket is no trace.
    let folder = new.folder.path().join("of-others/data");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("x"), "1").unwrap();
    refuse_new(&*new.store("of-others").await, None).await.unwrap();
    new.settle("of-others").await.unwrap();
}

#[tokio::test]
async fn an_older_installation_adopts_the_store_that_has_its_repositories() {
    let older = Home::older("objects").await;
    let refusal = older.refusal("elsewhere").await;
    assert!(refusal.contains("the repositories trips aren't in it"), "{refusal}");
    older.settle("objects").await.unwrap();
    older.settle("objects").await.unwrap();
    older.refusal("elsewhere").await;
}

#[tokio::test]
async fn a_first_start_that_was_cut_off_is_made_up_for() {
    let home = Home::new();
    let marker = StoreMarker { store: StoreId(7), installation: home.noted().await.id };
    home.store("one").await.create_marker(marker).await.unwrap();
    home.settle("one").await.unwrap();
    assert_eq!(home.noted().await.store, Some(StoreId(7)));
}

#[tokio::test]
async fn of_first_starts_at_once_all_agree() {
    let home = Home::new();
    let same = [home.store("one").await, home.store("one").await, home.store("one").await];
    let settled = futures::future::join_all(same.iter().map(|stores| settle(&*home.meta, stores, None))).await;
    settled.into_iter().for_each(|settled| settled.unwrap());
    assert_eq!(home.noted().await.store, home.marker("one").await.map(|marker| marker.store));

    let home = Home::new();
    let different = [home.store("one").await, home.store("two").await, home.store("three").await];
    let settled = futures::future::join_all(different.iter().map(|stores| settle(&*home.meta, stores, None))).await;
    assert_eq!(settled.iter().filter(|settled| settled.is_ok()).count(), 1, "{settled:?}");
}

#[tokio::test]
async fn a_marker_that_another_server_writes_meanwhile_is_found() {
    let home = Home::new();
    let (store, id) = (home.store("one").await, home.noted().await.id);
    let theirs = store.create_marker(StoreMarker { store: StoreId(7), installation: id }).await.unwrap();
    // As a server goes on that saw no marker before.
    assert_eq!(mark(&*home.meta, &store, id).await.unwrap(), theirs);

    // Without a marker the traces count, as ever.
    let older = Home::older("objects").await;
    let new = Home { folder: older.folder, ..Home::new() };
    let refusal = mark(&*new.meta, &new.store("objects").await, id).await.unwrap_err().to_string();
    assert!(refusal.contains("was used by another installation"), "{refusal}");
}

#[tokio::test]
async fn of_two_installations_that_start_over_one_store_the_slower_notes_nothing() {
    let home = Home::new();
    let other = Home { folder: tempfile::tempdir().unwrap(), ..Home::new() };
    let store = home.store("one").await;
    let settled = futures::join!(settle(&*home.meta, &store, None), settle(&*other.meta, &store, None));
    let (won, lost) = if settled.0.is_ok() { (&home, &other) } else { (&other, &home) };
    assert_ne!(settled.0.is_ok(), settled.1.is_ok(), "{settled:?}");
    assert_eq!(won.noted().await.store, home.marker("one").await.map(|marker| marker.store));
    assert_eq!(lost.noted().await.store, None, "it can go on with another store");
    settle(&*lost.meta, &home.store("two").await, None).await.unwrap();
}

#[tokio::test]
async fn a_store_is_taken_over_by_the_name_of_who_had_it() {
    let home = Home::new();
    let theirs = foreign_marker(&home, "theirs").await;
    let own = home.noted().await.id;
    for (taken, why) in [
        ("unmarked".to_owned(), "a store that has no marker"),
        (InstallationId(0xdef).to_string(), "is neither's id"),
        (theirs.store.to_string(), "is the id of the store, and not"),
        (own.to_string(), "is the id of this installation, and not"),
    ] {
        let refusal = home.take_over("theirs", &taken).await.unwrap_err().to_string();
        assert!(refusal.contains(&format!("--take-over {taken}, as given, ")) && refusal.contains(why), "{refusal}");
    }
    let whose = theirs.installation.to_string();
    refuse_new(&*home.store("theirs").await, Some(whose.parse().unwrap())).await.unwrap();
    home.take_over("theirs", &whose).await.unwrap();
    let marker = home.marker("theirs").await.unwrap();
    assert_ne!(marker.store, theirs.store, "who had it is refused from now on");
    assert_eq!(home.noted().await, Installation { id: marker.installation, store: Some(marker.store) });
    // The setting may stay.
    home.take_over("theirs", &whose).await.unwrap();
    assert_eq!(home.marker("theirs").await, Some(marker));

    // Objects that were moved without their marker; the place where they were is left to nobody.
    home.take_over("moved", "unmarked").await.unwrap();
    home.settle("moved").await.unwrap();
    home.refusal("theirs").await;
    "nonsense".parse::<TakeOver>().unwrap_err();
}

#[tokio::test]
async fn a_role_refuses_a_copy_until_it_is_taken_over() {
    let home = Home::new();
    let role = |name: &'static str, take_over| {
        let home = &home;
        async move { settle_role(&*home.meta, &home.store(name).await, take_over).await }
    };
    role("one", None).await.unwrap();
    role("one", None).await.unwrap();
    copy_store(&home.folder.path().join("one"), &home.folder.path().join("copy"));
    let id = home.noted().await.id;
    let refusal = role("copy", None).await.unwrap_err().to_string();
    for word in ["is a copy of the one", "--object-store", &format!("--take-over {id}")] {
        assert!(refusal.contains(word), "no {word} in {refusal}");
    }
    role("copy", Some(TakeOver::Of(InstallationId(0xdef)))).await.unwrap_err();
    role("one", None).await.unwrap();
    // One process for all roles, moved or restored from a backup.
    home.settle("copy").await.unwrap();

    role("copy", Some(TakeOver::Of(id))).await.unwrap();
    let marker = home.marker("copy").await.unwrap();
    role("copy", None).await.unwrap();
    role("copy", Some(TakeOver::Of(id))).await.unwrap();
    assert_eq!(home.marker("copy").await, Some(marker), "it was taken over once");
    assert_eq!(home.noted().await.store, Some(marker.store));
    let refusal = role("one", None).await.unwrap_err().to_string();
    assert!(refusal.contains(&marker.store.to_string()), "{refusal}");
    settle_role(&*Home::new().meta, &Stores::open("memory:///", &StoreSettings::default()).await.unwrap(), None)
        .await
        .unwrap();
}

#[tokio::test]
async fn roles_that_start_first_at_once_take_no_store_for_a_copy() {
    let home = Home::new();
    let same = [home.store("one").await, home.store("one").await, home.store("one").await];
    let settled = futures::future::join_all(same.iter().map(|stores| settle_role(&*home.meta, stores, None))).await;
    settled.into_iter().for_each(|settled| settled.unwrap());
    for stores in &same {
        settle_role(&*home.meta, stores, None).await.unwrap();
    }
}

#[tokio::test]
async fn memory_will_do_while_nothing_needs_what_was_in_it() {
    let home = Home::new();
    let memory = || async { Stores::open("memory:///", &StoreSettings::default()).await.unwrap() };
    settle(&*home.meta, &memory().await, None).await.unwrap();
    settle(&*home.meta, &memory().await, None).await.unwrap();
    let graveler =
        Graveler::new(Arc::clone(&home.meta), memory().await, Arc::new(SystemClock), GravelerOptions::default());
    let (name, branch) = ("trips".parse().unwrap(), "main".parse().unwrap());
    graveler.create_repository(RequestId(1), &name, None, &branch, "ann").await.unwrap();
    let refusal = settle(&*home.meta, &memory().await, None).await.unwrap_err().to_string();
    assert!(refusal.contains("trips were in memory and are gone"), "{refusal}");

    let home = Home::new();
    home.settle("one").await.unwrap();
    settle(&*home.meta, &memory().await, None).await.unwrap_err();
}
