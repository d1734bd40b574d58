//! Fuzzes metaranges and their records. What must hold says `graveler::fuzzing`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| graveler::fuzzing::metarange(bytes));
