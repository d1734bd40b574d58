//! Ref expressions: a name and how to walk on from it. Owns their grammar; `ops/resolve` walks.
//! Invariant: an expression's text parses back to the same expression.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, SecondsFormat, Utc};
use model::{BranchName, CommitId, RefName, TagName, Timestamp};
use thiserror::Error;

/// The most suffixes that an expression may have.
const SUFFIXES_MAX: usize = 32;

/// A text that isn't a ref expression; says where it goes wrong.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("invalid ref {text:?}: {why}")]
pub struct InvalidRefExpr {
    text: String,
    why: &'static str,
}

/// A ref expression: a branch, tag, commit id or unique prefix of one (at least 4 digits), then suffixes.
///
/// - `main` is a branch with what is staged on it; `main$` says so too.
/// - `main@` is its committed head.
/// - `~n` goes n first parents back (`~` is `~1`), `^n` takes the n-th parent (`^` is `^1`, `^0` the commit itself).
/// - `main@{n}` is where the n-th last move of the branch led, by the reflog: `@{0}` its head now, `@{1}` that before the
///   last commit, merge, reset or other move. The branch may be deleted.
/// - `@{2026-11-01T00:00:00Z}` takes the newest commit at or before that time among the commit and its first parents. It
///   goes by history and not by the reflog, so that it says the same for ever, and on tags and commits too.
///
/// Suffixes combine from left to right: `main@{2026-11-01T00:00:00Z}~2`. `$` stands alone, after a branch. A tag whose
/// name ends in `@` can only be given as a commit id.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RefExpr {
    pub(crate) base: RefName,
    pub(crate) suffixes: Vec<Suffix>,
}

/// One step from a commit to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Suffix {
    /// `~n`: so many first parents back.
    Ancestor(u64),
    /// `^n`: the n-th parent.
    Parent(u64),
    /// `@`: what is committed.
    Head,
    /// `$`: with what is staged.
    Staged,
    /// `@{time}`: as it was then.
    At(Timestamp),
    /// `@{n}`: where the n-th last move of a branch led.
    Previous(u64),
}

impl RefExpr {
    /// The name that the expression begins with.
    pub fn base(&self) -> &RefName {
        &self.base
    }

    /// Whether the expression is just a name: what may be written to, if it is a branch's.
    pub fn is_bare(&self) -> bool {
        self.suffixes.is_empty()
    }
}

impl From<&BranchName> for RefExpr {
    fn from(name: &BranchName) -> Self {
        Self { base: name.into(), suffixes: Vec::new() }
    }
}

impl From<&TagName> for RefExpr {
    fn from(name: &TagName) -> Self {
        Self { base: name.into(), suffixes: Vec::new() }
    }
}

impl From<CommitId> for RefExpr {
    fn from(id: CommitId) -> Self {
        let base = id.to_string().parse().expect("because 64 hex digits are a valid name");
        Self { base, suffixes: Vec::new() }
    }
}

impl FromStr for RefExpr {
    type Err = InvalidRefExpr;

    fn from_str(text: &str) -> Result<Self, InvalidRefExpr> {
        let invalid = |why| InvalidRefExpr { text: text.chars().take(300).collect(), why };
        let end = name_length(text);
        let base = text[..end].parse().map_err(|_| invalid("use the name of a branch or tag, or a commit id"))?;
        let mut suffixes = Vec::new();
        let mut rest = &text[end..];
        while !rest.is_empty() {
            let (suffix, length) = parse_suffix(rest).map_err(invalid)?;
            suffixes.push(suffix);
            rest = &rest[length..];
        }
        if suffixes.len() > SUFFIXES_MAX {
            return Err(invalid("it has more than 32 suffixes"));
        }
        if suffixes.contains(&Suffix::Staged) && suffixes.len() > 1 {
            return Err(invalid("'$' stands alone behind a branch"));
        }
        if suffixes.iter().skip(1).any(|s| matches!(s, Suffix::Head | Suffix::Previous(_))) {
            return Err(invalid("'@' and '@{n}' stand right behind a name"));
        }
        Ok(Self { base, suffixes })
    }
}

impl fmt::Display for RefExpr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.base)?;
        self.suffixes.iter().try_for_each(|suffix| write!(f, "{suffix}"))
    }
}

impl fmt::Display for Suffix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ancestor(1) => f.write_str("~"),
            Self::Ancestor(n) => write!(f, "~{n}"),
            Self::Parent(1) => f.write_str("^"),
            Self::Parent(n) => write!(f, "^{n}"),
            Self::Head => f.write_str("@"),
            Self::Staged => f.write_str("$"),
            Self::Previous(n) => write!(f, "@{{{n}}}"),
            Self::At(time) => {
                write!(f, "@{{{}}}", time.to_datetime().to_rfc3339_opts(SecondsFormat::AutoSi, true))
            }
        }
    }
}

/// Where the name ends: at the first `~`, `^` or `$`, at an `@{`, or at an `@` with nothing but suffixes after it.
fn name_length(text: &str) -> usize {
    let stops = |at: usize, c: char| match c {
        '~' | '^' | '$' => true,
        '@' => matches!(text[at + 1..].chars().next(), None | Some('{' | '~' | '^' | '$' | '@')),
        _ => false,
    };
    text.char_indices().find(|&(at, c)| stops(at, c)).map_or(text.len(), |(at, _)| at)
}

/// Reads the suffix that a text begins with, and its length.
fn parse_suffix(text: &str) -> Result<(Suffix, usize), &'static str> {
    let mut rest = text.chars();
    match rest.next() {
        Some('~') => parse_number(rest.as_str()).map(|(number, length)| (Suffix::Ancestor(number), 1 + length)),
        Some('^') => parse_number(rest.as_str()).map(|(number, length)| (Suffix::Parent(number), 1 + length)),
        Some('$') => Ok((Suffix::Staged, 1)),
        Some('@') if rest.as_str().starts_with('{') => {
            let end = text.find('}').ok_or("'@{' has no '}'")?;
            Ok((parse_braces(&text[2..end])?, end + 1))
        }
        Some('@') => Ok((Suffix::Head, 1)),
        _ => Err("a suffix is one of ~n ^n @ $ @{n} @{time}"),
    }
}

/// Reads what stands between `@{` and `}`.
fn parse_braces(text: &str) -> Result<Suffix, &'static str> {
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        return text.parse().map(Suffix::Previous).map_err(|_| "its number is too large");
    }
    let time = DateTime::parse_from_rfc3339(text)
        .map_err(|_| "write a number in '@{…}', or a time like 2026-11-01T00:00:00Z")?;
    Ok(Suffix::At(time.with_timezone(&Utc).into()))
}

/// Reads the digits that a text begins with, and how many they are; none is 1.
fn parse_number(text: &str) -> Result<(u64, usize), &'static str> {
    let length = text.bytes().take_while(u8::is_ascii_digit).count();
    match &text[..length] {
        "" => Ok((1, 0)),
        digits => Ok((digits.parse().map_err(|_| "its number is too large")?, length)),
    }
}
