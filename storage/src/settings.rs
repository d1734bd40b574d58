//! What an operator says about the object store: its URL and options. Owns how they are read; `open` acts on them.
//! Invariant: neither the URL nor the `Debug` of the settings shows a credential.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use object_store::path::Path;

use crate::{DiskCacheSettings, StorageError};

/// The kinds of object stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// A folder of this machine.
    Local,
    /// This process's memory.
    Memory,
    /// Amazon S3 and what speaks like it.
    S3,
    /// Google Cloud Storage.
    Gcs,
    /// Azure Blob Storage.
    Azure,
}

impl Scheme {
    /// Whether a multipart upload is completed once, and each further completion of the parts that were there is an error,
    /// whichever it names. Our own stores put an object only where none is, and Azure's blocks are used up or dropped by the
    /// first list. S3 may answer a further
    /// completion with what the first one made; of GCS it isn't known.
    pub(crate) fn completes_once(self) -> bool {
        match self {
            Self::Local | Self::Memory | Self::Azure => true,
            Self::S3 | Self::Gcs => false,
        }
    }
}

/// Options of an object store beside its URL. Credentials that aren't given here come from the usual places: the
/// environment, a container's or instance's metadata, a web identity.
#[derive(Clone, Default)]
pub struct StoreSettings {
    /// Where the store's API is, when that doesn't follow from the URL: `http://127.0.0.1:9000`.
    pub endpoint: Option<String>,
    /// The region of an S3 bucket.
    pub region: Option<String>,
    /// Whether an endpoint without TLS will do.
    pub allow_http: bool,
    /// Any option of `object_store` by its name: `aws_access_key_id`, `azure_storage_account_name`, `timeout`, … These win
    /// over the environment.
    pub options: BTreeMap<String, String>,
    /// Places outside this store whose objects may be read, as URLs of buckets, containers, prefixes in them and folders:
    /// `s3://other/prefix`, `file:///data`. Settings follow after a `?`, as in `s3://other?endpoint=http://127.0.0.1:9000`;
    /// one of the store's own kind takes the store's settings where it has none.
    pub sources: Vec<String>,
    /// Where to keep parts of immutable objects on this machine's disk.
    pub disk_cache: Option<DiskCacheSettings>,
}

impl fmt::Debug for StoreSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreSettings")
            .field("endpoint", &self.endpoint)
            .field("region", &self.region)
            .field("allow_http", &self.allow_http)
            .field("options", &self.options.keys())
            .field("sources", &self.sources.iter().map(|url| without_options(url)).collect::<Vec<_>>())
            .field("disk_cache", &self.disk_cache)
            .finish()
    }
}

/// A source's URL without its settings, among which may be credentials.
pub(crate) fn without_options(url: &str) -> &str {
    url.split_once('?').map_or(url, |(url, _)| url)
}

/// The URL of an object store, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StoreUrl {
    Local(PathBuf),
    Memory,
    S3 { bucket: String, prefix: Path },
    Gcs { bucket: String, prefix: Path },
    Azure { container: String, prefix: Path },
}

impl StoreUrl {
    pub(crate) fn parse(url: &str) -> Result<Self, StorageError> {
        let invalid = |why: &str| {
            StorageError::Invalid(format!(
                "{url:?} isn't an object store: {why}; use file:///folder, s3://bucket/prefix, gs://bucket/prefix, \
                 az://container/prefix or memory:///"
            ))
        };
        let (scheme, rest) = url.split_once("://").ok_or_else(|| invalid("it isn't a URL"))?;
        let bucket_and_prefix = || {
            let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
            if bucket.is_empty() || bucket.contains(['@', '?', '#']) {
                return Err(invalid("it needs a bucket or container, and no credentials"));
            }
            let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
            let path = Path::parse(prefix).map_err(|e| invalid(&e.to_string()))?;
            // Another place than the one that was written is never meant.
            if path.as_ref() != prefix {
                return Err(invalid("its prefix begins with a slash, or has more than one at its end"));
            }
            Ok((bucket.to_owned(), path))
        };
        match scheme {
            "file" if rest.starts_with('/') => Ok(Self::Local(PathBuf::from(rest))),
            "file" => Err(invalid("a local folder is named by its absolute path, as in file:///var/lib/lakebed")),
            "memory" if rest.trim_matches('/').is_empty() => Ok(Self::Memory),
            "memory" => Err(invalid("memory has no folders")),
            "s3" | "s3a" => bucket_and_prefix().map(|(bucket, prefix)| Self::S3 { bucket, prefix }),
            "gs" => bucket_and_prefix().map(|(bucket, prefix)| Self::Gcs { bucket, prefix }),
            "az" | "azure" | "abfs" => bucket_and_prefix().map(|(container, prefix)| Self::Azure { container, prefix }),
            _ => Err(invalid("its scheme is unknown")),
        }
    }

    pub(crate) fn scheme(&self) -> Scheme {
        match self {
            Self::Local(_) => Scheme::Local,
            Self::Memory => Scheme::Memory,
            Self::S3 { .. } => Scheme::S3,
            Self::Gcs { .. } => Scheme::Gcs,
            Self::Azure { .. } => Scheme::Azure,
        }
    }

    /// What the namespaces of all repositories in this store begin with, a slash included.
    pub(crate) fn namespace_root(&self) -> String {
        let root = |scheme: &str, bucket: &str, prefix: &Path| match prefix.as_ref() {
            "" => format!("{scheme}://{bucket}/"),
            prefix => format!("{scheme}://{bucket}/{prefix}/"),
        };
        match self {
            Self::Local(_) => "local://".into(),
            Self::Memory => "mem://".into(),
            Self::S3 { bucket, prefix } => root("s3", bucket, prefix),
            Self::Gcs { bucket, prefix } => root("gs", bucket, prefix),
            Self::Azure { container, prefix } => root("az", container, prefix),
        }
    }

    /// What the URLs of all objects in the bucket or folder begin with, a slash included. A local folder's are its own.
    pub(crate) fn base(&self) -> String {
        match self {
            Self::Local(folder) => format!("file://{}/", folder.display()),
            Self::Memory => "mem://".into(),
            Self::S3 { bucket, .. } => format!("s3://{bucket}/"),
            Self::Gcs { bucket, .. } => format!("gs://{bucket}/"),
            Self::Azure { container, .. } => format!("az://{container}/"),
        }
    }

    /// What the URLs of a local folder's objects begin with, a slash included, without detours.
    pub(crate) fn local_base(&self) -> Option<String> {
        let Self::Local(folder) = self else { return None };
        let plain: PathBuf = folder.components().collect();
        Some(Self::Local(plain).base())
    }

    /// The part of the bucket that is ours.
    pub(crate) fn prefix(&self) -> Path {
        match self {
            Self::Local(_) | Self::Memory => Path::ROOT,
            Self::S3 { prefix, .. } | Self::Gcs { prefix, .. } | Self::Azure { prefix, .. } => prefix.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_understood() {
        let s3 = StoreUrl::parse("s3://b/x/y/").unwrap();
        assert_eq!(s3, StoreUrl::S3 { bucket: "b".into(), prefix: Path::from("x/y") });
        assert_eq!(s3.namespace_root(), "s3://b/x/y/");
        assert_eq!(StoreUrl::parse("az://c").unwrap().namespace_root(), "az://c/");
        assert_eq!(StoreUrl::parse("file:///a/b").unwrap(), StoreUrl::Local("/a/b".into()));
        assert_eq!(StoreUrl::parse("memory:///").unwrap(), StoreUrl::Memory);
    }

    #[test]
    fn nonsense_is_refused_with_a_hint() {
        for bad in [
            "",
            "x",
            "file://a",
            "s3://",
            "s3:///x",
            "ftp://x/y",
            "s3://b/../c",
            "memory:///x",
            "s3://k:s@b/x",
            "s3://b//x",
            "s3://b/x//",
        ] {
            let error = StoreUrl::parse(bad).unwrap_err().to_string();
            assert!(error.contains("memory:///"), "{bad}: {error}");
        }
    }

    #[test]
    fn debug_hides_secrets() {
        let options = BTreeMap::from([("aws_secret_access_key".to_owned(), "hush".to_owned())]);
        let text = format!("{:?}", StoreSettings { options, ..StoreSettings::default() });
        assert!(text.contains("aws_secret_access_key") && !text.contains("hush"));
    }
}
