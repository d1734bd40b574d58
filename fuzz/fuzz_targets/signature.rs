//! Fuzzes signed requests. What must hold says `s3_gateway::protocol::fuzzing`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| s3_gateway::protocol::fuzzing::signature(bytes));
