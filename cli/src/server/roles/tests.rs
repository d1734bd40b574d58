//! What a power cut and lost folders leave of an installation in one process.

use std::fs;

use durable::PowerCut;
use graveler::GravelerOptions;
use model::RequestId;

use super::*;

fn config(folder: &Path) -> ServerConfig {
    let args: ServerArgs = toml::from_str(&format!("data_dir = '{}/data'", folder.display())).unwrap();
    args.settle(Role::All).unwrap()
}

async fn create_repository(kept: &Kept) {
    let (meta, stores) = (kept.metadata.store(), Arc::clone(&kept.stores));
    let graveler = Graveler::new(meta, stores, Arc::new(SystemClock), GravelerOptions::default());
    let (name, branch) = ("trips".parse().unwrap(), "main".parse().unwrap());
    graveler.create_repository(RequestId(1), &name, None, &branch, "ann").await.unwrap();
}

/// Whether the repository is there, with its objects.
async fn has_repository(kept: &Kept) -> bool {
    let Ok(repository) = kept.metadata.store().repository(&"trips".parse().unwrap()).await else { return false };
    kept.stores.repository(&repository.namespace).unwrap().read_format().await.is_ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_power_cut_leaves_a_whole_installation() {
    let (before, after) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let lake = before.path().join("srv/lake");
    let power_cut = PowerCut::of(before.path());
    let kept = Kept::open(&config(&lake)).await.unwrap();
    create_repository(&kept).await;
    power_cut.happen(after.path()).unwrap();
    let sealed = kept.key.secrets().seal("AK", &"secret".into());
    kept.metadata.shutdown().await;

    let kept = Kept::open(&config(&after.path().join("srv/lake"))).await.unwrap();
    assert!(has_repository(&kept).await);
    assert_eq!(kept.key.secrets().open("AK", &sealed).unwrap().expose_secret(), "secret");
    kept.metadata.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_in_use_isnt_begun_anew() {
    let folder = tempfile::tempdir().unwrap();
    let (config, data) = (config(folder.path()), folder.path().join("data"));
    let refusal = async || Kept::open(&config).await.err().expect("it must not start").to_string();
    let kept = Kept::open(&config).await.unwrap();
    create_repository(&kept).await;
    kept.metadata.shutdown().await;

    // A volume that isn't mounted, say.
    let away = folder.path().join("away");
    fs::rename(data.join("metadata"), &away).unwrap();
    let refused = refusal().await;
    assert!(refused.contains("restore it from a backup") && refused.contains("encryption.check"), "{refused}");
    assert!(!data.join("metadata").exists(), "nothing is made");
    fs::create_dir(data.join("metadata")).unwrap();
    assert!(refusal().await.contains("encryption.check"));
    // Without the key too; the objects still tell.
    fs::remove_file(data.join("encryption.check")).unwrap();
    let refused = refusal().await;
    assert!(refused.contains("a new installation") && refused.contains("--take-over"), "{refused}");
    assert_eq!(fs::read_dir(data.join("metadata")).unwrap().count(), 0, "nothing is made");

    // The objects' folder is empty, and the metadata are there again.
    fs::remove_dir(data.join("metadata")).unwrap();
    fs::rename(&away, data.join("metadata")).unwrap();
    fs::rename(data.join("objects"), &away).unwrap();
    let refused = refusal().await;
    assert!(refused.contains("this one has none"), "{refused}");
    fs::remove_dir_all(data.join("objects")).unwrap();
    fs::rename(&away, data.join("objects")).unwrap();
    let kept = Kept::open(&config).await.unwrap();
    assert!(has_repository(&kept).await);
    kept.metadata.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_start_that_failed_is_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let good = config(folder.path());
    let bad = ServerConfig { object_store: "file:///dev/null/objects".to_owned(), ..good.clone() };
    Kept::open(&bad).await.err().expect("no store can be there");
    Kept::open(&good).await.unwrap().metadata.shutdown().await;
}
