//! `format.json`, the file that says that a repository lives in a namespace, and in which version of the layout. Owns
//! its fields and text; `repository` writes it once and never again.

use model::{RepositoryName, RequestId};
use serde::{Deserialize, Serialize};

/// The version of the layout that this code writes, and the newest that it reads.
pub const FORMAT_VERSION: u32 = 1;

/// What `format.json` says.
///
/// The repository's id in the metadata service is handed out only after this file is written; so what tells one
/// repository from another of the same name is the id of the claim under which it was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Format {
    /// The version of the layout.
    pub version: u32,
    /// The name that the repository was made with.
    pub repository: RepositoryName,
    /// The claim under which it was made, which is the id of the request that claimed the namespace first; unique for ever.
    pub created_by: RequestId,
}

#[derive(Serialize, Deserialize)]
struct FormatFile {
    version: u32,
    repository: RepositoryName,
    created_by: String,
}

impl Format {
    /// The format of a repository made now.
    pub fn new(repository: RepositoryName, created_by: RequestId) -> Self {
        Self { version: FORMAT_VERSION, repository, created_by }
    }

    pub(crate) fn to_json(&self) -> Vec<u8> {
        let file = FormatFile {
            version: self.version,
            repository: self.repository.clone(),
            created_by: self.created_by.to_string(),
        };
        let mut json = serde_json::to_vec_pretty(&file).expect("because its fields are texts and a number");
        json.push(b'\n');
        json
    }

    pub(crate) fn from_json(json: &[u8]) -> Result<Self, String> {
        let file: FormatFile = serde_json::from_slice(json).map_err(|e| e.to_string())?;
        if file.version > FORMAT_VERSION {
            return Err(format!(
                "its layout has version {}, and this software reads up to {FORMAT_VERSION}: use a newer one",
                file.version
            ));
        }
        let created_by = u128::from_str_radix(&file.created_by, 16).map_err(|e| format!("created_by: {e}"))?;
        Ok(Self { version: file.version, repository: file.repository, created_by: RequestId(created_by) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_stable_and_reads_back() {
        let format = Format::new("trips".parse().unwrap(), RequestId(0xabc));
        let json = format.to_json();
        assert_eq!(
            String::from_utf8(json.clone()).unwrap(),
            "{\n  \"version\": 1,\n  \"repository\": \"trips\",\n  \
             \"created_by\": \"00000000000000000000000000000abc\"\n}\n"
        );
        assert_eq!(Format::from_json(&json), Ok(format));
    }

    #[test]
    fn a_newer_layout_is_refused() {
        let json = br#"{"version": 2, "repository": "trips", "created_by": "0"}"#;
        assert!(Format::from_json(json).unwrap_err().contains("newer"));
    }
}
