//! Fuzzes ref expressions and cursors of logs. What must hold says `graveler::fuzzing`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| graveler::fuzzing::ref_expr(bytes));
