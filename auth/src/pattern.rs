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

    proptest! {
        #[test]
        fn what_begins_alike_is_matched_as_the_model_matches(pattern in "[ab*?]{0,6}", prefix in "[ab]{0,4}") {
            let read = Pattern::new(&pattern, USER);
            let pattern: Vec<_> = pattern.chars().collect();
            // All that is new in a longer text, a short one has too: a pattern has six pieces at most.
            let ends = (0..=6).flat_map(|length| (0..1_u32 << length).map(move |bits| (length, bits)));
            let matched: Vec<_> = ends
                .map(|(length, bits)| {
                    let end = (0..length).map(|at| if bits >> at & 1 == 0 { 'a' } else { 'b' });
                    model(&pattern, &prefix.chars().chain(end).collect::<Vec<_>>())
                })
                .collect();
            prop_assert_eq!(read.matches_some_beneath(&prefix), matched.contains(&true));
            prop_assert!(!read.matches_all_beneath(&prefix) || !matched.contains(&false));
        }
    }

    #[test]
    fn a_star_at_the_end_matches_all_beneath() {
        let pattern = |text: &str| Pattern::new(text, USER);
        assert!(pattern("in/*").matches_all_beneath("in/a/") && pattern("*").matches_all_beneath(""));
        assert!(!pattern("in/*/x").matches_all_beneath("in/") && !pattern("in/a/*").matches_all_beneath("in/"));
        assert!(pattern("in/a/*").matches_some_beneath("in/") && !pattern("in/a/*").matches_some_beneath("out/"));
        assert!(pattern("in").matches_some_beneath("i") && !pattern("in").matches_some_beneath("in/"));
    }

    #[test]
    fn a_name_is_no_wildcard() {
        let pattern = |user| for_user("user/${user}/*", user);
        assert!(pattern("ann").matches("user/ann/x") && !pattern("ann").matches("user/bob/x"));
        assert!(pattern("*").matches("user/*/x") && !pattern("*").matches("user/bob/x"));
        assert!(pattern("${user}").matches("user/${user}/x"));
    }
}
