//! Patterns of policies: texts with wildcards in which `${user}` is the caller's name. Leaves matching to
//! [`model::Wildcard`]. Invariant: a caller's name is taken as it is, so nobody is a wildcard by name.

use model::{Wildcard, WildcardPiece};

/// What stands for the caller's name.
const USER: &str = "${user}";

/// Reads a pattern for a caller.
pub(crate) fn for_user(text: &str, user: &str) -> Wildcard {
    let parts = text.split(USER).enumerate().flat_map(|(number, part)| {
        let name = if number > 0 { user } else { "" };
        name.chars().map(WildcardPiece::Char).chain(part.chars().map(WildcardPiece::of))
    });
    parts.collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_text_without_wildcards_matches_itself_alone(text in "[a-z/:${}]{0,12}", other in "[a-z/:${}]{0,12}") {
            prop_assert_eq!(for_user(&text, USER).matches(&other), text == other);
        }
    }

    #[test]
    fn a_name_is_no_wildcard() {
        let pattern = |user| for_user("user/${user}/*", user);
        assert!(pattern("ann").matches("user/ann/x") && !pattern("ann").matches("user/bob/x"));
        assert!(pattern("*").matches("user/*/x") && !pattern("*").matches("user/bob/x"));
        assert!(pattern("${user}").matches("user/${user}/x"));
    }
}
