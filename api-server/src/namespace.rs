//! Storage namespaces as clients write them. Owns the ways of writing that mean the same; leaves to `storage` whether a
//! namespace lies in this server's store. Invariant: what is kept has one form.

use model::StorageNamespace;
use proto::api::InvalidField;
use storage::canonical;

/// Reads a namespace; `None` if it is empty, and the server chooses.
///
/// Taken are a slash at the end, Azure's URLs, and a slash too many behind the prefix that the server tells in its
/// configuration: lakeFS's clients put one between that prefix and a name.
pub(crate) fn namespace(text: &str, root: &str) -> Result<Option<StorageNamespace>, InvalidField> {
    let text = text.strip_suffix('/').unwrap_or(text);
    let azure = text.strip_prefix("https://").and_then(|rest| rest.split_once(".blob.core.windows.net/"));
    let text = azure.map_or_else(|| canonical(text), |(_, container)| format!("az://{container}"));
    let text = match text.strip_prefix(root) {
        Some(rest) => format!("{root}{}", rest.strip_prefix('/').unwrap_or(rest)),
        None => text,
    };
    match text.as_str() {
        "" => Ok(None),
        text => text.parse().map(Some).map_err(|why| InvalidField::new("storage_namespace", why)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn namespaces_are_taken_as_lakefs_s_clients_write_them() {
        let read = |text, root| namespace(text, root).unwrap().map(|namespace| namespace.to_string());
        assert_eq!(read("", "local://"), None);
        assert_eq!(read("s3://bucket/a/", "s3://bucket/"), Some("s3://bucket/a".to_owned()));
        assert_eq!(read("s3://bucket/lake//a", "s3://bucket/lake/"), Some("s3://bucket/lake/a".to_owned()));
        assert_eq!(read("local:///a", "local://"), Some("local://a".to_owned()));
        assert_eq!(read("https://me.blob.core.windows.net/c/p", "az://c/"), Some("az://c/p".to_owned()));
        for bad in ["nowhere", "local://a//b", "local:///../a", "local:////", "local://a//"] {
            assert!(namespace(bad, "local://").is_err(), "{bad}");
        }
    }
}
