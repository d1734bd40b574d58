//! Lists a ref's objects in the order of their paths. Owns grouping by delimiter; `staging/view` owns what is seen.
//! Invariant: a common prefix is skipped by seeking after it, and shown only if something visible is under it.

use model::{Entry, ObjectPath, PAGE_MAX, RepositoryName};

use super::prefix::{OnPage, Pager, Shows, behind_prefix};
use crate::boxed;
use crate::staging::View;
use crate::{Error, Graveler, RefExpr};

/// Which part of a listing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListRequest {
    /// Paths begin so.
    pub prefix: String,
    /// Paths that hold this text after the prefix are shown as one common prefix each, which ends with it.
    pub delimiter: Option<String>,
    /// Items after this one: an object's path, or a common prefix, whose paths are then all skipped.
    pub after: String,
    /// How many items at most; more than [`model::PAGE_MAX`] is taken as that.
    pub amount: usize,
}

/// One item of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListItem {
    /// An object.
    Object(ObjectPath, Entry),
    /// One or more objects whose paths begin so.
    CommonPrefix(String),
}

impl ListItem {
    /// The object's path, or what the paths begin with.
    pub fn name(&self) -> &str {
        match self {
            Self::Object(path, _) => path.as_str(),
            Self::CommonPrefix(prefix) => prefix,
        }
    }
}

/// One page of a listing, by bytes, objects and common prefixes interleaved as S3 does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// In order.
    pub items: Vec<ListItem>,
    /// What the next page comes after, if there is one.
    pub next: Option<String>,
}

impl Graveler {
    /// Lists a page of a ref's objects. A branch's view has what is staged over what is committed.
    #[boxed]
    pub async fn list(
        &self,
        repository: &RepositoryName,
        expr: &RefExpr,
        request: &ListRequest,
    ) -> Result<Listing, Error> {
        self.list_shown(repository, expr, request, Box::new(|_| true)).await
    }

    /// As [`Self::list`], of the paths and common prefixes that `shows` lets through; a common prefix needs a path that it lets
    /// through too. A page ends early after 10,000 others.
    #[boxed]
    pub async fn list_shown(
        &self,
        repository: &RepositoryName,
        expr: &RefExpr,
        request: &ListRequest,
        shows: Box<Shows>,
    ) -> Result<Listing, Error> {
        let resolved = self.resolve(repository, expr).await?;
        let mut pager = Pager::new((&request.prefix, request.delimiter.as_deref()), request.amount, &*shows);
        let mut listing = Listing { items: Vec::new(), next: None };
        let from = pager.grouping.start_behind(&request.after).filter(|_| request.amount > 0);
        let Some(from) = from else { return Ok(listing) };
        // Where prefixes are skipped, most of a large page would be fetched for nothing.
        let expected = if pager.grouping.groups() { 0 } else { request.amount.min(PAGE_MAX) + 1 };
        let mut view = View::open(self, &resolved, &request.prefix, &from).await?.expecting(expected);
        while let Some(seen) = view.next().await? {
            let group = match pager.place(seen.path()) {
                OnPage::Item => {
                    let (path, entry) = seen.into_entry(view.files())?;
                    listing.items.push(ListItem::Object(path, entry));
                    continue;
                }
                OnPage::Group(common) => {
                    listing.items.push(ListItem::CommonPrefix(common.clone()));
                    common
                }
                OnPage::HiddenGroup(common) => common,
                OnPage::Hidden => continue,
                OnPage::Next => {
                    listing.next = listing.items.last().map(|item| item.name().to_owned());
                    break;
                }
                OnPage::After(path) => {
                    listing.next = Some(path);
                    break;
                }
            };
            match behind_prefix(&group) {
                Some(behind) => view.seek(&behind).await?,
                None => break,
            }
        }
        Ok(listing)
    }
}
