//! Lists as streams: the next page is fetched when the last is used up. Invariant: at most one page is held.

use std::collections::VecDeque;
use std::future::Future;

use futures::stream::{BoxStream, StreamExt, try_unfold};

use crate::Error;

/// How many items one page asks for: the server's most.
pub(crate) const PAGE_ITEMS: u32 = 1000;

/// One page.
pub(crate) struct Page<T> {
    pub(crate) items: Vec<T>,
    /// Where the next begins, if there is one.
    pub(crate) next_after: Option<String>,
}

impl<T> Page<T> {
    /// A page as the API's answers have it.
    pub(crate) fn new(items: Vec<T>, more: bool, next_after: String) -> Self {
        Self { items, next_after: more.then_some(next_after) }
    }
}

/// Streams the items of all pages; `fetch` gets a page after a name.
pub(crate) fn pages<T, F, Fut>(after: String, fetch: F) -> BoxStream<'static, Result<T, Error>>
where
    T: Send + 'static,
    F: Fn(String) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Page<T>, Error>> + Send + 'static,
{
    let start = (VecDeque::new(), Some(after), fetch);
    try_unfold(start, async |(mut held, mut after, fetch)| {
        loop {
            if let Some(item) = held.pop_front() {
                return Ok(Some((item, (held, after, fetch))));
            }
            let Some(from) = after else { return Ok(None) };
            let page = fetch(from).await?;
            held = page.items.into();
            after = page.next_after;
        }
    })
    .boxed()
}
