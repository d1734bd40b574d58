//! ETags as headers have them, with quotes, and as Lakebed keeps them, without.

/// `"etag"` with quotes, as headers and XML have it.
pub fn quoted(e_tag: &str) -> String {
    format!("\"{e_tag}\"")
}

/// An ETag without quotes and without `W/`.
pub fn unquoted(e_tag: &str) -> &str {
    let e_tag = e_tag.trim();
    let e_tag = e_tag.strip_prefix("W/").unwrap_or(e_tag);
    e_tag.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(e_tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn e_tags_lose_and_gain_quotes() {
        assert_eq!(quoted("a-2"), "\"a-2\"");
        for text in ["\"a\"", "a", " W/\"a\" "] {
            assert_eq!(unquoted(text), "a");
        }
        assert_eq!(unquoted("\"a"), "\"a");
    }
}
