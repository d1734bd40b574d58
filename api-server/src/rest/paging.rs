//! Pages of lists, as lakeFS's clients turn them. Invariant: a page says what to go on after only when there is more.

use model::{PAGE_MAX, PageRequest};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::{IntoParams, ToSchema};

/// How many items a page has if the client doesn't say.
const PAGE_DEFAULT: usize = 100;

/// Which page of a list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageQuery {
    /// Items that begin so.
    #[serde(default)]
    #[param(value_type = Option<String>)]
    pub(crate) prefix: String,
    /// Items after this one.
    #[serde(default)]
    #[param(value_type = Option<String>)]
    pub(crate) after: String,
    /// How many items; as many as a page may have if it isn't positive.
    #[serde(default)]
    #[param(value_type = Option<i64>, minimum = -1, maximum = 1000)]
    pub(crate) amount: Amount,
}

impl From<PageQuery> for PageRequest {
    fn from(PageQuery { prefix, after, amount }: PageQuery) -> Self {
        Self { prefix, after, amount: amount.0 }
    }
}

/// How many items a page shall have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Amount(pub(crate) usize);

impl Default for Amount {
    fn default() -> Self {
        Self(PAGE_DEFAULT)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match i64::deserialize(deserializer)? {
            -1 | 0 => Ok(Self(PAGE_MAX)),
            amount => match usize::try_from(amount) {
                Ok(amount) if amount <= PAGE_MAX => Ok(Self(amount)),
                _ => Err(serde::de::Error::custom(format!("amount is from -1 to {PAGE_MAX}"))),
            },
        }
    }
}

/// Where a page stands in its list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Pagination {
    /// Whether more come after it.
    pub(crate) has_more: bool,
    /// What to send as `after` to get them.
    pub(crate) next_offset: String,
    /// How many items the page has.
    #[schema(minimum = 0)]
    pub(crate) results: usize,
    /// How many items a page may have.
    #[schema(minimum = 0)]
    pub(crate) max_per_page: usize,
}

impl Pagination {
    /// Describes a page of `items`, whose list goes on after the last one's name.
    pub(crate) fn of<T>(more: bool, items: &[T], name: impl Fn(&T) -> String) -> Self {
        Self::before(items.last().filter(|_| more).map(name), items.len())
    }

    /// Describes a page of so many items, before the one that begins here.
    pub(crate) fn before(next: Option<String>, results: usize) -> Self {
        Self { has_more: next.is_some(), next_offset: next.unwrap_or_default(), results, max_per_page: PAGE_MAX }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_a_default_and_bounds() {
        let amount = |text: &str| serde_json::from_str::<Amount>(text).map(|amount| amount.0);
        assert_eq!(Amount::default().0, 100);
        assert_eq!((amount("-1").unwrap(), amount("0").unwrap(), amount("7").unwrap()), (1000, 1000, 7));
        assert!(amount("1001").is_err() && amount("-2").is_err());
    }

    #[test]
    fn only_a_page_with_more_behind_it_says_where_to_go_on() {
        assert_eq!(Pagination::of(true, &["a", "b"], ToString::to_string).next_offset, "b");
        assert_eq!(Pagination::of(false, &["a", "b"], ToString::to_string).next_offset, "");
    }
}
