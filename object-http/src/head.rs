//! How large a request's head is. Owns the bound that all doors share; leaves the refusal to them.

use http::{HeaderMap, Uri};

/// The most bytes of a request's path, query and headers together.
pub const HEAD_BYTES_MAX: usize = 16 << 10;

/// Counts a head's bytes: target and headers, with what stands between a name and its value.
pub fn head_bytes(uri: &Uri, headers: &HeaderMap) -> usize {
    let target = uri.path_and_query().map_or(0, |target| target.as_str().len());
    target + headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum::<usize>()
}
