//! Pages as messages of the public API ask for them and answer them.

use model::{PAGE_MAX, PageRequest};

/// How many items a page has if the caller doesn't say.
const PAGE_DEFAULT: usize = 100;

/// Reads how many items a page may have.
pub(crate) fn amount(amount: u32) -> usize {
    match usize::try_from(amount).unwrap_or(PAGE_MAX) {
        0 => PAGE_DEFAULT,
        amount => amount.min(PAGE_MAX),
    }
}

/// Reads which page of a list is wanted.
pub(crate) fn page(prefix: String, after: String, wanted: u32) -> PageRequest {
    PageRequest { prefix, after, amount: amount(wanted) }
}

/// The name after which the list continues, if there is more.
pub(crate) fn next_after<T>(more: bool, items: &[T], name: impl Fn(&T) -> String) -> String {
    items.last().filter(|_| more).map(name).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_a_default_and_a_bound() {
        assert_eq!((amount(0), amount(7), amount(u32::MAX)), (100, 7, 1000));
    }

    #[test]
    fn there_is_a_next_page_only_after_a_full_one() {
        assert_eq!(next_after(true, &["a", "b"], ToString::to_string), "b");
        assert_eq!(next_after(false, &["a", "b"], ToString::to_string), "");
    }
}
