//! The fuzz targets over the seeds, and over what is near them: a first fuzzing in every test run.

use proptest::prelude::*;
use proptest::sample::Index;

use super::*;

fn target(name: &str) -> Target {
    TARGETS.iter().find(|(target, _)| *target == name).expect("a seed is for a target").1
}

#[test]
fn seeds_are_taken_but_for_one_that_defines_entities() {
    for seed in seeds() {
        target(seed.target)(&seed.bytes);
        let text = String::from_utf8_lossy(&seed.bytes);
        let is_taken = match seed.target {
            "signature" => receive(&parts(&seed.bytes).unwrap()).map_err(|why| panic!("{why:?} {text}")).is_ok(),
            "chunked" => {
                let form = FORMS[usize::from(seed.bytes[0]) % FORMS.len()];
                unframe([Bytes::copy_from_slice(&seed.bytes[1..])], form).is_ok()
            }
            _ => {
                let documents = [delete_objects(&seed.bytes).is_ok(), complete_multipart_upload(&seed.bytes).is_ok()];
                documents.contains(&true) || create_bucket(&seed.bytes).is_ok() || tagging(&seed.bytes).is_ok()
            }
        };
        assert_eq!(is_taken, !text.contains("<!DOCTYPE"), "{text}");
    }
}

/// A seed with pieces of others of its target in it, and bytes changed.
#[test]
fn what_is_near_a_signed_request_a_body_or_a_document_keeps_the_promises() {
    let seeds = seeds();
    let edits = prop::collection::vec((any::<Index>(), any::<Index>(), any::<Index>(), any::<u8>(), 0..5_u8), 1..5);
    // More with PROPTEST_CASES.
    let cases = ProptestConfig::default().cases.max(3000);
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(seed in any::<Index>(), edits in edits)| {
        let seed = seed.get(&seeds);
        let mut bytes = seed.bytes.clone();
        for (at, other, from, byte, edit) in edits {
            let at = at.index(bytes.len().max(1));
            let others: Vec<_> = seeds.iter().filter(|other| other.target == seed.target).collect();
            let other = &other.get(&others).bytes;
            let from = from.index(other.len());
            match edit {
                0 => bytes.truncate(at),
                1 => bytes.insert(at, byte),
                2 => drop(bytes.splice(at.., other[from..].iter().copied())),
                3 => drop(bytes.splice(at..at, other[from..].iter().take(usize::from(byte)).copied())),
                _ if bytes.is_empty() => {}
                _ => bytes[at] = byte,
            }
        }
        target(seed.target)(&bytes);
    });
}
