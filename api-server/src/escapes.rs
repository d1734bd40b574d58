//! Percent-escapes in names. lakeFS's clients in Go escape what they put into a path twice (`main^2` is sent as
//! `main%255E2`), so a name in a path that still holds an escape is unescaped once more. Invariant: that never names
//! another thing than was meant, since nothing gets a name that holds an escape.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use proto::api::InvalidField;

/// Unescapes a name once more, if it still holds an escape of valid text.
pub(crate) fn unescaped(name: &str) -> Cow<'_, str> {
    match percent_decode_str(name).decode_utf8() {
        Ok(unescaped) => unescaped,
        Err(_) => name.into(),
    }
}

/// Refuses a new name that holds an escape.
pub(crate) fn check_new_name(field: &'static str, name: &str) -> Result<(), InvalidField> {
    match percent_decode_str(name).count() < name.len() {
        true => Err(InvalidField::new(field, "a name can't hold a '%' with two hex digits after it")),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_escaped_twice_is_unescaped_once_more() {
        for (once, name) in
            [("main", "main"), ("main%5E2", "main^2"), ("%C3%A9", "é"), ("50%", "50%"), ("a%zz", "a%zz")]
        {
            assert_eq!(unescaped(once), name, "{once}");
        }
        assert_eq!(unescaped("a%FF"), "a%FF", "no text");
    }

    #[test]
    fn no_new_name_can_be_taken_for_an_escaped_one() {
        assert!(["v1", "50%", "é", "100%x"].iter().all(|name| check_new_name("id", name).is_ok()));
        assert!(["a%5E", "50%25", "a%FFb"].iter().all(|name| check_new_name("id", name).is_err()));
    }
}
