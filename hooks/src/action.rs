//! Action files. Owns which of their events a branch fits; passes over what only running a hook needs. Invariant: what
//! can't be judged counts as fitting, so that no hook that somebody relies on is left out in silence.

use std::collections::BTreeMap;

use model::{BranchName, BranchPattern};
use serde::Deserialize;
use serde::de::IgnoredAny;
use thiserror::Error;

use crate::Event;

/// The folders that hold action files, one a file: ours and lakeFS's.
pub const FOLDERS: [&str; 2] = ["_lakebed_actions/", "_lakefs_actions/"];

/// The largest file that is taken for an action.
pub const FILE_BYTES_MAX: u64 = 64 << 10;

/// A file that is no action; says why.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InvalidAction {
    /// It isn't YAML of an action's form.
    #[error("{0}")]
    Form(String),
    /// It names an event that there isn't.
    #[error("there is no event {0:?}")]
    Event(String),
}

/// What a repository wants run on which events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    on: BTreeMap<Event, Branches>,
    has_hooks: bool,
}

/// The branches on which an event counts.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Branches {
    All,
    /// Those that fit one of these.
    Some(Vec<BranchPattern>),
}

#[derive(Deserialize)]
struct File {
    on: BTreeMap<String, Option<On>>,
    #[serde(default)]
    hooks: Vec<IgnoredAny>,
}

#[derive(Default, Deserialize)]
struct On {
    #[serde(default)]
    branches: Option<Vec<String>>,
}

impl Action {
    /// Reads a file.
    pub fn parse(text: &str) -> Result<Self, InvalidAction> {
        let file: File = serde_saphyr::from_str(text).map_err(|why| InvalidAction::Form(why.to_string()))?;
        let on = file.on.into_iter().map(|(event, on)| {
            let known = event.parse().map_err(|()| InvalidAction::Event(event))?;
            Ok((known, Branches::of(on.unwrap_or_default())))
        });
        Ok(Self { on: on.collect::<Result<_, InvalidAction>>()?, has_hooks: !file.hooks.is_empty() })
    }

    /// Whether the action has hooks to run when this happens to a branch.
    pub fn fires(&self, event: Event, branch: &BranchName) -> bool {
        self.has_hooks && self.on.get(&event).is_some_and(|branches| branches.hold(branch))
    }

    /// Whether the action has hooks to run when this happens, wherever it does.
    pub fn has(&self, event: Event) -> bool {
        self.has_hooks && self.on.contains_key(&event)
    }
}

impl Branches {
    fn of(on: On) -> Self {
        let patterns = on.branches.unwrap_or_default();
        match patterns.iter().map(|pattern| pattern.parse()).collect::<Result<Vec<BranchPattern>, _>>() {
            Ok(patterns) if !patterns.is_empty() => Self::Some(patterns),
            // None were named, or one has what our patterns lack, such as a class of characters.
            Ok(_) | Err(_) => Self::All,
        }
    }

    fn hold(&self, branch: &BranchName) -> bool {
        match self {
            Self::All => true,
            Self::Some(patterns) => patterns.iter().any(|pattern| pattern.matches(branch)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOOKS: &str = "hooks:\n  - id: check\n    type: webhook\n    properties:\n      url: http://127.0.0.1/\n";

    fn fires(on: &str, event: Event, branch: &str) -> bool {
        let action = Action::parse(&format!("name: a\non:\n{on}\n{HOOKS}")).unwrap();
        action.fires(event, &branch.parse().unwrap())
    }

    #[test]
    fn events_fit_branches() {
        let on = "  pre-commit:\n    branches:\n      - main\n      - release-*\n  post-merge:";
        for (event, branch, due) in [
            (Event::PreCommit, "main", true),
            (Event::PreCommit, "release-1", true),
            (Event::PreCommit, "dev", false),
            (Event::PostMerge, "dev", true),
            (Event::PreMerge, "main", false),
        ] {
            assert_eq!(fires(on, event, branch), due, "{event} {branch}");
        }
        for all in ["  pre-commit:", "  pre-commit: {}", "  pre-commit:\n    branches: []"] {
            assert!(fires(all, Event::PreCommit, "dev"), "{all}");
        }
        assert!(fires("  pre-commit:\n    branches: ['v[0-9]']", Event::PreCommit, "dev"), "what can't be judged fits");
    }

    #[test]
    fn an_action_without_hooks_never_fires() {
        let action = Action::parse("name: a\non:\n  pre-commit:\nhooks: []\n").unwrap();
        assert!(!action.fires(Event::PreCommit, &"main".parse().unwrap()) && !action.has(Event::PreCommit));
    }

    #[test]
    fn other_files_are_told_apart() {
        for text in ["", "# About these actions", "on: pre-commit", "name: a\non:\n  - pre-commit", "on: {", "\u{0}"] {
            assert!(matches!(Action::parse(text), Err(InvalidAction::Form(_))), "{text:?}");
        }
        let unknown = Action::parse("on:\n  pre-lunch:\n").unwrap_err();
        assert_eq!(unknown, InvalidAction::Event("pre-lunch".into()));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[-:{}\\[\\]&*!|>'\"%#?, \\na-z]{0,200}") {
            let _ = Action::parse(&text);
        }
    }
}
