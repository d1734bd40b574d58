//! Names and shapes of history: ref expressions, commit objects, merge bases, logs.

mod ref_expr;

pub use ref_expr::{InvalidRefExpr, RefExpr};
