//! The fuzz target over the seeds, and over documents that are pieced together of them: a first fuzzing in every test run.

use proptest::prelude::*;

use super::*;

/// What documents are made of, besides the seeds' pieces.
const WORDS: [&str; 16] =
    ["{", "}", "[", "]", "\"", ",", ":", "*", "?", "${user}", "\"deny\"", "\"allow\"", "\\u0000", "fs:*", "/0", "null"];

#[test]
fn seeds_are_taken() {
    for seed in seeds() {
        PolicyDocument::parse(&seed).unwrap_or_else(|why| panic!("{why}: {seed}"));
        policy(seed.as_bytes());
    }
}

#[test]
fn what_is_near_a_policy_keeps_the_promises() {
    // Cut at quotes and brackets, so that what is exchanged is a word or a list.
    let pieces: Vec<Vec<String>> = seeds()
        .iter()
        .map(|seed| seed.split_inclusive(['"', '[', ']', '{', '}', ',']).map(str::to_owned).collect())
        .collect();
    let all: Vec<&str> = pieces.iter().flatten().map(String::as_str).chain(WORDS).collect();
    let edits = prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0..3_u8), 0..5);
    let cases = ProptestConfig::default().cases.max(1500);
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(seed in any::<prop::sample::Index>(), edits in edits)| {
        let mut document: Vec<&str> = seed.get(&pieces).iter().map(String::as_str).collect();
        for (at, piece, edit) in edits {
            let at = at.index(document.len().max(1));
            match edit {
                0 => document.insert(at, all[piece.index(all.len())]),
                _ if document.is_empty() => {}
                1 => drop(document.remove(at)),
                _ => document[at] = all[piece.index(all.len())],
            }
        }
        policy(document.concat().as_bytes());
    });
}
