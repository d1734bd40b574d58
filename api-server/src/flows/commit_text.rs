//! How much a request may have its commit say. Owns the bound for requests that aren't jobs; a job's whole request is
//! bounded where it begins. Invariant: what many commits share, a publication for instance, holds little of each.

use std::collections::BTreeMap;

use model::JOB_BYTES_MAX;
use proto::api::InvalidField;

/// Refuses a message and metadata that are too large together.
pub(super) fn check_commit_text(message: &str, metadata: &BTreeMap<String, String>) -> Result<(), InvalidField> {
    let bytes = message.len() + metadata.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
    if bytes > JOB_BYTES_MAX {
        let why = format!("{bytes} bytes with the message; the most is {JOB_BYTES_MAX}");
        return Err(InvalidField::new("metadata", why));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_and_metadata_are_bounded_together() {
        let metadata = |bytes: usize| BTreeMap::from([("k".to_owned(), "v".repeat(bytes - 1))]);
        assert!(check_commit_text(&"m".repeat(JOB_BYTES_MAX - 10), &metadata(10)).is_ok());
        assert!(check_commit_text(&"m".repeat(JOB_BYTES_MAX - 10), &metadata(11)).is_err());
    }
}
