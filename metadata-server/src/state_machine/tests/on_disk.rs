//! What a restart, a crash, a copy and a damaged file do.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;

/// Copies a folder as a crash would leave it: what RocksDB has handed to the file system, and nothing of its memory.
/// RocksDB removes files that it needs no more in the background: a copy that misses one is made again.
fn copy_folder(from: &Path, to: &Path) {
    while let Err(error) = try_copy_folder(from, to) {
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
        fs::remove_dir_all(to).unwrap();
    }
}

fn try_copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for item in fs::read_dir(from)? {
        let item = item?;
        if item.file_type()?.is_dir() {
            try_copy_folder(&item.path(), &to.join(item.file_name()))?;
        } else {
            fs::copy(item.path(), to.join(item.file_name()))?;
        }
    }
    Ok(())
}

#[test]
fn a_restart_finds_everything() {
    let dir = tempfile::tempdir().unwrap();
    let before = {
        let state = open(&dir);
        apply(&state, create(1));
        apply(&state, stage("a", "1"));
        dump(&state)
    };
    let state = open(&dir);
    assert_eq!(dump(&state), before);
    assert_eq!(state.raft_state().unwrap(), Some(Bytes::from_static(b"raft 2")));
    apply(&state, stage("b", "1"));
    assert_eq!(staged_paths(&state), ["a", "b"]);
}

#[test]
fn a_crash_leaves_the_state_after_the_last_flush_and_the_log_brings_it_up_again() {
    let dir = tempfile::tempdir().unwrap();
    let state = open(&dir);
    let commands = [create(1), stage("a", "1"), seal(), stage("b", "1"), unstage(UnstageScope::All), stage("c", "1")];
    let entries: Vec<_> = (1..).zip(commands).map(|(index, command)| applied(index, command)).collect();
    for flushed in 0..=entries.len() {
        if let Some(next) = flushed.checked_sub(1) {
            state.apply(&entries[next..flushed]).unwrap();
            state.flush().unwrap();
        }
        let at_flush = dump(&state);
        let crashed = tempfile::tempdir().unwrap();
        copy_folder(&dir.path().join("state"), &crashed.path().join("state"));
        let restarted = open(&crashed);
        assert_eq!(dump(&restarted), at_flush);
        assert_eq!(restarted.applied_index().unwrap(), flushed as u64);
        restarted.apply(&entries[flushed..]).unwrap();
        assert_eq!(staged_paths(&restarted), ["c"]);
    }
}

#[test]
fn what_was_not_flushed_is_lost_as_a_whole() {
    let dir = tempfile::tempdir().unwrap();
    let state = open(&dir);
    apply(&state, create(1));
    state.flush().unwrap();
    let flushed = dump(&state);
    for number in 0..50 {
        apply(&state, stage(&number.to_string(), "1"));
    }
    let crashed = tempfile::tempdir().unwrap();
    copy_folder(&dir.path().join("state"), &crashed.path().join("state"));
    let restarted = open(&crashed);
    assert_eq!(dump(&restarted), flushed, "no table is ahead of another");
}

#[test]
fn a_checkpoint_is_a_copy_that_restores() {
    let dir = tempfile::tempdir().unwrap();
    let copy = dir.path().join("copy");
    let state = open(&dir);
    apply(&state, create(1));
    apply(&state, stage("a", "1"));
    let before = dump(&state);
    assert_eq!(state.checkpoint(&copy).unwrap(), Some(Bytes::from_static(b"raft 2")));
    assert!(state.checkpoint(&copy).is_err(), "a folder that is there is left alone");
    apply(&state, stage("b", "1"));
    assert_ne!(dump(&state), before);

    // Over a state that is ahead, over a new one, and over itself again.
    state.restore(&copy).unwrap();
    assert_eq!(dump(&state), before);
    apply(&state, stage("c", "1"));
    assert_eq!(staged_paths(&state), ["a", "c"]);
    let other_dir = tempfile::tempdir().unwrap();
    let other = open(&other_dir);
    other.restore(&copy).unwrap();
    assert_eq!(dump(&other), before, "the checkpoint is as it was");
    drop(other);
    assert_eq!(dump(&open(&other_dir)), before, "durably");

    drop(state);
    let state = open(&dir);
    assert_eq!(staged_paths(&state), ["a", "c"]);
    let generations = fs::read_dir(dir.path().join("state")).unwrap().count();
    assert_eq!(generations, 2, "CURRENT and one generation");
}

#[test]
fn a_restore_that_fails_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let state = open(&dir);
    apply(&state, create(1));
    let before = dump(&state);
    assert!(state.restore(&dir.path().join("nowhere")).is_err());
    let broken = dir.path().join("broken");
    state.checkpoint(&broken).unwrap();
    for item in fs::read_dir(&broken).unwrap() {
        let path = item.unwrap().path();
        if path.file_name().unwrap().to_str().unwrap().starts_with("MANIFEST") {
            fs::write(path, b"nothing of use").unwrap();
        }
    }
    let refused = state.restore(&broken);
    assert!(matches!(refused, Err(StateError::Database(_))), "{refused:?}");
    assert_eq!(dump(&state), before);
    apply(&state, stage("a", "1"));
    drop(state);
    assert_eq!(staged_paths(&open(&dir)), ["a"], "after a restart, too");
}

#[test]
fn readers_go_on_while_a_restore_replaces_the_state() {
    let dir = tempfile::tempdir().unwrap();
    let copy = dir.path().join("copy");
    let state = open(&dir);
    apply(&state, create(1));
    apply(&state, stage("a", "1"));
    state.checkpoint(&copy).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    assert_eq!(staged_paths(&state), ["a"]);
                }
            });
        }
        for _ in 0..3 {
            state.restore(&copy).unwrap();
        }
        done.store(true, Ordering::Relaxed);
    });
    drop(state);
    assert_eq!(staged_paths(&open(&dir)), ["a"]);
}

#[test]
fn a_read_is_of_one_point_in_time() {
    let dir = tempfile::tempdir().unwrap();
    let state = open(&dir);
    apply(&state, create(1));
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // Each command stages on both paths, so that a page holds the same on both, or nothing.
            for round in 0..300 {
                let change = |at: &str| StagedChange {
                    path: path(at),
                    value: object(&round.to_string()),
                    condition: None,
                    once: None,
                };
                let changes = vec![change("a"), change("z")];
                apply(&state, Command::Stage(Stage { repository: trips(), uid: None, branch: main_branch(), changes }));
                if round % 3 == 0 {
                    apply(&state, unstage(UnstageScope::All));
                    state.reclaim(8).unwrap();
                }
            }
            done.store(true, Ordering::Relaxed);
        });
        let query = ListStaged {
            repository: trips(),
            branch: main_branch(),
            tokens: None,
            prefix: String::new(),
            from: String::new(),
            amount: 10,
        };
        while !done.load(Ordering::Relaxed) {
            let page = ask(&state, query.clone()).unwrap().page.items;
            assert!(page.is_empty() || (page.len() == 2 && page[0].1 == page[1].1), "{page:?}");
        }
    });
}

#[test]
fn newer_software_s_state_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let state = open(&dir);
    let generation = state.generation();
    let view = generation.rocks().view();
    let mut tx = Transaction::new(&view);
    tx.put(Table::Settings, key::SCHEMA.to_vec(), 2_u32.to_be_bytes().to_vec());
    let changes = tx.into_changes();
    generation.rocks().commit(changes).unwrap();
    drop(view);
    drop((generation, state));
    let refused = StateMachine::open(&dir.path().join("state"), StateOptions::default());
    assert!(matches!(refused, Err(StateError::NewerSchema { found: 2, known: 1 })), "{:?}", refused.err());
}

#[test]
fn damaged_folders_are_refused() {
    let damage = |what: fn(&Path)| {
        let dir = tempfile::tempdir().unwrap();
        apply(&open(&dir), create(1));
        what(&dir.path().join("state"));
        StateMachine::open(&dir.path().join("state"), StateOptions::default()).err()
    };
    let error = damage(|state| fs::write(state.join("CURRENT"), "gen-x").unwrap());
    assert!(matches!(error, Some(StateError::Corrupt(_))), "{error:?}");
    let error = damage(|state| {
        fs::rename(state.join("gen-0000000001"), state.join("gen-0000000002")).unwrap();
        fs::remove_file(state.join("CURRENT")).unwrap();
    });
    assert!(matches!(error, Some(StateError::Corrupt(_))), "{error:?}");
    let error = damage(|state| {
        let tables = fs::read_dir(state.join("gen-0000000001")).unwrap().map(|item| item.unwrap().path());
        for table in tables.filter(|path| path.extension().is_some_and(|extension| extension == "sst")) {
            fs::remove_file(table).unwrap();
        }
    });
    assert!(matches!(error, Some(StateError::Database(_))), "a missing table: {error:?}");
}

#[test]
fn a_state_is_opened_once() {
    let dir = tempfile::tempdir().unwrap();
    let state = open(&dir);
    let again = StateMachine::open(&dir.path().join("state"), StateOptions::default());
    assert!(matches!(again, Err(StateError::Database(_))), "{:?}", again.err());
    drop(state);
    open(&dir);
}
