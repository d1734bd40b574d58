//! Pages of ordered listings. Owns which page is asked for, what it looks like, and how large one may be.

use serde::{Deserialize, Serialize};

/// The most items that one page may hold; larger amounts are taken as this.
pub const PAGE_MAX: usize = 1000;

/// Which page of a listing in the order of names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageRequest {
    /// Names begin so.
    pub prefix: String,
    /// Names are larger; an empty text is from the start.
    pub after: String,
    /// How many items at most.
    pub amount: usize,
}

impl PageRequest {
    /// The first page of all names.
    pub fn first(amount: usize) -> Self {
        Self { amount, ..Self::default() }
    }

    /// The page of all names that are larger than one.
    pub fn after(after: impl Into<String>, amount: usize) -> Self {
        Self { prefix: String::new(), after: after.into(), amount }
    }
}

/// One page of an ordered listing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page<T> {
    /// In order.
    pub items: Vec<T>,
    /// Whether more come after the last item.
    pub more: bool,
}
