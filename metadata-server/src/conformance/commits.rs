//! Seal and publish, as a commit uses them.

use std::sync::Arc;

use model::{
    BranchName, Command, CommitId, FindCommitOfToken, MetaStore, Publish, Refusal, SEALED_TOKENS_MAX, StagingToken,
    UnstageScope,
};

use super::lake::{Lake, commit, granted, main_branch, name, object, refusal};

fn moved_to(number: u8) -> Refusal {
    Refusal::HeadMoved { branch: main_branch(), head: commit(number) }
}

pub(super) async fn seal_and_publish(store: Arc<dyn MetaStore>) {
    let lake = Lake::new(store, "publish").await;
    lake.put("a", object("1")).await;
    let before = lake.branch("main").await;
    let sealed = granted(lake.seal().await.branch());
    assert_eq!(sealed.sealed, [before.staging]);
    assert!(sealed.staging > before.staging, "a newer token is a larger one");
    assert!(sealed.version > before.version);
    assert_eq!(lake.branch("main").await, sealed);
    assert_eq!(lake.staged("a").await, Some(object("1")), "sealed entries are seen");

    lake.put("b", object("2")).await;
    assert_eq!(lake.branch("main").await, sealed, "staging doesn't change the branch's record");
    let published = granted(lake.publish(commit(1), commit(2), &sealed.sealed, false).await.branch());
    assert_eq!((published.commit, published.staging, published.sealed.len()), (commit(2), sealed.staging, 0));
    assert!(published.version > sealed.version);
    assert_eq!(lake.branch("main").await, published);
    assert_eq!(lake.staged_paths().await, ["b"], "what was committed isn't staged any more; what came later is");
}

pub(super) async fn an_empty_token_is_not_sealed(store: Arc<dyn MetaStore>) {
    let lake = Lake::new(store, "empty").await;
    let before = lake.branch("main").await;
    assert_eq!(granted(lake.seal().await.branch()), before);
    lake.put("a", object("1")).await;
    let first = granted(lake.seal().await.branch());
    assert_eq!(granted(lake.seal().await.branch()), first, "the second finds nothing new");
    lake.put("b", object("1")).await;
    lake.unstage(UnstageScope::Path(name("b"))).await;
    assert_eq!(granted(lake.seal().await.branch()), first, "empty again is empty");
}

pub(super) async fn sealed_tokens_are_bounded(store: Arc<dyn MetaStore>) {
    let lake = Lake::new(store, "bounded").await;
    for number in 0..SEALED_TOKENS_MAX {
        lake.put(&number.to_string(), object("1")).await;
        let sealed = lake.sealed().await;
        assert_eq!(sealed.len(), number + 1);
        assert!(sealed.is_sorted_by(|a, b| a > b), "newest first: {sealed:?}");
    }
    let full = lake.branch("main").await;
    assert_eq!(granted(lake.seal().await.branch()), full, "nothing to seal");
    lake.put("more", object("1")).await;
    assert_eq!(refusal(lake.seal().await), Refusal::TooManySealed(main_branch()));
    assert_eq!(lake.staged_paths().await.len(), SEALED_TOKENS_MAX + 1);
    granted(lake.publish(commit(1), commit(2), &full.sealed[4..], false).await.branch());
    assert_eq!(lake.sealed().await.len(), SEALED_TOKENS_MAX - 3);
    assert_eq!(lake.staged_paths().await, ["4", "5", "6", "7", "more"]);
}

pub(super) async fn publish_is_a_compare_and_swap(store: Arc<dyn MetaStore>) {
    let lake = Lake::new(store, "swap").await;
    lake.put("a", object("1")).await;
    let sealed = lake.sealed().await;
    let before = lake.branch("main").await;

    assert_eq!(refusal(lake.publish(commit(9), commit(2), &sealed, false).await), moved_to(1));
    assert_eq!(refusal(lake.publish(commit(1), commit(2), &[StagingToken(u64::MAX)], false).await), moved_to(1));
    let open = [before.staging];
    assert_eq!(refusal(lake.publish(commit(1), commit(2), &open, false).await), moved_to(1), "it isn't sealed");
    assert_eq!(lake.branch("main").await, before, "refused, nothing changed");

    granted(lake.publish(commit(1), commit(2), &sealed, false).await.branch());
    assert_eq!(refusal(lake.publish(commit(1), commit(2), &sealed, false).await), moved_to(2), "once");
    assert_eq!(refusal(lake.publish(commit(2), commit(3), &sealed, false).await), moved_to(2), "published already");
    granted(lake.publish(commit(2), commit(3), &[], false).await.branch());
    assert_eq!(lake.branch("main").await.commit, commit(3));
}

pub(super) async fn publish_may_need_a_clean_branch(store: Arc<dyn MetaStore>) {
    let lake = Lake::new(store, "clean").await;
    let dirty = Refusal::DirtyBranch(main_branch());
    granted(lake.publish(commit(1), commit(2), &[], true).await.branch());
    lake.put("a", object("1")).await;
    assert_eq!(refusal(lake.publish(commit(2), commit(3), &[], true).await), dirty);
    let sealed = lake.sealed().await;
    assert_eq!(refusal(lake.publish(commit(2), commit(3), &[], true).await), dirty, "sealed is staged too");
    lake.put("b", object("1")).await;
    assert_eq!(refusal(lake.publish(commit(2), commit(3), &sealed, true).await), dirty);
    lake.unstage(UnstageScope::Path(name("b"))).await;
    granted(lake.publish(commit(2), commit(3), &sealed, true).await.branch());
}

pub(super) async fn published_tokens_are_gone(store: Arc<dyn MetaStore>) {
    let lake = Lake::new(store, "gone").await;
    lake.put("a", object("1")).await;
    let sealed = lake.sealed().await;
    granted(lake.publish(commit(1), commit(2), &sealed, false).await.branch());
    assert_eq!(lake.staged("a").await, None);
    assert_eq!(lake.staged_page(Some(&sealed), "", "", 10).await.0, [], "asked for by its token, too");
}

async fn holder(lake: &Lake, token: StagingToken) -> Option<CommitId> {
    let (repository, branch): (_, BranchName) = (lake.repository.name.clone(), main_branch());
    granted(lake.ask(FindCommitOfToken { repository, branch, token }).await)
}

pub(super) async fn publish_tells_who_holds_a_token(store: Arc<dyn MetaStore>) {
    let lake = Lake::new(store, "holder").await;
    let mut tokens = Vec::new();
    for path in ["a", "b", "c"] {
        lake.put(path, object("1")).await;
        tokens = lake.sealed().await;
    }
    assert_eq!(holder(&lake, tokens[0]).await, None, "not published yet");
    let mut publish = lake.publish_command(commit(1), commit(3), &tokens, false);
    let Command::Publish(Publish { held_by, .. }) = &mut publish else { panic!("a publication") };
    *held_by = vec![None, Some(commit(3)), Some(commit(2))];
    granted(lake.write(publish).await.branch());
    assert_eq!(holder(&lake, tokens[0]).await, None, "its changes were thrown away");
    assert_eq!(holder(&lake, tokens[1]).await, Some(commit(3)));
    assert_eq!(holder(&lake, tokens[2]).await, Some(commit(2)));
}

pub(super) async fn publish_sees_a_reset(store: Arc<dyn MetaStore>) {
    let lake = Lake::new(store, "reset").await;
    for path in ["a", "b"] {
        lake.put(path, object("1")).await;
    }
    let sealed = granted(lake.seal().await.branch());
    let publish = |read_at| {
        let mut publish = lake.publish_command(commit(1), commit(2), &sealed.sealed, false);
        let Command::Publish(Publish { read_at: at, .. }) = &mut publish else { panic!("a publication") };
        *at = Some(read_at);
        lake.write(publish)
    };
    lake.put("c", object("1")).await;
    lake.unstage(UnstageScope::Path(name("c"))).await;
    assert_eq!(lake.branch("main").await.reset, sealed.reset, "nothing was taken from sealed tokens");
    lake.unstage(UnstageScope::Path(name("a"))).await;
    let reset = lake.branch("main").await.reset;
    assert!(reset > sealed.reset);
    assert_eq!(refusal(publish(sealed.reset).await), moved_to(1), "what was read has changed");
    granted(publish(reset).await.branch());
}
