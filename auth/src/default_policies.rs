//! The groups and policies that an installation begins with, which are lakeFS's. Invariant: none of them is special
//! afterwards; an administrator may change or delete them.

use model::{GroupName, PolicyName};

use crate::effect::Effect;
use crate::policy::{PolicyDocument, Statement};

/// The group whose members may do everything.
pub const ADMINS: &str = "Admins";

const POLICIES: &[(&str, &[&str], &str)] = &[
    ("FSFullAccess", &["fs:*"], "*"),
    (
        "FSReadWriteAll",
        &[
            "fs:Read*",
            "fs:List*",
            "fs:WriteObject",
            "fs:DeleteObject",
            "fs:CreateBranch",
            "fs:DeleteBranch",
            "fs:RevertBranch",
            "fs:CreateTag",
            "fs:DeleteTag",
            "fs:CreateCommit",
        ],
        "*",
    ),
    ("FSReadAll", &["fs:List*", "fs:Read*"], "*"),
    ("RepoManagementFullAccess", &["ci:*", "retention:*", "branches:*", "pr:*", "fs:ReadConfig"], "*"),
    (
        "RepoManagementReadAll",
        &["ci:Read*", "retention:Get*", "branches:Get*", "pr:Read*", "pr:List*", "fs:ReadConfig"],
        "*",
    ),
    ("AuthFullAccess", &["auth:*"], "*"),
    (
        "AuthManageOwnCredentials",
        &[
            "auth:ReadUser",
            "auth:CreateCredentials",
            "auth:DeleteCredentials",
            "auth:ListCredentials",
            "auth:ReadCredentials",
        ],
        "arn:lakefs:auth:::user/${user}",
    ),
];

const GROUPS: &[(&str, &[&str])] = &[
    (ADMINS, &["FSFullAccess", "AuthFullAccess", "RepoManagementFullAccess"]),
    ("SuperUsers", &["FSFullAccess", "AuthManageOwnCredentials", "RepoManagementReadAll"]),
    ("Developers", &["FSReadWriteAll", "AuthManageOwnCredentials", "RepoManagementReadAll"]),
    ("Viewers", &["FSReadAll", "AuthManageOwnCredentials"]),
];

/// The policies, with their documents.
pub fn policies() -> Vec<(PolicyName, String)> {
    let document = |actions: &[&str], resource: &str| PolicyDocument {
        statement: vec![Statement {
            effect: Effect::Allow,
            action: actions.iter().map(|action| (*action).to_owned()).collect(),
            resource: resource.to_owned(),
            condition: None,
        }],
    };
    let policies =
        POLICIES.iter().map(|(name, actions, resource)| (named(name), document(actions, resource).to_text()));
    policies.collect()
}

/// The groups, with the policies that are attached to them.
pub fn groups() -> Vec<(GroupName, Vec<PolicyName>)> {
    let groups = GROUPS.iter().map(|(name, policies)| {
        let policies = policies.iter().map(|policy| named(policy)).collect();
        (name.parse().expect("because it is a valid name"), policies)
    });
    groups.collect()
}

fn named(name: &str) -> PolicyName {
    name.parse().expect("because it is a valid name")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_policy_is_valid_and_every_group_s_policies_are_there() {
        let names: Vec<_> = policies()
            .into_iter()
            .map(|(name, document)| {
                PolicyDocument::parse(&document).unwrap();
                name
            })
            .collect();
        for (group, attached) in groups() {
            assert!(attached.iter().all(|policy| names.contains(policy)), "{group}");
        }
    }
}
