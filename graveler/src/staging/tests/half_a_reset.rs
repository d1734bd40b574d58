//! A commit holds all of what a reset drops meanwhile, or nothing of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use model::{Answer, Command, MetaError, MetaStore, Outcome, PAGE_MAX, Query, Refusal, Unstage, UnstageScope};

use crate::testing::{TestLake, branch, info, name, run};
use crate::{Error, Graveler};

/// Drops what is staged under `p/` once the first page of staged values was read.
struct ResetAfterFirstPage {
    store: Arc<dyn MetaStore>,
    done: AtomicBool,
}

#[async_trait]
impl MetaStore for ResetAfterFirstPage {
    async fn write(&self, command: Command) -> Result<Outcome, MetaError> {
        self.store.write(command).await
    }

    async fn read(&self, query: Query) -> Result<Answer, MetaError> {
        let staged = matches!(query, Query::ListStaged(_));
        let answer = self.store.read(query).await;
        if staged && !self.done.swap(true, Ordering::SeqCst) {
            let scope = UnstageScope::Prefix("p/".into());
            let reset = Command::Unstage(Unstage { repository: name("trips"), branch: branch("main"), scope });
            self.store.write(reset).await?.branch()?;
        }
        answer
    }
}

#[test]
fn a_reset_between_two_pages_of_a_commit_is_noticed() {
    run(async {
        let lake = TestLake::new().await;
        let paths: Vec<String> = (0..PAGE_MAX + 10).map(|i| format!("p/{i:05}")).collect();
        let changes: Vec<(&str, Option<u64>)> = paths.iter().map(|path| (path.as_str(), Some(1))).collect();
        lake.stage("main", &changes).await;
        lake.stage("main", &[("q", Some(2))]).await;
        let sealed = lake.seal("main").await;

        let inner = &lake.graveler.inner;
        let meta = ResetAfterFirstPage { store: Arc::clone(&inner.meta), done: AtomicBool::new(false) };
        let (stores, clock) = (Arc::clone(&lake.stores), Arc::clone(&inner.clock));
        let graveler = Graveler::new(Arc::new(meta), stores, clock, inner.options.clone());
        let info = info("half?", &graveler);
        let build = || graveler.build_commit(&lake.repository, &sealed.commit, &sealed.name, &sealed.sealed, &info);
        let error = build().await.unwrap_err();
        assert!(matches!(error, Error::Meta(MetaError::Refused(Refusal::HeadMoved { .. }))), "{error}");
        assert_eq!(build().await.unwrap().changes, 1, "the next try sees what is left");
    });
}
