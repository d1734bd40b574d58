//! Texts with wildcards: `*` is any text, `?` is any one character. Owns matching, for policies and for protected branches
//! alike. Invariant: matching takes a time linear in the text for each pattern: at most the text's length times one word for
//! every 64 characters between two stars, no matter who wrote either.

use std::collections::BTreeMap;

/// A piece of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WildcardPiece {
    /// This character.
    Char(char),
    /// Any one character.
    One,
    /// Any text.
    Any,
}

/// A pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wildcard {
    /// What stands before, between and after the stars: one more than there are stars.
    segments: Vec<Segment>,
}

/// A part of a pattern without a star.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Literal(String),
    /// One with a `?` in it: `None` is any character.
    Open(Vec<Option<char>>),
}

impl WildcardPiece {
    /// What a character of a pattern means.
    pub fn of(c: char) -> Self {
        match c {
            '*' => Self::Any,
            '?' => Self::One,
            c => Self::Char(c),
        }
    }
}

impl Wildcard {
    /// Reads a pattern.
    pub fn new(text: &str) -> Self {
        text.chars().map(WildcardPiece::of).collect()
    }

    /// Returns whether it matches every text.
    pub fn is_everything(&self) -> bool {
        self.segments.len() > 1 && self.segments.iter().all(Segment::is_empty)
    }

    /// Returns whether it matches every text that begins so; when in doubt not.
    pub fn matches_all_under(&self, prefix: &str) -> bool {
        self.segments.len() > 1 && self.segments.last().is_some_and(Segment::is_empty) && self.matches(prefix)
    }

    /// Returns whether it matches some text that begins so: a star takes the rest of the prefix, and any text goes on with
    /// what the pattern has after it.
    pub fn matches_some_under(&self, prefix: &str) -> bool {
        let (first, rest) = self.segments.split_first().expect("because there is a segment before the first star");
        let mut prefix = prefix.chars();
        let agrees = first.chars().into_iter().all(|wanted| match (prefix.next(), wanted) {
            (Some(c), Some(wanted)) => c == wanted,
            _ => true,
        });
        agrees && (!rest.is_empty() || prefix.next().is_none())
    }

    /// Returns whether it matches a whole text.
    ///
    /// The first segment must begin the text and the last one end it. Those between are looked for from left to right, each
    /// where it is first: a later place would leave the next ones less.
    pub fn matches(&self, text: &str) -> bool {
        let (first, rest) = self.segments.split_first().expect("because there is a segment before the first star");
        let Some(text) = first.strip_from_start(text) else { return false };
        let Some((last, middle)) = rest.split_last() else { return text.is_empty() };
        let Some(text) = last.strip_from_end(text) else { return false };
        let mut text = Some(text);
        for segment in middle {
            text = text.and_then(|text| segment.after_first(text));
        }
        text.is_some()
    }
}

impl FromIterator<WildcardPiece> for Wildcard {
    fn from_iter<I: IntoIterator<Item = WildcardPiece>>(pieces: I) -> Self {
        let mut segments = vec![Segment::Literal(String::new())];
        for piece in pieces {
            let last = segments.last_mut().expect("because there is one from the beginning");
            match piece {
                WildcardPiece::Char(c) => last.push(Some(c)),
                WildcardPiece::One => last.push(None),
                // Several stars in a row are one.
                WildcardPiece::Any if segments.len() > 1 && segments.last().is_some_and(Segment::is_empty) => {}
                WildcardPiece::Any => segments.push(Segment::Literal(String::new())),
            }
        }
        Self { segments }
    }
}

impl Segment {
    fn is_empty(&self) -> bool {
        matches!(self, Self::Literal(text) if text.is_empty())
    }

    /// Its characters; `None` is any.
    fn chars(&self) -> Vec<Option<char>> {
        match self {
            Self::Literal(text) => text.chars().map(Some).collect(),
            Self::Open(chars) => chars.clone(),
        }
    }

    fn push(&mut self, c: Option<char>) {
        match (&mut *self, c) {
            (Self::Literal(text), Some(c)) => text.push(c),
            (Self::Literal(text), None) => {
                let chars = text.chars().map(Some).chain([None]).collect();
                *self = Self::Open(chars);
            }
            (Self::Open(chars), c) => chars.push(c),
        }
    }

    /// What is left of a text that it begins.
    fn strip_from_start<'a>(&self, text: &'a str) -> Option<&'a str> {
        match self {
            Self::Literal(literal) => text.strip_prefix(literal.as_str()),
            Self::Open(chars) => {
                let mut rest = text.chars();
                let begins = chars.iter().all(|wanted| rest.next().is_some_and(|c| wanted.is_none_or(|w| w == c)));
                begins.then_some(rest.as_str())
            }
        }
    }

    /// What is left of a text that it ends.
    fn strip_from_end<'a>(&self, text: &'a str) -> Option<&'a str> {
        match self {
            Self::Literal(literal) => text.strip_suffix(literal.as_str()),
            Self::Open(chars) => {
                let mut rest = text.chars();
                let mut wanted = chars.iter().rev();
                let ends = wanted.all(|wanted| rest.next_back().is_some_and(|c| wanted.is_none_or(|w| w == c)));
                ends.then_some(rest.as_str())
            }
        }
    }

    /// What comes after the first place in a text where it is.
    fn after_first<'a>(&self, text: &'a str) -> Option<&'a str> {
        match self {
            // Two-way search, which takes linear time.
            Self::Literal(literal) => text.find(literal.as_str()).map(|at| &text[at + literal.len()..]),
            Self::Open(chars) => after_first_open(chars, text),
        }
    }
}

/// Shift-And (Baeza-Yates and Gonnet, "A new approach to text searching", 1992): a bit for each character of the segment
/// says whether the text read so far ends with the segment up to there.
fn after_first_open<'a>(chars: &[Option<char>], text: &'a str) -> Option<&'a str> {
    let words = chars.len().div_ceil(64);
    let mut anywhere = vec![0_u64; words];
    let mut of: BTreeMap<char, Vec<u64>> = BTreeMap::new();
    for (place, wanted) in chars.iter().enumerate() {
        let bits = match wanted {
            None => &mut anywhere,
            Some(c) => of.entry(*c).or_insert_with(|| vec![0; words]),
        };
        bits[place / 64] |= 1 << (place % 64);
    }
    let end = chars.len() - 1;
    let mut state = vec![0_u64; words];
    for (at, c) in text.char_indices() {
        let fitting = of.get(&c);
        // The segment may begin at every character.
        let mut carry = 1;
        for (number, word) in state.iter_mut().enumerate() {
            let shifted = *word << 1 | carry;
            carry = *word >> 63;
            *word = shifted & (anywhere[number] | fitting.map_or(0, |bits| bits[number]));
        }
        if state[end / 64] >> (end % 64) & 1 == 1 {
            return Some(&text[at + c.len_utf8()..]);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The obvious one, exponential at worst.
    fn model(pattern: &[char], text: &[char]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some(('*', rest)) => (0..=text.len()).any(|taken| model(rest, &text[taken..])),
            Some(('?', rest)) => !text.is_empty() && model(rest, &text[1..]),
            Some((c, rest)) => text.first() == Some(c) && model(rest, &text[1..]),
        }
    }

    fn matches_as_the_model(pattern: &str, text: &str) -> Result<(), TestCaseError> {
        let chars = |text: &str| text.chars().collect::<Vec<_>>();
        prop_assert_eq!(Wildcard::new(pattern).matches(text), model(&chars(pattern), &chars(text)));
        Ok(())
    }

    proptest! {
        #[test]
        fn what_begins_alike_is_matched_as_the_model_matches(pattern in "[ab*?]{0,6}", prefix in "[ab]{0,4}") {
            let read = Wildcard::new(&pattern);
            let pattern: Vec<_> = pattern.chars().collect();
            // All that is new in a longer text, a short one has too: a pattern has six pieces at most.
            let ends = (0..=6).flat_map(|length| (0..1_u32 << length).map(move |bits| (length, bits)));
            let matched: Vec<_> = ends
                .map(|(length, bits)| {
                    let end = (0..length).map(|at| if bits >> at & 1 == 0 { 'a' } else { 'b' });
                    model(&pattern, &prefix.chars().chain(end).collect::<Vec<_>>())
                })
                .collect();
            prop_assert_eq!(read.matches_some_under(&prefix), matched.contains(&true));
            prop_assert!(!read.matches_all_under(&prefix) || !matched.contains(&false));
        }
    }

    #[test]
    fn a_star_at_the_end_matches_all_under_a_prefix() {
        let pattern = Wildcard::new;
        assert!(pattern("in/*").matches_all_under("in/a/") && pattern("*").matches_all_under(""));
        assert!(!pattern("in/*/x").matches_all_under("in/") && !pattern("in/a/*").matches_all_under("in/"));
        assert!(pattern("in/a/*").matches_some_under("in/") && !pattern("in/a/*").matches_some_under("out/"));
        assert!(pattern("in").matches_some_under("i") && !pattern("in").matches_some_under("in/"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]

        #[test]
        fn matches_what_the_model_matches(pattern in "[ab*?é]{0,9}", text in "[abé]{0,9}") {
            matches_as_the_model(&pattern, &text)?;
        }

        /// Segments of more than a word of bits, found at places that aren't the first.
        #[test]
        fn long_segments_match_as_the_model(
            segment in "[ab?]{60,140}", before in "[ab]{0,70}", hits in prop::collection::vec("[ab]", 140), after in "[ab]{0,9}",
        ) {
            let mut hits = hits.into_iter();
            let middle: String = segment.chars().map(|c| match c { '?' => hits.next().unwrap(), c => c.to_string() }).collect();
            matches_as_the_model(&format!("*{segment}*"), &format!("{before}{middle}{after}"))?;
            matches_as_the_model(&format!("*{segment}*"), &format!("{before}{after}{}", &middle[1..]))?;
        }
    }

    #[test]
    fn stars_alone_match_everything() {
        for (pattern, everything) in
            [("*", true), ("***", true), ("", false), ("*a", false), ("a*", false), ("?*", false)]
        {
            assert_eq!(Wildcard::new(pattern).is_everything(), everything, "{pattern:?}");
        }
    }

    /// With time that grows by the product of both lengths, these would take minutes.
    #[test]
    fn the_worst_patterns_take_linear_time() {
        let text = "a".repeat(1 << 20);
        for pattern in ["*a".repeat(1 << 18) + "b", format!("*{}b*", "a".repeat(1 << 18)), "*a".repeat(1 << 18) + "*b*"]
        {
            assert!(!Wildcard::new(&pattern).matches(&text));
        }
        assert!(!Wildcard::new(&format!("*{}b*", "a?".repeat(512))).matches(&text));
    }
}
