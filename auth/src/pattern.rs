//! Texts with wildcards: `*` is any characters, `?` is one, `${user}` is the caller's name. Owns matching, which takes at
//! most the product of both lengths. Invariant: a caller's name is taken as it is, so nobody is a wildcard by name.

use std::str::Chars;

/// What stands for the caller's name.
const USER: &str = "${user}";

/// A pattern, for one caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern {
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece {
    Char(char),
    One,
    Any,
}

impl Pattern {
    /// Reads a pattern for a caller.
    pub(crate) fn new(text: &str, user: &str) -> Self {
        let mut pieces = Vec::with_capacity(text.len());
        for (number, part) in text.split(USER).enumerate() {
            if number > 0 {
                pieces.extend(user.chars().map(Piece::Char));
            }
            pieces.extend(part.chars().map(|c| match c {
                '*' => Piece::Any,
                '?' => Piece::One,
                c => Piece::Char(c),
            }));
        }
        pieces.dedup_by(|a, b| *a == Piece::Any && *b == Piece::Any);
        Self { pieces }
    }

    /// Whether it matches every text.
    pub(crate) fn is_everything(&self) -> bool {
        self.pieces == [Piece::Any]
    }

    /// Whether it matches a whole text.
    pub(crate) fn matches(&self, text: &str) -> bool {
        let (mut at, mut rest) = (0, text.chars());
        // Behind the last star, and where the text goes on if the star takes one character more.
        let mut star: Option<(usize, Chars<'_>)> = None;
        loop {
            let mut ahead = rest.clone();
            let fits = match (self.pieces.get(at), ahead.next()) {
                (Some(Piece::Any), _) => {
                    at += 1;
                    star = Some((at, rest.clone()));
                    continue;
                }
                (None, None) => return true,
                (Some(_), None) => return false,
                (Some(Piece::One), Some(_)) => true,
                (Some(Piece::Char(wanted)), Some(c)) => *wanted == c,
                (None, Some(_)) => false,
            };
            if fits {
                (at, rest) = (at + 1, ahead);
                continue;
            }
            let Some((behind, taken)) = &mut star else { return false };
            taken.next();
            (at, rest) = (*behind, taken.clone());
        }
    }
}

/// Whether a pattern without a caller's name matches a text.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    Pattern::new(pattern, USER).matches(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The obvious one, exponential at worst.
    fn model(pattern: &[char], text: &[char]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some(('*', behind)) => (0..=text.len()).any(|taken| model(behind, &text[taken..])),
            Some(('?', behind)) => !text.is_empty() && model(behind, &text[1..]),
            Some((c, behind)) => text.first() == Some(c) && model(behind, &text[1..]),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn matches_what_the_model_matches(pattern in "[ab*?é]{0,9}", text in "[abé]{0,9}") {
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            prop_assert_eq!(matches(&pattern, &text), model(&chars(&pattern), &chars(&text)));
        }

        #[test]
        fn a_text_without_wildcards_matches_itself_alone(text in "[a-z/:${}]{0,12}", other in "[a-z/:${}]{0,12}") {
            prop_assert_eq!(matches(&text, &other), text == other);
        }
    }

    #[test]
    fn a_name_is_no_wildcard() {
        let pattern = |user| Pattern::new("user/${user}/*", user);
        assert!(pattern("ann").matches("user/ann/x") && !pattern("ann").matches("user/bob/x"));
        assert!(pattern("*").matches("user/*/x") && !pattern("*").matches("user/bob/x"));
        assert!(pattern("${user}").matches("user/${user}/x"));
    }

    #[test]
    fn the_worst_pattern_takes_no_exponential_time() {
        let pattern = "*a".repeat(500) + "b";
        assert!(!matches(&pattern, &"a".repeat(2000)));
    }
}
