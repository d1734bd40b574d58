//! What a dry run prints: a line for each thing that would be done.

use std::path::Path;

use anyhow::Result;
use lakebed_sdk::ObjectPath;
use serde_json::json;

use crate::output::{Output, shown, shown_path};

pub(super) fn upload(output: Output, file: &Path, to: &ObjectPath, bytes: u64) -> Result<()> {
    let value = json!({ "would": "upload", "file": file.display().to_string(), "path": to, "bytes": bytes });
    output.item(&value, || format!("would upload {} to {}", shown_path(file), shown(to.as_str())))
}

pub(super) fn download(output: Output, from: &ObjectPath, file: &Path, bytes: u64) -> Result<()> {
    let value = json!({ "would": "download", "path": from, "file": file.display().to_string(), "bytes": bytes });
    output.item(&value, || format!("would download {} to {}", shown(from.as_str()), shown_path(file)))
}

/// `word` is `copy` or `move`.
pub(super) fn transfer(output: Output, word: &str, from: &ObjectPath, to: &ObjectPath) -> Result<()> {
    let value = json!({ "would": word, "path": from, "to": to });
    output.item(&value, || format!("would {word} {} to {}", shown(from.as_str()), shown(to.as_str())))
}

pub(super) fn delete(output: Output, path: &ObjectPath) -> Result<()> {
    output.item(&json!({ "would": "delete", "path": path }), || format!("would delete {}", shown(path.as_str())))
}

pub(super) fn delete_file(output: Output, file: &Path) -> Result<()> {
    let value = json!({ "would": "delete", "file": file.display().to_string() });
    output.item(&value, || format!("would delete {}", shown_path(file)))
}
