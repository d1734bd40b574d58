//! Tests of `permissions`: against the obvious model, and the default policies.

use model::{BranchName, RefName, Timestamp, Wildcard};
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::resource::Through;
use crate::{Resource, default_policies};

const ACTIONS: [&str; 5] = ["fs:ReadObject", "fs:WriteObject", "fs:Read*", "auth:*", "*"];
const RESOURCES: [&str; 6] = [
    "*",
    "arn:lakefs:fs:::repository/trips/object/*",
    "arn:lakefs:fs:::repository/trips/object/a?",
    "arn:lakefs:fs:::repository/*",
    "arn:lakefs:auth:::user/${user}",
    "arn:lakefs:fs:::repository/trips",
];
const REFS: [&str; 3] = ["main", "dev-*", "*"];

fn ann() -> UserName {
    "ann".parse().unwrap()
}

fn statement() -> impl Strategy<Value = Statement> {
    let effect = prop_oneof![2 => Just(Effect::Allow), 1 => Just(Effect::Deny)];
    let action = prop::collection::vec(select(&ACTIONS[..]).prop_map(str::to_owned), 1..3);
    let condition = prop::option::of((any::<bool>(), select(&REFS[..])));
    (effect, action, select(&RESOURCES[..]), condition).prop_map(|(effect, action, resource, condition)| Statement {
        effect,
        action,
        resource: resource.to_owned(),
        condition: condition.map(|(negated, reference)| {
            let operator = if negated { "StringNotLike" } else { "StringLike" };
            [(operator.to_owned(), [("Ref".to_owned(), vec![reference.to_owned()])].into())].into()
        }),
    })
}

fn resource() -> impl Strategy<Value = Resource> {
    let trips = || "trips".parse().unwrap();
    let branch = |name: &str| Through::from(&name.parse::<BranchName>().unwrap());
    let object = move |path: &str| Resource::object_of(&trips(), branch("main"), &path.parse().unwrap());
    let dev = Resource::object_of(&trips(), branch("dev-1"), &"ab".parse().unwrap());
    let id = Through::from(&"abcdef".parse::<RefName>().unwrap());
    select(vec![
        Resource::All,
        object("a"),
        object("ab"),
        object("b/c"),
        dev,
        Resource::Repository(trips()),
        Resource::object_of(&trips(), id, &"a".parse().unwrap()),
        Resource::listing(&trips(), branch("dev-2"), "x"),
        Resource::at_each_ref(&trips()),
        Resource::User(ann()),
        Resource::User("bob".parse().unwrap()),
    ])
}

/// The rule as one would say it.
fn model(statements: &[Statement], action: Action, resource: &Resource) -> Verdict {
    let counts = |statement: &&Statement| {
        let arn = statement.resource.replace("${user}", "ann");
        let holds = statement.condition.iter().flatten().all(|(operator, keys)| {
            let (pattern, is_negated) = (&keys["Ref"][0], operator == "StringNotLike");
            match resource.through().as_deref() {
                Some(Through::Ref(name)) => Wildcard::new(pattern).matches(name) != is_negated,
                // Of the resources here it is an id.
                Some(Through::Expression(_)) if pattern == "*" => !is_negated,
                Some(Through::Expression(_)) => statement.effect == Effect::Deny,
                Some(Through::EachRef) => statement.effect == Effect::Allow,
                None if action.reaches_refs() => statement.effect == Effect::Deny,
                None => is_negated,
            }
        });
        statement.action.iter().any(|named| Wildcard::new(named).matches(action.as_str()))
            && Wildcard::new(&arn).matches(&resource.to_string())
            && holds
    };
    let counting: Vec<_> = statements.iter().filter(counts).map(|statement| statement.effect).collect();
    match (counting.contains(&Effect::Deny), counting.contains(&Effect::Allow)) {
        (true, _) => Verdict::Forbidden,
        (false, true) => Verdict::Allowed,
        (false, false) => Verdict::Unmentioned,
    }
}

fn judge(document: &PolicyDocument, action: Action, resource: &Resource) -> Verdict {
    let facts = Facts { address: None, at: Timestamp::default(), action, resource };
    Permissions::of_document(&ann(), document).unwrap().judge(&Question::new(facts))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn judges_as_the_model(
        statement in prop::collection::vec(statement(), 1..6),
        action in select(Action::ALL),
        resource in resource(),
    ) {
        let document = PolicyDocument { statement };
        prop_assert!(document.check().is_ok());
        prop_assert_eq!(judge(&document, action, &resource), model(&document.statement, action, &resource));
    }

    #[test]
    fn another_statement_never_lifts_a_prohibition(
        statement in prop::collection::vec(statement(), 1..6),
        more in statement(),
        action in select(Action::ALL),
        resource in resource(),
    ) {
        let less = PolicyDocument { statement: statement.clone() };
        let more = PolicyDocument { statement: [statement, vec![more]].concat() };
        if judge(&less, action, &resource) == Verdict::Forbidden {
            prop_assert_eq!(judge(&more, action, &resource), Verdict::Forbidden);
        }
    }
}

fn allowed(group: &str, action: Action, resource: &Resource) -> bool {
    let (_, names) = default_policies::groups().into_iter().find(|(name, _)| name.as_str() == group).unwrap();
    let policies = default_policies::policies().into_iter().filter(|(name, _)| names.contains(name));
    let policies: Vec<_> =
        policies.map(|(name, document)| Policy { name, document, created_at: Timestamp::default() }).collect();
    let facts = Facts { address: None, at: Timestamp::default(), action, resource };
    let permissions = Permissions::of_policies(&ann(), &policies).unwrap();
    permissions.judge(&Question::new(facts)) == Verdict::Allowed
}

#[test]
fn the_default_groups_may_what_lakefs_s_may() {
    let main: BranchName = "main".parse().unwrap();
    let object = Resource::object_of(&"trips".parse().unwrap(), &main, &"a".parse().unwrap());
    let (ann, bob) = (Resource::User(ann()), Resource::User("bob".parse().unwrap()));
    for (group, read, write, delete_repository, keys_of_others) in [
        ("Admins", true, true, true, true),
        ("SuperUsers", true, true, true, false),
        ("Developers", true, true, false, false),
        ("Viewers", true, false, false, false),
    ] {
        let repository = Resource::Repository("trips".parse().unwrap());
        assert_eq!(allowed(group, Action::ReadObject, &object), read, "{group}");
        assert_eq!(allowed(group, Action::WriteObject, &object), write, "{group}");
        assert_eq!(allowed(group, Action::DeleteRepository, &repository), delete_repository, "{group}");
        assert_eq!(allowed(group, Action::CreateCredentials, &bob), keys_of_others, "{group}");
        assert!(allowed(group, Action::CreateCredentials, &ann), "{group} may have keys of their own");
        assert!(allowed(group, Action::ReadConfig, &Resource::All), "{group}");
    }
}

#[test]
fn a_policy_that_cannot_be_read_is_an_error_by_its_name() {
    let broken = Policy { name: "Broken".parse().unwrap(), document: "{".into(), created_at: Timestamp::default() };
    assert!(Permissions::of_policies(&ann(), &[broken]).unwrap_err().to_string().contains("Broken"));
}
