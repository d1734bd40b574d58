//! Ref expressions as texts, and walks over random histories against naive models.

mod expressions;
mod graphs;
