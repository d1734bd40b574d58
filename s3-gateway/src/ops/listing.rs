//! One page of a bucket's keys, whatever the version of ListObjects. Owns how refs and paths make one order of keys;
//! leaves listing one ref to graveler and refs' names to `ref_names`. Invariant: a page's last key or common prefix,
//! given back as `after`, goes on right after it.
//!
//! - A prefix with a slash, `main/…`, lists that ref. A ref that isn't there lists nothing, as a prefix without keys.
//! - A prefix without one, delimiter `/`: branches and tags as common prefixes.
//! - A prefix without one, no delimiter: the objects of each branch and tag, ref by ref.
//!
//! Who asks for a list of refs is asked twice: whether there may be any, and then for each ref that it would show.

use auth::{Action, HiddenPaths, Resource, Through};
use graveler::{ListItem, ListRequest, RefExpr};
use model::{Entry, RepositoryName};

use crate::call::{self, Call};
use crate::error_table::Failure;
use crate::protocol::S3Error;
use crate::protocol::xml::can_hold;
use crate::ref_names::{Ref, RefsWanted, find_ref, ref_names};

/// How many refs one page looks into when it lists all refs' objects.
const REFS_PER_PAGE_MAX: usize = 100;

/// What is asked of a listing.
pub(super) struct Wanted<'a> {
    /// Keys begin so.
    pub(super) prefix: &'a str,
    /// What groups keys.
    pub(super) delimiter: Option<&'a str>,
    /// Keys and common prefixes are after this.
    pub(super) after: &'a str,
    /// How many at most.
    pub(super) amount: usize,
}

/// A page.
#[derive(Default)]
pub(super) struct Page {
    /// Keys with their objects, in order.
    pub(super) objects: Vec<(String, Entry)>,
    /// Common prefixes, in order.
    pub(super) prefixes: Vec<String>,
    /// What to go on after, if there is more.
    pub(super) next: Option<String>,
}

impl Page {
    /// Its keys and common prefixes.
    pub(super) fn keys(&self) -> impl Iterator<Item = &String> {
        self.objects.iter().map(|(key, _)| key).chain(&self.prefixes)
    }
}

/// Lists a page.
pub(super) async fn page(call: &Call<'_>, repository: &RepositoryName, wanted: &Wanted<'_>) -> Result<Page, Failure> {
    if wanted.amount == 0 {
        call.graveler.meta().repository(repository).await?;
        return Ok(Page::default());
    }
    match (wanted.prefix.split_once('/'), wanted.delimiter) {
        (Some((reference, path)), _) => one_ref(call, repository, reference, path, wanted).await,
        (None, Some("/")) => refs(call, repository, wanted).await,
        (None, None) => all_refs(call, repository, wanted).await,
        (None, Some(_)) => {
            Err(S3Error::not_implemented("A delimiter other than / with a prefix that names no ref").into())
        }
    }
}

/// Asks whether the caller may list objects, and refs too, when the prefix names none.
pub(super) fn authorize(call: &Call<'_>, repository: &RepositoryName, prefix: &str) -> Result<(), Failure> {
    let (through, path) = match prefix.split_once('/') {
        Some((reference, path)) => (call::through(reference), path),
        None => {
            call.authorize(Action::ListBranches, &Resource::at_each_ref(repository))?;
            call.authorize(Action::ListTags, &Resource::at_each_ref(repository))?;
            (Through::EachRef, "")
        }
    };
    call.authorize(Action::ListObjects, &Resource::listing(repository, through, path))
}

/// Whether a listing whose prefix names no ref shows this one, and what it has.
pub(super) fn shows(call: &Call<'_>, repository: &RepositoryName, found: &Ref) -> bool {
    let (is_shown, through) = match found {
        Ref::Branch(branch) => (auth::shows_branch(call.caller, repository, branch), Through::from(branch)),
        Ref::Tag(tag) => (auth::shows_tag(call.caller, repository, tag), Through::from(tag)),
    };
    is_shown && auth::is_allowed(call.caller, Action::ListObjects, &Resource::listing(repository, through, ""))
}

/// Refuses a page with a key that XML can't hold, unless keys are encoded: anything else in its place would be another key.
pub(super) fn refuse_unwritable<'a>(
    keys: impl IntoIterator<Item = &'a String>,
    encoding_url: bool,
) -> Result<(), S3Error> {
    match keys.into_iter().find(|key| !encoding_url && !can_hold(key)) {
        Some(key) => Err(unwritable(key, "list with encoding-type=url")),
        None => Ok(()),
    }
}

/// Refuses a write whose answer would have another key, since XML can't hold this one.
pub(super) fn refuse_untold(key: &str, instead: &str) -> Result<(), S3Error> {
    if can_hold(key) { Ok(()) } else { Err(unwritable(key, instead)) }
}

fn unwritable(key: &str, instead: &str) -> S3Error {
    S3Error::invalid_request(format!("The key {key:?} has a character that XML can't hold: {instead}"))
}

/// Lists the objects of one ref.
async fn one_ref(
    call: &Call<'_>,
    repository: &RepositoryName,
    reference: &str,
    path: &str,
    wanted: &Wanted<'_>,
) -> Result<Page, Failure> {
    let mut page = Page::default();
    let Some(expr) = call.expression(repository, reference).await? else { return Ok(page) };
    let Some(after) = path_after(reference, wanted.after) else {
        call.graveler.meta().repository(repository).await?;
        return Ok(page);
    };
    let request = ListRequest {
        prefix: path.to_owned(),
        delimiter: wanted.delimiter.map(str::to_owned),
        after,
        amount: wanted.amount,
    };
    add_ref(call, repository, reference, &expr, &request, &mut page).await?;
    Ok(page)
}

/// Where to go on inside a ref; `None` if the ref is wholly behind.
fn path_after(reference: &str, after: &str) -> Option<String> {
    let folder = format!("{reference}/");
    match after.strip_prefix(folder.as_str()) {
        Some(path) => Some(path.to_owned()),
        None if after < folder.as_str() => Some(String::new()),
        None => None,
    }
}

/// Adds one ref's objects. A ref that isn't there adds nothing.
async fn add_ref(
    call: &Call<'_>,
    repository: &RepositoryName,
    reference: &str,
    expr: &RefExpr,
    request: &ListRequest,
    page: &mut Page,
) -> Result<(), Failure> {
    let hidden = HiddenPaths::new(call.caller, repository, expr.base());
    let listing = call.graveler.list_shown(repository, expr, request, Box::new(move |path| !hidden.has(path))).await;
    let listing = match listing.map_err(Failure::from) {
        Err(failure) if failure.is_unknown_ref() => return Ok(()),
        listing => listing?,
    };
    page.next = listing.next.map(|after| format!("{reference}/{after}"));
    for item in listing.items {
        let key = format!("{reference}/{}", item.name());
        match item {
            ListItem::Object(_, entry) => page.objects.push((key, entry)),
            ListItem::CommonPrefix(_) => page.prefixes.push(key),
        }
    }
    Ok(())
}

/// Lists branches and tags as common prefixes.
async fn refs(call: &Call<'_>, repository: &RepositoryName, wanted: &Wanted<'_>) -> Result<Page, Failure> {
    let Wanted { prefix, after, amount, .. } = *wanted;
    let shows = |found: &Ref| shows(call, repository, found);
    let wanted = RefsWanted { prefix, after, amount, shows: &shows };
    let found = ref_names(call.graveler.meta(), repository, wanted).await?;
    let prefixes = found.refs.iter().map(|found| format!("{}/", found.name())).collect();
    Ok(Page { objects: Vec::new(), prefixes, next: found.next.map(|name| name + "/") })
}

/// Lists the objects of all branches and tags, ref by ref. A page ends early after [`REFS_PER_PAGE_MAX`] refs.
async fn all_refs(call: &Call<'_>, repository: &RepositoryName, wanted: &Wanted<'_>) -> Result<Page, Failure> {
    let mut page = Page::default();
    let Wanted { prefix, after, .. } = *wanted;
    let shows = |found: &Ref| shows(call, repository, found);
    let refs = RefsWanted { prefix, after, amount: REFS_PER_PAGE_MAX, shows: &shows };
    let found = ref_names(call.graveler.meta(), repository, refs).await?;
    let begun = begun(call, repository, prefix, after).await?.filter(&shows);
    let mut last = None;
    for reference in begun.into_iter().chain(found.refs) {
        let amount = wanted.amount - page.objects.len();
        if amount == 0 {
            page.next = last.map(behind_ref);
            return Ok(page);
        }
        let reference = reference.name();
        let Some(after) = path_after(reference, after) else { continue };
        if let Ok(expr) = reference.parse() {
            let request = ListRequest { after, amount, ..ListRequest::default() };
            add_ref(call, repository, reference, &expr, &request, &mut page).await?;
        }
        if page.next.is_some() {
            return Ok(page);
        }
        last = Some(reference.to_owned());
    }
    page.next = found.next.map(behind_ref);
    Ok(page)
}

/// The ref in whose middle a page begins.
pub(super) async fn begun(
    call: &Call<'_>,
    repository: &RepositoryName,
    prefix: &str,
    after: &str,
) -> Result<Option<Ref>, Failure> {
    match after.split_once('/').filter(|(reference, _)| reference.starts_with(prefix)) {
        Some((reference, _)) => Ok(find_ref(call.graveler.meta(), repository, reference).await?),
        None => Ok(None),
    }
}

/// The least text that is after all keys of a ref: `/` is before `0`.
pub(super) fn behind_ref(reference: String) -> String {
    reference + "0"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_goes_on_inside_a_ref_or_behind_it() {
        assert_eq!(path_after("main", ""), Some(String::new()));
        assert_eq!(path_after("main", "main/a/b"), Some("a/b".into()));
        assert_eq!(path_after("main", "main-x/a"), Some(String::new()));
        assert_eq!(path_after("main", "main0"), None);
        assert_eq!(path_after("main", "n"), None);
    }
}
