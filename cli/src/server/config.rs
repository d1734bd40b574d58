//! The servers' settings. Owns their names, defaults and order: flag, environment (`LAKEBED_*`), TOML file, default;
//! `values` reads single ones, `checks` says which can't be meant, `readers` which role reads which. The only place that reads
//! them; everything after it takes values. Invariant: an unknown name is an error.

mod checks;
mod readers;
mod values;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use api_server::Setup;
use auth::IssuerSettings;
use clap::{Args, ValueEnum};
use model::{GroupName, REFLOG_KEPT_DEFAULT};
use secrecy::SecretString;
use serde::Deserialize;
use storage::DiskCacheSettings;

use checks::{check_import_folder, check_metadata_url, disk_cache, object_store};
pub(crate) use checks::{check_import_place, check_store_options, checked_s3_endpoint};
pub(crate) use readers::Role;
use values::{one_or_more, parse_address, parse_group, parse_number, parse_option, parse_take_over, table, take_over};

use super::issuer;
use super::logging::LogFormat;
use super::store_identity::TakeOver;
use crate::environment::{self, parse_switch};
use crate::exit::usage;

const LISTEN_DEFAULT: &str = "127.0.0.1:8000";
const DAY_MS: u64 = 24 * 60 * 60 * 1000;
const METADATA_LISTEN_DEFAULT: &str = "127.0.0.1:8001";

/// Settings of every server role. All may also stand in the TOML file, by the same names with underscores; what may be given
/// several times is a text or a list there, and pairs are a table. docs/lakebed.example.toml has them all.
#[derive(Args, Debug, Default, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ServerArgs {
    /// TOML file with these settings; flags and environment go before it
    #[arg(long, env = "LAKEBED_CONFIG", value_name = "FILE")]
    #[serde(skip)]
    config: Option<PathBuf>,

    /// Folder for everything that this server keeps on disk [default: data]
    #[arg(long, env = "LAKEBED_DATA_DIR", value_name = "FOLDER")]
    data_dir: Option<PathBuf>,

    /// Address and port to listen on; port 0 takes a free one [default: 127.0.0.1:8000; the metadata server:
    /// 127.0.0.1:8001]
    #[arg(long, env = "LAKEBED_LISTEN", value_name = "ADDRESS:PORT", value_parser = parse_address)]
    listen: Option<SocketAddr>,

    /// Where repositories live: file:///folder, s3://bucket/prefix, gs://bucket/prefix, az://container/prefix or
    /// memory:/// (gone at exit) [default of `lakebed run`: the folder `objects` in the data folder. An API server or S3
    /// gateway of its own has none: all of an installation need the same]
    #[arg(long, env = "LAKEBED_OBJECT_STORE", value_name = "URL")]
    object_store: Option<String>,

    /// Whose object store this installation may make its own: the id of the installation that used it, as the refusal to
    /// start shows it, or `unmarked` for a store without a marker. For recovery: who had it can't start again. This
    /// installation's own id confirms that its store was moved or restored
    #[arg(long, env = "LAKEBED_TAKE_OVER", value_name = "INSTALLATION", value_parser = parse_take_over)]
    #[serde(deserialize_with = "take_over")]
    take_over: Option<TakeOver>,

    /// Setting of the object store, as `endpoint=http://127.0.0.1:9000` (may be given several times; the names are
    /// those of the object_store crate, like endpoint, region, allow_http, access_key_id)
    #[arg(long = "object-store-option", value_name = "NAME=VALUE", value_parser = parse_option)]
    #[serde(rename = "object_store_option", alias = "object_store_options", deserialize_with = "table")]
    object_store_options: Vec<(String, String)>,

    /// Place outside the object store whose objects may be imported and read where they lie: s3://bucket/prefix,
    /// gs://…, az://… or file:///folder (may be given several times). Settings follow after a `?`, as in
    /// s3://other?endpoint=http://127.0.0.1:9000&allow_http=true; without, a place of the object store's own kind takes its
    /// settings. Nothing is allowed by default
    #[arg(long = "import-allow", env = "LAKEBED_IMPORT_ALLOW", value_delimiter = ',', value_name = "URL")]
    #[serde(deserialize_with = "one_or_more")]
    import_allow: Vec<String>,

    /// Connections at one time. A quarter is reserved for callers who have proved who they are [default: as many as the
    /// limit of file descriptors allows, at most 4096]
    #[arg(long, env = "LAKEBED_CONNECTIONS_MAX", value_name = "NUMBER", value_parser = parse_number::<usize>)]
    connections_max: Option<usize>,

    /// Certificate chain (PEM); with --tls-key, the port speaks HTTPS
    #[arg(long, env = "LAKEBED_TLS_CERT", value_name = "FILE")]
    tls_cert: Option<PathBuf>,

    /// The certificate's private key (PEM)
    #[arg(long, env = "LAKEBED_TLS_KEY", value_name = "FILE")]
    tls_key: Option<PathBuf>,

    /// Host name under which buckets are addressed as BUCKET.HOST (virtual-host style); may be given several times
    #[arg(long = "s3-domain", env = "LAKEBED_S3_DOMAINS", value_delimiter = ',', value_name = "HOST")]
    #[serde(rename = "s3_domain", alias = "s3_domains", deserialize_with = "one_or_more")]
    s3_domains: Vec<String>,

    /// Takes AWS Signature Version 2 in the headers of S3 requests, as old clients send it, and in upload forms, which boto3
    /// signs so by default. In headers it signs neither the body nor all of the query, so operations whose parameters it doesn't
    /// cover, listings among them, are refused all the same
    #[arg(long, env = "LAKEBED_S3_SIGNATURE_V2", value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = parse_switch)]
    s3_signature_v2: Option<bool>,

    /// Of an API server: the URL at which clients reach its S3 gateway, which `lakebed env` is told
    #[arg(long, env = "LAKEBED_S3_ENDPOINT", value_name = "URL")]
    s3_endpoint: Option<String>,

    /// File with the key under which secrets are encrypted (64 hex digits or base64 of 32 bytes); also as text in
    /// LAKEBED_ENCRYPTION_KEY. All roles of an installation need the same [default: `encryption.key` in the data
    /// folder, made at the first start]
    #[arg(long, env = "LAKEBED_ENCRYPTION_KEY_FILE", value_name = "FILE")]
    encryption_key_file: Option<PathBuf>,

    /// Memory for cached blocks and indexes of commits, in MiB [default: 256]
    #[arg(long, env = "LAKEBED_CACHE_MIB", value_name = "MIB", value_parser = parse_number::<u64>)]
    cache_mib: Option<u64>,

    /// For how many days deleted and moved branches are remembered [default: 30]
    #[arg(long, env = "LAKEBED_REFLOG_DAYS", value_name = "DAYS", value_parser = parse_number::<u32>)]
    reflog_days: Option<u32>,

    /// Folder for blocks of commits that are kept on this machine's disk, used by no other server [default: `cache` in
    /// the data folder if the object store is remote, else none]
    #[arg(long, env = "LAKEBED_CACHE_DIR", value_name = "FOLDER")]
    cache_dir: Option<PathBuf>,

    /// Disk space for the cache of --cache-dir, in MiB; 0 switches the cache off [default: 4096]
    #[arg(long, env = "LAKEBED_CACHE_DISK_MIB", value_name = "MIB", value_parser = parse_number::<u64>)]
    cache_disk_mib: Option<u64>,

    /// URL of the metadata server that API servers and S3 gateways ask (may be given several times)
    #[arg(long = "metadata", env = "LAKEBED_METADATA", value_delimiter = ',', value_name = "URL")]
    #[serde(deserialize_with = "one_or_more")]
    metadata: Vec<String>,

    /// Certificate chain (PEM) for mutual TLS between metadata server and its clients
    #[arg(long, env = "LAKEBED_METADATA_TLS_CERT", value_name = "FILE")]
    metadata_tls_cert: Option<PathBuf>,

    /// Private key (PEM) of --metadata-tls-cert
    #[arg(long, env = "LAKEBED_METADATA_TLS_KEY", value_name = "FILE")]
    metadata_tls_key: Option<PathBuf>,

    /// The authority (PEM) that both sides' certificates must come from
    #[arg(long, env = "LAKEBED_METADATA_TLS_CA", value_name = "FILE")]
    metadata_tls_ca: Option<PathBuf>,

    /// Identity provider whose tokens callers may show: its URL, exactly as it stands in the tokens' `iss` [default: none]
    #[arg(long, env = "LAKEBED_OIDC_ISSUER", value_name = "URL")]
    oidc_issuer: Option<String>,

    /// Audience that the provider's tokens must be for: their `aud` (may be given several times, one must fit)
    #[arg(long = "oidc-audience", env = "LAKEBED_OIDC_AUDIENCES", value_delimiter = ',', value_name = "AUDIENCE")]
    #[serde(rename = "oidc_audience", alias = "oidc_audiences", deserialize_with = "one_or_more")]
    oidc_audiences: Vec<String>,

    /// Claim that names the user, who is called oidc:NAME here; an `email` counts only if it is verified [default: sub]
    #[arg(long, env = "LAKEBED_OIDC_NAME_CLAIM", value_name = "CLAIM")]
    oidc_name_claim: Option<String>,

    /// Claim that holds the user's groups; dots lead into objects, as in realm_access.roles [default: groups]
    #[arg(long, env = "LAKEBED_OIDC_GROUPS_CLAIM", value_name = "CLAIM")]
    oidc_groups_claim: Option<String>,

    /// Group that a value of that claim stands for, as `lake-admins=Admins` (may be given several times); `*=Viewers` is
    /// for all of the provider's users. Values that aren't named count for nothing
    #[arg(long = "oidc-group", env = "LAKEBED_OIDC_GROUPS", value_delimiter = ',', value_name = "VALUE=GROUP", value_parser = parse_group)]
    #[serde(rename = "oidc_group", alias = "oidc_groups", deserialize_with = "table")]
    oidc_groups: Vec<(String, GroupName)>,

    /// Form of the server's log on standard error [default: text on a terminal, else json]
    #[arg(long, env = "LAKEBED_LOG_FORMAT", value_name = "FORMAT")]
    log_format: Option<LogFormat>,

    /// How a new installation gets its first administrator [default: at-start]
    #[arg(long, env = "LAKEBED_SETUP", value_name = "HOW")]
    setup: Option<SetupArg>,

    /// Lets addresses be linked to which nothing was written, as `lakectl abuse link-same-object` does to load everything
    /// but the object store. Reading such an object fails
    #[arg(long, env = "LAKEBED_LINK_WITHOUT_BYTES", value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = parse_switch)]
    link_without_bytes: Option<bool>,

    #[arg(skip)]
    #[serde(skip)]
    presets: Presets,
}

/// How a new installation gets its first administrator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum SetupArg {
    /// The first start makes one and prints the keys once, or takes them from the environment
    AtStart,
    /// The first who posts to /api/v1/setup_lakefs from this machine becomes one
    ByApi,
    /// The first who posts to /api/v1/setup_lakefs becomes one, wherever they are
    ByApiFromAnywhere,
}

/// Secrets come by environment only: arguments show in process lists.
#[derive(Debug, Default, Clone)]
struct Presets {
    encryption_key: Option<SecretString>,
    access_key_id: Option<String>,
    secret_access_key: Option<SecretString>,
}

/// The settings, settled.
#[derive(Debug, Clone)]
pub(crate) struct ServerConfig {
    pub(crate) data_dir: PathBuf,
    pub(crate) listen: SocketAddr,
    pub(crate) object_store: String,
    pub(crate) take_over: Option<TakeOver>,
    pub(crate) object_store_options: Vec<(String, String)>,
    pub(crate) import_allow: Vec<String>,
    pub(crate) connections_max: Option<usize>,
    pub(crate) tls: Option<TlsFiles>,
    pub(crate) s3_domains: Vec<String>,
    pub(crate) s3_signature_v2: bool,
    pub(crate) s3_endpoint: Option<String>,
    pub(crate) encryption_key: EncryptionKeySource,
    pub(crate) cache_bytes: u64,
    pub(crate) reflog_kept_ms: u64,
    pub(crate) disk_cache: Option<DiskCacheSettings>,
    pub(crate) metadata: Vec<String>,
    pub(crate) metadata_tls: Option<MutualTlsFiles>,
    pub(crate) issuer: Option<IssuerSettings>,
    pub(crate) log_format: Option<LogFormat>,
    /// Presets the administrator's access key and secret.
    pub(crate) administrator: Option<(String, SecretString)>,
    pub(crate) setup: Setup,
    pub(crate) link_without_bytes: bool,
    /// Names of settings in the file and of variables that only other roles read.
    pub(crate) of_other_roles: Vec<String>,
}

/// A server's certificate.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    /// The chain, in PEM.
    pub cert: PathBuf,
    /// The private key, in PEM.
    pub key: PathBuf,
}

#[derive(Debug, Clone)]
pub(crate) struct MutualTlsFiles {
    pub(crate) cert: PathBuf,
    pub(crate) key: PathBuf,
    pub(crate) ca: PathBuf,
}

#[derive(Debug, Clone)]
pub(crate) enum EncryptionKeySource {
    Text(SecretString),
    File(PathBuf),
    /// Made at the first start.
    Generated(PathBuf),
}

impl ServerArgs {
    /// Settles the settings of a role.
    pub(crate) fn settle(mut self, role: Role) -> Result<ServerConfig> {
        let (file, mut of_others) = match &self.config {
            Some(path) => Self::read(path, role)?,
            None => (Self::default(), Vec::new()),
        };
        of_others.extend(role.variables_of_others());
        self.presets = Presets::from_environment();
        Ok(ServerConfig { of_other_roles: of_others, ..self.or(file).check(role)? })
    }

    /// Reads a role's settings from a file. → and the names of those that only other roles read
    fn read(path: &Path, role: Role) -> Result<(Self, Vec<String>)> {
        let text = std::fs::read_to_string(path).with_context(|| format!("can't read {}", path.display()))?;
        Self::parse(&text, role).with_context(|| format!("{} isn't a valid configuration", path.display()))
    }

    fn parse(text: &str, role: Role) -> Result<(Self, Vec<String>), toml::de::Error> {
        // All of it must be right, whichever role reads it first.
        let _: Self = toml::from_str(text)?;
        let mut table: toml::Table = toml::from_str(text)?;
        let of_others = role.keep_own(&mut table);
        Ok((table.try_into()?, of_others))
    }

    /// Takes from `file` what isn't set here.
    fn or(self, file: Self) -> Self {
        fn list<T>(mine: Vec<T>, theirs: Vec<T>) -> Vec<T> {
            if mine.is_empty() { theirs } else { mine }
        }
        Self {
            config: self.config,
            data_dir: self.data_dir.or(file.data_dir),
            listen: self.listen.or(file.listen),
            object_store: self.object_store.or(file.object_store),
            take_over: self.take_over.or(file.take_over),
            object_store_options: list(self.object_store_options, file.object_store_options),
            import_allow: list(self.import_allow, file.import_allow),
            connections_max: self.connections_max.or(file.connections_max),
            tls_cert: self.tls_cert.or(file.tls_cert),
            tls_key: self.tls_key.or(file.tls_key),
            s3_domains: list(self.s3_domains, file.s3_domains),
            s3_signature_v2: self.s3_signature_v2.or(file.s3_signature_v2),
            s3_endpoint: self.s3_endpoint.or(file.s3_endpoint),
            encryption_key_file: self.encryption_key_file.or(file.encryption_key_file),
            cache_mib: self.cache_mib.or(file.cache_mib),
            reflog_days: self.reflog_days.or(file.reflog_days),
            cache_dir: self.cache_dir.or(file.cache_dir),
            cache_disk_mib: self.cache_disk_mib.or(file.cache_disk_mib),
            metadata: list(self.metadata, file.metadata),
            metadata_tls_cert: self.metadata_tls_cert.or(file.metadata_tls_cert),
            metadata_tls_key: self.metadata_tls_key.or(file.metadata_tls_key),
            metadata_tls_ca: self.metadata_tls_ca.or(file.metadata_tls_ca),
            oidc_issuer: self.oidc_issuer.or(file.oidc_issuer),
            oidc_audiences: list(self.oidc_audiences, file.oidc_audiences),
            oidc_name_claim: self.oidc_name_claim.or(file.oidc_name_claim),
            oidc_groups_claim: self.oidc_groups_claim.or(file.oidc_groups_claim),
            oidc_groups: list(self.oidc_groups, file.oidc_groups),
            log_format: self.log_format.or(file.log_format),
            setup: self.setup.or(file.setup),
            link_without_bytes: self.link_without_bytes.or(file.link_without_bytes),
            presets: self.presets,
        }
    }

    fn check(self, role: Role) -> Result<ServerConfig> {
        let data_dir = std::path::absolute(self.data_dir.unwrap_or_else(|| "data".into()))?;
        let listen_default = if role == Role::Metadata { METADATA_LISTEN_DEFAULT } else { LISTEN_DEFAULT };
        let listen = self.listen.unwrap_or_else(|| listen_default.parse().expect("because it is an address"));
        let metadata_tls = match (self.metadata_tls_cert, self.metadata_tls_key, self.metadata_tls_ca) {
            (Some(cert), Some(key), Some(ca)) => Some(MutualTlsFiles { cert, key, ca }),
            (None, None, None) => None,
            _ => usage!("mutual TLS needs all three of metadata_tls_cert, metadata_tls_key and metadata_tls_ca"),
        };
        if role == Role::Metadata && metadata_tls.is_none() && !listen.ip().is_loopback() {
            usage!(
                "the metadata server trusts who can reach it, so {listen} needs mutual TLS: set metadata_tls_cert, \
                 metadata_tls_key and metadata_tls_ca, or listen on a loopback address"
            );
        }
        if matches!(role, Role::Api | Role::S3) && self.metadata.is_empty() {
            usage!("name the metadata server: --metadata http://127.0.0.1:8001");
        }
        for url in &self.metadata {
            check_metadata_url(url, metadata_tls.is_some())?;
        }
        let tls = match (self.tls_cert, self.tls_key) {
            (Some(cert), Some(key)) => Some(TlsFiles { cert, key }),
            (None, None) => None,
            _ => usage!("TLS needs both: --tls-cert and --tls-key"),
        };
        let administrator = match (self.presets.access_key_id, self.presets.secret_access_key) {
            // The environment may be that of all roles.
            _ if matches!(role, Role::Metadata | Role::S3) => None,
            (Some(id), Some(secret)) => Some((id, secret)),
            (None, None) => None,
            _ => usage!(
                "set both of LAKEBED_INSTALLATION_ACCESS_KEY_ID and LAKEBED_INSTALLATION_SECRET_ACCESS_KEY, or neither"
            ),
        };
        let setup = match self.setup {
            None | Some(SetupArg::AtStart) => Setup::Closed,
            Some(_) if administrator.is_some() => usage!(
                "preset keys set an installation up when it starts: leave out LAKEBED_INSTALLATION_ACCESS_KEY_ID and \
                 LAKEBED_INSTALLATION_SECRET_ACCESS_KEY, or --setup"
            ),
            Some(SetupArg::ByApi) => Setup::FromLoopback,
            Some(SetupArg::ByApiFromAnywhere) => Setup::FromAnywhere,
        };
        let reflog_kept_ms = match self.reflog_days {
            None => REFLOG_KEPT_DEFAULT,
            Some(days @ 1..=3650) => u64::from(days) * DAY_MS,
            Some(days) => usage!("the reflog can't be kept for {days} days: say 1 to 3650"),
        };
        let encryption_key = match (self.presets.encryption_key, self.encryption_key_file) {
            (Some(text), _) => EncryptionKeySource::Text(text),
            (None, Some(file)) => EncryptionKeySource::File(file),
            (None, None) => EncryptionKeySource::Generated(data_dir.join("encryption.key")),
        };
        let object_store = object_store(self.object_store, role, &data_dir)?;
        check_store_options(&object_store, &self.object_store_options)?;
        for url in &self.import_allow {
            check_import_place(url)?;
            check_import_folder(url, &data_dir)?;
        }
        let issuer = match self.oidc_issuer.filter(|url| !url.is_empty()) {
            Some(url) => Some(IssuerSettings {
                url: issuer::checked_url(url)?,
                audiences: self.oidc_audiences,
                name_claim: self.oidc_name_claim.unwrap_or_else(|| "sub".to_owned()),
                groups_claim: self.oidc_groups_claim.unwrap_or_else(|| "groups".to_owned()),
                groups: self.oidc_groups,
            }),
            None if self.oidc_audiences.is_empty() && self.oidc_groups.is_empty() => None,
            None => usage!("oidc_audience and oidc_group need the identity provider: set oidc_issuer"),
        };
        if issuer.as_ref().is_some_and(|issuer| issuer.audiences.is_empty()) {
            usage!("name whom the identity provider's tokens are for, or anybody's would do: set oidc_audience");
        }
        let disk_cache = disk_cache(self.cache_dir, self.cache_disk_mib, &object_store, &data_dir)?;
        Ok(ServerConfig {
            disk_cache,
            data_dir,
            listen,
            object_store,
            take_over: self.take_over,
            object_store_options: self.object_store_options,
            import_allow: self.import_allow,
            connections_max: self.connections_max,
            tls,
            s3_domains: self.s3_domains,
            s3_signature_v2: self.s3_signature_v2.unwrap_or(false),
            s3_endpoint: self.s3_endpoint.filter(|url| !url.is_empty()).map(checked_s3_endpoint).transpose()?,
            encryption_key,
            cache_bytes: self.cache_mib.unwrap_or(256).saturating_mul(1 << 20),
            reflog_kept_ms,
            metadata: self.metadata,
            metadata_tls,
            issuer,
            log_format: self.log_format,
            administrator,
            setup,
            link_without_bytes: self.link_without_bytes.unwrap_or(false),
            of_other_roles: Vec::new(),
        })
    }
}

impl Presets {
    fn from_environment() -> Self {
        Self {
            encryption_key: environment::text("LAKEBED_ENCRYPTION_KEY").map(Into::into),
            access_key_id: environment::text("LAKEBED_INSTALLATION_ACCESS_KEY_ID"),
            secret_access_key: environment::text("LAKEBED_INSTALLATION_SECRET_ACCESS_KEY").map(Into::into),
        }
    }
}

#[cfg(test)]
mod tests;
