//! For the tests and benchmarks of this and other crates. Decorators over object stores: [`Counting`] counts requests and
//! bytes, [`Faulty`] fails as it is told, [`Tagging`] gives ETags as S3 does and [`Completing`] completes uploads as it
//! does. [`copy_store`] copies a local one. None is used when
//! Lakebed serves.

mod completing;
mod copied;
mod counting;
mod faulty;
mod tagging;

pub use completing::Completing;
pub use copied::copy_store;
pub use counting::{Counters, Counting, Verb};
pub use faulty::{Fault, Faults, Faulty};
pub use tagging::{Tagging, Tags};
