//! Pages of what isn't staged: order, prefix, after, amount and `more`.

use std::sync::Arc;

use model::{
    Command, CreateUser, ListBranches, ListRepositories, ListTags, ListUsers, MetaStore, PAGE_MAX, PageRequest,
};

use super::lake::{Lake, ask, create_repository, granted, name, part, request, unique, write};

pub(super) async fn of_repositories(store: Arc<dyn MetaStore>) {
    let group = format!("group{}", unique());
    for suffix in ["b", "a", "c-1", "c-2"] {
        granted(write(&*store, create_repository(&format!("{group}-{suffix}"))).await.repository());
    }
    let page = async |prefix: &str, after: &str, amount| {
        let (prefix, after) = (format!("{group}-{prefix}"), format!("{group}-{after}"));
        let page = granted(ask(&*store, ListRepositories { page: PageRequest { prefix, after, amount } }).await);
        let names = page.items.iter().map(|found| found.name.as_str()[group.len() + 1..].to_owned());
        (names.collect::<Vec<_>>().join(" "), page.more)
    };
    assert_eq!(page("", "", 10).await, ("a b c-1 c-2".into(), false));
    assert_eq!(page("", "", 2).await, ("a b".into(), true));
    assert_eq!(page("", "b", 2).await, ("c-1 c-2".into(), false));
    assert_eq!(page("c", "", 1).await, ("c-1".into(), true));
    assert_eq!(page("c", "a", 10).await, ("c-1 c-2".into(), false));
    assert_eq!(page("c", "c-1x", 10).await, ("c-2".into(), false), "after may be no repository's name");
    assert_eq!(page("a", "b", 10).await, (String::new(), false));
    assert_eq!(page("", "", 0).await, (String::new(), true));
}

pub(super) async fn of_branches_and_tags(store: Arc<dyn MetaStore>) {
    let lake = Lake::new(store, "refs").await;
    for text in ["dev-2", "dev-1", "Dev"] {
        granted(lake.create_branch(text).await.branch());
        granted(lake.create_tag(&format!("{text}.0")).await.tag());
    }
    let page = async |branches: bool, prefix: &str, after: &str, amount| {
        let repository = lake.repository.name.clone();
        let (prefix, after) = (prefix.to_owned(), after.to_owned());
        let (names, more) = if branches {
            let page =
                granted(lake.ask(ListBranches { repository, page: PageRequest { prefix, after, amount } }).await);
            (page.items.iter().map(|found| found.name.to_string()).collect::<Vec<_>>(), page.more)
        } else {
            let page = granted(lake.ask(ListTags { repository, page: PageRequest { prefix, after, amount } }).await);
            (page.items.iter().map(|found| found.name.to_string()).collect::<Vec<_>>(), page.more)
        };
        (names.join(" "), more)
    };
    assert_eq!(page(true, "", "", 10).await, ("Dev dev-1 dev-2 main".into(), false));
    assert_eq!(page(true, "dev", "", 1).await, ("dev-1".into(), true));
    assert_eq!(page(true, "dev", "dev-1", 1).await, ("dev-2".into(), false));
    assert_eq!(page(false, "", "", 10).await, ("Dev.0 dev-1.0 dev-2.0".into(), false));
    assert_eq!(page(false, "", "dev-1", 10).await, ("dev-1.0 dev-2.0".into(), false));
    assert_eq!(page(false, "v", "", 10).await, (String::new(), false));
}

pub(super) async fn of_users(store: Arc<dyn MetaStore>) {
    let group = format!("users-{}-", unique());
    for suffix in ["b", "a", "c"] {
        let name = name(&format!("{group}{suffix}"));
        granted(
            write(
                &*store,
                Command::CreateUser(CreateUser {
                    request: request(),
                    name,
                    first_key: None,
                    groups: vec![],
                    only_first: false,
                }),
            )
            .await
            .user(),
        );
    }
    let page = async |after: &str, amount| {
        let page =
            granted(ask(&*store, ListUsers { page: PageRequest::after(format!("{group}{after}"), amount) }).await);
        (page.items.into_iter().map(|user| String::from(user.name)).collect::<Vec<_>>(), page.more)
    };
    let [a, b, c] = ["a", "b", "c"].map(|suffix| format!("{group}{suffix}"));
    assert_eq!(page("", 2).await, (vec![a, b.clone()], true));
    assert_eq!(page("a", 1).await, (vec![b], true));
    assert_eq!(page("b", PAGE_MAX).await.0.first(), Some(&c));
}

pub(super) async fn of_parts(store: Arc<dyn MetaStore>) {
    let lake = Lake::new(store, "part-pages").await;
    let upload = lake.create_upload("main", "a").await;
    for number in [3, 1, 2, 256] {
        granted(lake.put_part(&upload, part(number, "x")).await.done());
    }
    assert_eq!(lake.parts(&upload, 0, 2).await, Ok((vec![1, 2], true)));
    assert_eq!(lake.parts(&upload, 2, 2).await, Ok((vec![3, 256], false)));
    assert_eq!(lake.parts(&upload, 256, 2).await, Ok((vec![], false)));
    assert_eq!(lake.parts(&upload, u32::MAX, 2).await, Ok((vec![], false)));
}
