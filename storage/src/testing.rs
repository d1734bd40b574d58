//! Decorators over object stores, for the tests and benchmarks of this and other crates: [`Counting`] counts requests
//! and bytes, [`Faulty`] fails as it is told. Neither is used when Lakebed serves.

mod counting;
mod faulty;

pub use counting::{Counters, Counting, Verb};
pub use faulty::{Fault, Faults, Faulty};
