//! Decorators over object stores, for the tests and benchmarks of this and other crates: [`Counting`] counts requests
//! and bytes, [`Faulty`] fails as it is told, [`Tagging`] gives ETags as S3 does. None is used when Lakebed serves.

mod counting;
mod faulty;
mod tagging;

pub use counting::{Counters, Counting, Verb};
pub use faulty::{Fault, Faults, Faulty};
pub use tagging::{Tagging, Tags};
