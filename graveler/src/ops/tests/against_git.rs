//! Git's own merges (`merge-ort`) of random histories, against the model that ours are held against (`histories`). Git's
//! rule is another in one point, which the model knows. Files have one line each, so that git never merges inside a file,
//! and no two paths ever have the same line, so that it finds no renames.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use proptest::prelude::*;
use tempfile::TempDir;

use super::histories::{History, Outcome, Rule, histories, pairs};
use crate::tree::tests::{Model, cases};

struct Git {
    folder: TempDir,
    /// What the content of an object is.
    contents: BTreeMap<String, u64>,
}

impl Git {
    fn command(folder: &Path, arguments: &[&str]) -> Command {
        let mut git = Command::new("git");
        git.arg("-C").arg(folder).args(arguments);
        git.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
        git
    }

    fn run(&self, arguments: &[&str]) -> Output {
        Self::command(self.folder.path(), arguments).output().expect("because git is installed")
    }

    /// A repository with the history, each commit as a branch of its own.
    fn import(history: &History) -> Self {
        let git = Self { folder: tempfile::tempdir().unwrap(), contents: BTreeMap::new() };
        assert!(git.run(&["init", "--bare", "-q"]).status.success());
        let mut import = Self::command(git.folder.path(), &["fast-import", "--quiet", "--export-marks=marks"]);
        let mut import = import.stdin(Stdio::piped()).spawn().expect("because git is installed");
        import.stdin.take().unwrap().write_all(stream(history).as_bytes()).unwrap();
        assert!(import.wait().unwrap().success());
        let marks = std::fs::read_to_string(git.folder.path().join("marks")).unwrap();
        let marks = marks.lines().filter_map(|line| line.strip_prefix(':')?.split_once(' '));
        let contents = marks.map(|(mark, id)| (id.to_owned(), mark.parse::<u64>().unwrap()));
        let contents = contents.filter(|(_, mark)| *mark < COMMITS).map(|(id, mark)| (id, mark % CONTENTS));
        Self { contents: contents.collect(), ..git }
    }

    fn merge(&self, source: usize, destination: usize) -> Outcome {
        let sides = [destination, source].map(|number| format!("c{number}"));
        let options = ["merge-tree", "--write-tree", "-z", "--name-only", "--no-messages"];
        let output = self.run(&[&options[..], &[sides[0].as_str(), sides[1].as_str()]].concat());
        assert!(matches!(output.status.code(), Some(0 | 1)), "{}", String::from_utf8_lossy(&output.stderr));
        let output = String::from_utf8(output.stdout).unwrap();
        let mut parts = output.split_terminator('\0');
        let tree = parts.next().unwrap();
        let conflicts: BTreeSet<String> = parts.filter(|path| !path.is_empty()).map(Into::into).collect();
        let clean = self.tree(tree).into_iter().filter(|(path, _)| !conflicts.contains(path));
        let clean: Model = clean.map(|(path, id)| (path, self.contents[&id])).collect();
        Outcome { clean, conflicts }
    }

    /// Paths and ids.
    fn tree(&self, tree: &str) -> Vec<(String, String)> {
        let listed = self.run(&["ls-tree", "-r", "-z", tree]);
        assert!(listed.status.success());
        let listed = String::from_utf8(listed.stdout).unwrap();
        let entries = listed.split_terminator('\0').filter_map(|entry| entry.split_once('\t'));
        entries.map(|(object, path)| (path.to_owned(), object.rsplit(' ').next().unwrap().to_owned())).collect()
    }
}

/// How many contents a path may have.
const CONTENTS: u64 = 10;
/// Marks of commits begin here; those before are of contents.
const COMMITS: u64 = 100;

/// The mark of a content of a path, `p0` to `p8`.
fn mark_of(path: &str, content: u64) -> u64 {
    let path: u64 = path[1..].parse().unwrap();
    (path + 1) * CONTENTS + content
}

/// The history in the format of `git fast-import`.
fn stream(history: &History) -> String {
    let mut text = String::new();
    for mark in CONTENTS..COMMITS {
        let line = format!("{}\n", blake3::hash(&mark.to_le_bytes()).to_hex());
        text += &format!("blob\nmark :{mark}\ndata {}\n{line}\n", line.len());
    }
    for (number, node) in history.commits.iter().enumerate() {
        let time = 1_700_000_000 + history.time(number);
        let mark = COMMITS + number as u64;
        text += &format!("commit refs/heads/c{number}\nmark :{mark}\ncommitter a <a> {time} +0000\ndata 0\n");
        for (parent, verb) in node.parents.iter().zip(["from", "merge"]) {
            text += &format!("{verb} :{}\n", COMMITS + *parent as u64);
        }
        text += "deleteall\n";
        for (path, content) in &node.model {
            text += &format!("M 100644 :{} {path}\n", mark_of(path, *content));
        }
        text += "\n";
    }
    text
}

#[test]
fn git_merges_as_the_model_does() {
    proptest!(cases(48), |((history, heads) in histories())| {
        let git = Git::import(&history);
        for (source, destination) in pairs(&history, heads) {
            let expected = history.merge(Rule::Git, source, destination);
            prop_assert_eq!(git.merge(source, destination), expected, "{} into {}", source, destination);
        }
    });
}

/// Where one base of several removed a path that another changed, git takes for their merge what was there before both,
/// so that what a side has made of it may win without a word. Ours is a conflict.
#[test]
fn git_differs_where_bases_removed_and_changed_a_path() {
    let content =
        |content: Option<u64>| content.map(|content| ("p0".to_owned(), content)).into_iter().collect::<Model>();
    let mut history = History::default();
    history.push(vec![], content(Some(0)));
    history.push(vec![0], content(None));
    history.push(vec![0], content(Some(1)));
    // Both merge both: one brings back what was at first, the other keeps the change and goes on from it.
    history.push(vec![1, 2], content(Some(0)));
    history.push(vec![2, 1], content(Some(2)));
    let git = Git::import(&history).merge(3, 4);
    assert_eq!(git, Outcome { clean: content(Some(2)), conflicts: BTreeSet::new() });
    assert_eq!(git, history.merge(Rule::Git, 3, 4));
    let ours = history.merge(Rule::Ours, 3, 4);
    assert_eq!(ours, Outcome { clean: Model::new(), conflicts: BTreeSet::from(["p0".to_owned()]) });
}

/// All that git finds in conflict is in conflict, and what is clean for both is the same.
#[test]
fn the_rule_finds_every_conflict_that_git_finds() {
    proptest!(cases(256), |((history, heads) in histories())| {
        for (source, destination) in pairs(&history, heads) {
            let [ours, git] = [Rule::Ours, Rule::Git].map(|rule| history.merge(rule, source, destination));
            prop_assert!(ours.conflicts.is_superset(&git.conflicts));
            let both_clean = |path: &&String| !ours.conflicts.contains(*path);
            for path in git.clean.keys().chain(ours.clean.keys()).filter(both_clean) {
                prop_assert_eq!(ours.clean.get(path), git.clean.get(path));
            }
        }
    });
}
