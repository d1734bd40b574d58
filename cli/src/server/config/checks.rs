//! What settings can't be meant: what would never be read, what would be found out late, and what would put data in the
//! open. Invariant: what isn't known or wouldn't be read is refused before anything is made, with what to do instead.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use storage::{DISK_CACHE_BYTES_MIN, DiskCacheSettings};

use super::Role;
use crate::connection::{Variable, marked_keys};
use crate::exit::usage;

const CACHE_DISK_MIB_DEFAULT: u64 = 4096;

/// Refuses options that the object store wouldn't read: those of remote stores for a folder or memory.
pub(crate) fn check_store_options(url: &str, options: &[(String, String)]) -> Result<()> {
    check_shell(url, &|name| std::env::var(name).ok())?;
    let is_remote = !url.starts_with("file:") && !url.starts_with("memory:");
    for (name, value) in options {
        if !is_remote {
            usage!("the object store {url} has no option {name:?}: leave --object-store-option {name}=… out");
        }
        if name == "allow_http" && !["true", "false"].contains(&value.as_str()) {
            usage!("--object-store-option allow_http={value}: say true or false");
        }
    }
    Ok(())
}

/// Refuses a store on S3 in a shell whose AWS variables are those of `lakebed env`: the store would be looked for at Lakebed itself.
fn check_shell(url: &str, variable: Variable<'_>) -> Result<()> {
    match marked_keys(variable)? {
        Some((_, endpoint)) if url.starts_with("s3:") || url.starts_with("s3a:") => usage!(
            "the AWS_* variables of this shell are those of `lakebed env` for {endpoint}, and {url} would be looked for there: \
             start in another shell, or unset LAKEBED_ENV and them first"
        ),
        _ => Ok(()),
    }
}

/// Refuses a place to import from that isn't a URL.
pub(crate) fn check_import_place(url: &str) -> Result<()> {
    check_shell(url, &|name| std::env::var(name).ok())?;
    if !url.contains("://") {
        usage!(
            "--import-allow {url:?} isn't the URL of a place: write file:///folder, s3://bucket/prefix, gs://bucket/prefix or \
             az://container/prefix"
        );
    }
    Ok(())
}

/// Where objects lie. A role of its own has no default: it would differ from the other roles'.
pub(super) fn object_store(url: Option<String>, role: Role, data_dir: &Path) -> Result<String> {
    match (url, role) {
        (None, Role::Api | Role::S3) => usage!(
            "name the object store that all API servers and S3 gateways of this installation share: --object-store URL, \
             LAKEBED_OBJECT_STORE or object_store in the configuration file"
        ),
        (Some(url), Role::Api | Role::S3) if url.starts_with("memory:") => {
            usage!("{url} is this process's own: name an object store that the other roles can share")
        }
        (Some(url), _) => Ok(url),
        (None, Role::All | Role::Metadata) => Ok(format!("file://{}", data_dir.join("objects").display())),
    }
}

/// A cache on disk before a store that is on disk too, or in memory, would only cost; unless somebody asks for it.
pub(super) fn disk_cache(
    folder: Option<PathBuf>,
    mib: Option<u64>,
    object_store: &str,
    data_dir: &Path,
) -> Result<Option<DiskCacheSettings>> {
    let remote = !object_store.starts_with("file:") && !object_store.starts_with("memory:");
    let folder = match folder {
        Some(folder) => std::path::absolute(folder)?,
        None if remote => data_dir.join("cache"),
        None => return Ok(None),
    };
    let bytes_max = mib.unwrap_or(CACHE_DISK_MIB_DEFAULT).saturating_mul(1 << 20);
    if bytes_max > 0 && bytes_max < DISK_CACHE_BYTES_MIN {
        usage!(
            "a cache on disk needs at least {} MiB: raise cache_disk_mib, or set it to 0",
            DISK_CACHE_BYTES_MIN >> 20
        );
    }
    Ok((bytes_max > 0).then_some(DiskCacheSettings { folder, bytes_max }))
}

/// Refuses what would be found out late, or would go over the network in the open.
pub(super) fn check_metadata_url(url: &str, mutual_tls: bool) -> Result<()> {
    let uri: http::Uri = url.parse().with_context(|| format!("the metadata server's {url:?} isn't a URL"))?;
    match (uri.scheme_str(), mutual_tls) {
        (Some("http"), false) | (Some("https"), true) => Ok(()),
        (Some("http"), true) => usage!("{url} isn't encrypted, but metadata_tls_cert is set: say https://"),
        (Some("https"), false) => {
            usage!("{url} needs mutual TLS: set metadata_tls_cert, metadata_tls_key and metadata_tls_ca")
        }
        _ => usage!("the metadata server's {url:?} isn't a URL like http://127.0.0.1:8001"),
    }
}

/// Refuses a folder to import from that has the server's own: its keys lie there.
pub(super) fn check_import_folder(url: &str, data_dir: &Path) -> Result<()> {
    let Some(folder) = url.strip_prefix("file://").map(Path::new) else { return Ok(()) };
    if folder.starts_with(data_dir) || data_dir.starts_with(folder) {
        usage!(
            "import_allow can't be {url}: this server's own data lie in {}; name a folder beside it",
            data_dir.display()
        );
    }
    Ok(())
}

/// Refuses what S3 tools couldn't be pointed at.
pub(crate) fn checked_s3_endpoint(url: String) -> Result<String> {
    let uri: Option<http::Uri> = url.parse().ok();
    let scheme = uri.as_ref().and_then(|uri| uri.scheme_str());
    if !matches!(scheme, Some("http" | "https")) || uri.as_ref().is_none_or(|uri| uri.path() != "/") {
        usage!("s3_endpoint {url:?} isn't a URL like https://s3.lake.example: a scheme, a host and perhaps a port");
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lakebed_s_own_keys_are_for_no_object_store() {
        let shell = |mark: &'static str| {
            move |name: &str| match name {
                "LAKEBED_ENV" => Some(mark.to_owned()),
                "AWS_ACCESS_KEY_ID" => Some("AKLB".to_owned()),
                "AWS_SECRET_ACCESS_KEY" => Some("secret".to_owned()),
                _ => None,
            }
        };
        let ours = shell("AKLB@http://127.0.0.1:8000");
        let refusal = check_shell("s3://lake", &ours).unwrap_err().to_string();
        assert!(refusal.contains("those of `lakebed env` for http://127.0.0.1:8000"), "{refusal}");
        check_shell("file:///lake", &ours).unwrap();
        check_shell("s3://lake", &shell("AKOLD@http://127.0.0.1:8000")).unwrap();
        check_shell("s3://lake", &|_: &str| None).unwrap();
    }
}
