//! One repository for one scenario, and short words for what scenarios do to it.

use std::collections::BTreeMap;
use std::fmt::{Debug, Display};
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use model::{
    AbortUpload, Address, Branch, BranchName, Command, CommitId, CompleteUpload, CompletedUpload, CompletionDigest,
    Condition, CreateBranch, CreateRepository, CreateTag, CreateUpload, DeleteBranch, Entry, GetCompletedUpload,
    GetUpload, ListParts, ListStaged, ListUploads, Lookup, MetaError, MetaStore, NewUpload, Note, ObjectPath, Outcome,
    PAGE_MAX, Part, Publish, PutPart, Question, Refusal, Repository, RequestId, ResolveRef, Seal, StageOutcome,
    StagedChange, StagedValue, StagingToken, Timestamp, Unstage, UnstageScope, Upload,
};

/// A repository with a branch `main` at commit 1.
pub(super) struct Lake {
    pub(super) store: Arc<dyn MetaStore>,
    pub(super) repository: Repository,
}

/// What completions of scenarios ask for.
pub(super) const COMPLETION: CompletionDigest = CompletionDigest::from_bytes([7; 32]);

/// Numbers that no other scenario uses.
pub(super) fn unique() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

pub(super) fn request() -> RequestId {
    RequestId(u128::from(unique()) << 64 | 0xc04f)
}

/// A name or path that scenarios write down.
pub(super) fn name<T: FromStr<Err: Display>>(text: &str) -> T {
    match text.parse() {
        Ok(name) => name,
        Err(error) => panic!("the scenario's name is invalid: {error}"),
    }
}

pub(super) fn main_branch() -> BranchName {
    name("main")
}

pub(super) fn commit(number: u8) -> CommitId {
    CommitId::from_bytes([number; 32])
}

pub(super) fn entry(e_tag: &str) -> Entry {
    Entry {
        address: Address::Relative(format!("data/x/{e_tag}")),
        last_modified: Timestamp::from_millis(1),
        size: 1,
        e_tag: e_tag.into(),
        content_type: "text/plain".into(),
        metadata: BTreeMap::from([("k".into(), "v".into())]),
        headers: BTreeMap::new(),
        checksum: None,
        parts: None,
    }
}

pub(super) fn object(e_tag: &str) -> StagedValue {
    StagedValue::Entry(entry(e_tag))
}

pub(super) fn change(path: &str, value: StagedValue, condition: Option<Condition>) -> StagedChange {
    StagedChange { path: name(path), value, condition, once: None }
}

pub(super) fn part(number: u32, e_tag: &str) -> Part {
    Part {
        number,
        store_part_id: format!("id-{e_tag}"),
        size: 5,
        e_tag: e_tag.into(),
        checksum: None,
        last_modified: Timestamp::from_millis(2),
        is_sole: true,
    }
}

/// The refusal in an outcome.
pub(super) fn refusal(outcome: Outcome) -> Refusal {
    match outcome {
        Outcome::Refused(refusal) => refusal,
        other => panic!("a refusal was due, not {other:?}"),
    }
}

/// The value of a typed outcome or answer.
pub(super) fn granted<T>(result: Result<T, Refusal>) -> T {
    match result {
        Ok(value) => value,
        Err(refusal) => panic!("refused: {refusal}"),
    }
}

pub(super) async fn write(store: &dyn MetaStore, command: Command) -> Outcome {
    called(store.write(command).await)
}

pub(super) async fn ask<Q: Question>(store: &dyn MetaStore, question: Q) -> Result<Q::Answer, Refusal> {
    match store.ask(question).await {
        Err(MetaError::Refused(refusal)) => Err(refusal),
        answer => Ok(called(answer)),
    }
}

pub(super) fn called<T, E: Debug>(result: Result<T, E>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("the metadata service failed: {error:?}"),
    }
}

pub(super) fn create_repository(id: &str) -> Command {
    Command::CreateRepository(CreateRepository {
        request: request(),
        name: name(id),
        namespace: name(&format!("mem://{id}")),
        default_branch: main_branch(),
        commit: Some(commit(1)),
        claim: None,
        note: Note::default(),
    })
}

impl Lake {
    /// Makes a repository whose name begins with `scenario`.
    pub(super) async fn new(store: Arc<dyn MetaStore>, scenario: &str) -> Self {
        let made = write(&*store, create_repository(&format!("{scenario}-{}", unique()))).await;
        Self { store, repository: granted(made.repository()) }
    }

    pub(super) async fn write(&self, command: Command) -> Outcome {
        write(&*self.store, command).await
    }

    pub(super) async fn ask<Q: Question>(&self, question: Q) -> Result<Q::Answer, Refusal> {
        ask(&*self.store, question).await
    }

    pub(super) async fn create_branch(&self, branch: &str) -> Outcome {
        self.write(self.create_branch_command(branch)).await
    }

    pub(super) fn create_branch_command(&self, branch: &str) -> Command {
        let repository = self.repository.name.clone();
        Command::CreateBranch(CreateBranch {
            request: request(),
            repository,
            branch: name(branch),
            commit: commit(1),
            hidden: false,
            note: Note::default(),
        })
    }

    pub(super) async fn delete_branch(&self, branch: &str) -> Outcome {
        self.write(Command::DeleteBranch(DeleteBranch {
            repository: self.repository.name.clone(),
            branch: name(branch),
            note: Note::default(),
        }))
        .await
    }

    pub(super) async fn create_tag(&self, tag: &str) -> Outcome {
        let repository = self.repository.name.clone();
        self.write(Command::CreateTag(CreateTag { request: request(), repository, tag: name(tag), commit: commit(1) }))
            .await
    }

    pub(super) async fn lookup(&self, reference: &str, path: Option<&str>) -> Lookup {
        let repository = self.repository.name.clone();
        let query = ResolveRef { repository, reference: name(reference), path: path.map(name) };
        *granted(self.ask(query).await)
    }

    /// What is staged at a path of `main`.
    pub(super) async fn staged(&self, path: &str) -> Option<StagedValue> {
        self.lookup("main", Some(path)).await.staged
    }

    pub(super) async fn branch(&self, branch: &str) -> Branch {
        called(self.store.branch(&self.repository.name, &name(branch)).await)
    }

    /// Stages one value on `main`.
    pub(super) async fn put(&self, path: &str, value: StagedValue) {
        assert_eq!(self.put_if(path, value, None).await, StageOutcome::Staged);
    }

    pub(super) async fn put_if(&self, path: &str, value: StagedValue, condition: Option<Condition>) -> StageOutcome {
        let outcomes = self.stage("main", vec![change(path, value, condition)]).await;
        assert_eq!(outcomes.len(), 1, "one outcome a change");
        outcomes[0]
    }

    pub(super) async fn stage(&self, branch: &str, changes: Vec<StagedChange>) -> Vec<StageOutcome> {
        called(self.store.stage(&self.repository.name, &name(branch), changes).await)
    }

    pub(super) async fn seal(&self) -> Outcome {
        self.write(Command::Seal(Seal { repository: self.repository.name.clone(), branch: main_branch() })).await
    }

    /// Seals `main`. → its sealed tokens
    pub(super) async fn sealed(&self) -> Vec<StagingToken> {
        granted(self.seal().await.branch()).sealed
    }

    pub(super) async fn publish(
        &self,
        expected: CommitId,
        head: CommitId,
        consumed: &[StagingToken],
        require_clean: bool,
    ) -> Outcome {
        self.write(self.publish_command(expected, head, consumed, require_clean)).await
    }

    pub(super) fn publish_command(
        &self,
        expected: CommitId,
        head: CommitId,
        consumed: &[StagingToken],
        require_clean: bool,
    ) -> Command {
        Command::Publish(Publish {
            request: None,
            repository: self.repository.name.clone(),
            branch: main_branch(),
            expected,
            head,
            consumed: consumed.to_vec(),
            held_by: vec![],
            read_at: None,
            ended: vec![],
            require_clean,
            passed: vec![],
            note: Note::default(),
        })
    }

    pub(super) async fn unstage(&self, scope: UnstageScope) -> Branch {
        let (repository, branch) = (self.repository.name.clone(), main_branch());
        granted(self.write(Command::Unstage(Unstage { repository, branch, scope })).await.branch())
    }

    /// Paths that are staged on `main`, and whether there are more.
    pub(super) async fn staged_page(
        &self,
        tokens: Option<&[StagingToken]>,
        prefix: &str,
        from: &str,
        amount: usize,
    ) -> (Vec<(String, StagedValue)>, bool) {
        let query = ListStaged {
            repository: self.repository.name.clone(),
            branch: main_branch(),
            tokens: tokens.map(<[_]>::to_vec),
            prefix: prefix.into(),
            from: from.into(),
            amount,
        };
        let page = granted(self.ask(query).await);
        assert_eq!(page.branch, self.branch("main").await, "the page tells the branch");
        (page.page.items.into_iter().map(|(path, value)| (path.into(), value)).collect(), page.page.more)
    }

    /// All paths that are staged on `main`; at most a page.
    pub(super) async fn staged_paths(&self) -> Vec<String> {
        let (items, more) = self.staged_page(None, "", "", PAGE_MAX).await;
        assert!(!more, "one page is enough here");
        items.into_iter().map(|(path, _)| path).collect()
    }

    pub(super) async fn create_upload(&self, branch: &str, path: &str) -> Upload {
        granted(self.write(self.create_upload_command(branch, path)).await.upload())
    }

    pub(super) fn create_upload_command(&self, branch: &str, path: &str) -> Command {
        let upload = NewUpload {
            branch: name(branch),
            path: name(path),
            address: Address::Relative("data/x/upload".into()),
            store_upload_id: "store".into(),
            content_type: "text/plain".into(),
            metadata: BTreeMap::new(),
            headers: BTreeMap::new(),
            checksum: None,
        };
        Command::CreateUpload(CreateUpload { request: request(), repository: self.repository.name.clone(), upload })
    }

    pub(super) async fn put_part(&self, upload: &Upload, part: Part) -> Outcome {
        self.write(Command::PutPart(PutPart { repository: self.repository.name.clone(), upload: upload.id, part }))
            .await
    }

    pub(super) async fn complete(&self, upload: &Upload, e_tag: &str, condition: Option<Condition>) -> Outcome {
        let repository = self.repository.name.clone();
        let (upload, entry, request) = (upload.id, entry(e_tag), Some(COMPLETION));
        self.write(Command::CompleteUpload(CompleteUpload { repository, upload, entry, condition, request })).await
    }

    pub(super) async fn abort(&self, upload: &Upload) -> Outcome {
        self.write(Command::AbortUpload(AbortUpload { repository: self.repository.name.clone(), upload: upload.id }))
            .await
    }

    pub(super) async fn find_upload(&self, upload: &Upload) -> Result<Upload, Refusal> {
        self.ask(GetUpload { repository: self.repository.name.clone(), upload: upload.id }).await
    }

    pub(super) async fn completed(&self, upload: &Upload) -> Result<CompletedUpload, Refusal> {
        let query = GetCompletedUpload { repository: self.repository.name.clone(), upload: upload.id };
        self.ask(query).await
    }

    pub(super) async fn parts(&self, upload: &Upload, after: u32, amount: usize) -> Result<(Vec<u32>, bool), Refusal> {
        let repository = self.repository.name.clone();
        let page = self.ask(ListParts { repository, upload: upload.id, after, amount }).await?;
        Ok((page.items.into_iter().map(|part| part.number).collect(), page.more))
    }

    pub(super) async fn uploads(
        &self,
        branch: &str,
        prefix: &str,
        after: Option<&Upload>,
        amount: usize,
    ) -> (Vec<Upload>, bool) {
        let query = ListUploads {
            repository: self.repository.name.clone(),
            branch: name(branch),
            prefix: prefix.into(),
            after: after.map(|upload| (upload.new.path.clone(), upload.id)),
            amount,
        };
        let page = granted(self.ask(query).await);
        (page.items, page.more)
    }
}

pub(super) fn paths(items: &[(String, StagedValue)]) -> Vec<&str> {
    items.iter().map(|(path, _)| path.as_str()).collect()
}

pub(super) fn path(text: &str) -> ObjectPath {
    name(text)
}
