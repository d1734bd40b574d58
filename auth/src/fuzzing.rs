//! What the fuzz target of policies under `fuzz/` runs, and what must hold of those that are taken. Owns these promises and
//! the seeds; `fuzz/` has the fuzzer's entry point alone, and this crate's tests run the same function.
//!
//! Invariant: it doesn't panic, whatever it is given. A document that is taken can be judged, is read back as it was
//! written, and says what its statements say one by one: their order is nothing, and a prohibition wins.

use std::net::{IpAddr, Ipv4Addr};

use model::{BranchName, RefName, Timestamp, UserName};

use crate::condition::Facts;
use crate::permissions::{Question, Verdict};
use crate::resource::Through;
use crate::{Action, Effect, Permissions, PolicyDocument, Resource, Statement, default_policies};

#[cfg(test)]
mod tests;

/// How many statements of a document are judged one by one.
const STATEMENTS_MAX: usize = 8;

/// A policy document.
pub fn policy(bytes: &[u8]) {
    let Some(mut document) = str::from_utf8(bytes).ok().and_then(|text| PolicyDocument::parse(text).ok()) else {
        return;
    };
    assert_eq!(PolicyDocument::parse(&document.to_text()).as_ref(), Ok(&document));
    let one_by_one: Vec<_> = document.statement.iter().take(STATEMENTS_MAX).map(alone).collect();
    document.statement.truncate(STATEMENTS_MAX);
    let (whole, resources) = (permissions(&document), resources());
    document.statement.reverse();
    let reversed = permissions(&document);
    document.statement.push(Statement {
        effect: Effect::Deny,
        action: vec!["*".to_owned()],
        resource: "*".to_owned(),
        condition: None,
    });
    let forbidding = permissions(&document);
    for (resource, address) in resources.iter().zip([None, Some(IpAddr::V4(Ipv4Addr::LOCALHOST))].into_iter().cycle()) {
        for action in [Action::ReadObject, Action::ListObjects, Action::WriteObject, Action::CreateCredentials] {
            let facts = Facts { address, at: Timestamp::from_millis(1_790_000_000_000), action, resource };
            let question = Question::new(facts);
            let verdict = whole.judge(&question);
            assert_eq!(verdict, together(one_by_one.iter().map(|alone| alone.judge(&question))));
            assert_eq!(reversed.judge(&question), verdict);
            assert_eq!(forbidding.judge(&question), Verdict::Forbidden);
        }
    }
}

/// Documents as users write them.
pub fn seeds() -> Vec<String> {
    let conditions = r#"{"statement": [{"effect": "allow", "action": ["fs:Read*", "fs:ListObjects"],
        "resource": "[\"arn:lakefs:fs:::repository/trips/object/in/*\", \"arn:lakefs:fs:::repository/trip?\"]",
        "condition": {"IpAddress": {"SourceIp": ["127.0.0.0/8", "::1"]},
            "DateLessThan": {"CurrentTime": ["2031-01-01T00:00:00Z"]}, "StringLike": {"Ref": ["main", "dev-*"]}}},
        {"effect": "deny", "action": ["fs:WriteObject"], "resource": "*",
            "condition": {"StringNotLike": {"Ref": ["${user}/*"]}, "NotIpAddress": {"SourceIp": ["10.0.0.0/8"]}}}]}"#;
    let narrowed =
        PolicyDocument::of_prefix(&"trips".parse().expect("because it's a name"), Some("main"), "in/", false);
    let narrowed = narrowed.expect("because there is no wildcard in it").to_text();
    let documents = default_policies::policies().into_iter().map(|(_, document)| document);
    documents.chain([conditions.to_owned(), narrowed]).collect()
}

/// One statement as a policy of its own.
fn alone(statement: &Statement) -> Permissions {
    permissions(&PolicyDocument { statement: vec![statement.clone()] })
}

fn permissions(document: &PolicyDocument) -> Permissions {
    let ann: UserName = "ann".parse().expect("because it's a name");
    Permissions::of_document(&ann, document).expect("because a document that was taken can be judged")
}

/// What several statements say: a prohibition wins, and else an allowance.
fn together(verdicts: impl Iterator<Item = Verdict>) -> Verdict {
    verdicts.fold(Verdict::Unmentioned, |all, verdict| match (all, verdict) {
        (Verdict::Forbidden, _) | (_, Verdict::Forbidden) => Verdict::Forbidden,
        (Verdict::Allowed, _) | (_, Verdict::Allowed) => Verdict::Allowed,
        _ => Verdict::Unmentioned,
    })
}

/// What is asked about: something of each kind that conditions tell apart.
fn resources() -> [Resource; 8] {
    let trips = || "trips".parse().expect("because it's a name");
    let path = "in/a".parse().expect("because it's a path");
    let branch = |name: &str| Through::from(&name.parse::<BranchName>().expect("because it's a name"));
    let id: RefName = "abcdef".parse().expect("because it's a name");
    [
        Resource::All,
        Resource::Repository(trips()),
        Resource::at_each_ref(&trips()),
        Resource::object_of(&trips(), &id, &path),
        Resource::object_of(&trips(), branch("main"), &path),
        Resource::listing(&trips(), branch("dev-1"), "in/"),
        Resource::branch(&trips(), branch("main")),
        Resource::User("ann".parse().expect("because it's a name")),
    ]
}
