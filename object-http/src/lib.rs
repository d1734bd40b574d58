//! What HTTP says of one object: its dates, ETags, conditions and ranges (RFC 9110), and the headers of an answer that
//! holds its bytes; and the bounds of a request's head.
//!
//! Owns how they are read, judged and written, for S3 and REST alike, so that both endpoints answer alike; leaves statuses
//! and bodies of errors to them. Knows nothing of Lakebed, and does no I/O.

mod condition;
mod date;
mod e_tag;
mod head;
mod range;
mod representation;

pub use condition::{InvalidCondition, Verdict, WriteCondition, judge_copy_source, judge_read, of_write};
pub use date::{http_date, parse_http_date};
pub use e_tag::{quoted, unquoted};
pub use head::{HEAD_BYTES_MAX, SeveralHosts, head_bytes, request_host};
pub use range::{Unsatisfiable, content_range, requested};
pub use representation::{Representation, insert};
