//! What is decided about a repository, and that it is kept to.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{
    BranchPattern, ChangeSettings, Command, CreateBranch, DeleteBranch, GetSettings, MetaStore, Note, Outcome, Publish,
    REPOSITORY_METADATA_BYTES_MAX, Refusal, Retention, Seal, SettingsChange, SettingsOfRepository, Stage, Unstage,
    UnstageScope,
};

use super::lake::{Lake, ask, called, change, commit, granted, main_branch, name, object, refusal, request, write};

impl Lake {
    async fn decide(&self, change: SettingsChange) -> Outcome {
        let repository = self.repository.name.clone();
        write(&*self.store, Command::ChangeSettings(ChangeSettings { repository, change })).await
    }

    async fn settings(&self) -> SettingsOfRepository {
        *granted(ask(&*self.store, GetSettings { repository: self.repository.name.clone() }).await)
    }

    async fn protect(&self, patterns: &[&str]) {
        let patterns = patterns.iter().map(|pattern| name(pattern)).collect();
        assert_eq!(self.decide(SettingsChange::Protect { patterns, expected: None }).await, Outcome::Done);
    }

    /// What each command that writes to `main` without a merge comes to.
    async fn writes(&self) -> Vec<Outcome> {
        self.writes_as(|command| command).await
    }

    async fn writes_as(&self, wrapped: impl Fn(Command) -> Command) -> Vec<Outcome> {
        let (repository, branch) = (self.repository.name.clone(), main_branch());
        let changes = vec![change("a", object("1"), None)];
        let stage =
            Command::Stage(Stage { repository: repository.clone(), uid: None, branch: branch.clone(), changes });
        let scope = UnstageScope::All;
        let unstage = Command::Unstage(Unstage { repository: repository.clone(), branch: branch.clone(), scope });
        let seal = Command::Seal(Seal { repository, branch });
        let mut outcomes = Vec::new();
        for command in [stage, unstage, seal] {
            outcomes.push(write(&*self.store, wrapped(command)).await);
        }
        outcomes
    }

    async fn publish_to(&self, head: u8) -> Outcome {
        called(self.store.write(self.publication_of(head)).await)
    }

    fn publication_of(&self, head: u8) -> Command {
        Command::Publish(Publish {
            request: None,
            repository: self.repository.name.clone(),
            branch: main_branch(),
            expected: commit(1),
            head: commit(head),
            consumed: vec![],
            held_by: vec![],
            read_at: None,
            require_clean: false,
            ended: vec![],
            passed: vec![],
            note: Note::default(),
        })
    }
}

pub(super) async fn metadata_and_retention_are_kept(store: Arc<dyn MetaStore>) {
    let lake = Lake::new(store, "notes").await;
    assert_eq!(lake.settings().await.settings, model::Settings::default());
    let set = BTreeMap::from([("a".to_owned(), "1".to_owned()), ("b".to_owned(), "2".to_owned())]);
    lake.decide(SettingsChange::Metadata { set, remove: vec![] }).await;
    let set = BTreeMap::from([("b".to_owned(), "3".to_owned())]);
    lake.decide(SettingsChange::Metadata { set: set.clone(), remove: vec!["a".into(), "c".into()] }).await;
    let retention = Retention { default_days: 7, branches: BTreeMap::from([(main_branch(), 30)]) };
    lake.decide(SettingsChange::Retention(Some(retention.clone()))).await;
    let kept = model::Settings { metadata: set, retention: Some(retention) };
    assert_eq!(lake.settings().await, SettingsOfRepository { repository: lake.repository.clone(), settings: kept });
    lake.decide(SettingsChange::Retention(None)).await;
    assert_eq!(lake.settings().await.settings.retention, None);

    let set = BTreeMap::from([("long".to_owned(), "x".repeat(REPOSITORY_METADATA_BYTES_MAX))]);
    let outcome = lake.decide(SettingsChange::Metadata { set, remove: vec![] }).await;
    assert_eq!(refusal(outcome), Refusal::SettingsTooLarge(lake.repository.name.clone()));
    let nowhere = Command::ChangeSettings(ChangeSettings {
        repository: name("nowhere-at-all"),
        change: SettingsChange::ReadOnly(true),
    });
    assert!(matches!(refusal(write(&*lake.store, nowhere).await), Refusal::RepositoryNotFound(_)));
}

pub(super) async fn protected_branches_take_merges_only(store: Arc<dyn MetaStore>) {
    let lake = Lake::new(store, "protect").await;
    lake.protect(&["release-*", "ma?n"]).await;
    for outcome in lake.writes().await {
        assert_eq!(refusal(outcome), Refusal::ProtectedBranch(main_branch()));
    }
    assert!(matches!(lake.publish_to(2).await, Outcome::Branch(_)), "a merge");
    let branch: model::BranchName = name("release-1");
    let (repository, note) = (lake.repository.name.clone(), Note::default());
    let make = Command::CreateBranch(CreateBranch {
        request: request(),
        repository: repository.clone(),
        branch: branch.clone(),
        commit: commit(1),
        hidden: false,
        note: note.clone(),
    });
    granted(write(&*lake.store, make).await.branch());
    let delete = Command::DeleteBranch(DeleteBranch { repository, branch: branch.clone(), note });
    assert_eq!(refusal(write(&*lake.store, delete).await), Refusal::ProtectedBranch(branch));

    let expected = Some(vec![name::<BranchPattern>("other")]);
    let outcome = lake.decide(SettingsChange::Protect { patterns: vec![], expected }).await;
    assert_eq!(refusal(outcome), Refusal::SettingsChanged(lake.repository.name.clone()));
    lake.protect(&[]).await;
    assert!(lake.writes().await.into_iter().all(|outcome| !matches!(outcome, Outcome::Refused(_))));
}

pub(super) async fn read_only_repositories_take_nothing(store: Arc<dyn MetaStore>) {
    let lake = Lake::new(store, "read-only").await;
    lake.decide(SettingsChange::ReadOnly(true)).await;
    assert!(lake.settings().await.repository.read_only);
    let mut outcomes = lake.writes().await;
    outcomes.push(lake.publish_to(2).await);
    for outcome in outcomes {
        assert_eq!(refusal(outcome), Refusal::ReadOnly(lake.repository.name.clone()));
    }
    let forced = |command| Command::Forced(Box::new(command));
    for outcome in lake.writes_as(forced).await {
        assert!(!matches!(outcome, Outcome::Refused(_)), "{outcome:?}");
    }
    for outcome in lake.writes().await {
        assert_eq!(
            refusal(outcome),
            Refusal::ReadOnly(lake.repository.name.clone()),
            "what was forced counts for itself"
        );
    }
    lake.protect(&["main"]).await;
    for outcome in lake.writes_as(forced).await {
        assert_eq!(refusal(outcome), Refusal::ProtectedBranch(main_branch()));
    }
    let merged = called(lake.store.write(forced(lake.publication_of(3))).await);
    assert!(matches!(merged, Outcome::Branch(_)), "{merged:?}");
    lake.decide(SettingsChange::ReadOnly(false)).await;
    lake.protect(&[]).await;
    assert!(lake.writes().await.into_iter().all(|outcome| !matches!(outcome, Outcome::Refused(_))));
}
