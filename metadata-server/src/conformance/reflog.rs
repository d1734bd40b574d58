//! Scenarios of branches' moves: what is remembered, for how long, and how deleted branches come back.

use std::sync::Arc;

use model::{
    Branch, Command, CommitId, CreateBranch, DeleteBranch, ListDeletedBranches, MetaStore, Note, Outcome, PageRequest,
    Publish, REFLOG_MOVES_MAX, ReadReflog, ReflogEntry, Refusal, Seal, Stage, Uncommitted, UndeleteBranch, Undeleted,
};

use super::lake::{Lake, change, commit, granted, name, object, refusal, request};

/// A note that is kept for this long.
fn note(why: &str, kept_ms: u64) -> Note {
    Note::new("ann", why, kept_ms)
}

const LONG: u64 = 1 << 40;

impl Lake {
    async fn make(&self, branch: &str, note: Note) -> Branch {
        let (repository, branch) = (self.repository.name.clone(), name(branch));
        let made = Command::CreateBranch(CreateBranch {
            request: request(),
            repository,
            branch,
            commit: commit(1),
            hidden: false,
            note,
        });
        granted(self.write(made).await.branch())
    }

    async fn move_to(&self, branch: &str, expected: CommitId, head: CommitId, note: Note) -> Outcome {
        let (repository, branch) = (self.repository.name.clone(), name(branch));
        let (consumed, require_clean) = (vec![], false);
        let (held_by, read_at, ended, passed) = (vec![], None, vec![], vec![]);
        self.write(Command::Publish(Publish {
            request: None,
            repository,
            branch,
            expected,
            head,
            consumed,
            held_by,
            read_at,
            require_clean,
            ended,
            passed,
            note,
        }))
        .await
    }

    async fn delete(&self, branch: &str, note: Note) {
        let (repository, branch) = (self.repository.name.clone(), name(branch));
        granted(self.write(Command::DeleteBranch(DeleteBranch { repository, branch, note })).await.done());
    }

    pub(super) async fn undelete(&self, branch: &str) -> Result<Undeleted, Refusal> {
        let (repository, branch) = (self.repository.name.clone(), name(branch));
        let note = note("undelete", LONG);
        self.write(Command::UndeleteBranch(UndeleteBranch { request: request(), repository, branch, note }))
            .await
            .undeleted()
    }

    async fn reflog(&self, branch: &str, before: Option<u64>, amount: usize) -> (Vec<ReflogEntry>, bool) {
        let (repository, branch) = (self.repository.name.clone(), name(branch));
        let page = granted(self.ask(ReadReflog { repository, branch, before, amount }).await);
        (page.items, page.more)
    }

    async fn reasons(&self, branch: &str) -> Vec<String> {
        self.reflog(branch, None, 1000).await.0.into_iter().map(|moved| moved.why).collect()
    }

    async fn deleted(&self) -> Vec<String> {
        let repository = self.repository.name.clone();
        let query = ListDeletedBranches { repository, page: PageRequest::first(10) };
        granted(self.ask(query).await).items.into_iter().map(|moved| moved.branch.to_string()).collect()
    }
}

pub(super) async fn tells_each_commit_that_a_publication_passes(store: Arc<dyn MetaStore>) {
    let lake = Lake::new(store, "passed").await;
    let mut publish = lake.publish_command(commit(1), commit(4), &[], false);
    let Command::Publish(Publish { passed, note: last, .. }) = &mut publish else { panic!("a publication") };
    *passed = vec![(commit(2), note("merge: two", LONG)), (commit(3), note("merge: three", LONG))];
    *last = note("commit: four", LONG);
    granted(lake.write(publish).await.branch());
    let moves = lake.reflog("main", None, 3).await.0;
    let told: Vec<_> = moves.iter().map(|moved| (moved.old, moved.new, moved.why.as_str())).collect();
    let expected = [
        (Some(commit(3)), Some(commit(4)), "commit: four"),
        (Some(commit(2)), Some(commit(3)), "merge: three"),
        (Some(commit(1)), Some(commit(2)), "merge: two"),
    ];
    assert_eq!(told, expected);
}

pub(super) async fn tells_each_move(store: Arc<dyn MetaStore>) {
    let lake = Lake::new(store, "moves").await;
    lake.make("dev", note("create", LONG)).await;
    granted(lake.move_to("dev", commit(1), commit(2), note("commit: two", LONG)).await.branch());
    // To where it is already: no move. Refused: none either.
    granted(lake.move_to("dev", commit(2), commit(2), note("nothing", LONG)).await.branch());
    assert!(matches!(
        refusal(lake.move_to("dev", commit(1), commit(3), note("late", LONG)).await),
        Refusal::HeadMoved { .. }
    ));
    lake.delete("dev", note("delete", LONG)).await;

    let (moves, more) = lake.reflog("dev", None, 10).await;
    assert!(!more);
    let told: Vec<_> = moves.iter().map(|moved| (moved.number, moved.old, moved.new, moved.why.as_str())).collect();
    let expected = [
        (3, Some(commit(2)), None, "delete"),
        (2, Some(commit(1)), Some(commit(2)), "commit: two"),
        (1, None, Some(commit(1)), "create"),
    ];
    assert_eq!(told, expected);
    assert!(moves.iter().all(|moved| moved.who == "ann" && moved.expires > moved.at));
    assert_eq!(lake.reflog("dev", Some(3), 1).await, (vec![moves[1].clone()], true));
    assert_eq!(lake.reflog("dev", Some(1), 1).await, (vec![], false));
    assert_eq!(lake.reflog("never", None, 10).await, (vec![], false));
    // The repository's first branch has one too.
    assert_eq!(lake.reflog("main", None, 10).await.0[0].new, Some(commit(1)));
}

pub(super) async fn goes_on_where_a_name_is_used_again(store: Arc<dyn MetaStore>) {
    let lake = Lake::new(store, "again").await;
    lake.make("dev", note("first", LONG)).await;
    lake.stage_on("dev", "a").await;
    lake.delete("dev", note("delete", LONG)).await;
    assert_eq!(lake.deleted().await, ["dev"]);
    let made = lake.make("dev", note("second", LONG)).await;
    assert_eq!(lake.reasons("dev").await, ["second", "delete", "first"]);
    assert_eq!(lake.deleted().await, [""; 0]);
    assert_eq!(lake.undelete("dev").await, Err(Refusal::RefExists("dev".into())));
    lake.delete("dev", note("delete", LONG)).await;
    let back = granted(lake.undelete("dev").await);
    assert_eq!((back.branch.commit, back.uncommitted), (made.commit, Uncommitted::Absent), "the newer one");
    assert_eq!(lake.staged_on("dev", "a").await, None);
}

pub(super) async fn brings_a_branch_back_with_what_was_staged(store: Arc<dyn MetaStore>) {
    let lake = Lake::new(store, "back").await;
    assert_eq!(lake.undelete("dev").await, Err(Refusal::DeletionNotFound(name("dev"))));
    lake.make("dev", note("create", LONG)).await;
    lake.stage_on("dev", "sealed").await;
    granted(
        lake.write(Command::Seal(Seal { repository: lake.repository.name.clone(), branch: name("dev") }))
            .await
            .branch(),
    );
    lake.stage_on("dev", "staged").await;
    let before = lake.branch_named("dev").await;
    lake.delete("dev", note("delete", LONG)).await;
    let back = granted(lake.undelete("dev").await);
    assert!(matches!(back.uncommitted, Uncommitted::Kept { .. }), "{:?}", back.uncommitted);
    assert_eq!(back.branch, Branch { version: back.branch.version, reset: back.branch.reset, ..before });
    for path in ["sealed", "staged"] {
        assert_eq!(lake.staged_on("dev", path).await, Some(object("1")), "{path}");
    }
    assert_eq!(lake.reasons("dev").await, ["undelete", "delete", "create"]);
    assert_eq!(lake.deleted().await, [""; 0]);
    let told = lake.reflog("dev", None, 10).await.0[1].deleted.clone();
    assert_eq!(told.map(|deleted| deleted.uncommitted), Some(Uncommitted::Gone), "it gave them back");
    assert_eq!(lake.undelete("dev").await, Err(Refusal::RefExists("dev".into())));
}

pub(super) async fn forgets_in_time(store: Arc<dyn MetaStore>) {
    let lake = Lake::new(store, "forgets").await;
    lake.make("dev", note("create", 0)).await;
    lake.stage_on("dev", "a").await;
    lake.delete("dev", note("delete", 0)).await;
    assert_eq!(lake.undelete("dev").await, Err(Refusal::DeletionNotFound(name("dev"))), "its time is over");
    // Other branches' moves take what is due with them, a few at a time.
    for number in 0..4_u8 {
        granted(lake.move_to("main", commit(1 + number), commit(2 + number), note("x", LONG)).await.branch());
    }
    assert_eq!(lake.reflog("dev", None, 10).await, (vec![], false));
    assert_eq!(lake.deleted().await, [""; 0]);
    lake.make("dev", note("create", LONG)).await;
    assert_eq!(lake.staged_on("dev", "a").await, None);
}

pub(super) async fn is_bounded_for_each_branch(store: Arc<dyn MetaStore>) {
    let lake = Lake::new(store, "bounded").await;
    let max = REFLOG_MOVES_MAX as usize;
    for number in 0..max + 5 {
        let ends = [commit(1), commit(2)];
        granted(lake.move_to("main", ends[number % 2], ends[(number + 1) % 2], note("x", LONG)).await.branch());
    }
    let (moves, more) = lake.reflog("main", None, max).await;
    assert_eq!((moves.len(), more), (max, false));
    assert_eq!(moves[0].number, REFLOG_MOVES_MAX + 6, "the repository's creation counts");
}

pub(super) async fn refuses_long_notes(store: Arc<dyn MetaStore>) {
    let lake = Lake::new(store, "notes").await;
    let long = Note { why: "x".repeat(Note::TEXT_BYTES_MAX + 1), ..Note::default() };
    let (repository, branch) = (lake.repository.name.clone(), name("dev"));
    let make = Command::CreateBranch(CreateBranch {
        request: request(),
        repository,
        branch,
        commit: commit(1),
        hidden: false,
        note: long,
    });
    assert!(lake.store.write(make).await.is_err());
}

impl Lake {
    async fn stage_on(&self, branch: &str, path: &str) {
        let (repository, branch) = (self.repository.name.clone(), name(branch));
        let changes = vec![change(path, object("1"), None)];
        granted(self.write(Command::Stage(Stage { repository, uid: None, branch, changes })).await.staged());
    }

    async fn staged_on(&self, branch: &str, path: &str) -> Option<model::StagedValue> {
        self.lookup(branch, Some(path)).await.staged
    }

    async fn branch_named(&self, branch: &str) -> Branch {
        match self.lookup(branch, None).await.target {
            model::RefTarget::Branch(branch) => branch,
            other => panic!("a branch was due, not {other:?}"),
        }
    }
}
