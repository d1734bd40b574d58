//! Prefixes and delimiters, as listings and diffs group paths. Owns the arithmetic on texts; texts order by their bytes,
//! which is the order of their characters. Invariant: all texts with a prefix lie before the text after it, and no
//! other text lies between.

use model::PAGE_MAX;

/// How paths are grouped.
pub(crate) struct Grouping<'a> {
    prefix: &'a str,
    delimiter: Option<&'a str>,
}

impl<'a> Grouping<'a> {
    /// Groups what is after `prefix` by a delimiter; an empty one is none.
    pub(crate) fn new(prefix: &'a str, delimiter: Option<&'a str>) -> Self {
        Self { prefix, delimiter: delimiter.filter(|delimiter| !delimiter.is_empty()) }
    }

    /// Whether any path can belong to a common prefix.
    pub(crate) fn groups(&self) -> bool {
        self.delimiter.is_some()
    }

    /// The common prefix that a path belongs to: up to the first delimiter after the prefix, that included.
    pub(crate) fn common_prefix<'p>(&self, path: &'p str) -> Option<&'p str> {
        let delimiter = self.delimiter?;
        let at = path.strip_prefix(self.prefix)?.find(delimiter)?;
        Some(&path[..self.prefix.len() + at + delimiter.len()])
    }

    /// Where to begin so that only items after `after` come: a common prefix is skipped whole. `None`: nowhere.
    pub(crate) fn start_behind(&self, after: &str) -> Option<String> {
        if after.is_empty() {
            return Some(self.prefix.to_owned());
        }
        if self.common_prefix(after) == Some(after) {
            return behind_prefix(after);
        }
        Some(format!("{after}\0").max(self.prefix.to_owned()))
    }
}

/// How many paths that aren't shown are looked at for one page.
const HIDDEN_MAX: usize = 10_000;

/// Whether a caller may see a path or common prefix.
pub type Shows = dyn Fn(&str) -> bool + Send + Sync;

/// Gathers a page: decides what each path, in their order, is on it. Owns its bounds.
pub(crate) struct Pager<'a> {
    pub(crate) grouping: Grouping<'a>,
    shows: &'a Shows,
    /// How many more items fit.
    room: usize,
    hidden: usize,
}

/// What a path is on a page.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum OnPage {
    /// An item of its own.
    Item,
    /// It stands for all paths with this common prefix, which come no more.
    Group(String),
    /// Not shown.
    Hidden,
    /// Not shown, nor are others with this common prefix.
    HiddenGroup(String),
    /// On the next page, which comes after the last item.
    Next,
    /// On the next page, which comes after this: enough was looked at.
    After(String),
}

impl<'a> Pager<'a> {
    /// Shows paths and common prefixes that `shows` lets through; a common prefix needs a path that it lets through too.
    pub(crate) fn new((prefix, delimiter): (&'a str, Option<&'a str>), amount: usize, shows: &'a Shows) -> Self {
        Self { grouping: Grouping::new(prefix, delimiter), shows, room: amount.min(PAGE_MAX), hidden: 0 }
    }

    /// Decides what the next path is.
    pub(crate) fn place(&mut self, path: &str) -> OnPage {
        let common = self.grouping.common_prefix(path);
        let hidden_group = common.filter(|common| !(self.shows)(common));
        if hidden_group.is_some() || !(self.shows)(path) {
            self.hidden += 1;
            return match hidden_group {
                _ if self.hidden > HIDDEN_MAX => OnPage::After(hidden_group.unwrap_or(path).to_owned()),
                Some(common) => OnPage::HiddenGroup(common.to_owned()),
                None => OnPage::Hidden,
            };
        }
        if self.room == 0 {
            return OnPage::Next;
        }
        self.room -= 1;
        common.map_or(OnPage::Item, |common| OnPage::Group(common.to_owned()))
    }
}

/// The smallest text that is larger than all that begin with `prefix`; `None` if there is none such.
pub(crate) fn behind_prefix(prefix: &str) -> Option<String> {
    let mut text = prefix.to_owned();
    while let Some(last) = text.pop() {
        if let Some(next) = next_char(last) {
            text.push(next);
            return Some(text);
        }
    }
    None
}

fn next_char(c: char) -> Option<char> {
    match c {
        '\u{d7ff}' => Some('\u{e000}'),
        _ => char::from_u32(u32::from(c) + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_behind_a_prefix_is_the_next_one() {
        assert_eq!(behind_prefix("a/").as_deref(), Some("a0"));
        assert_eq!(behind_prefix("a\u{10ffff}").as_deref(), Some("b"));
        assert_eq!(behind_prefix("\u{d7ff}").as_deref(), Some("\u{e000}"));
        assert_eq!(behind_prefix("\u{10ffff}"), None);
        assert_eq!(behind_prefix(""), None);
    }

    #[test]
    fn a_group_is_shown_if_a_path_in_it_is() {
        let shows = |path: &str| !path.starts_with("b/") && !path.ends_with("secret");
        let mut pager = Pager::new(("", Some("/")), 2, &shows);
        let placed = ["a/secret", "a/z", "b/x", "c-secret", "c/secret", "d", "e"].map(|path| pager.place(path));
        let group = |text: &str| OnPage::Group(text.to_owned());
        use OnPage::{Hidden, HiddenGroup, Item, Next};
        assert_eq!(placed, [Hidden, group("a/"), HiddenGroup("b/".into()), Hidden, Hidden, Item, Next]);
        let mut pager = Pager::new(("", None), 2, &|_| false);
        assert!((0..HIDDEN_MAX).all(|_| pager.place("x") == Hidden));
        assert_eq!(pager.place("y"), OnPage::After("y".to_owned()));
    }

    #[test]
    fn common_prefixes_end_with_the_first_delimiter_behind_the_prefix() {
        let grouping = Grouping::new("a/", Some("/"));
        assert_eq!(grouping.common_prefix("a/b/c/d"), Some("a/b/"));
        assert_eq!(grouping.common_prefix("a//c"), Some("a//"));
        assert_eq!(grouping.common_prefix("a/b"), None);
        assert_eq!(Grouping::new("a", Some("--")).common_prefix("a-b--c"), Some("a-b--"));
        assert_eq!(Grouping::new("a", Some("")).common_prefix("a/b"), None);
        assert_eq!(Grouping::new("a", None).common_prefix("a/b"), None);
    }

    #[test]
    fn a_page_begins_behind_an_item() {
        let grouping = Grouping::new("a/", Some("/"));
        assert_eq!(grouping.start_behind("").as_deref(), Some("a/"));
        assert_eq!(grouping.start_behind("a/b/").as_deref(), Some("a/b0"));
        assert_eq!(grouping.start_behind("a/b").as_deref(), Some("a/b\0"));
        assert_eq!(grouping.start_behind("A").as_deref(), Some("a/"));
        assert_eq!(grouping.start_behind("a/b/c").as_deref(), Some("a/b/c\0"));
    }
}
