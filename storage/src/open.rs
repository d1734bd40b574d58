//! From an understood URL and settings to an open object store. Owns time-outs, retries and the order in which options
//! win; leaves credentials to `object_store`'s chain. Invariant: no request waits or retries for ever.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::list::PaginatedListStore;
use object_store::memory::InMemory;
use object_store::signer::Signer;
use object_store::{BackoffConfig, ClientOptions, Error as StoreError, RetryConfig};

use crate::StorageError;
use crate::local::LocalStore;
use crate::memory::MemoryMultipart;
use crate::read_only::ReadOnly;
use crate::settings::{StoreSettings, StoreUrl};
use crate::stores::Opened;

/// How often a request that failed on the store's side is tried again: three attempts in all, with jitter between them, as
/// in the [standard mode of AWS's SDKs](https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html). Who
/// calls doesn't try again what the store failed with: retries of retries multiply.
const RETRIES_MAX: usize = 2;
/// After how long no further attempt begins. A request so takes no longer than this and one silence.
const RETRY_TIME_MAX: Duration = Duration::from_secs(15);

/// How long a connection may take, and how long a store may be silent.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(5);
const SILENCE_TIME_MAX: Duration = Duration::from_secs(60);

pub(crate) async fn open(url: &StoreUrl, settings: &StoreSettings) -> Result<Opened, StorageError> {
    match url {
        StoreUrl::Local(folder) => local(folder, LocalStore::open(folder).await),
        StoreUrl::Memory => Ok(memory()),
        StoreUrl::S3 { bucket, .. } => s3(bucket, settings),
        StoreUrl::Gcs { bucket, .. } => gcs(bucket, settings),
        StoreUrl::Azure { container, .. } => azure(container, settings),
    }
}

/// Opens a store that nothing can be written to.
pub(crate) async fn open_read_only(url: &StoreUrl, settings: &StoreSettings) -> Result<Opened, StorageError> {
    let opened = match url {
        StoreUrl::Local(folder) => local(folder, LocalStore::open_read_only(folder).await)?,
        remote => open(remote, settings).await?,
    };
    let (read_only, signer) = (ReadOnly::new(opened.store), opened.signer);
    let Opened { pages, encrypts, account, .. } = opened;
    Ok(Opened { store: Arc::clone(&read_only) as _, multipart: read_only, signer, pages, encrypts, account })
}

fn local(folder: &Path, opened: Result<LocalStore, StoreError>) -> Result<Opened, StorageError> {
    if opened.is_err() && folder.is_file() {
        return Err(StorageError::Invalid(format!(
            "{} is a file: name a folder for the object store",
            folder.display()
        )));
    }
    let store = Arc::new(opened.map_err(|error| match error {
        StoreError::NotFound { .. } => {
            StorageError::Invalid(format!("there is no folder {}: name the one that has the objects", folder.display()))
        }
        error => StorageError::from_store(error, &folder.display().to_string()),
    })?);
    Ok(Opened {
        store: Arc::clone(&store) as _,
        multipart: store,
        signer: None,
        pages: None,
        encrypts: false,
        account: None,
    })
}

fn memory() -> Opened {
    let store = Arc::new(InMemory::new());
    let multipart = Arc::new(MemoryMultipart::new(Arc::clone(&store)));
    Opened { store, multipart, signer: None, pages: None, encrypts: false, account: None }
}

fn s3(bucket: &str, settings: &StoreSettings) -> Result<Opened, StorageError> {
    let mut builder = AmazonS3Builder::from_env()
        .with_client_options(client_options(settings))
        .with_retry(retries())
        .with_unsigned_payload(encrypted(settings));
    if let Some(region) = &settings.region {
        builder = builder.with_region(region);
    }
    if let Some(endpoint) = &settings.endpoint {
        builder = builder.with_endpoint(endpoint);
    }
    for (name, value) in &settings.options {
        builder = builder.with_config(option::<AmazonS3ConfigKey>("S3", name)?, value);
    }
    let endpoints = [AmazonS3ConfigKey::Endpoint, AmazonS3ConfigKey::S3Endpoint];
    let asks = option::<AmazonS3ConfigKey>("S3", "aws_server_side_encryption")?;
    let encrypts = builder.get_config_value(&asks).is_some()
        || endpoints.iter().all(|key| is_of(builder.get_config_value(key), &["amazonaws.com", "amazonaws.com.cn"]));
    let store = Arc::new(builder.with_bucket_name(bucket).build().map_err(|e| unusable("S3", &e))?);
    let signer: Arc<dyn Signer> = Arc::clone(&store) as _;
    let pages: Arc<dyn PaginatedListStore> = Arc::clone(&store) as _;
    let (signer, pages) = (Some(signer), Some(pages));
    Ok(Opened { store: Arc::clone(&store) as _, multipart: store, signer, pages, encrypts, account: None })
}

fn gcs(bucket: &str, settings: &StoreSettings) -> Result<Opened, StorageError> {
    // One HTTP/2 connection to Google is capped near 250 MB/s.
    let mut builder = GoogleCloudStorageBuilder::from_env()
        .with_client_options(client_options(settings).with_http1_only())
        .with_retry(retries());
    if let Some(endpoint) = &settings.endpoint {
        builder = builder.with_config(option::<GoogleConfigKey>("GCS", "google_base_url")?, endpoint);
    }
    for (name, value) in &settings.options {
        builder = builder.with_config(option::<GoogleConfigKey>("GCS", name)?, value);
    }
    let encrypts = is_of(builder.get_config_value(&GoogleConfigKey::BaseUrl), &["googleapis.com"]);
    let store = Arc::new(builder.with_bucket_name(bucket).build().map_err(|e| unusable("GCS", &e))?);
    let signer: Arc<dyn Signer> = Arc::clone(&store) as _;
    let pages: Arc<dyn PaginatedListStore> = Arc::clone(&store) as _;
    let (signer, pages) = (Some(signer), Some(pages));
    Ok(Opened { store: Arc::clone(&store) as _, multipart: store, signer, pages, encrypts, account: None })
}

fn azure(container: &str, settings: &StoreSettings) -> Result<Opened, StorageError> {
    let mut builder =
        MicrosoftAzureBuilder::from_env().with_client_options(client_options(settings)).with_retry(retries());
    if let Some(endpoint) = &settings.endpoint {
        builder = builder.with_endpoint(endpoint.clone());
    }
    for (name, value) in &settings.options {
        builder = builder.with_config(option::<AzureConfigKey>("Azure", name)?, value);
    }
    let emulated = builder.get_config_value(&AzureConfigKey::UseEmulator).is_some_and(|emulated| emulated == "true");
    let domains = ["windows.net", "chinacloudapi.cn", "usgovcloudapi.net"];
    let encrypts = !emulated && is_of(builder.get_config_value(&AzureConfigKey::Endpoint), &domains);
    let account = builder.get_config_value(&AzureConfigKey::AccountName);
    let store = Arc::new(builder.with_container_name(container).build().map_err(|e| unusable("Azure", &e))?);
    // Azure's signatures don't cover the number of a part, and its block lists need none: no signer.
    let pages: Arc<dyn PaginatedListStore> = Arc::clone(&store) as _;
    Ok(Opened { store: Arc::clone(&store) as _, multipart: store, signer: None, pages: Some(pages), encrypts, account })
}

/// Returns whether a provider's store is its own: at the usual endpoint, or at another in its domains.
fn is_of(endpoint: Option<String>, domains: &[&str]) -> bool {
    let Some(endpoint) = endpoint else { return true };
    let host = endpoint.split_once("://").map_or(endpoint.as_str(), |(_, rest)| rest);
    let host = host.split(['/', ':']).next().unwrap_or_default();
    domains.iter().any(|domain| host.strip_suffix(domain).is_some_and(|before| before.ends_with('.')))
}

/// Whether TLS guards the bytes on their way. Then their SHA-256 isn't signed too: it would be computed on the threads
/// that serve other requests.
fn encrypted(settings: &StoreSettings) -> bool {
    settings.endpoint.as_deref().is_none_or(|endpoint| endpoint.starts_with("https:"))
}

/// No limit on a whole request: a large object to a slow client takes its time. A store that falls silent doesn't.
fn client_options(settings: &StoreSettings) -> ClientOptions {
    ClientOptions::new()
        .with_allow_http(settings.allow_http)
        .with_connect_timeout(CONNECT_TIME_MAX)
        .with_timeout_disabled()
        .with_read_timeout(SILENCE_TIME_MAX)
}

fn retries() -> RetryConfig {
    RetryConfig { backoff: BackoffConfig::default(), max_retries: RETRIES_MAX, retry_timeout: RETRY_TIME_MAX }
}

fn option<K: std::str::FromStr<Err = StoreError>>(store: &str, name: &str) -> Result<K, StorageError> {
    name.to_ascii_lowercase().parse().map_err(|_| StorageError::Invalid(format!("{store} has no option {name:?}")))
}

fn unusable(store: &str, error: &StoreError) -> StorageError {
    StorageError::Invalid(format!("the settings of the object store don't do for {store}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_folder_that_isn_t_there_is_said_to_be_missing() {
        let folder = tempfile::tempdir().unwrap();
        let url = StoreUrl::Local(folder.path().join("nosuch"));
        let error = open_read_only(&url, &StoreSettings::default()).await.err().unwrap();
        assert!(matches!(&error, StorageError::Invalid(why) if why.contains("there is no folder")), "{error}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "none is made");
    }

    #[tokio::test]
    async fn only_stores_that_are_known_to_encrypt_are_said_to() {
        // Clients speak TLS with what the process chose; this one may have chosen before.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let azure = [("azure_storage_account_name", "lake"), ("azure_storage_account_key", "aw==")];
        let aws = [("aws_access_key_id", "a"), ("aws_secret_access_key", "s")];
        let asked =
            [("aws_access_key_id", "a"), ("aws_secret_access_key", "s"), ("aws_server_side_encryption", "AES256")];
        let elsewhere = Some("http://127.0.0.1:9000");
        for (url, endpoint, options, expected) in [
            ("s3://lake", None, &aws[..], true),
            ("s3://lake", Some("https://s3.eu-west-1.amazonaws.com"), &aws, true),
            ("s3://lake", Some("https://amazonaws.com.example.org/x.amazonaws.com"), &aws, false),
            ("s3://lake", elsewhere, &aws, false),
            ("s3://lake", elsewhere, &asked, true),
            ("az://lake", None, &azure, true),
            ("az://lake", elsewhere, &azure, false),
            ("memory:///", None, &[], false),
        ] {
            let settings = StoreSettings {
                endpoint: endpoint.map(str::to_owned),
                region: Some("eu-west-1".to_owned()),
                allow_http: true,
                options: options.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
                ..StoreSettings::default()
            };
            let opened = open(&StoreUrl::parse(url).unwrap(), &settings).await.unwrap();
            assert_eq!(opened.encrypts, expected, "{url} {endpoint:?}");
            assert_eq!(opened.account.as_deref(), url.starts_with("az:").then_some("lake"), "{url}");
        }
    }
}
