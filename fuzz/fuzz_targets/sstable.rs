//! Fuzzes tables. What must hold says `graveler::fuzzing`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| graveler::fuzzing::sstable(bytes));
