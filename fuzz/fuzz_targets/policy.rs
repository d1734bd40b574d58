//! Fuzzes policies. What must hold says `auth::fuzzing`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| auth::fuzzing::policy(bytes));
