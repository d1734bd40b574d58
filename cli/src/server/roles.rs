//! The roles that one binary can be. Owns the wiring of crates into each role, from settings to the ready line; the
//! composition root of everything.

use futures::FutureExt as _;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use api_server::{ApiServer, ApiServerOptions, S3Place};
use auth::Issuer;
use graveler::{Graveler, GravelerOptions};
use metadata_client::{ClientTls, MetadataClient};
use metadata_server::{MetadataOptions, MetadataServer, MutualTls};
use model::{MetaStore, SystemClock};
use s3_gateway::{Gateway, GatewayOptions};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use storage::{StorageError, StoreSettings, Stores};
use tokio::signal::unix::{SignalKind, signal};

use super::audit::Audit;
use super::config::{MutualTlsFiles, Role, ServerArgs, ServerConfig};
use super::encryption_key::{EncryptionKey, Missing};
use super::issuer::ProviderDocuments;
use super::listen::{self, Listener};
use super::router::Services;
use super::{administrator, data_folder, descriptors, import_places, logging, store_identity};
use crate::output::{Output, warn};

/// The exit code of a process that was ended before its requests were.
const ENDED_BY_SIGNAL: i32 = 130;

/// Every role in one process, on one port.
pub(crate) async fn run_all(args: ServerArgs, output: Output) -> Result<()> {
    let config = settled(args, Role::All)?;
    import_places::warn_of_missing(&config.import_allow);
    data_folder::close_to_others();
    let end = end_signal()?;
    let limits = descriptors::limits(config.connections_max)?;
    let listener = Listener::bind(config.listen, config.tls.as_ref()).await?.limited(limits);
    let Kept { key, stores, metadata } = Kept::open(&config).await?;
    let secrets = key.secrets().clone();
    let preset = config.administrator.clone();
    administrator::ensure(&*metadata.store(), &secrets, preset, config.setup, &listener.url()?).await?;
    let audit = Audit::start(&config.data_dir, Arc::clone(&stores))?;
    let graveler = graveler(metadata.store(), stores, &config);
    let imports = tokio::spawn(import_places::warn_of_unreadable(graveler.clone()));
    let issuer = issuer(&config)?;
    let options = api_options(&config, S3Place::Here, issuer.clone());
    let api = ApiServer::new(graveler.clone(), secrets.clone(), options).audited(audit.log());
    let services = Services {
        grpc: Some(api.grpc()),
        rest: Some(api.rest()),
        s3: Some(Gateway::new(graveler, secrets, gateway_options(&config, issuer)).audited(audit.log())),
    };
    let places = format!("objects in {}, metadata in {}", config.object_store, config.data_dir.display());
    ready(output, "Lakebed", &listener.url()?, &places);
    listener.serve(services, end).await?;
    imports.abort();
    api.end().await;
    audit.end().await;
    metadata.shutdown().await;
    Ok(())
}

/// What an installation in one process keeps on disk and in its object store.
struct Kept {
    key: EncryptionKey,
    stores: Arc<Stores>,
    metadata: MetadataServer,
}

impl Kept {
    /// Opens all of it, or makes it at the first start; what shows that there was more than there is refuses.
    async fn open(config: &ServerConfig) -> Result<Self> {
        data_folder::make(&config.data_dir)?;
        let key = EncryptionKey::open(&config.encryption_key, &config.data_dir, Missing::Make)?;
        let stores = open_stores(config).await?;
        let options = MetadataOptions {
            proof_of_use: key.proof_of_use(),
            ..MetadataOptions::new(config.data_dir.join("metadata"), Arc::new(SystemClock))
        };
        if options.is_new() && options.proof_of_use.is_none() {
            store_identity::refuse_new(&stores, config.take_over).await?;
        }
        let metadata = MetadataServer::start(options).await?;
        let settled = store_identity::settle(&*metadata.store(), &stores, config.take_over).await;
        // Only then, so that it proves that all the rest is there.
        if let Err(error) = settled.and_then(|()| key.mark_in_use()) {
            metadata.shutdown().await;
            return Err(error);
        }
        Ok(Self { key, stores, metadata })
    }
}

/// The metadata service alone, for roles in other processes.
pub(crate) async fn run_metadata_server(args: ServerArgs, output: Output) -> Result<()> {
    let config = settled(args, Role::Metadata)?;
    data_folder::close_to_others();
    let end = end_signal()?;
    descriptors::raise();
    let listener = listen::bind(config.listen).await?;
    data_folder::make(&config.data_dir)?;
    let options = MetadataOptions::new(config.data_dir.join("metadata"), Arc::new(SystemClock));
    let metadata = MetadataServer::start(options).await?;
    let tls = config.metadata_tls.as_ref().map(server_tls).transpose()?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    let url = format!("{scheme}://{}", listener.local_addr()?);
    ready(output, "Lakebed metadata server", &url, &format!("data in {}", config.data_dir.display()));
    metadata_server::serve(&metadata, listener, tls, end.boxed()).await?;
    metadata.shutdown().await;
    Ok(())
}

/// The API alone.
pub(crate) async fn run_api_server(args: ServerArgs, output: Output) -> Result<()> {
    let config = settled(args, Role::Api)?;
    import_places::warn_of_missing(&config.import_allow);
    data_folder::close_to_others();
    let end = end_signal()?;
    let limits = descriptors::limits(config.connections_max)?;
    let listener = Listener::bind(config.listen, config.tls.as_ref()).await?.limited(limits);
    data_folder::make(&config.data_dir)?;
    let key = EncryptionKey::open(&config.encryption_key, &config.data_dir, Missing::Make)?;
    let meta = connect_metadata(&config)?;
    let stores = open_stores(&config).await?;
    store_identity::settle_role(&*meta, &stores, config.take_over).await?;
    key.mark_in_use()?;
    let secrets = key.secrets().clone();
    let preset = config.administrator.clone();
    administrator::ensure(&*meta, &secrets, preset, config.setup, &listener.url()?).await?;
    let audit = Audit::start(&config.data_dir, Arc::clone(&stores))?;
    let options = api_options(&config, S3Place::Unknown, issuer(&config)?);
    let graveler = graveler(meta, stores, &config);
    let imports = tokio::spawn(import_places::warn_of_unreadable(graveler.clone()));
    let api = ApiServer::new(graveler, secrets, options).audited(audit.log());
    let services = Services { grpc: Some(api.grpc()), rest: Some(api.rest()), s3: None };
    ready(output, "Lakebed API server", &listener.url()?, &format!("objects in {}", config.object_store));
    listener.serve(services, end).await?;
    imports.abort();
    api.end().await;
    audit.end().await;
    Ok(())
}

/// S3 alone.
pub(crate) async fn run_s3_gateway(args: ServerArgs, output: Output) -> Result<()> {
    let config = settled(args, Role::S3)?;
    import_places::warn_of_missing(&config.import_allow);
    data_folder::close_to_others();
    let end = end_signal()?;
    let limits = descriptors::limits(config.connections_max)?;
    let listener = Listener::bind(config.listen, config.tls.as_ref()).await?.limited(limits);
    data_folder::make(&config.data_dir)?;
    let key = EncryptionKey::open(&config.encryption_key, &config.data_dir, Missing::Refuse)?;
    let meta = connect_metadata(&config)?;
    let stores = open_stores(&config).await?;
    store_identity::settle_role(&*meta, &stores, config.take_over).await?;
    key.mark_in_use()?;
    let audit = Audit::start(&config.data_dir, Arc::clone(&stores))?;
    let graveler = graveler(meta, stores, &config);
    let imports = tokio::spawn(import_places::warn_of_unreadable(graveler.clone()));
    let gateway =
        Gateway::new(graveler, key.secrets().clone(), gateway_options(&config, issuer(&config)?)).audited(audit.log());
    let services = Services { grpc: None, rest: None, s3: Some(gateway) };
    ready(output, "Lakebed S3 gateway", &listener.url()?, &format!("objects in {}", config.object_store));
    listener.serve(services, end).await?;
    imports.abort();
    audit.end().await;
    Ok(())
}

/// Settles a role's settings and starts its log.
fn settled(args: ServerArgs, role: Role) -> Result<ServerConfig> {
    let config = args.settle(role)?;
    logging::start(config.log_format)?;
    if !config.of_other_roles.is_empty() {
        let settings = config.of_other_roles.join(", ");
        tracing::info!(settings, "these settings aren't this role's: only other roles read them");
    }
    Ok(config)
}

/// The one line on standard output, for people and for scripts that wait for it.
fn ready(output: Output, what: &str, url: &str, places: &str) {
    let version = env!("CARGO_PKG_VERSION");
    let told = output.item(&json!({ "ready": url, "version": version }), || {
        format!("{what} {version} is ready at {url} ({places})")
    });
    if let Err(error) = told {
        tracing::warn!(%error, url, "serving, though the line that says so can't be written");
    }
}

/// Sorts an object store's options into its settings.
pub(crate) fn store_settings(options: &[(String, String)]) -> StoreSettings {
    let mut options: BTreeMap<String, String> = options.iter().cloned().collect();
    StoreSettings {
        endpoint: options.remove("endpoint"),
        region: options.remove("region"),
        allow_http: options.remove("allow_http").is_some_and(|value| value == "true"),
        options,
        sources: Vec::new(),
        disk_cache: None,
    }
}

/// Opens the object store and says what is wrong with it.
async fn open_stores(config: &ServerConfig) -> Result<Arc<Stores>> {
    let settings = StoreSettings {
        sources: config.import_allow.clone(),
        disk_cache: config.disk_cache.clone(),
        ..store_settings(&config.object_store_options)
    };
    let stores = Stores::open(&config.object_store, &settings).await.context("can't open the object store")?;
    let probe = match stores.probe().await {
        // What is there is still read.
        Err(error @ StorageError::Full { .. }) => {
            warn(&format!("WARNING: {error}. Until then objects are read, and none is written."));
            return Ok(stores);
        }
        probe => probe.context("can't use the object store")?,
    };
    if !probe.conditional_put {
        warn(&format!(
            "WARNING: {} ignores conditions on writes: two servers that make the same repository at the same time there \
             could both believe that they did. Run one server only, or use a store that keeps conditions.",
            config.object_store
        ));
    }
    Ok(stores)
}

fn graveler(meta: Arc<dyn MetaStore>, stores: Arc<Stores>, config: &ServerConfig) -> Graveler {
    let (cache_bytes, reflog_kept_ms) = (config.cache_bytes, config.reflog_kept_ms);
    let options = GravelerOptions { cache_bytes, reflog_kept_ms, ..GravelerOptions::default() };
    Graveler::new(meta, stores, Arc::new(SystemClock), options)
}

fn gateway_options(config: &ServerConfig, issuer: Option<Arc<Issuer>>) -> GatewayOptions {
    let (domains, signature_v2) = (config.s3_domains.clone(), config.s3_signature_v2);
    GatewayOptions { domains, signature_v2, issuer, ..GatewayOptions::default() }
}

/// `default_policies` is where S3 is spoken if no setting says so.
fn api_options(config: &ServerConfig, usual: S3Place, issuer: Option<Arc<Issuer>>) -> ApiServerOptions {
    let s3 = config.s3_endpoint.clone().map_or(usual, S3Place::At);
    let (setup, links_without_bytes) = (config.setup, config.link_without_bytes);
    ApiServerOptions { issuer, s3, setup, links_without_bytes, ..ApiServerOptions::default() }
}

/// The identity provider whose tokens are taken, shared by all protocols.
fn issuer(config: &ServerConfig) -> Result<Option<Arc<Issuer>>> {
    let Some(settings) = config.issuer.clone() else { return Ok(None) };
    Ok(Some(Arc::new(Issuer::new(settings, Arc::new(ProviderDocuments::new()?)))))
}

fn connect_metadata(config: &ServerConfig) -> Result<Arc<dyn MetaStore>> {
    let tls = config.metadata_tls.as_ref().map(client_tls).transpose()?;
    let endpoints = config.metadata.iter().map(|url| url.parse().with_context(|| format!("{url:?} isn't a URL")));
    let endpoints = endpoints.collect::<Result<Vec<_>>>()?;
    Ok(Arc::new(MetadataClient::connect(&endpoints, tls.as_ref())?))
}

fn server_tls(files: &MutualTlsFiles) -> Result<MutualTls> {
    let (authority, certificate, key) = read_pem(files)?;
    Ok(MutualTls { authority, certificate, key })
}

fn client_tls(files: &MutualTlsFiles) -> Result<ClientTls> {
    let (authority, certificate, key) = read_pem(files)?;
    Ok(ClientTls { authority, certificate, key: key.expose_secret().to_owned(), server_name: None })
}

fn read_pem(files: &MutualTlsFiles) -> Result<(String, String, SecretString)> {
    let read = |path: &Path| fs::read_to_string(path).with_context(|| format!("can't read {}", path.display()));
    Ok((read(&files.ca)?, read(&files.cert)?, read(&files.key)?.into()))
}

/// Resolves when the process is asked to end.
fn end_signal() -> Result<impl Future<Output = ()> + Send> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        tracing::info!("ending: requests under way may finish; a second signal ends at once");
        tokio::spawn(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            // What was acknowledged is on disk; the rest is cut off, as by a crash.
            std::process::exit(ENDED_BY_SIGNAL);
        });
    })
}

#[cfg(test)]
mod tests;
