//! Storage namespaces as clients and people write them. Owns the ways of writing that mean the same. Invariant: what is kept
//! has one form, and another place than the one that was written is never meant.

use model::StorageNamespace;

use crate::{StorageError, Stores, canonical};

/// What follows an account's name in the host of Azure's own URLs, by Azure's clouds.
const AZURE_HOSTS: [&str; 3] = ["blob.core.windows.net", "blob.core.chinacloudapi.cn", "blob.core.usgovcloudapi.net"];

impl Stores {
    /// Reads a namespace; `None` if it is empty, and the server chooses. Whether it lies in this store, says
    /// [`Self::repository`].
    ///
    /// Taken are a slash at the end, Azure's URLs of this store's account, and a slash too many after the prefix that the
    /// server tells in its configuration: lakeFS's clients put one between that prefix and a name.
    pub fn namespace(&self, text: &str) -> Result<Option<StorageNamespace>, StorageError> {
        read(text, self.namespace_root(), self.account())
    }
}

fn read(text: &str, root: &str, account: Option<&str>) -> Result<Option<StorageNamespace>, StorageError> {
    let text = text.strip_suffix('/').unwrap_or(text);
    let text = match azure_url(text) {
        Some((named, container)) => {
            check_account(named, root, account)?;
            format!("az://{container}")
        }
        None => canonical(text),
    };
    let text = match text.strip_prefix(root) {
        Some(rest) => format!("{root}{}", rest.strip_prefix('/').unwrap_or(rest)),
        None => text,
    };
    match text.as_str() {
        "" => Ok(None),
        text => text.parse().map(Some).map_err(|why: model::InvalidName| StorageError::Invalid(why.to_string())),
    }
}

/// The account that an URL of Azure's names, and the container with what follows.
fn azure_url(text: &str) -> Option<(&str, &str)> {
    let (host, container) = text.strip_prefix("https://")?.split_once('/')?;
    let (account, rest) = host.split_once('.')?;
    AZURE_HOSTS.contains(&rest).then_some((account, container))
}

/// Refuses another account than the store's: a container of the same name there is another place.
fn check_account(named: &str, root: &str, account: Option<&str>) -> Result<(), StorageError> {
    if account == Some(named) {
        return Ok(());
    }
    let ours = account.map(|account| format!(" in the account {account}")).unwrap_or_default();
    Err(StorageError::Invalid(format!(
        "the storage namespace names the account {named}, and this server's object store is {root}{ours}: use a namespace \
         that begins with {root}"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn namespaces_are_taken_as_lakefs_s_clients_write_them() {
        let read = |text, root| read(text, root, Some("me")).unwrap().map(|namespace| namespace.to_string());
        assert_eq!(read("", "local://"), None);
        assert_eq!(read("s3://bucket/a/", "s3://bucket/"), Some("s3://bucket/a".to_owned()));
        assert_eq!(read("s3://bucket/lake//a", "s3://bucket/lake/"), Some("s3://bucket/lake/a".to_owned()));
        assert_eq!(read("local:///a", "local://"), Some("local://a".to_owned()));
        assert_eq!(read("https://me.blob.core.windows.net/c/p", "az://c/"), Some("az://c/p".to_owned()));
        assert_eq!(read("abfs://c/p", "az://c/"), Some("az://c/p".to_owned()));
        for bad in ["nowhere", "local://a//b", "local:///../a", "local:////", "local://a//"] {
            assert!(super::read(bad, "local://", None).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_namespace_in_another_account_is_refused() {
        for (url, account) in [
            ("https://other.blob.core.windows.net/c/p", Some("me")),
            ("https://me.other.blob.core.windows.net/c/p", Some("me")),
            ("https://other.blob.core.chinacloudapi.cn/c/p", Some("me")),
            ("https://me.blob.core.windows.net/c/p", None),
            ("https://me.blob.example.org/c/p", Some("me")),
        ] {
            assert!(read(url, "az://c/", account).is_err(), "{url}");
        }
        let told = read("https://other.blob.core.windows.net/c/p", "az://c/", Some("me")).unwrap_err().to_string();
        assert!(told.contains("the account other") && told.contains("az://c/ in the account me"), "{told}");
        let of_no_account = read("https://me.blob.core.windows.net/c/p", "s3://b/", None).unwrap_err().to_string();
        assert!(of_no_account.contains("begins with s3://b/"), "{of_no_account}");
    }
}
