//! How the server is configured, as clients ask it before they do anything. Invariant: what is told to be supported is.

use auth::{Action, Resource, authorize};
use axum::Json;
use axum::extract::State;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use storage::Scheme;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Rest;
use super::authentication::Authenticated;
use super::extract::Body;
use super::failure::{ErrorBody, Failure};

pub(super) fn router() -> OpenApiRouter<Rest> {
    OpenApiRouter::new()
        .routes(routes!(get_config))
        .routes(routes!(get_version))
        .routes(routes!(get_storage_config))
        .routes(routes!(get_garbage_collection_config))
        .routes(routes!(health_check))
        .routes(routes!(post_stats_events))
}

/// The version of lakeFS whose API this is: clients look at it before they use what came with a version.
const LAKEFS_VERSION: &str = "1.84.0";

/// All of it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Config {
    version_config: VersionConfig,
    storage_config: StorageConfig,
    storage_config_list: Vec<StorageConfig>,
    ui_config: UiConfig,
    capabilities_config: CapabilitiesConfig,
}

/// Which API this is, and whose.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct VersionConfig {
    /// The version of lakeFS whose API this is.
    version: String,
    /// `lakeFS`: clients take anything else for an edition of it that isn't theirs.
    version_context: String,
    /// Whose server this is.
    lakebed_version: String,
    latest_version: String,
    upgrade_recommended: bool,
    upgrade_url: String,
}

/// Where objects lie.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StorageConfig {
    /// `local`, `mem`, `s3`, `gs` or `azure`.
    blockstore_type: String,
    blockstore_namespace_example: String,
    #[serde(rename = "blockstore_namespace_ValidityRegex")]
    blockstore_namespace_validity_regex: String,
    default_namespace_prefix: String,
    pre_sign_support: bool,
    pre_sign_support_ui: bool,
    pre_sign_multipart_upload: bool,
    import_support: bool,
    import_validity_regex: String,
    /// Always empty: there is one object store.
    blockstore_id: String,
}

/// Nothing is configured for user interfaces.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UiConfig {
    custom_viewers: Vec<String>,
}

/// What this server can beyond the usual.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CapabilitiesConfig {
    async_ops: bool,
}

/// How garbage is collected.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct GarbageCollectionConfig {
    /// Objects that are younger are never garbage. Seconds.
    grace_period: u64,
}

/// What clients tell of their use; it is thrown away.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct StatsEventsList {
    #[expect(dead_code, reason = "statistics are read and thrown away")]
    events: Vec<StatsEvent>,
}

/// One thing that a client did.
#[derive(Debug, Deserialize, ToSchema)]
#[expect(dead_code, reason = "statistics are read and thrown away")]
pub(crate) struct StatsEvent {
    class: String,
    name: String,
    count: i64,
}

/// Get how the server is configured
#[utoipa::path(get, path = "/config", operation_id = "getConfig", tag = "config",
    responses((status = 200, body = Config), (status = "default", body = ErrorBody)))]
async fn get_config(State(rest): State<Rest>, Authenticated(caller): Authenticated) -> Result<Json<Config>, Failure> {
    authorize(&caller, Action::ReadConfig, &Resource::All)?;
    Ok(Json(Config {
        version_config: version(),
        storage_config: storage(&rest),
        storage_config_list: Vec::new(),
        ui_config: UiConfig { custom_viewers: Vec::new() },
        capabilities_config: CapabilitiesConfig { async_ops: true },
    }))
}

/// Get the server's version
#[utoipa::path(get, path = "/config/version", operation_id = "getLakeFSVersion", tag = "internal",
    responses((status = 200, body = VersionConfig), (status = "default", body = ErrorBody)))]
async fn get_version(Authenticated(caller): Authenticated) -> Result<Json<VersionConfig>, Failure> {
    authorize(&caller, Action::ReadConfig, &Resource::All)?;
    Ok(Json(version()))
}

/// Get where objects lie
#[utoipa::path(get, path = "/config/storage", operation_id = "getStorageConfig", tag = "internal",
    responses((status = 200, body = StorageConfig), (status = "default", body = ErrorBody)))]
async fn get_storage_config(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
) -> Result<Json<StorageConfig>, Failure> {
    authorize(&caller, Action::ReadConfig, &Resource::All)?;
    Ok(Json(storage(&rest)))
}

/// Get how garbage is collected
#[utoipa::path(get, path = "/config/garbage-collection", operation_id = "getGarbageCollectionConfig",
    tag = "internal",
    responses((status = 200, body = GarbageCollectionConfig), (status = "default", body = ErrorBody)))]
async fn get_garbage_collection_config(
    Authenticated(caller): Authenticated,
) -> Result<Json<GarbageCollectionConfig>, Failure> {
    authorize(&caller, Action::ReadConfig, &Resource::All)?;
    Ok(Json(GarbageCollectionConfig { grace_period: 24 * 3600 }))
}

/// Ask whether the server is up
#[utoipa::path(get, path = "/healthcheck", operation_id = "healthCheck", tag = "healthCheck", security(()),
    responses((status = 204)))]
async fn health_check() -> StatusCode {
    StatusCode::NO_CONTENT
}

/// Tell of one's use; it is thrown away
#[utoipa::path(post, path = "/statistics", operation_id = "postStatsEvents", tag = "internal",
    request_body = StatsEventsList, responses((status = 204), (status = "default", body = ErrorBody)))]
async fn post_stats_events(
    Authenticated(_): Authenticated,
    Body(_): Body<StatsEventsList>,
) -> Result<StatusCode, Failure> {
    Ok(StatusCode::NO_CONTENT)
}

pub(super) fn version() -> VersionConfig {
    VersionConfig {
        version: LAKEFS_VERSION.to_owned(),
        version_context: "lakeFS".to_owned(),
        lakebed_version: env!("CARGO_PKG_VERSION").to_owned(),
        latest_version: String::new(),
        upgrade_recommended: false,
        upgrade_url: String::new(),
    }
}

fn storage(rest: &Rest) -> StorageConfig {
    let stores = rest.graveler.stores();
    let root = stores.namespace_root();
    let signs = stores.signs();
    let scheme = root.split("://").next().unwrap_or_default();
    StorageConfig {
        blockstore_type: blockstore_type(stores.scheme()).to_owned(),
        blockstore_namespace_example: format!("{root}example"),
        blockstore_namespace_validity_regex: format!("^{scheme}://.+$"),
        default_namespace_prefix: root.to_owned(),
        pre_sign_support: signs,
        pre_sign_support_ui: signs,
        pre_sign_multipart_upload: signs,
        import_support: true,
        import_validity_regex: "^[a-z][a-z0-9]*://.+$".to_owned(),
        blockstore_id: String::new(),
    }
}

fn blockstore_type(scheme: Scheme) -> &'static str {
    match scheme {
        Scheme::Local => "local",
        Scheme::Memory => "mem",
        Scheme::S3 => "s3",
        Scheme::Gcs => "gs",
        Scheme::Azure => "azure",
    }
}
