//! Black-box tests: real processes, real clients, faults.
