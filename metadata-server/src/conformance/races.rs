//! Many callers at once: exactly one wins what only one can win.

use std::sync::Arc;

use model::{Condition, MetaStore, Outcome, PAGE_MAX, Refusal, Require, StageOutcome};
use tokio::task::JoinSet;

use super::lake::{Lake, change, commit, granted, main_branch, object};

/// How many callers race.
const RACERS: u8 = 16;

/// Runs racers at once. → what each came to
async fn race<T: Send + 'static, R: Future<Output = T> + Send + 'static>(
    lake: &Arc<Lake>,
    racer: impl Fn(Arc<Lake>, u8) -> R,
) -> Vec<T> {
    let mut racers = JoinSet::new();
    for number in 0..RACERS {
        racers.spawn(racer(Arc::clone(lake), number));
    }
    racers.join_all().await
}

pub(super) async fn one_writer_creates_an_object(store: Arc<dyn MetaStore>) {
    let lake = Arc::new(Lake::new(store, "create").await);
    for round in 0..4 {
        let path = format!("{round}");
        let outcomes = race(&lake, |lake, number| {
            let path = path.clone();
            async move {
                let absent = Condition { require: Require::Absent, commit: commit(1), committed_e_tag: None };
                let e_tag = number.to_string();
                (lake.put_if(&path, object(&e_tag), Some(absent)).await, e_tag)
            }
        })
        .await;
        let won: Vec<_> = outcomes.iter().filter(|(outcome, _)| *outcome == StageOutcome::Staged).collect();
        let lost = outcomes.iter().filter(|(outcome, _)| *outcome == StageOutcome::ConditionFailed).count();
        assert_eq!((won.len(), lost), (1, usize::from(RACERS) - 1), "{outcomes:?}");
        assert_eq!(lake.staged(&path).await, Some(object(&won[0].1)));
    }
}

pub(super) async fn one_commit_is_published(store: Arc<dyn MetaStore>) {
    let lake = Arc::new(Lake::new(store, "race").await);
    for round in 0..4 {
        lake.put("a", object(&round.to_string())).await;
        let sealed = lake.sealed().await;
        let expected = lake.branch("main").await.commit;
        let outcomes = race(&lake, |lake, number| {
            let (sealed, head) = (sealed.clone(), commit(100 + round * RACERS + number));
            async move { (lake.publish(expected, head, &sealed, false).await, head) }
        })
        .await;
        let head = lake.branch("main").await.commit;
        let moved = Outcome::Refused(Refusal::HeadMoved { branch: main_branch(), head });
        let won: Vec<_> = outcomes.iter().filter(|(outcome, _)| matches!(outcome, Outcome::Branch(_))).collect();
        assert_eq!(won.len(), 1, "{outcomes:?}");
        assert_eq!(won[0].1, head);
        assert_eq!(outcomes.iter().filter(|(outcome, _)| *outcome == moved).count(), usize::from(RACERS) - 1);
    }
}

pub(super) async fn all_unconditional_writes_land(store: Arc<dyn MetaStore>) {
    const WRITES: usize = 20;
    let lake = Arc::new(Lake::new(store, "land").await);
    race(&lake, |lake, number| async move {
        for write in 0..WRITES {
            let outcomes = lake.stage("main", vec![change(&format!("{number}/{write}"), object("1"), None)]).await;
            assert_eq!(outcomes, [StageOutcome::Staged]);
            if write == WRITES / 2 && number % 4 == 0 {
                granted(lake.seal().await.branch());
            }
        }
    })
    .await;
    let (items, more) = lake.staged_page(None, "", "", PAGE_MAX).await;
    assert_eq!((items.len(), more), (usize::from(RACERS) * WRITES, false));
}
